//! Protobuf fields that prost's primitives do not write from borrowed parts.

use prost::bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use crate::field::{any_value, key_value};

/// How many bytes a field of `len` bytes takes with its key and its length.
pub(crate) fn delimited_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

/// Starts a field of `len` bytes, which the caller writes next.
pub(crate) fn start_delimited(tag: u32, len: usize, buffer: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, buffer);
    encode_varint(len as u64, buffer);
}

/// Writes a message that is already encoded.
pub(crate) fn message(tag: u32, body: &[u8], buffer: &mut impl BufMut) {
    start_delimited(tag, body.len(), buffer);
    buffer.put_slice(body);
}

/// Writes a string, an empty one too.
pub(crate) fn string(tag: u32, value: &str, buffer: &mut impl BufMut) {
    message(tag, value.as_bytes(), buffer);
}

/// Writes a `KeyValue` whose value is a string.
pub(crate) fn attribute(tag: u32, key: &str, value: &str, buffer: &mut impl BufMut) {
    let any_len = delimited_len(any_value::STRING, value.len());
    let pair_len = delimited_len(key_value::KEY, key.len()) + delimited_len(key_value::VALUE, any_len);
    start_delimited(tag, pair_len, buffer);
    string(key_value::KEY, key, buffer);
    start_delimited(key_value::VALUE, any_len, buffer);
    string(any_value::STRING, value, buffer);
}

//! Protobuf fields that prost's primitives do not write from borrowed parts, and messages whose length is known when
//! they end.

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
pub(crate) fn message(tag: u32, body: &[u8], buffer: &mut Vec<u8>) {
    start_delimited(tag, body.len(), buffer);
    buffer.extend_from_slice(body);
}

/// Writes a string, an empty one too.
pub(crate) fn string(tag: u32, value: &str, buffer: &mut Vec<u8>) {
    message(tag, value.as_bytes(), buffer);
}

/// Writes a `KeyValue` whose value is a string.
pub(crate) fn attribute(tag: u32, key: &str, value: &str, buffer: &mut Vec<u8>) {
    let any_len = delimited_len(any_value::STRING, value.len());
    let pair_len = delimited_len(key_value::KEY, key.len()) + delimited_len(key_value::VALUE, any_len);
    // PERF: `otlp/encode/whole` in `benches/LEDGER.md`. Nearly all are so short that each length is a byte, as is each key.
    if let (Some(pair), Some(any), true) = (byte(pair_len), byte(any_len), tag < 16) {
        // What is inside is shorter.
        let [key_len, value_len] = [key.len(), value.len()].map(|len| byte(len).unwrap_or(0));
        buffer.reserve(2 + pair_len);
        buffer.extend_from_slice(&[delimited(tag), pair, delimited(key_value::KEY), key_len]);
        buffer.extend_from_slice(key.as_bytes());
        buffer.extend_from_slice(&[
            delimited(key_value::VALUE),
            any,
            delimited(any_value::STRING),
            value_len,
        ]);
        buffer.extend_from_slice(value.as_bytes());
        return;
    }
    start_delimited(tag, pair_len, buffer);
    string(key_value::KEY, key, buffer);
    start_delimited(key_value::VALUE, any_len, buffer);
    string(any_value::STRING, value, buffer);
}

/// A length that is written as a single byte.
fn byte(len: usize) -> Option<u8> {
    u8::try_from(len).ok().filter(|len| *len < 128)
}

/// The key of a field with a length, whose tag is below 16.
#[expect(clippy::cast_possible_truncation, reason = "a tag below 16 and a type are 7 bits")]
const fn delimited(tag: u32) -> u8 {
    (tag << 3) as u8 | WireType::LengthDelimited as u8
}

/// A message that was started, and has to end.
#[derive(Debug, Clone, Copy)]
#[must_use = "its length is written when it ends"]
pub(crate) struct Started {
    /// Where the room for the length begins.
    at: usize,
    /// How much room there is.
    width: usize,
}

impl Started {
    /// Where what is in the message begins.
    pub(crate) fn content(self) -> usize {
        self.at + self.width
    }
}

/// Starts a message with room for a length of `width` bytes: a guess, which costs a move of the message where it is
/// wrong.
pub(crate) fn start(tag: u32, width: usize, buffer: &mut Vec<u8>) -> Started {
    encode_key(tag, WireType::LengthDelimited, buffer);
    let at = buffer.len();
    buffer.extend_from_slice(&[0; MAX_WIDTH][..width]);
    Started { at, width }
}

/// The length of a message of up to 2 GiB.
pub(crate) const MAX_WIDTH: usize = 5;

/// Ends a message: what is in the buffer behind its start is its content.
pub(crate) fn end(message: Started, buffer: &mut Vec<u8>) {
    let Started { at, width } = message;
    let end = buffer.len();
    let len = end - message.content();
    let needed = encoded_len_varint(len as u64);
    if needed > width {
        buffer.resize(end + needed - width, 0);
    }
    if needed != width {
        buffer.copy_within(message.content()..end, at + needed);
        buffer.truncate(at + needed + len);
    }
    encode_varint(len as u64, &mut &mut buffer[at..at + needed]);
}

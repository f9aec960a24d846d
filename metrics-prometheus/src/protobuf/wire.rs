//! Fields from borrowed parts, and what the messages have in common.

use std::time::SystemTime;

use nilometer_core::collect::{Exemplar, LabelSet};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::field::{exemplar, label_pair, timestamp};

/// How many bytes a field of `len` bytes takes with its key and its length.
#[inline]
pub(super) fn delimited_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

/// Starts a field of `len` bytes, which the caller writes next.
#[inline]
pub(super) fn start_delimited(tag: u32, len: usize, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

/// Writes a string, or a message that is already encoded.
#[inline]
pub(super) fn bytes(tag: u32, body: &[u8], out: &mut Vec<u8>) {
    start_delimited(tag, body.len(), out);
    out.extend_from_slice(body);
}

/// Writes a number, zero too.
#[inline]
pub(super) fn varint(tag: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::Varint, out);
    encode_varint(value, out);
}

/// Writes a float, zero too.
#[inline]
pub(super) fn double(tag: u32, value: f64, out: &mut Vec<u8>) {
    encode_key(tag, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// How many bytes a float takes with its key, which is below 16.
pub(super) const DOUBLE_LEN: usize = 9;

/// A signed number as protobuf's `sint32` and `sint64` have it.
#[expect(clippy::cast_sign_loss, reason = "the sign goes to the lowest bit")]
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Writes a `LabelPair`.
#[inline]
pub(super) fn label(tag: u32, name: &str, value: &str, out: &mut Vec<u8>) {
    let len = delimited_len(label_pair::NAME, name.len()) + delimited_len(label_pair::VALUE, value.len());
    start_delimited(tag, len, out);
    bytes(label_pair::NAME, name.as_bytes(), out);
    bytes(label_pair::VALUE, value.as_bytes(), out);
}

/// Writes the labels of a set: the one place where they are written in protobuf.
#[inline]
pub(super) fn labels(tag: u32, set: &LabelSet, out: &mut Vec<u8>) {
    for (name, value) in set {
        label(tag, name, value, out);
    }
}

/// Writes a `google.protobuf.Timestamp`.
pub(super) fn time(tag: u32, time: SystemTime, out: &mut Vec<u8>) {
    let (seconds, nanoseconds) = since_epoch(time);
    let mut len = key_len(timestamp::SECONDS) + encoded_len_varint(seconds);
    if nanoseconds > 0 {
        len += key_len(timestamp::NANOSECONDS) + encoded_len_varint(nanoseconds.into());
    }
    start_delimited(tag, len, out);
    varint(timestamp::SECONDS, seconds, out);
    if nanoseconds > 0 {
        varint(timestamp::NANOSECONDS, nanoseconds.into(), out);
    }
}

/// Whole seconds since 1970, as the bits of an `int64`, and nanoseconds that count forward from there.
///
/// SPEC: protocol buffers, `google/protobuf/timestamp.proto`.
fn since_epoch(time: SystemTime) -> (u64, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (after.as_secs(), after.subsec_nanos()),
        Err(before) => match before.duration() {
            before if before.subsec_nanos() == 0 => (before.as_secs().wrapping_neg(), 0),
            before => ((before.as_secs() + 1).wrapping_neg(), 1_000_000_000 - before.subsec_nanos()),
        },
    }
}

/// Makes `out` an `Exemplar`.
///
/// Its timestamp is always there: Prometheus leaves out those of native histograms that have none.
pub(super) fn exemplar(exemplar: &Exemplar<'_>, out: &mut Vec<u8>) {
    out.clear();
    labels(exemplar::LABEL, exemplar.labels(), out);
    double(exemplar::VALUE, exemplar.value(), out);
    time(exemplar::TIMESTAMP, exemplar.time(), out);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_before_1970_count_forward_from_an_earlier_second() {
        let epoch = SystemTime::UNIX_EPOCH;
        assert_eq!(since_epoch(epoch), (0, 0));
        assert_eq!(since_epoch(epoch + Duration::new(5, 7)), (5, 7));
        assert_eq!(since_epoch(epoch - Duration::new(5, 0)), ((-5_i64).cast_unsigned(), 0));
        assert_eq!(since_epoch(epoch - Duration::new(5, 7)), ((-6_i64).cast_unsigned(), 999_999_993));
    }

    #[test]
    fn small_numbers_of_either_sign_are_short() {
        let values = [0, -1, 1, -2, 2, i64::MAX, i64::MIN];
        assert_eq!(values.map(zigzag), [0, 1, 2, 3, 4, u64::MAX - 1, u64::MAX]);
    }
}

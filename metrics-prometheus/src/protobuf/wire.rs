//! Fields from borrowed parts, and what the messages have in common.

use std::time::SystemTime;

use nilometer_core::collect::{EscapingScheme, Exemplar, LabelSet, SeriesLabels};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

use super::field::{exemplar, label_pair, timestamp};
use crate::escaping::are_as_they_stand;

/// How many bytes a field of `len` bytes takes with its key and its length.
#[inline]
pub(crate) fn delimited_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

/// The numbers below this take one byte, and so do the keys of the tags below [`ONE_BYTE_TAG`].
const ONE_BYTE: u64 = 1 << 7;

/// A key is a tag and three bits.
const ONE_BYTE_TAG: u32 = 1 << 4;

/// Writes a key.
#[inline]
fn key(tag: u32, wire_type: WireType, out: &mut Vec<u8>) {
    match u8::try_from(tag) {
        Ok(tag) if u32::from(tag) < ONE_BYTE_TAG => out.push((tag << 3) | wire_type as u8),
        _ => encode_key(tag, wire_type, out),
    }
}

/// Writes a number.
///
/// PERF: `instructions/encode/protobuf` in `benches/counts`: most numbers are below 128, and a call for each was a sixth
/// of the page.
#[inline]
pub(crate) fn number(value: u64, out: &mut Vec<u8>) {
    match u8::try_from(value) {
        Ok(byte) if value < ONE_BYTE => out.push(byte),
        _ => encode_varint(value, out),
    }
}

/// What a field of `len` bytes starts with, where its key and its length are one byte each.
#[inline]
fn short_start(tag: u32, len: usize) -> Option<[u8; 2]> {
    match (u8::try_from(tag), u8::try_from(len)) {
        (Ok(tag), Ok(len)) if u32::from(tag) < ONE_BYTE_TAG && u64::from(len) < ONE_BYTE => {
            Some([(tag << 3) | WireType::LengthDelimited as u8, len])
        }
        _ => None,
    }
}

/// Starts a field of `len` bytes, which the caller writes next.
#[inline]
pub(crate) fn start_delimited(tag: u32, len: usize, out: &mut Vec<u8>) {
    if let Some(start) = short_start(tag, len) {
        out.extend_from_slice(&start);
    } else {
        key(tag, WireType::LengthDelimited, out);
        number(len as u64, out);
    }
}

/// Writes a string, or a message that is already encoded.
#[inline]
pub(crate) fn bytes(tag: u32, body: &[u8], out: &mut Vec<u8>) {
    start_delimited(tag, body.len(), out);
    out.extend_from_slice(body);
}

/// Writes a number, zero too.
#[inline]
pub(crate) fn varint(tag: u32, value: u64, out: &mut Vec<u8>) {
    key(tag, WireType::Varint, out);
    number(value, out);
}

/// Writes a float, zero too.
#[inline]
pub(crate) fn double(tag: u32, value: f64, out: &mut Vec<u8>) {
    key(tag, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// How many bytes a float takes with its key, which is below 16.
pub(crate) const DOUBLE_LEN: usize = 9;

/// A signed number as protobuf's `sint32` and `sint64` have it.
#[expect(clippy::cast_sign_loss, reason = "the sign goes to the lowest bit")]
pub(crate) fn zigzag(value: i64) -> u64 {
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

/// Writes labels by this scheme: the one place where they are written in protobuf.
pub(super) fn labels(tag: u32, labels: SeriesLabels<'_>, scheme: EscapingScheme, out: &mut Vec<u8>) {
    if are_as_they_stand(labels, scheme) {
        labels.sets().for_each(|set| labels_of(tag, set, out));
    } else {
        labels.iter().for_each(|(name, value)| label(tag, &scheme.label_name(name), value, out));
    }
}

/// Writes the labels of a set as they stand.
fn labels_of(tag: u32, set: &LabelSet, out: &mut Vec<u8>) {
    let start = out.len();
    if plain_labels(tag, set.as_prometheus().as_bytes(), out).is_none() {
        out.truncate(start);
        for (name, value) in set {
            label(tag, name, value, out);
        }
    }
}

/// How long a text is copied to where it can be read past its end, in bytes.
const SHORT_TEXT: usize = 224;

/// Writes the labels of a set from its text, or `None` where the text is not what the labels are: where a value has an
/// escape, or a name has quotes.
///
/// PERF: `instructions/encode/protobuf` in `benches/counts`: a third of what it takes through the set's iterator, which
/// has to see to it that what it gives are `str`s. With room behind the text, all of it is searched and copied by whole
/// words.
fn plain_labels(tag: u32, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let own = text.get(1..).unwrap_or(&[]);
    let mut padded = [0; SHORT_TEXT + WIDTH];
    match padded.get_mut(..own.len()) {
        Some(copy) if own.len() <= SHORT_TEXT => {
            copy.copy_from_slice(own);
            plain_labels_of(tag, &padded, own.len(), out)
        }
        _ => plain_labels_of(tag, own, own.len(), out),
    }
}

/// The same of the first `len` bytes.
#[inline]
fn plain_labels_of(tag: u32, text: &[u8], len: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut at = 0;
    while at < len {
        let rest = text.get(at..)?;
        let name = find(rest, b'=', b'"')?;
        let value = rest.get(name + 2..)?;
        let end = find(value, b'"', b'\\')?;
        if rest[name] == b'"' || value[end] == b'\\' {
            return None;
        }
        start_label(tag, name, end, out);
        push_start(rest, name, out);
        start_delimited(label_pair::VALUE, end, out);
        push_start(value, end, out);
        // Behind the closing quote stands a comma or the closing brace.
        at += name + 2 + end + 2;
    }
    Some(())
}

/// Starts a `LabelPair` of a name and a value of so many bytes, up to where the name begins.
#[inline]
fn start_label(tag: u32, name: usize, value: usize, out: &mut Vec<u8>) {
    // With two keys and two lengths of a byte each.
    if let Some([key, len]) = short_start(tag, name + value + 4)
        && let Some([name_key, name]) = short_start(label_pair::NAME, name)
    {
        out.extend_from_slice(&[key, len, name_key, name]);
    } else {
        let len = delimited_len(label_pair::NAME, name) + delimited_len(label_pair::VALUE, value);
        start_delimited(tag, len, out);
        start_delimited(label_pair::NAME, name, out);
    }
}

/// Where the first of two bytes stands, eight bytes at a time.
#[inline]
fn find(text: &[u8], one: u8, other: u8) -> Option<usize> {
    const LOW: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = LOW << 7;
    let mut at = 0;
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*bytes);
        // The high bit of each byte that is the one looked for, and maybe of others behind it.
        let marks = |byte: u8| {
            let differs = word ^ (LOW * u64::from(byte));
            differs.wrapping_sub(LOW) & !differs & HIGH
        };
        let found = marks(one) | marks(other);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = text.get(at..)?.iter().position(|&byte| byte == one || byte == other)?;
    Some(at + rest)
}

/// How many bytes are copied of a short text, whatever its length.
const WIDTH: usize = 32;

/// Appends the first `len` bytes. Short ones are copied with what follows, which is cut off: the copy then has a length
/// that the compiler knows, and is two moves in place of a call.
#[inline]
fn push_start(text: &[u8], len: usize, out: &mut Vec<u8>) {
    match text.first_chunk::<WIDTH>() {
        Some(wide) if len <= WIDTH => {
            let end = out.len() + len;
            out.extend_from_slice(wide);
            out.truncate(end);
        }
        _ => out.extend_from_slice(&text[..len]),
    }
}

/// Fields that hold the same moment in many series, one after the other: those that were made together.
#[derive(Default)]
pub(super) struct Times {
    last: Option<(u32, SystemTime)>,
    /// The field of the last one.
    field: Vec<u8>,
}

impl Times {
    /// Writes a `google.protobuf.Timestamp`.
    #[inline]
    pub(super) fn write(&mut self, tag: u32, moment: SystemTime, out: &mut Vec<u8>) {
        if self.last != Some((tag, moment)) {
            self.last = Some((tag, moment));
            self.field.clear();
            time(tag, moment, &mut self.field);
        }
        out.extend_from_slice(&self.field);
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
pub(super) fn exemplar(exemplar: &Exemplar<'_>, scheme: EscapingScheme, out: &mut Vec<u8>) {
    out.clear();
    labels(exemplar::LABEL, SeriesLabels::of(exemplar.labels()), scheme, out);
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
    fn the_first_of_two_bytes_is_found_wherever_it_stands() {
        for length in 0..40_usize {
            let mut text: Vec<u8> =
                (0..length).map(|at| [b'!', b'#', b'[', b']', 0x80, 0xff, 0x21, 0xa2][at % 8]).collect();
            assert_eq!(find(&text, b'"', b'\\'), None);
            for at in (0..length).rev() {
                text[at] = if at % 3 == 0 { b'"' } else { b'\\' };
                assert_eq!(find(&text, b'"', b'\\'), Some(at), "{text:?}");
            }
        }
    }

    #[test]
    fn labels_are_those_of_the_set_whatever_is_in_them() {
        let long = "x".repeat(300);
        for value in ["", "a", "0123456", "01234567", "é\u{1}=,{}", "a\"b", "\\", "\n", "tail\\", &long] {
            for name in ["a", "a_name_of_some_length_that_is_longer_than_a_copy"] {
                let set = LabelSet::from_pairs(&[(name, value), ("z", "end"), ("b", "\t")]);
                let (mut found, mut expected) = (vec![7], vec![7]);
                labels_of(1, &set, &mut found);
                set.iter().for_each(|(name, value)| label(1, name, value, &mut expected));
                assert_eq!(found, expected, "{name}={value:?}");
            }
        }
    }

    #[test]
    fn a_moment_is_written_the_same_whatever_was_written_before() {
        let moments = [0, 0, 5, 5, 0].map(|seconds| SystemTime::UNIX_EPOCH + Duration::new(seconds, 7));
        let mut times = Times::default();
        for (tag, moment) in [3, 3, 3, 4, 4].into_iter().zip(moments) {
            let (mut found, mut expected) = (vec![7], vec![7]);
            times.write(tag, moment, &mut found);
            time(tag, moment, &mut expected);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn small_numbers_of_either_sign_are_short() {
        let values = [0, -1, 1, -2, 2, i64::MAX, i64::MIN];
        assert_eq!(values.map(zigzag), [0, 1, 2, 3, 4, u64::MAX - 1, u64::MAX]);
    }
}

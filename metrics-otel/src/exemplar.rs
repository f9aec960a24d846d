//! Observations that stand for others.

use nilometer_core::collect::Exemplar;
use prost::encoding::{double, fixed64};

use crate::field::exemplar;
use crate::time::unix_nanos;
use crate::wire;

/// The labels that name a span.
///
/// SPEC: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", "Exemplars": these become the ids,
/// all others attributes.
const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";

/// Writes those that were made after `since`, a time in nanoseconds since 1970; one without a time that can be sent is
/// left out.
pub(crate) fn write_exemplars<'a>(
    tag: u32,
    exemplars: impl IntoIterator<Item = &'a Exemplar<'a>>,
    since: u64,
    buffer: &mut Vec<u8>,
) {
    for exemplar in exemplars {
        let Some(time) = unix_nanos(exemplar.time()).filter(|&time| time > since) else { continue };
        write_exemplar(tag, exemplar, time, buffer);
    }
}

fn write_exemplar(tag: u32, shown: &Exemplar<'_>, time: u64, buffer: &mut Vec<u8>) {
    let message = wire::start(tag, 1, buffer);
    fixed64::encode(exemplar::TIME, &time, buffer);
    double::encode(exemplar::AS_DOUBLE, &shown.value(), buffer);
    for (name, value) in shown.labels() {
        // What is no id of OpenTelemetry's stays what it was.
        let id = match name {
            TRACE_ID => parse_id::<16>(value).map(|id| wire::message(exemplar::TRACE_ID, &id, buffer)),
            SPAN_ID => parse_id::<8>(value).map(|id| wire::message(exemplar::SPAN_ID, &id, buffer)),
            _ => None,
        };
        if id.is_none() {
            wire::attribute(exemplar::FILTERED_ATTRIBUTES, name, value, buffer);
        }
    }
    wire::end(message, buffer);
}

/// An id in hexadecimal digits.
///
/// SPEC: W3C Trace Context, `trace-id` and `parent-id`: so many bytes, not all of which are zero.
fn parse_id<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != BYTES || !rest.is_empty() {
        return None;
    }
    let mut id = [0; BYTES];
    for (byte, [high, low]) in id.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    (id != [0; BYTES]).then_some(id)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_all_its_digits_and_is_not_zero() {
        let id = Some([0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd]);
        let table = [
            ("0af7651916cd43dd", id),
            ("0AF7651916CD43DD", id),
            ("0af7651916cd43d", None),
            ("0af7651916cd43ddd", None),
            ("0af7651916cd43dd00", None),
            ("0af7651916cd43dg", None),
            ("0000000000000000", None),
            ("+af7651916cd43dd", None),
            ("ß0af7651916cd43d", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_id::<8>(text), expected, "{text}");
        }
    }
}

//! Exponential buckets as spans and deltas.

use nilometer_core::collect::{ExponentialBuckets, ExponentialRange};
use prost::encoding::{encoded_len_varint, key_len};

use super::field::{bucket_span, histogram};
use super::wire::{bytes, double, number, start_delimited, varint, zigzag};

/// How many empty buckets are written rather than skipped: a span takes as many bytes.
const SHORT_GAP: usize = 2;

/// The numbers of the fields of a native histogram, which two families of messages number in their own ways.
pub(crate) struct Tags {
    pub(crate) schema: u32,
    pub(crate) zero_threshold: u32,
    pub(crate) zero_count: u32,
    /// Of the spans and of the deltas.
    pub(crate) negative: (u32, u32),
    pub(crate) positive: (u32, u32),
}

/// Those of `io.prometheus.client.Histogram`.
const TAGS: Tags = Tags {
    schema: histogram::SCHEMA,
    zero_threshold: histogram::ZERO_THRESHOLD,
    zero_count: histogram::ZERO_COUNT,
    negative: (histogram::NEGATIVE_SPAN, histogram::NEGATIVE_DELTA),
    positive: (histogram::POSITIVE_SPAN, histogram::POSITIVE_DELTA),
};

/// Writes the fields of a native histogram. `scratch` is overwritten.
///
/// SPEC: Prometheus, "Native histograms", exposition formats.
pub(super) fn native(buckets: &ExponentialBuckets<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    if !buckets_by(&TAGS, buckets, scratch, out) {
        // Without a span, one that has no observation and no width at zero would be taken for an explicit histogram.
        span(histogram::POSITIVE_SPAN, 0, 0, out);
    }
}

/// Writes the fields by these numbers, and says whether there is a bucket above zero. `scratch` is overwritten.
pub(crate) fn buckets_by(
    tags: &Tags,
    buckets: &ExponentialBuckets<'_>,
    scratch: &mut Vec<u8>,
    out: &mut Vec<u8>,
) -> bool {
    varint(tags.schema, zigzag(buckets.scale().into()), out);
    double(tags.zero_threshold, buckets.zero_threshold(), out);
    varint(tags.zero_count, buckets.zero_count(), out);
    range(buckets.negative(), tags.negative, scratch, out);
    let start = out.len();
    range(buckets.positive(), tags.positive, scratch, out);
    out.len() > start
}

/// Writes the buckets on one side of zero.
fn range(
    range: ExponentialRange<'_>,
    (span_tag, delta_tag): (u32, u32),
    deltas: &mut Vec<u8>,
    out: &mut Vec<u8>,
) {
    deltas.clear();
    let mut before = 0;
    // Prometheus names a bucket by its upper bound, OpenTelemetry by its lower one.
    let mut end = 0;
    for (first, counts) in spans(range.counts()) {
        let index = i64::from(range.offset()) + 1 + signed(first);
        span(span_tag, index - end, counts.len() as u64, out);
        end = index + signed(counts.len());
        for &count in counts {
            number(zigzag(count.wrapping_sub(before).cast_signed()), deltas);
            before = count;
        }
    }
    if !deltas.is_empty() {
        bytes(delta_tag, deltas, out);
    }
}

/// A place in a slice, which is far below what an `i64` holds.
fn signed(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

/// Writes a `BucketSpan`.
fn span(tag: u32, offset: i64, length: u64, out: &mut Vec<u8>) {
    let offset = zigzag(offset);
    let len = key_len(bucket_span::OFFSET)
        + encoded_len_varint(offset)
        + key_len(bucket_span::LENGTH)
        + encoded_len_varint(length);
    start_delimited(tag, len, out);
    varint(bucket_span::OFFSET, offset, out);
    varint(bucket_span::LENGTH, length, out);
}

/// The runs of buckets that are written, each with the place of its first one: neither their first nor their last is
/// empty, nor more than [`SHORT_GAP`] in a row between them.
fn spans(counts: &[u64]) -> impl Iterator<Item = (usize, &[u64])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = counts.get(at..)?;
        let first = at + rest.iter().position(|&count| count > 0)?;
        let (mut end, mut gap) = (first, 0);
        for (index, &count) in counts.iter().enumerate().skip(first) {
            gap = if count > 0 { 0 } else { gap + 1 };
            if gap > SHORT_GAP {
                break;
            }
            if count > 0 {
                end = index + 1;
            }
        }
        at = end;
        Some((first, &counts[first..end]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_gaps_part_spans_and_no_span_ends_with_empty_buckets() {
        let found = |counts: &[u64]| {
            spans(counts).map(|(first, counts)| (first, counts.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), []);
        assert_eq!(found(&[0, 0, 0, 0]), []);
        assert_eq!(found(&[1]), [(0, vec![1])]);
        assert_eq!(found(&[0, 2, 0, 0, 3, 0]), [(1, vec![2, 0, 0, 3])]);
        assert_eq!(
            found(&[0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 1, 1]),
            [(1, vec![2]), (5, vec![3]), (10, vec![1, 1])]
        );
    }
}

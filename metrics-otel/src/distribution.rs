//! Points of histograms and summaries, times, attributes and exemplars aside.

use nilometer_core::collect::{ExponentialBuckets, ExponentialRange, HistogramPoint, SummaryPoint};
use prost::encoding::{double, fixed64, sint32, uint64};

use crate::field::{
    buckets, distribution_point, exponential_point, histogram_point, summary_point, value_at_quantile,
};
use crate::number::{is_stale, write_no_value};
use crate::wire;

/// What is sent of explicit buckets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Explicit<'a> {
    pub(crate) bounds: &'a [f64],
    pub(crate) counts: &'a [u64],
    /// `None` where it may not stand.
    pub(crate) sum: Option<f64>,
}

/// The sum of a histogram, where it may stand.
///
/// SPEC: opentelemetry-proto 1.10.0, `HistogramDataPoint.sum`: left out where negative values can be observed, since it
/// is taken to be monotonic.
pub(crate) fn sum_of(histogram: &HistogramPoint<'_>) -> Option<f64> {
    let is_negative_bound = histogram.bounds().first().is_some_and(|&bound| bound < 0.0);
    let has_negative = histogram
        .exponential()
        .is_some_and(|buckets| buckets.negative().counts().iter().any(|&count| count > 0));
    let sum = histogram.sum();
    (!is_negative_bound && !has_negative && (sum >= 0.0 || sum.is_nan())).then_some(sum)
}

fn total(counts: &[u64]) -> u64 {
    counts.iter().fold(0, |sum, &count| sum.wrapping_add(count))
}

fn write_count(count: u64, buffer: &mut Vec<u8>) {
    if count > 0 {
        fixed64::encode(distribution_point::COUNT, &count, buffer);
    }
}

impl Explicit<'_> {
    /// Upper bounds are inclusive on both sides.
    pub(crate) fn write(&self, buffer: &mut Vec<u8>) {
        if self.sum.is_some_and(is_stale) {
            return write_no_value(histogram_point::FLAGS, buffer);
        }
        write_count(total(self.counts), buffer);
        if let Some(sum) = self.sum {
            double::encode(distribution_point::SUM, &sum, buffer);
        }
        fixed64::encode_packed(histogram_point::BUCKET_COUNTS, self.counts, buffer);
        double::encode_packed(histogram_point::EXPLICIT_BOUNDS, self.bounds, buffer);
    }
}

/// Writes exponential buckets, with the sum where it may stand. Indexes are the same on both sides.
pub(crate) fn write_exponential(shown: &ExponentialBuckets<'_>, sum: Option<f64>, buffer: &mut Vec<u8>) {
    if sum.is_some_and(is_stale) {
        return write_no_value(exponential_point::FLAGS, buffer);
    }
    write_count(shown.count(), buffer);
    if let Some(sum) = sum {
        double::encode(distribution_point::SUM, &sum, buffer);
    }
    if shown.scale() != 0 {
        sint32::encode(exponential_point::SCALE, &shown.scale(), buffer);
    }
    if shown.zero_count() > 0 {
        fixed64::encode(exponential_point::ZERO_COUNT, &shown.zero_count(), buffer);
    }
    write_range(exponential_point::POSITIVE, shown.positive(), buffer);
    write_range(exponential_point::NEGATIVE, shown.negative(), buffer);
    if shown.zero_threshold() > 0.0 {
        double::encode(exponential_point::ZERO_THRESHOLD, &shown.zero_threshold(), buffer);
    }
}

fn write_range(tag: u32, range: ExponentialRange<'_>, buffer: &mut Vec<u8>) {
    if range.counts().is_empty() {
        return;
    }
    let message = wire::start(tag, 1, buffer);
    if range.offset() != 0 {
        sint32::encode(buckets::OFFSET, &range.offset(), buffer);
    }
    uint64::encode_packed(buckets::BUCKET_COUNTS, range.counts(), buffer);
    wire::end(message, buffer);
}

/// Writes a summary. Its quantiles are sent as they are, negative ones and NaN included.
pub(crate) fn write_summary(summary: &SummaryPoint<'_>, buffer: &mut Vec<u8>) {
    if is_stale(summary.sum()) {
        return write_no_value(summary_point::FLAGS, buffer);
    }
    write_count(summary.count(), buffer);
    if summary.sum() != 0.0 {
        double::encode(distribution_point::SUM, &summary.sum(), buffer);
    }
    for &(quantile, value) in summary.quantiles() {
        let message = wire::start(summary_point::QUANTILE_VALUES, 1, buffer);
        if quantile != 0.0 {
            double::encode(value_at_quantile::QUANTILE, &quantile, buffer);
        }
        if value != 0.0 {
            double::encode(value_at_quantile::VALUE, &value, buffer);
        }
        wire::end(message, buffer);
    }
}

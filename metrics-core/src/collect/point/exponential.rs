//! Buckets whose bounds are powers.

use super::PointError;
use crate::cell::exponential::upper_bound;

/// The scales that buckets can have. Prometheus calls the scale `schema`.
///
/// SPEC: Prometheus, "Native histograms", schema: standard exponential schemas are -4 to 8.
pub(crate) const SCALES: std::ops::RangeInclusive<i32> = -4..=8;

/// Exponential buckets: bucket `i` of the positive ones holds values above `base^i` and at or below `base^(i+1)`, where
/// `base` is 2 to the power of 2 to the power of minus `scale`; the negative ones hold values mirrored at zero.
///
/// Values whose distance from zero is at or below the zero threshold are in a bucket of their own. Indexes are those of
/// OpenTelemetry; those of Prometheus are one higher.
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::{ExponentialBuckets, ExponentialRange};
///
/// // At scale 0: 3 observations above 1 and up to 2, 1 above 2 and up to 4.
/// let buckets = ExponentialBuckets::try_new(0, ExponentialRange::new(0, &[3, 1]), ExponentialRange::EMPTY)?
///     .try_with_zero(1e-9, 2)?;
/// assert_eq!(buckets.count(), 6);
/// # Ok::<(), nilometer_core::collect::PointError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry, "Metrics Data Model", exponential histograms; Prometheus, "Native histograms".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialBuckets<'a> {
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    positive: ExponentialRange<'a>,
    negative: ExponentialRange<'a>,
}

/// The counts of consecutive exponential buckets, the first of which has the index `offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExponentialRange<'a> {
    offset: i32,
    counts: &'a [u64],
}

impl<'a> ExponentialRange<'a> {
    /// No buckets.
    pub const EMPTY: ExponentialRange<'static> = ExponentialRange { offset: 0, counts: &[] };

    /// The counts of the buckets from index `offset` on.
    #[must_use]
    pub const fn new(offset: i32, counts: &'a [u64]) -> ExponentialRange<'a> {
        ExponentialRange { offset, counts }
    }

    /// The index of the first bucket.
    #[must_use]
    pub fn offset(&self) -> i32 {
        self.offset
    }

    /// How many observations each bucket has.
    #[must_use]
    pub fn counts(&self) -> &'a [u64] {
        self.counts
    }

    fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, &count| sum.wrapping_add(count))
    }
}

impl<'a> ExponentialBuckets<'a> {
    /// Buckets of this scale, -4 to 8, without any observation near zero.
    ///
    /// # Errors
    ///
    /// [`PointError::Scale`] for a scale that Prometheus does not have.
    pub fn try_new(
        scale: i32,
        positive: ExponentialRange<'a>,
        negative: ExponentialRange<'a>,
    ) -> Result<ExponentialBuckets<'a>, PointError> {
        if !SCALES.contains(&scale) {
            return Err(PointError::Scale { scale });
        }
        Ok(ExponentialBuckets::trusted(scale, (0.0, 0), positive, negative))
    }

    /// Buckets whose parts are known to be right; `zero` is the threshold and the count.
    pub(crate) fn trusted(
        scale: i32,
        (zero_threshold, zero_count): (f64, u64),
        positive: ExponentialRange<'a>,
        negative: ExponentialRange<'a>,
    ) -> ExponentialBuckets<'a> {
        ExponentialBuckets { scale, zero_threshold, zero_count, positive, negative }
    }

    /// Adds the bucket of what is no further from zero than `threshold`.
    ///
    /// # Errors
    ///
    /// [`PointError::ZeroThreshold`] for a threshold that is negative or not finite.
    pub fn try_with_zero(mut self, threshold: f64, count: u64) -> Result<ExponentialBuckets<'a>, PointError> {
        if !(threshold.is_finite() && threshold >= 0.0) {
            return Err(PointError::ZeroThreshold { threshold });
        }
        (self.zero_threshold, self.zero_count) = (threshold, count);
        Ok(self)
    }

    /// The scale: two to its power buckets double the value.
    #[must_use]
    pub fn scale(&self) -> i32 {
        self.scale
    }

    /// How far from zero a value may be to count as zero.
    #[must_use]
    pub fn zero_threshold(&self) -> f64 {
        self.zero_threshold
    }

    /// How many observations count as zero.
    #[must_use]
    pub fn zero_count(&self) -> u64 {
        self.zero_count
    }

    /// The buckets above zero.
    #[must_use]
    pub fn positive(&self) -> ExponentialRange<'a> {
        self.positive
    }

    /// The buckets below zero, by the distance from it.
    #[must_use]
    pub fn negative(&self) -> ExponentialRange<'a> {
        self.negative
    }

    /// The upper bound of the bucket `index` above zero, and the distance from zero of the far bound of that below; infinite
    /// for the bucket of the largest numbers.
    #[must_use]
    pub fn upper_bound(&self, index: i32) -> f64 {
        upper_bound(index.into(), self.scale)
    }

    /// An estimate of a quantile, from 0 to 1: `None` for what is no quantile, and where there is no observation.
    ///
    /// It lies in the bucket of the observation that the quantile is, between the bucket's bounds in proportion to the
    /// rank, on a logarithmic scale: off by the width of a bucket at most. In the bucket around zero the scale is linear.
    ///
    /// SPEC: Prometheus 3, `histogram_quantile` of native histograms.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::collect::{ExponentialBuckets, ExponentialRange};
    ///
    /// // 4 observations above 1 and up to 2.
    /// let buckets = ExponentialBuckets::try_new(0, ExponentialRange::new(0, &[4]), ExponentialRange::EMPTY)?;
    /// assert_eq!(buckets.quantile(0.5), Some(2_f64.sqrt()));
    /// assert_eq!(buckets.quantile(1.5), None);
    /// # Ok::<(), nilometer_core::collect::PointError>(())
    /// ```
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&quantile) {
            return None;
        }
        let rank = quantile * to_f64(self.count());
        let mut below = 0.0;
        let mut last = None;
        for (low, high, count) in self.in_order().filter(|(_, _, count)| *count > 0) {
            let count = to_f64(count);
            let share = ((rank - below) / count).min(1.0);
            last = Some((low, high, share));
            below += count;
            if below >= rank {
                break;
            }
        }
        last.map(|(low, high, share)| between(low, high, share))
    }

    /// Every bucket, from the lowest values on, with its bounds.
    fn in_order(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        let bounds = |range: ExponentialRange<'a>| {
            let scale = self.scale;
            let bound = move |index| upper_bound(index, scale).min(f64::MAX);
            let indexes = i64::from(range.offset)..;
            indexes.zip(range.counts).map(move |(index, count)| (bound(index - 1), bound(index), *count))
        };
        let negative: Vec<_> = bounds(self.negative).map(|(low, high, count)| (-high, -low, count)).collect();
        // Where there is nothing on one side of zero, what is near zero is not on that side either.
        let near = |range: ExponentialRange<'_>| if range.count() > 0 { self.zero_threshold } else { 0.0 };
        let zero = match (near(self.negative), near(self.positive)) {
            (0.0, 0.0) => (-self.zero_threshold, self.zero_threshold),
            (below, 0.0) => (-below, 0.0),
            (0.0, above) => (0.0, above),
            (below, above) => (-below, above),
        };
        let zero = (zero.0, zero.1, self.zero_count);
        negative.into_iter().rev().chain([zero]).chain(bounds(self.positive))
    }

    /// How many observations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zero_count.wrapping_add(self.positive.count()).wrapping_add(self.negative.count())
    }
}

/// A count as a number to reckon with; a rank needs no more digits.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

/// The value that is so far from the lower to the upper of two bounds: logarithmically, unless they are around zero.
fn between(low: f64, high: f64, share: f64) -> f64 {
    let value = if low > 0.0 || high < 0.0 {
        low * (high / low).powf(share)
    } else {
        // Not by the difference, which can be past the range.
        low * (1.0 - share) + high * share
    };
    // Rounding, too, can be past the range.
    value.max(low).min(high)
}

/// Exponential buckets that are kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OwnedExponential {
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    /// The offset and the counts of the positive and of the negative buckets.
    ranges: [(i32, Box<[u64]>); 2],
}

impl OwnedExponential {
    pub(crate) fn borrowed(&self) -> ExponentialBuckets<'_> {
        let [positive, negative] = &self.ranges;
        ExponentialBuckets::trusted(
            self.scale,
            (self.zero_threshold, self.zero_count),
            ExponentialRange::new(positive.0, &positive.1),
            ExponentialRange::new(negative.0, &negative.1),
        )
    }
}

impl From<ExponentialBuckets<'_>> for OwnedExponential {
    fn from(buckets: ExponentialBuckets<'_>) -> Self {
        let owned = |range: ExponentialRange<'_>| (range.offset(), range.counts().into());
        OwnedExponential {
            scale: buckets.scale(),
            zero_threshold: buckets.zero_threshold(),
            zero_count: buckets.zero_count(),
            ranges: [owned(buckets.positive()), owned(buckets.negative())],
        }
    }
}

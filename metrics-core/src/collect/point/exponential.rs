//! Buckets whose bounds are powers.

use super::PointError;

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

    /// How many observations there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.zero_count.wrapping_add(self.positive.count()).wrapping_add(self.negative.count())
    }
}

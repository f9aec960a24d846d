//! Histograms.

use std::time::SystemTime;

use super::PointError;
use super::exemplar::Exemplar;
use super::exponential::ExponentialBuckets;
use crate::buckets::check_bounds;

/// A histogram, or a gauge histogram, at one collection.
///
/// It has buckets with explicit bounds, exponential buckets, or both. One that was recorded into exponential buckets
/// alone has explicit ones all the same, for formats that know no others: those are a fallback, and
/// [`is_exponential_only`](HistogramPoint::is_exponential_only) says so. Both kinds hold the same observations.
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::HistogramPoint;
///
/// let point = HistogramPoint::try_new(&[0.1, 1.0], &[3, 1, 2], 11.5)?;
/// assert_eq!(point.count(), 6);
/// assert_eq!(point.cumulative().collect::<Vec<_>>(), [(0.1, 3), (1.0, 4), (f64::INFINITY, 6)]);
/// # Ok::<(), nilometer_core::collect::PointError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramPoint<'a> {
    bounds: &'a [f64],
    counts: &'a [u64],
    sum: f64,
    exponential: Option<ExponentialBuckets<'a>>,
    is_exponential_only: bool,
    pub(super) created: Option<SystemTime>,
    exemplars: &'a [Exemplar<'a>],
}

impl<'a> HistogramPoint<'a> {
    /// A point with these finite, increasing upper bounds, one count for each bucket and one more for `+Inf`, and the
    /// sum of what was observed.
    ///
    /// # Errors
    ///
    /// [`PointError`] when the bounds are not bounds, or there is not one count more than there are bounds.
    pub fn try_new(bounds: &'a [f64], counts: &'a [u64], sum: f64) -> Result<HistogramPoint<'a>, PointError> {
        check_bounds(bounds)?;
        if counts.len() != bounds.len() + 1 {
            return Err(PointError::Counts { counts: counts.len(), bounds: bounds.len() });
        }
        Ok(HistogramPoint::trusted(bounds, counts, sum))
    }

    /// A point whose parts are known to fit.
    pub(crate) fn trusted(bounds: &'a [f64], counts: &'a [u64], sum: f64) -> HistogramPoint<'a> {
        debug_assert_eq!(counts.len(), bounds.len() + 1);
        HistogramPoint {
            bounds,
            counts,
            sum,
            exponential: None,
            is_exponential_only: false,
            created: None,
            exemplars: &[],
        }
    }

    /// Adds exponential buckets, which hold the same observations.
    ///
    /// # Errors
    ///
    /// [`PointError::Exponential`] when they do not hold as many observations as the explicit ones.
    pub fn try_with_exponential(
        mut self,
        exponential: ExponentialBuckets<'a>,
    ) -> Result<HistogramPoint<'a>, PointError> {
        let (explicit, count) = (self.count(), exponential.count());
        if explicit != count {
            return Err(PointError::Exponential { explicit, exponential: count });
        }
        self.exponential = Some(exponential);
        Ok(self)
    }

    /// Adds exponential buckets that are known to hold the same observations.
    pub(crate) fn trusted_with_exponential(
        mut self,
        exponential: ExponentialBuckets<'a>,
    ) -> HistogramPoint<'a> {
        self.exponential = Some(exponential);
        self
    }

    /// Says that the explicit buckets are a fallback, for formats that know no exponential ones.
    #[must_use]
    pub fn exponential_only(mut self) -> HistogramPoint<'a> {
        self.is_exponential_only = self.exponential.is_some();
        self
    }

    /// Says when the series began, without observations.
    #[must_use]
    pub fn with_created(mut self, created: impl Into<Option<SystemTime>>) -> HistogramPoint<'a> {
        self.created = created.into();
        self
    }

    /// Names observations as examples: at most one for each explicit bucket, in the order of their values. An encoder
    /// that finds more in one bucket takes the first.
    #[must_use]
    pub fn with_exemplars(mut self, exemplars: &'a [Exemplar<'a>]) -> HistogramPoint<'a> {
        self.exemplars = exemplars;
        self
    }

    /// The exponential buckets, where there are some.
    #[must_use]
    pub fn exponential(&self) -> Option<ExponentialBuckets<'a>> {
        self.exponential
    }

    /// Whether the explicit buckets are there for formats alone that know no exponential ones.
    #[must_use]
    pub fn is_exponential_only(&self) -> bool {
        self.is_exponential_only
    }

    /// When the series began, where that is known.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }

    /// Observations that stand for others, in the order of their values.
    #[must_use]
    pub fn exemplars(&self) -> &'a [Exemplar<'a>] {
        self.exemplars
    }

    /// The upper bounds, inclusive, without the `+Inf` that comes last.
    #[must_use]
    pub fn bounds(&self) -> &'a [f64] {
        self.bounds
    }

    /// How many observations each bucket has, not cumulated; the last is that of `+Inf`.
    #[must_use]
    pub fn counts(&self) -> &'a [u64] {
        self.counts
    }

    /// How many observations there are: the sum of all buckets.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, &count| sum.wrapping_add(count))
    }

    /// The sum of the observations.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Each upper bound, `+Inf` included, with how many observations are at or below it.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + use<'a> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        bounds.zip(self.counts.iter().scan(0_u64, |below, &count| {
            *below = below.wrapping_add(count);
            Some(*below)
        }))
    }
}

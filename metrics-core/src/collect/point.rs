//! The values of one series at one collection.

use thiserror::Error;

use crate::buckets::{BucketError, check_bounds};
use crate::descriptor::MetricType;

/// The values of one series, by kind.
///
/// The enum is exhaustive on purpose: an exporter that does not know a kind should not compile, rather than leave its
/// series out without a word.
#[derive(Debug, Clone, Copy)]
pub enum Point<'a> {
    /// A counter's total.
    Counter(CounterPoint),
    /// A gauge's value.
    Gauge(GaugePoint),
    /// An up-down counter's value.
    UpDownCounter(UpDownCounterPoint),
    /// A histogram's buckets and sum.
    Histogram(HistogramPoint<'a>),
}

impl Point<'_> {
    /// The kind, which is that of the family's descriptor.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        match self {
            Point::Counter(_) => MetricType::Counter,
            Point::Gauge(_) => MetricType::Gauge,
            Point::UpDownCounter(_) => MetricType::UpDownCounter,
            Point::Histogram(_) => MetricType::Histogram,
        }
    }
}

impl From<CounterPoint> for Point<'_> {
    fn from(point: CounterPoint) -> Self {
        Point::Counter(point)
    }
}

impl From<GaugePoint> for Point<'_> {
    fn from(point: GaugePoint) -> Self {
        Point::Gauge(point)
    }
}

impl From<UpDownCounterPoint> for Point<'_> {
    fn from(point: UpDownCounterPoint) -> Self {
        Point::UpDownCounter(point)
    }
}

impl<'a> From<HistogramPoint<'a>> for Point<'a> {
    fn from(point: HistogramPoint<'a>) -> Self {
        Point::Histogram(point)
    }
}

/// A value in the type in which it was recorded, so that no exporter loses a digit that it could have kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number that is not negative.
    U64(u64),
    /// A whole number.
    I64(i64),
    /// A floating-point number, NaN and the infinities included.
    F64(f64),
}

impl Number {
    /// The value as the nearest `f64`, exact up to 2^53.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the docs say that the value is the nearest one")]
    pub fn as_f64(self) -> f64 {
        match self {
            Number::U64(value) => value as f64,
            Number::I64(value) => value as f64,
            Number::F64(value) => value,
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number::U64(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number::I64(value)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Number::F64(value)
    }
}

/// A counter at one collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CounterPoint {
    total: Number,
}

impl CounterPoint {
    /// A point with this total.
    #[must_use]
    pub fn new(total: impl Into<Number>) -> CounterPoint {
        CounterPoint { total: total.into() }
    }

    /// The total.
    #[must_use]
    pub fn total(&self) -> Number {
        self.total
    }
}

/// A gauge at one collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaugePoint {
    value: Number,
}

impl GaugePoint {
    /// A point with this value.
    #[must_use]
    pub fn new(value: impl Into<Number>) -> GaugePoint {
        GaugePoint { value: value.into() }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }
}

/// An up-down counter at one collection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UpDownCounterPoint {
    value: Number,
}

impl UpDownCounterPoint {
    /// A point with this value: what was added, less what was subtracted.
    #[must_use]
    pub fn new(value: impl Into<Number>) -> UpDownCounterPoint {
        UpDownCounterPoint { value: value.into() }
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> Number {
        self.value
    }
}

/// A histogram with explicit bounds at one collection.
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
        Ok(HistogramPoint { bounds, counts, sum })
    }

    /// A point whose parts are known to fit.
    pub(crate) fn trusted(bounds: &'a [f64], counts: &'a [u64], sum: f64) -> HistogramPoint<'a> {
        debug_assert_eq!(counts.len(), bounds.len() + 1);
        HistogramPoint { bounds, counts, sum }
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

/// Says why a point was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PointError {
    /// The bounds are not bounds.
    #[error("invalid bounds")]
    Bounds(#[from] BucketError),
    /// There is not one count more than there are bounds.
    #[error("{counts} counts for {bounds} bounds: there is one for each and one for `+Inf`")]
    Counts {
        /// How many counts were given.
        counts: usize,
        /// How many bounds were given.
        bounds: usize,
    },
}

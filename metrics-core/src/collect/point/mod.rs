//! The values of one series at one collection.
//!
//! - `number`: [`Number`]. `exemplar`: [`Exemplar`].
//! - `single`: the kinds of one number. `histogram`, `exponential`: buckets. `summary`: quantiles. `state`: states.

mod exemplar;
mod exponential;
mod histogram;
mod number;
mod single;
mod state;
mod summary;

use std::time::SystemTime;

use thiserror::Error;

pub use self::exemplar::Exemplar;
pub use self::exponential::{ExponentialBuckets, ExponentialRange};
pub(crate) use self::exponential::{OwnedExponential, SCALES};
pub use self::histogram::HistogramPoint;
pub use self::number::Number;
pub use self::single::{CounterPoint, GaugePoint, UpDownCounterPoint};
pub use self::state::StateSetPoint;
pub use self::summary::SummaryPoint;
use crate::buckets::BucketError;
use crate::descriptor::MetricType;

/// The values of one series, by kind.
///
/// The enum is exhaustive on purpose: an exporter that does not know a kind should not compile, rather than leave its
/// series out without a word.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Point<'a> {
    /// A counter's total.
    Counter(CounterPoint<'a>),
    /// A gauge's value.
    Gauge(GaugePoint),
    /// An up-down counter's value.
    UpDownCounter(UpDownCounterPoint),
    /// A histogram's buckets and sum.
    Histogram(HistogramPoint<'a>),
    /// The buckets and the sum of a histogram whose counts go up and down: of what is there now, not of all that ever
    /// was.
    GaugeHistogram(HistogramPoint<'a>),
    /// A summary's quantiles, count and sum.
    Summary(SummaryPoint<'a>),
    /// Nothing but the series' labels, which are what there is to say.
    Info,
    /// Which states something is in.
    StateSet(StateSetPoint<'a>),
}

impl Point<'_> {
    /// Says when the series began, for the kinds that tell.
    #[inline]
    pub(crate) fn set_created(&mut self, time: SystemTime) {
        let created = match self {
            Point::Counter(point) => &mut point.created,
            Point::UpDownCounter(point) => &mut point.created,
            Point::Histogram(point) => &mut point.created,
            Point::Summary(point) => &mut point.created,
            Point::Gauge(_) | Point::GaugeHistogram(_) | Point::Info | Point::StateSet(_) => return,
        };
        *created = Some(time);
    }

    /// The kind, which is that of the family's descriptor.
    #[must_use]
    pub fn metric_type(&self) -> MetricType {
        match self {
            Point::Counter(_) => MetricType::Counter,
            Point::Gauge(_) => MetricType::Gauge,
            Point::UpDownCounter(_) => MetricType::UpDownCounter,
            Point::Histogram(_) => MetricType::Histogram,
            Point::GaugeHistogram(_) => MetricType::GaugeHistogram,
            Point::Summary(_) => MetricType::Summary,
            Point::Info => MetricType::Info,
            Point::StateSet(_) => MetricType::StateSet,
        }
    }
}

macro_rules! points {
    ($($point:ident => $kind:ident),*) => {$(
        impl<'a> From<$point> for Point<'a> {
            fn from(point: $point) -> Self {
                Point::$kind(point)
            }
        }
    )*};
    ($($point:ident<'a> => $kind:ident),*) => {$(
        impl<'a> From<$point<'a>> for Point<'a> {
            fn from(point: $point<'a>) -> Self {
                Point::$kind(point)
            }
        }
    )*};
}
points!(GaugePoint => Gauge, UpDownCounterPoint => UpDownCounter);
points!(CounterPoint<'a> => Counter, HistogramPoint<'a> => Histogram, SummaryPoint<'a> => Summary);
points!(StateSetPoint<'a> => StateSet);

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
    /// The exponential buckets do not hold what the explicit ones hold.
    #[error("{exponential} observations in exponential buckets, {explicit} in explicit ones")]
    Exponential {
        /// How many observations the explicit buckets have.
        explicit: u64,
        /// How many observations the exponential buckets have.
        exponential: u64,
    },
    /// The scale is not one that exponential buckets can have.
    #[error("scale `{scale}` is not within -4 and 8")]
    Scale {
        /// The scale.
        scale: i32,
    },
    /// The zero threshold is negative or not finite.
    #[error("zero threshold `{threshold}` is not a finite number of at least 0")]
    ZeroThreshold {
        /// The threshold.
        threshold: f64,
    },
    /// A quantile is not within 0 and 1, or not above the one before it.
    #[error("quantile `{quantile}` is not within 0 and 1, or not above the one before")]
    Quantile {
        /// The quantile.
        quantile: f64,
    },
}

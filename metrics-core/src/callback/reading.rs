//! What callbacks return.

use super::Failure;
use crate::cell::{Bounds, Values};
use crate::collect::{CounterPoint, GaugePoint, HistogramPoint, Point, UpDownCounterPoint};
use crate::descriptor::MetricType;
use crate::metric::{FamilyInfo, Odd};
use crate::setup::{Options, Setup, SetupError};

/// A kind of metric that callbacks can return the values of.
pub(crate) trait Reading: Send + Sync + 'static {
    /// What a callback returns.
    type Value: Default;

    const TYPE: MetricType;

    /// What tells the kind from every other, in the words of an error.
    const IDENTITY: &'static str;

    fn setup(_: &Options) -> Result<Setup, SetupError> {
        Ok(Setup::default())
    }

    /// Puts a value, if there is one, after those of the series before. One that is wrong is counted, and is none.
    fn push(value: Option<Self::Value>, info: &FamilyInfo, values: &mut Values);

    fn point<'a>(info: &'a FamilyInfo, at: usize, values: &'a Values) -> Point<'a>;
}

/// Writes a reading that is one number.
macro_rules! number {
    ($reading:ident, $value:ty, $type:ident, $identity:literal, $point:ident, $bits:expr, $number:expr) => {
        pub(crate) enum $reading {}

        impl Reading for $reading {
            type Value = $value;

            const TYPE: MetricType = MetricType::$type;
            const IDENTITY: &'static str = $identity;

            fn push(value: Option<$value>, info: &FamilyInfo, values: &mut Values) {
                let bits: fn($value, &FamilyInfo) -> Option<u64> = $bits;
                values.push_number(value.and_then(|value| bits(value, info)));
            }

            fn point<'a>(_: &'a FamilyInfo, at: usize, values: &'a Values) -> Point<'a> {
                let number: fn(u64) -> $value = $number;
                $point::new(number(values.number(at))).into()
            }
        }
    };
}

number!(CounterReading, u64, Counter, "counter callback", CounterPoint, |value, _| Some(value), |bits| bits);
number!(
    FloatCounterReading,
    f64,
    Counter,
    "float counter callback",
    CounterPoint,
    |value, info| match Odd::of_increment(value) {
        Some(odd) => {
            info.count_odd(odd);
            None
        }
        None => Some(value.to_bits()),
    },
    f64::from_bits
);
number!(
    UpDownCounterReading,
    i64,
    UpDownCounter,
    "up-down counter callback",
    UpDownCounterPoint,
    |value, _| Some(value.cast_unsigned()),
    u64::cast_signed
);
number!(
    GaugeReading,
    f64,
    Gauge,
    "gauge callback",
    GaugePoint,
    |value, _| Some(value.to_bits()),
    f64::from_bits
);
number!(
    IntGaugeReading,
    i64,
    Gauge,
    "int gauge callback",
    GaugePoint,
    |value, _| Some(value.cast_unsigned()),
    u64::cast_signed
);

/// What a histogram's callback returns: how many observations each bucket has, and their sum; for a gauge histogram, of
/// what is there.
///
/// # Examples
///
/// ```
/// use nilometer_core::HistogramReading;
///
/// // Below 1, from there to 2, and above.
/// let reading = HistogramReading::new([3, 2, 1], 7.5);
/// # let _ = reading;
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistogramReading {
    counts: Vec<u64>,
    sum: f64,
}

impl HistogramReading {
    /// The count of each bucket, not cumulated, the last of which is that of `+Inf`; and the sum of all observations.
    pub fn new(counts: impl Into<Vec<u64>>, sum: f64) -> HistogramReading {
        HistogramReading { counts: counts.into(), sum }
    }
}

impl HistogramReading {
    fn push(value: Option<&HistogramReading>, info: &FamilyInfo, values: &mut Values) {
        let buckets = info.setup.bounds.buckets();
        let distribution = value.and_then(|HistogramReading { counts, sum }| {
            if counts.len() == buckets && sum.is_finite() {
                return Some((counts.as_slice(), *sum));
            }
            info.count_failure(Failure::Error);
            None
        });
        values.push_distribution(distribution, buckets);
    }

    fn point<'a>(info: &'a FamilyInfo, at: usize, values: &'a Values) -> HistogramPoint<'a> {
        let bounds = &info.setup.bounds;
        let (counts, sum) = values.distribution(at, bounds.buckets());
        HistogramPoint::trusted(bounds.as_slice(), counts, sum)
    }
}

/// The same, of what is there.
pub(crate) enum GaugeHistogramReading {}

/// Writes a reading that is a distribution.
macro_rules! distribution {
    ($reading:ident, $type:ident, $identity:literal) => {
        impl Reading for $reading {
            type Value = HistogramReading;

            const TYPE: MetricType = MetricType::$type;
            const IDENTITY: &'static str = $identity;

            fn setup(options: &Options) -> Result<Setup, SetupError> {
                Ok(Setup::of_bounds(Bounds::try_new(&options.bounds)?))
            }

            fn push(value: Option<HistogramReading>, info: &FamilyInfo, values: &mut Values) {
                HistogramReading::push(value.as_ref(), info, values);
            }

            fn point<'a>(info: &'a FamilyInfo, at: usize, values: &'a Values) -> Point<'a> {
                Point::$type(HistogramReading::point(info, at, values))
            }
        }
    };
}

distribution!(HistogramReading, Histogram, "histogram callback");
distribution!(GaugeHistogramReading, GaugeHistogram, "gauge histogram callback");

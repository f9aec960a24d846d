//! Families of every kind that a test makes up, and a collector that shows them.

use std::time::{Duration, SystemTime};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, Exemplar, ExponentialBuckets, ExponentialRange,
    GaugePoint, HistogramPoint, LabelSet, MetricType, Number, Point, SeriesLabels, StateSetPoint,
    SummaryPoint, Unit, UpDownCounterPoint, Visitor,
};

/// A family.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its name, as in the text format.
    pub name: String,
    /// Its help.
    pub help: String,
    /// Its kind.
    pub kind: MetricType,
    /// Its unit.
    pub unit: Option<&'static str>,
    /// Its series.
    pub series: Vec<Series>,
}

/// A series.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: Value,
    /// When it began, in nanoseconds since 1970.
    pub created: Option<u64>,
    /// Its exemplars, by value.
    pub exemplars: Vec<Example>,
}

/// An exemplar.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// What was observed.
    pub value: f64,
    /// When, in nanoseconds since 1970.
    pub nanoseconds: u64,
}

/// A value; that of which kind, its family says.
#[derive(Debug, Clone)]
pub enum Value {
    /// One number: a counter, a gauge, an up-down counter.
    Number(Number),
    /// A histogram or a gauge histogram.
    Histogram(Histogram),
    /// A summary's quantiles, count and sum.
    Summary(Vec<(f64, f64)>, u64, f64),
    /// An info.
    Info,
    /// A state set.
    StateSet(Vec<(String, bool)>),
}

/// The buckets of a histogram.
#[derive(Debug, Clone)]
pub struct Histogram {
    /// The explicit bounds.
    pub bounds: Vec<f64>,
    /// One count for each, and one more.
    pub counts: Vec<u64>,
    /// The sum.
    pub sum: f64,
    /// The exponential buckets, which hold as many observations as the explicit ones.
    pub exponential: Option<Exponential>,
    /// Whether it was recorded into those alone.
    pub is_exponential_only: bool,
}

/// Exponential buckets.
#[derive(Debug, Clone)]
pub struct Exponential {
    /// The scale.
    pub scale: i32,
    /// The threshold and the count at zero.
    pub zero: (f64, u64),
    /// The first index and the counts above zero.
    pub positive: (i32, Vec<u64>),
    /// The first index and the counts below zero.
    pub negative: (i32, Vec<u64>),
}

/// A time that is so many nanoseconds after 1970.
#[must_use]
pub fn time(nanoseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

/// Borrows pairs.
#[must_use]
pub fn borrowed(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// What is shown, in its order.
#[derive(Debug, Clone)]
pub struct Shown(pub Vec<Family>);

impl Collector for Shown {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        for family in &self.0 {
            let mut descriptor = Descriptor::try_new(&family.name, &family.help, family.kind)?;
            if let Some(unit) = family.unit {
                descriptor = descriptor.with_unit(Unit::new(unit));
            }
            visitor.family(&descriptor)?;
            for series in &family.series {
                series.show(family.kind, visitor)?;
            }
        }
        Ok(())
    }
}

impl Series {
    fn show(&self, kind: MetricType, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let labels = LabelSet::try_from_pairs(&borrowed(&self.labels))?;
        let exemplar_labels: Vec<LabelSet> = self
            .exemplars
            .iter()
            .map(|exemplar| LabelSet::try_from_pairs(&borrowed(&exemplar.labels)))
            .collect::<Result<_, _>>()?;
        let exemplars: Vec<Exemplar<'_>> = exemplar_labels
            .iter()
            .zip(&self.exemplars)
            .map(|(labels, exemplar)| Exemplar::new(labels, exemplar.value, time(exemplar.nanoseconds)))
            .collect();
        let created = self.created.map(time);
        let mut show = |point: Point<'_>| Ok(visitor.point(SeriesLabels::of(&labels), point)?);
        match (&self.value, kind) {
            (Value::Number(total), MetricType::Counter) => {
                let exemplar = exemplars.first().copied();
                show(CounterPoint::new(*total).with_created(created).with_exemplar(exemplar).into())
            }
            (Value::Number(value), MetricType::Gauge) => show(GaugePoint::new(*value).into()),
            (Value::Number(value), _) => show(UpDownCounterPoint::new(*value).with_created(created).into()),
            (Value::Histogram(histogram), _) => histogram.with_point(|point| {
                let point = point.with_created(created).with_exemplars(&exemplars);
                show(match kind {
                    MetricType::Histogram => Point::Histogram(point),
                    _ => Point::GaugeHistogram(point),
                })
            }),
            (Value::Summary(quantiles, count, sum), _) => {
                show(SummaryPoint::try_new(quantiles, *count, *sum)?.with_created(created).into())
            }
            (Value::Info, _) => show(Point::Info),
            (Value::StateSet(states), _) => {
                let states: Vec<(&str, bool)> =
                    states.iter().map(|(name, on)| (name.as_str(), *on)).collect();
                show(StateSetPoint::new(&states).into())
            }
        }
    }
}

impl Histogram {
    fn with_point(
        &self,
        run: impl FnOnce(HistogramPoint<'_>) -> Result<(), CollectError>,
    ) -> Result<(), CollectError> {
        let mut point = HistogramPoint::try_new(&self.bounds, &self.counts, self.sum)?;
        if let Some(Exponential { scale, zero, positive, negative }) = &self.exponential {
            let buckets = ExponentialBuckets::try_new(
                *scale,
                ExponentialRange::new(positive.0, &positive.1),
                ExponentialRange::new(negative.0, &negative.1),
            )?;
            point = point.try_with_exponential(buckets.try_with_zero(zero.0, zero.1)?)?;
            if self.is_exponential_only {
                point = point.exponential_only();
            }
        }
        run(point)
    }
}

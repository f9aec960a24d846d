//! Collectors of one's own, which show whatever they like.

use arbitrary::Arbitrary;
use nilometer_core::collect::{
    CollectError, CounterPoint, Descriptor, Exemplar, ExponentialBuckets, ExponentialRange, GaugePoint,
    HistogramPoint, LabelSet, MetricType, Number, Point, SeriesLabels, StateSetPoint, SummaryPoint,
    UpDownCounterPoint, Visitor,
};
use nilometer_tests::shown::{borrowed, time};

use crate::text::{Float, Pairs, Text, UnitName, bounds, owned};

/// A family that a collector shows.
#[derive(Arbitrary, Debug, Clone)]
pub struct Family {
    name: Text,
    is_utf8: bool,
    help: Text,
    unit: Option<UnitName>,
    kind: u8,
    series: Vec<Series>,
}

#[derive(Arbitrary, Debug, Clone)]
struct Series {
    labels: Pairs,
    value: Value,
    /// Nanoseconds since 1970.
    created: Option<u64>,
    exemplars: Vec<Example>,
}

#[derive(Arbitrary, Debug, Clone)]
struct Example {
    labels: Pairs,
    /// How many times the last label's value is repeated.
    times: u8,
    value: Float,
    nanoseconds: u64,
}

#[derive(Arbitrary, Debug, Clone)]
enum Value {
    U64(u64),
    I64(i64),
    F64(Float),
    Histogram { bounds: Vec<Float>, counts: Vec<u64>, sum: Float, exponential: Option<Exponential> },
    Summary { quantiles: Vec<(u8, Float)>, count: u64, sum: Float },
    Info,
    StateSet(Vec<(Text, bool)>),
}

#[derive(Arbitrary, Debug, Clone)]
struct Exponential {
    scale: i8,
    threshold: Float,
    positive: (i16, Vec<u32>),
    negative: (i16, Vec<u32>),
    only: bool,
}

const KINDS: [MetricType; 8] = [
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::UpDownCounter,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

impl Family {
    fn kind(&self) -> MetricType {
        KINDS[usize::from(self.kind) % KINDS.len()]
    }

    /// Shows it; what cannot even be made is left out.
    ///
    /// # Errors
    ///
    /// When the visitor stops.
    pub fn show(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (name, help) = (self.name.text(), self.help.text());
        let descriptor = if self.is_utf8 {
            Descriptor::try_new_utf8(name, help, self.kind())
        } else {
            Descriptor::try_new(name, help, self.kind())
        };
        let Ok(mut descriptor) = descriptor else { return Ok(()) };
        if let Some(unit) = self.unit {
            descriptor = descriptor.with_unit(unit.unit());
        }
        visitor.family(&descriptor)?;
        self.series.iter().take(6).try_for_each(|series| series.show(self.kind(), visitor))
    }
}

impl Family {
    /// Adds to all its values, as observations that come in.
    pub fn grow(&mut self, by: u16) {
        self.series.iter_mut().for_each(|series| series.value.grow(by));
    }
}

impl Value {
    fn grow(&mut self, by: u16) {
        match self {
            Value::U64(number) => *number = number.wrapping_add(by.into()),
            Value::I64(number) => *number = number.wrapping_add(by.into()),
            Value::Histogram { counts, exponential, .. } => {
                let mut added = u64::from(by);
                if let Some(buckets) = exponential {
                    let sides = [&mut buckets.positive.1, &mut buckets.negative.1];
                    for count in sides.into_iter().flat_map(|side| side.iter_mut().take(16)) {
                        *count = count.wrapping_add(by.into());
                        added += u64::from(by);
                    }
                    // A lower scale, where what is in a bucket is in another one.
                    buckets.scale -= i8::from(by % 8 == 7 && buckets.scale > -4);
                }
                if let Some(count) = counts.first_mut() {
                    *count = count.wrapping_add(added);
                }
            }
            Value::F64(_) | Value::Summary { .. } | Value::Info | Value::StateSet(_) => {}
        }
    }
}

fn label_set(pairs: &[(String, String)]) -> Option<LabelSet> {
    LabelSet::try_from_utf8_pairs(&borrowed(pairs)).ok()
}

impl Series {
    fn show(&self, kind: MetricType, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let Some(labels) = label_set(&owned(&self.labels)) else { return Ok(()) };
        let mut examples: Vec<(LabelSet, f64, u64)> = Vec::new();
        for example in self.exemplars.iter().take(4) {
            let mut pairs = owned(&example.labels);
            if let Some((_, value)) = pairs.last_mut() {
                *value = value.repeat(usize::from(example.times));
            }
            examples.extend(
                label_set(&pairs).map(|labels| (labels, example.value.number(), example.nanoseconds)),
            );
        }
        // "In the order of their values", says what takes them.
        examples.sort_by(|(_, one, _), (_, other, _)| one.total_cmp(other));
        let exemplars: Vec<Exemplar<'_>> =
            examples.iter().map(|(labels, value, at)| Exemplar::new(labels, *value, time(*at))).collect();
        let series = SeriesLabels::of(&labels);
        let created = self.created.map(time);
        let mut show = |point: Point<'_>| visitor.point(series, point);
        let number = match &self.value {
            Value::U64(number) => Number::U64(*number),
            Value::I64(number) => Number::I64(*number),
            Value::F64(number) => Number::F64(number.number()),
            Value::Histogram { bounds: of, counts, sum, exponential } => {
                let bounds = bounds(of);
                let mut counts: Vec<u64> = counts.iter().copied().take(bounds.len() + 1).collect();
                counts.resize(bounds.len() + 1, 0);
                let Ok(mut point) = HistogramPoint::try_new(&bounds, &counts, sum.number()) else {
                    return Ok(());
                };
                if let Some(buckets) = exponential.as_ref() {
                    let wide =
                        |counts: &[u32]| counts.iter().take(16).map(|&count| u64::from(count)).collect();
                    let sides: [Vec<u64>; 2] = [wide(&buckets.positive.1), wide(&buckets.negative.1)];
                    // What the buckets have and the sides have not is at zero.
                    let there = sides.iter().flatten().sum();
                    let at_zero = point.count().wrapping_sub(there);
                    let made = ExponentialBuckets::try_new(
                        i32::from(buckets.scale),
                        ExponentialRange::new(i32::from(buckets.positive.0), &sides[0]),
                        ExponentialRange::new(i32::from(buckets.negative.0), &sides[1]),
                    );
                    let made = made.and_then(|made| made.try_with_zero(buckets.threshold.number(), at_zero));
                    let Ok(made) = made.and_then(|made| point.try_with_exponential(made)) else {
                        return Ok(());
                    };
                    point = if buckets.only { made.exponential_only() } else { made };
                    let point = point.with_created(created).with_exemplars(&exemplars);
                    return Ok(show(histogram(point, kind))?);
                }
                return Ok(show(histogram(point.with_created(created).with_exemplars(&exemplars), kind))?);
            }
            Value::Summary { quantiles, count, sum } => {
                let quantiles = quantiles.iter().take(5);
                let quantiles: Vec<(f64, f64)> =
                    quantiles.map(|(rank, value)| (f64::from(*rank) / 200.0, value.number())).collect();
                let Ok(point) = SummaryPoint::try_new(&quantiles, *count, sum.number()) else {
                    return Ok(());
                };
                return Ok(show(point.with_created(created).into())?);
            }
            Value::Info => return Ok(show(Point::Info)?),
            Value::StateSet(states) => {
                let states: Vec<(String, bool)> =
                    states.iter().take(4).map(|(name, is_on)| (name.text(), *is_on)).collect();
                let states: Vec<(&str, bool)> =
                    states.iter().map(|(name, is_on)| (&**name, *is_on)).collect();
                return Ok(show(StateSetPoint::new(&states).into())?);
            }
        };
        Ok(show(match kind {
            MetricType::Gauge => GaugePoint::new(number).into(),
            MetricType::UpDownCounter => UpDownCounterPoint::new(number).with_created(created).into(),
            _ => {
                let point = CounterPoint::new(number).with_created(created);
                point.with_exemplar(exemplars.first().copied()).into()
            }
        })?)
    }
}

fn histogram(point: HistogramPoint<'_>, kind: MetricType) -> Point<'_> {
    if kind == MetricType::GaugeHistogram { Point::GaugeHistogram(point) } else { Point::Histogram(point) }
}

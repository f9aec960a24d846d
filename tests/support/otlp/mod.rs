//! What OTLP requests have to say of a collection, written down again without regard to speed: the judge of the
//! encoder, for the property tests and the fuzz target. `opentelemetry-proto` reads the requests.
//!
//! - `total`: what is sent as a difference. `parts`: labels, numbers and exemplars. `read`: requests, point by point.

mod parts;
mod read;
mod total;

use std::collections::BTreeMap;

use nilometer_core::collect::{MetricType, Number};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;

use self::parts::{attribute, attributes, exemplars, number_value};
pub use self::read::{compare, singles};
use self::total::{Spread, Total, range};
use crate::read_back::{Kept, KeptFamily};
use crate::shown::{Histogram, Series, Value};

/// A metric with a single point, which is how all of them are compared.
pub type Single = otlp::Metric;

/// In how many collections in a row a series may be missing.
const PATIENCE: u32 = 3;

/// Prometheus' marker of a series that has ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What a receiver is to be sent.
#[derive(Debug, Default)]
pub struct Model {
    is_delta: bool,
    prefers_exponential: bool,
    start: u64,
    known: BTreeMap<Key, Known>,
    /// When the last collection was.
    last: Option<u64>,
    /// For each point of the last collection, whose difference it is.
    points: Vec<Option<Key>>,
}

type Key = (String, Vec<(String, String)>);

/// What was sent of a series.
#[derive(Debug, Clone)]
struct Known {
    since: u64,
    created: Option<u64>,
    missed: u32,
    acknowledged: Option<Total>,
    shown: Option<Total>,
    /// The time of the point that may be acknowledged.
    sent: Option<u64>,
}

impl Model {
    /// A receiver that prefers differences or exponential buckets, or does not; the process began at `start`.
    #[must_use]
    pub fn new(is_delta: bool, prefers_exponential: bool, start: u64) -> Model {
        Model { is_delta, prefers_exponential, start, ..Model::default() }
    }

    /// What is sent of a collection at `now`, point by point, and how many points are left out.
    pub fn expected(&mut self, kept: &Kept, now: u64) -> (Vec<Single>, u64) {
        self.known.retain(|_, known| known.missed < PATIENCE);
        self.known.values_mut().for_each(|known| known.missed += 1);
        self.points.clear();
        let (mut singles, mut left_out) = (Vec::new(), 0);
        for family in &kept.0 {
            for series in &family.series {
                match self.datas(family, series, now) {
                    Some(datas) => singles.extend(datas.into_iter().map(|data| single(family, data))),
                    None => left_out += 1,
                }
            }
        }
        self.last = Some(now);
        (singles, left_out)
    }

    /// Says which points of that collection have arrived, by their place.
    pub fn acknowledge(&mut self, has_arrived: impl Fn(usize) -> bool) {
        for (index, key) in self.points.iter().enumerate() {
            let Some(known) = key.as_ref().and_then(|key| self.known.get_mut(key)) else { continue };
            if let Some(time) = known.sent.take()
                && has_arrived(index)
            {
                known.acknowledged.clone_from(&known.shown);
                known.since = time;
            }
        }
    }

    /// `None` for a point that is left out.
    fn datas(&mut self, family: &KeptFamily, series: &Series, now: u64) -> Option<Vec<Data>> {
        let kind = family.descriptor.metric_type();
        let attributes = attributes(&series.labels);
        // 0 is no time.
        let created = series.created.filter(|&created| created > 0);
        let is_delta = self.is_delta && matches!(kind, MetricType::Counter | MetricType::Histogram);
        let temporality = if is_delta { 1 } else { 2 };
        let start = created.unwrap_or(self.start);
        let number = |attributes, start: u64, value, exemplars| otlp::NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: now.max(start.saturating_add(u64::from(start > 0))),
            value: number_value(value),
            flags: u32::from(number_value(value).is_none()),
            exemplars,
        };
        let sum = |point, temporality, is_monotonic| {
            Data::Sum(otlp::Sum {
                data_points: vec![point],
                aggregation_temporality: temporality,
                is_monotonic,
            })
        };
        let datas = match (&series.value, kind) {
            (Value::Number(total), MetricType::Counter) => {
                let total = *total;
                let whole = match total {
                    Number::U64(total) => Some(Total::Whole(total)),
                    Number::I64(total) => u64::try_from(total).ok().map(Total::Whole),
                    Number::F64(total) if total.to_bits() == STALE => None,
                    Number::F64(total) => (total >= 0.0).then_some(Total::Float(total)),
                };
                let is_stale = matches!(total, Number::F64(total) if total.to_bits() == STALE);
                let (start, total, since) = match whole {
                    None if is_stale => (start, total, 0),
                    None => return None,
                    Some(whole) if is_delta => {
                        let (since, added) = self.difference(family, series, created, &whole, now);
                        let added = match added {
                            Total::Whole(added) => Number::U64(added),
                            Total::Float(added) => Number::F64(added),
                            _ => total,
                        };
                        self.points.push(Some(key(family, series)));
                        let exemplars = exemplars(&series.exemplars, since);
                        return Some(vec![sum(number(attributes, since, added, exemplars), 1, true)]);
                    }
                    Some(_) => (start, total, 0),
                };
                let exemplars = exemplars(&series.exemplars, since);
                vec![sum(number(attributes, start, total, exemplars), temporality, true)]
            }
            (Value::Number(value), MetricType::Gauge) => {
                let data_points = vec![number(attributes, 0, *value, Vec::new())];
                vec![Data::Gauge(otlp::Gauge { data_points })]
            }
            (Value::Number(value), MetricType::UpDownCounter) => {
                vec![sum(number(attributes, start, *value, Vec::new()), 2, false)]
            }
            (Value::Info, MetricType::Info) => {
                vec![sum(number(attributes, self.start, Number::I64(1), Vec::new()), 2, false)]
            }
            (Value::StateSet(states), MetricType::StateSet) => {
                if series.labels.iter().any(|(name, _)| name == family.descriptor.name()) {
                    return None;
                }
                let point = |(state, is_on): &(String, bool)| {
                    let mut attributes = attributes.clone();
                    attributes.push(attribute(family.descriptor.name(), state));
                    sum(number(attributes, self.start, Number::I64((*is_on).into()), Vec::new()), 2, false)
                };
                states.iter().map(point).collect()
            }
            (Value::Summary(quantiles, count, sum), MetricType::Summary) => {
                let is_stale = sum.to_bits() == STALE;
                let quantiles = quantiles.iter().filter(|_| !is_stale);
                let point = otlp::SummaryDataPoint {
                    attributes,
                    start_time_unix_nano: start,
                    time_unix_nano: now.max(start.saturating_add(1)),
                    count: if is_stale { 0 } else { *count },
                    sum: if is_stale { 0.0 } else { *sum },
                    quantile_values: quantiles
                        .map(|&(quantile, value)| ValueAtQuantile { quantile, value })
                        .collect(),
                    flags: is_stale.into(),
                };
                vec![Data::Summary(otlp::Summary { data_points: vec![point] })]
            }
            (Value::Histogram(histogram), MetricType::Histogram) => {
                return Some(vec![self.histogram(
                    family,
                    series,
                    histogram,
                    (created, start, now),
                    is_delta,
                )]);
            }
            // A gauge histogram, and a point of another kind than its family.
            _ => return None,
        };
        self.points.extend(datas.iter().map(|_| None));
        Some(datas)
    }

    fn histogram(
        &mut self,
        family: &KeptFamily,
        series: &Series,
        histogram: &Histogram,
        (created, start, now): (Option<u64>, u64, u64),
        is_delta: bool,
    ) -> Data {
        let sides = histogram.exponential.iter().map(|buckets| &buckets.negative);
        let has_negative = sides.flat_map(|(_, counts)| counts).any(|&count| count > 0);
        let is_negative = has_negative || histogram.bounds.first().is_some_and(|&bound| bound < 0.0);
        let sum = Some(histogram.sum).filter(|&sum| !is_negative && (sum >= 0.0 || sum.is_nan()));
        let is_stale = sum.is_some_and(|sum| sum.to_bits() == STALE);
        let buckets = histogram.exponential.as_ref();
        let buckets = buckets.filter(|_| self.prefers_exponential || histogram.is_exponential_only);
        let is_difference = is_delta && !is_stale;
        let known_sum = sum.unwrap_or(0.0);
        let total = match buckets {
            None => Total::Explicit(histogram.bounds.clone(), histogram.counts.clone(), known_sum),
            Some(buckets) => Total::Exponential(Spread::of(buckets), known_sum),
        };
        let (since, added) = if is_difference {
            self.points.push(Some(key(family, series)));
            self.difference(family, series, created, &total, now)
        } else {
            self.points.push(None);
            (start, total.clone())
        };
        let sum = sum.map(|sum| match added {
            Total::Explicit(_, _, added) | Total::Exponential(_, added) => added,
            _ => sum,
        });
        // One that has become less is left out.
        let sum = sum.filter(|&sum| !is_stale && (!is_difference || sum >= 0.0 || sum.is_nan()));
        let attributes = attributes(&series.labels);
        let exemplars = exemplars(&series.exemplars, if is_difference { since } else { 0 });
        let time = now.max(since.saturating_add(1));
        let aggregation_temporality = if is_delta { 1 } else { 2 };
        match added {
            Total::Exponential(added, _) => {
                // Of a total, the ranges are as they are shown.
                let shown = |range: &(i32, Vec<u64>)| {
                    (!range.1.is_empty()).then(|| Buckets { offset: range.0, bucket_counts: range.1.clone() })
                };
                let [positive, negative] = match buckets {
                    Some(buckets) if !is_difference => [shown(&buckets.positive), shown(&buckets.negative)],
                    _ => [range(&added.sides[0]), range(&added.sides[1])],
                };
                let count = added
                    .sides
                    .iter()
                    .flat_map(BTreeMap::values)
                    .fold(added.zero.1, |sum, count| sum.wrapping_add(*count));
                let point = otlp::ExponentialHistogramDataPoint {
                    attributes,
                    start_time_unix_nano: since,
                    time_unix_nano: time,
                    count,
                    sum,
                    scale: added.scale,
                    zero_count: added.zero.1,
                    positive,
                    negative,
                    zero_threshold: added.zero.0,
                    exemplars,
                    ..Default::default()
                };
                let point = if is_stale {
                    otlp::ExponentialHistogramDataPoint {
                        attributes: point.attributes,
                        start_time_unix_nano: since,
                        time_unix_nano: time,
                        flags: 1,
                        exemplars: point.exemplars,
                        ..Default::default()
                    }
                } else {
                    point
                };
                let data_points = vec![point];
                Data::ExponentialHistogram(otlp::ExponentialHistogram {
                    data_points,
                    aggregation_temporality,
                })
            }
            Total::Explicit(bounds, counts, _) => {
                let point = otlp::HistogramDataPoint {
                    attributes,
                    start_time_unix_nano: since,
                    time_unix_nano: time,
                    count: counts
                        .iter()
                        .fold(0, |sum: u64, &count| if is_stale { 0 } else { sum.wrapping_add(count) }),
                    sum,
                    bucket_counts: if is_stale { Vec::new() } else { counts },
                    explicit_bounds: if is_stale { Vec::new() } else { bounds },
                    flags: is_stale.into(),
                    exemplars,
                    ..Default::default()
                };
                Data::Histogram(otlp::Histogram { data_points: vec![point], aggregation_temporality })
            }
            Total::Whole(_) | Total::Float(_) => unreachable!("a histogram has buckets"),
        }
    }

    /// What was added to what was acknowledged, and since when.
    fn difference(
        &mut self,
        family: &KeptFamily,
        series: &Series,
        created: Option<u64>,
        total: &Total,
        now: u64,
    ) -> (u64, Total) {
        let since = created.or(self.last).unwrap_or(self.start);
        let fresh = Known { since, created, missed: 0, acknowledged: None, shown: None, sent: None };
        let known = self.known.entry(key(family, series)).or_insert(fresh);
        known.missed = 0;
        let is_another = matches!((known.created, created), (Some(before), Some(now)) if before != now);
        let follows =
            |before: &Option<Total>| before.as_ref().is_none_or(|before| total.minus(before).is_some());
        let is_same = known.shown.is_none() || (follows(&known.shown) && follows(&known.acknowledged));
        if is_another || !is_same {
            known.acknowledged = None;
            known.since = known.since.max(created.unwrap_or(0));
        }
        known.created = created;
        known.shown = Some(total.clone());
        known.sent = Some(now.max(known.since.saturating_add(1)));
        let before = known.acknowledged.clone().unwrap_or_else(|| total.zero());
        (known.since, total.minus(&before).unwrap_or_else(|| total.clone()))
    }
}

fn key(family: &KeptFamily, series: &Series) -> Key {
    (family.descriptor.name().to_owned(), series.labels.clone())
}

fn single(family: &KeptFamily, data: Data) -> Single {
    let kind = family.descriptor.metric_type();
    let is_told = matches!(kind, MetricType::Info | MetricType::StateSet);
    otlp::Metric {
        name: family.descriptor.name().to_owned(),
        description: family.descriptor.help().to_owned(),
        metadata: is_told.then(|| attribute("prometheus.type", kind.as_str())).into_iter().collect(),
        data: Some(data),
        ..Default::default()
    }
}

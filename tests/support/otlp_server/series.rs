//! Points and what they add up to.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
    SummaryDataPoint,
};

/// What a series is known by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The metric's name.
    pub name: String,
    /// The attributes, in the order of their names.
    pub attributes: Vec<(String, String)>,
}

/// What a series has, or what was added to it.
#[derive(Debug, Clone)]
pub enum Total {
    /// A gauge, or a sum.
    Number(f64),
    /// Explicit bounds, counts and the sum.
    Explicit(Vec<f64>, Vec<u64>, f64),
    /// The scale, what is at zero, above and below it by index, and the sum.
    Exponential(i32, u64, [BTreeMap<i32, u64>; 2], f64),
    /// The count and the sum.
    Summary(u64, f64),
}

/// A point by itself.
#[derive(Debug)]
pub(super) struct Single {
    pub(super) key: Key,
    pub(super) start: u64,
    pub(super) time: u64,
    pub(super) is_delta: bool,
    pub(super) is_monotonic: bool,
    pub(super) total: Total,
}

impl Total {
    /// How many observations there were, or the number.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "tests observe less often")]
    pub fn count(&self) -> f64 {
        match self {
            Total::Number(number) => *number,
            Total::Explicit(_, counts, _) => counts.iter().sum::<u64>() as f64,
            Total::Exponential(_, zero, sides, _) => {
                (zero + sides.iter().flat_map(BTreeMap::values).sum::<u64>()) as f64
            }
            Total::Summary(count, _) => *count as f64,
        }
    }

    /// Adds what came later. Where it has another form, the answer is that it cannot.
    pub(super) fn add(&mut self, later: &Total) -> bool {
        match (self, later) {
            (Total::Number(number), Total::Number(added)) => *number += added,
            (Total::Explicit(bounds, counts, sum), Total::Explicit(others, added, more))
                if bounds == others =>
            {
                counts.iter_mut().zip(added).for_each(|(count, added)| *count += added);
                *sum += more;
            }
            (
                Total::Exponential(scale, zero, sides, sum),
                Total::Exponential(other, at_zero, added, more),
            ) => {
                let lower = (*scale).min(*other);
                for (side, added) in sides.iter_mut().zip(added) {
                    let moved = |index: i32, scale: i32| index >> (scale - lower).min(31);
                    let mut merged = BTreeMap::new();
                    side.iter()
                        .map(|(index, count)| (moved(*index, *scale), count))
                        .chain(added.iter().map(|(index, count)| (moved(*index, *other), count)))
                        .for_each(|(index, count)| *merged.entry(index).or_insert(0) += count);
                    *side = merged;
                }
                (*scale, *zero, *sum) = (lower, *zero + at_zero, *sum + more);
            }
            _ => return false,
        }
        true
    }

    /// Whether it is the same, sums as far as they can be added up.
    pub(super) fn is_same(&self, other: &Total) -> bool {
        let is_near =
            |a: f64, b: f64| a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
        match (self, other) {
            (Total::Number(a), Total::Number(b)) => is_near(*a, *b),
            (Total::Explicit(bounds, counts, sum), Total::Explicit(others, found, other)) => {
                bounds == others && counts == found && is_near(*sum, *other)
            }
            (Total::Exponential(a, zero, sides, sum), Total::Exponential(b, at_zero, others, other)) => {
                (a, zero, sides) == (b, at_zero, others) && is_near(*sum, *other)
            }
            (Total::Summary(count, sum), Total::Summary(found, other)) => {
                count == found && is_near(*sum, *other)
            }
            _ => false,
        }
    }
}

/// How many points a metric has.
pub(super) fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(of)) => of.data_points.len(),
        Some(Data::Sum(of)) => of.data_points.len(),
        Some(Data::Histogram(of)) => of.data_points.len(),
        Some(Data::ExponentialHistogram(of)) => of.data_points.len(),
        Some(Data::Summary(of)) => of.data_points.len(),
        None => 0,
    }
}

/// Hands over the points of a metric one by one.
pub(super) fn each(metric: &Metric, mut visit: impl FnMut(Single)) {
    let is_delta = |temporality: i32| temporality == AggregationTemporality::Delta as i32;
    let name = &metric.name;
    match &metric.data {
        Some(Data::Gauge(of)) => {
            of.data_points.iter().for_each(|point| visit(number(name, point, false, false)));
        }
        Some(Data::Sum(of)) => {
            let is_delta = is_delta(of.aggregation_temporality);
            of.data_points.iter().for_each(|point| visit(number(name, point, is_delta, of.is_monotonic)));
        }
        Some(Data::Histogram(of)) => {
            let is_delta = is_delta(of.aggregation_temporality);
            of.data_points.iter().for_each(|point| visit(explicit(name, point, is_delta)));
        }
        Some(Data::ExponentialHistogram(of)) => {
            let is_delta = is_delta(of.aggregation_temporality);
            of.data_points.iter().for_each(|point| visit(exponential(name, point, is_delta)));
        }
        Some(Data::Summary(of)) => of.data_points.iter().for_each(|point| visit(summary(name, point))),
        None => {}
    }
}

fn number(name: &str, point: &NumberDataPoint, is_delta: bool, is_monotonic: bool) -> Single {
    #[expect(clippy::cast_precision_loss, reason = "tests count less")]
    let value = match point.value {
        Some(Value::AsInt(whole)) => whole as f64,
        Some(Value::AsDouble(value)) => value,
        None => f64::NAN,
    };
    Single {
        key: key(name, &point.attributes),
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        is_delta,
        is_monotonic,
        total: Total::Number(value),
    }
}

fn explicit(name: &str, point: &HistogramDataPoint, is_delta: bool) -> Single {
    let sum = point.sum.unwrap_or_default();
    Single {
        key: key(name, &point.attributes),
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        is_delta,
        is_monotonic: true,
        total: Total::Explicit(point.explicit_bounds.clone(), point.bucket_counts.clone(), sum),
    }
}

fn exponential(name: &str, point: &ExponentialHistogramDataPoint, is_delta: bool) -> Single {
    let side = |buckets: &Option<Buckets>| {
        let buckets = buckets.iter().flat_map(|buckets| (buckets.offset..).zip(&buckets.bucket_counts));
        buckets.filter(|(_, count)| **count > 0).map(|(index, count)| (index, *count)).collect()
    };
    let sides = [side(&point.positive), side(&point.negative)];
    let sum = point.sum.unwrap_or_default();
    Single {
        key: key(name, &point.attributes),
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        is_delta,
        is_monotonic: true,
        total: Total::Exponential(point.scale, point.zero_count, sides, sum),
    }
}

fn summary(name: &str, point: &SummaryDataPoint) -> Single {
    Single {
        key: key(name, &point.attributes),
        start: point.start_time_unix_nano,
        time: point.time_unix_nano,
        is_delta: false,
        is_monotonic: true,
        total: Total::Summary(point.count, point.sum),
    }
}

fn key(name: &str, attributes: &[KeyValue]) -> Key {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        other => format!("{other:?}"),
    };
    let mut attributes: Vec<_> =
        attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect();
    attributes.sort();
    Key { name: name.to_owned(), attributes }
}

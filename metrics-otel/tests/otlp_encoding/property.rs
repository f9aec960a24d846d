//! Any registry at all.

use std::collections::BTreeMap;

use nilometer_core::{MetricsRegistry, RegistryConfig, buckets};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use proptest::prelude::*;

use crate::expected::{attribute, histogram, histogram_point, metric, number, sum};
use crate::{START, metrics_of};

/// What is recorded into one series.
#[derive(Debug, Clone)]
struct Series {
    labels: BTreeMap<String, String>,
    increment: u64,
    level: f64,
    change: i64,
    observations: Vec<u16>,
}

impl Series {
    /// The labels in another order than the one in which they are sent.
    fn pairs(&self) -> Vec<(&str, &str)> {
        self.labels.iter().rev().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

fn series() -> impl Strategy<Value = Series> {
    let value = "[^\\x00]{0,6}";
    (
        // Without the letter l: `le` is reserved.
        prop::collection::btree_map("[a-k]{1,2}", value, 0..4),
        any::<u64>(),
        prop::num::f64::ANY,
        any::<i64>(),
        prop::collection::vec(0_u16..12_000, 0..20),
    )
        .prop_map(|(labels, increment, level, change, observations)| Series {
            labels,
            increment,
            level,
            change,
            observations,
        })
}

/// The kind of a family, and what its series get.
fn families() -> impl Strategy<Value = Vec<(u8, String, Vec<Series>)>> {
    prop::collection::vec((0_u8..4, "[^\\x00]{0,10}", prop::collection::vec(series(), 0..6)), 0..5)
}

/// Label sets in the order in which they first occur, as core keeps them: without empty values.
fn grouped(series: &[Series]) -> Vec<(Vec<KeyValue>, Vec<&Series>)> {
    let mut groups: Vec<(Vec<KeyValue>, Vec<&Series>)> = Vec::new();
    for one in series {
        let present = one.labels.iter().filter(|(_, value)| !value.is_empty());
        let key: Vec<KeyValue> = present.map(|(name, value)| attribute(name, value)).collect();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
}

/// NaN is not equal to itself: comparable bits in its place.
fn comparable(value: f64) -> f64 {
    if value.is_nan() { 4711.0 } else { value }
}

fn number_value(total: u64) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is expected")]
    i64::try_from(total).map_or(Value::AsDouble(total as f64), Value::AsInt)
}

fn expected_histogram(key: Vec<KeyValue>, members: &[&Series]) -> otlp::HistogramDataPoint {
    let mut counts = vec![0_u64; buckets::LATENCY_MS.len() + 1];
    let mut sum = 0.0;
    for &value in members.iter().flat_map(|one| &one.observations) {
        let value = f64::from(value);
        let place = buckets::LATENCY_MS.iter().position(|&bound| value <= bound);
        counts[place.unwrap_or(buckets::LATENCY_MS.len())] += 1;
        sum += value;
    }
    histogram_point(key, &buckets::LATENCY_MS, &counts, Some(sum))
}

proptest! {
    #[test]
    fn any_registry_is_read_back_as_it_was_recorded(families in families()) {
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
        let mut expected = Vec::new();
        for (index, (kind, help, series)) in families.iter().enumerate() {
            let name = format!("family_{index}_ms");
            let groups = grouped(series).into_iter();
            let data = match kind {
                0 => {
                    let family = registry.register_counter(&name, help).unwrap();
                    for one in series {
                        family.try_get_or_create(&one.pairs()).unwrap().inc_by(one.increment);
                    }
                    sum(groups
                        .map(|(key, members)| {
                            let total = members.iter().fold(0, |total: u64, one| total.wrapping_add(one.increment));
                            number(key, START, number_value(total))
                        })
                        .collect())
                }
                1 => {
                    let family = registry.register_gauge(&name, help).unwrap();
                    for one in series {
                        family.try_get_or_create(&one.pairs()).unwrap().set(one.level);
                    }
                    let points = groups.map(|(key, members)| {
                        number(key, 0, Value::AsDouble(comparable(members[members.len() - 1].level)))
                    });
                    Data::Gauge(otlp::Gauge { data_points: points.collect() })
                }
                2 => {
                    let family = registry.register_up_down_counter(&name, help).unwrap();
                    for one in series {
                        family.try_get_or_create(&one.pairs()).unwrap().add(one.change);
                    }
                    let points = groups.map(|(key, members)| {
                        let value = members.iter().fold(0, |value: i64, one| value.wrapping_add(one.change));
                        number(key, START, Value::AsInt(value))
                    });
                    let temporality = otlp::AggregationTemporality::Cumulative.into();
                    Data::Sum(otlp::Sum {
                        data_points: points.collect(),
                        aggregation_temporality: temporality,
                        is_monotonic: false,
                    })
                }
                _ => {
                    let family = registry.register_histogram(&name, help, &buckets::LATENCY_MS).unwrap();
                    for one in series {
                        let handle = family.try_get_or_create(&one.pairs()).unwrap();
                        one.observations.iter().for_each(|&value| handle.observe(value.into()));
                    }
                    histogram(groups.map(|(key, members)| expected_histogram(key, &members)).collect())
                }
            };
            if !series.is_empty() {
                expected.push(metric(&name, help, "ms", data));
            }
        }

        let mut read = metrics_of(&registry);
        for metric in &mut read {
            if let Some(Data::Gauge(gauge)) = &mut metric.data {
                for point in &mut gauge.data_points {
                    if let Some(Value::AsDouble(value)) = &mut point.value {
                        *value = comparable(*value);
                    }
                }
            }
        }
        prop_assert_eq!(read, expected);
    }
}

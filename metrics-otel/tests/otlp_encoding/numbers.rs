//! Kinds of one number.

use nilometer_core::collect::{MetricType, Number, UpDownCounterPoint};
use nilometer_core::{CounterFamily, GaugeFamily, MetricsRegistry};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::expected::{attributes, metric, number};
use crate::{START, Shown, counter, encode, gauge, metrics_of, only_number};

#[test]
fn whole_numbers_past_i64_are_doubles_and_never_zero() {
    let table: [(Number, Value); 7] = [
        (0_u64.into(), Value::AsInt(0)),
        (9_007_199_254_740_993_u64.into(), Value::AsInt(9_007_199_254_740_993)),
        ((i64::MAX as u64).into(), Value::AsInt(i64::MAX)),
        ((i64::MAX as u64 + 1).into(), Value::AsDouble(9_223_372_036_854_775_808.0)),
        (u64::MAX.into(), Value::AsDouble(18_446_744_073_709_551_616.0)),
        (i64::MAX.into(), Value::AsInt(i64::MAX)),
        (2.5.into(), Value::AsDouble(2.5)),
    ];
    for (recorded, expected) in table {
        let total = Shown::one("total", MetricType::Counter, vec![counter(recorded)]);
        assert_eq!(only_number(&total), expected, "{recorded:?}");
        let value = Shown::one("value", MetricType::Gauge, vec![gauge(recorded)]);
        assert_eq!(only_number(&value), expected, "{recorded:?}");
    }
    let lowest = Shown::one("value", MetricType::Gauge, vec![gauge(i64::MIN)]);
    assert_eq!(only_number(&lowest), Value::AsInt(i64::MIN));

    let family = CounterFamily::new("big_total", "Big.");
    family.default().inc_by(u64::MAX);
    assert_eq!(only_number(&family), Value::AsDouble(18_446_744_073_709_551_616.0));
}

#[test]
fn a_gauge_keeps_nan_the_infinities_and_minus_zero_bit_by_bit() {
    let family = GaugeFamily::new("odd", "Odd.");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE / 2.0] {
        family.default().set(value);
        let Value::AsDouble(read) = only_number(&family) else { panic!("not a double") };
        assert_eq!(read.to_bits(), value.to_bits());
    }
}

#[test]
fn an_up_down_counter_is_a_cumulative_sum_that_is_not_monotonic() {
    let registry = MetricsRegistry::new();
    let jobs = registry.register_up_down_counter("queue_jobs", "Jobs that wait.").unwrap();
    jobs.get_or_create(&[("queue", "mail")]).add(i64::MAX);
    jobs.default().sub(3);
    let points = vec![
        number(attributes(&[("queue", "mail")]), START, Value::AsInt(i64::MAX)),
        number(Vec::new(), START, Value::AsInt(-3)),
    ];
    let expected = otlp::Sum { data_points: points, aggregation_temporality: 2, is_monotonic: false };
    assert_eq!(metrics_of(&registry), [metric("queue_jobs", "Jobs that wait.", "", Data::Sum(expected))]);

    for (recorded, expected) in
        [(i64::MIN.into(), Value::AsInt(i64::MIN)), ((-0.5).into(), Value::AsDouble(-0.5))]
    {
        let recorded: Number = recorded;
        let shown =
            Shown::one("level", MetricType::UpDownCounter, vec![UpDownCounterPoint::new(recorded).into()]);
        assert_eq!(only_number(&shown), expected);
    }
    let mixed = Shown::one("level", MetricType::UpDownCounter, vec![gauge(1.0), counter(1_u64)]);
    assert_eq!(encode(&mixed).0.left_out(), 2, "neither is a point of an up-down counter");
}

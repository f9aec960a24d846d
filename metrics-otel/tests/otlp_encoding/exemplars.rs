//! Exemplars.

use nilometer_core::collect::{
    CounterPoint, Exemplar, ExponentialBuckets, ExponentialRange, HistogramPoint, LabelSet, MetricType,
};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;

use crate::expected::attributes;
use crate::{NOW, Shown, at, metrics_of};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

fn leaked<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The exemplars of a counter that has one with these labels, made at this time.
fn of_counter(labels: &[(&str, &str)], nanoseconds: u64) -> Vec<otlp::Exemplar> {
    let labels = leaked(LabelSet::from_pairs(labels));
    let point = CounterPoint::new(7_u64).with_exemplar(Exemplar::new(labels, 2.5, at(nanoseconds)));
    let shown = Shown::one("seen_total", MetricType::Counter, vec![point.into()]);
    match metrics_of(&shown).remove(0).data {
        Some(Data::Sum(mut sum)) => sum.data_points.remove(0).exemplars,
        data => panic!("{data:?}"),
    }
}

#[test]
fn trace_and_span_ids_are_in_their_fields_and_all_else_is_in_attributes() {
    let read = of_counter(&[("span_id", SPAN), ("trace_id", TRACE), ("user", "u1")], NOW - 5);
    let expected = otlp::Exemplar {
        filtered_attributes: attributes(&[("user", "u1")]),
        time_unix_nano: NOW - 5,
        value: Some(Value::AsDouble(2.5)),
        span_id: vec![0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31],
        trace_id: vec![
            0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c,
        ],
    };
    assert_eq!(read, [expected]);
}

#[test]
fn what_is_no_id_stays_an_attribute() {
    let pairs = [("span_id", "17"), ("trace_id", "00000000000000000000000000000000")];
    let read = of_counter(&pairs, NOW - 5).remove(0);
    assert_eq!(read.filtered_attributes, attributes(&pairs));
    assert!(read.trace_id.is_empty() && read.span_id.is_empty());
}

#[test]
fn an_exemplar_without_a_time_is_left_out_and_its_point_is_not() {
    assert_eq!(of_counter(&[("trace_id", TRACE)], 0), []);
}

#[test]
fn histograms_of_either_kind_have_all_their_exemplars() {
    let labels: &LabelSet = leaked(LabelSet::from_pairs(&[("trace_id", TRACE)]));
    let exemplars =
        leaked([Exemplar::new(labels, 0.5, at(NOW - 9)), Exemplar::new(labels, f64::INFINITY, at(NOW - 8))]);
    let explicit = HistogramPoint::try_new(&[1.0], &[2, 1], 3.0).unwrap().with_exemplars(exemplars);
    let buckets = ExponentialBuckets::try_new(0, ExponentialRange::new(-1, &[3]), ExponentialRange::EMPTY);
    let exponential = explicit.try_with_exponential(buckets.unwrap()).unwrap().exponential_only();
    for point in [explicit, exponential] {
        let shown = Shown::one("seen", MetricType::Histogram, vec![point.into()]);
        let read = match metrics_of(&shown).remove(0).data {
            Some(Data::Histogram(mut of)) => of.data_points.remove(0).exemplars,
            Some(Data::ExponentialHistogram(mut of)) => of.data_points.remove(0).exemplars,
            data => panic!("{data:?}"),
        };
        let facts: Vec<_> = read.iter().map(|one| (one.value.unwrap(), one.time_unix_nano)).collect();
        assert_eq!(facts, [(Value::AsDouble(0.5), NOW - 9), (Value::AsDouble(f64::INFINITY), NOW - 8)]);
    }
}

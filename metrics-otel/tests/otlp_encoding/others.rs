//! Kinds that OTLP has no kind for, and points without a value.

use nilometer_core::collect::{
    CollectError, Collector, Descriptor, ExponentialBuckets, ExponentialRange, HistogramPoint, LabelSet,
    MetricType, Point, SeriesLabels, StateSetPoint, SummaryPoint, Visitor,
};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::expected::{attribute, attributes, metric, number};
use crate::{START, Shown, counter, encode, gauge, metrics_of};

/// Prometheus' marker of a series that has ended.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

fn level(points: Vec<otlp::NumberDataPoint>, was: &str, name: &str) -> otlp::Metric {
    let sum = otlp::Sum { data_points: points, aggregation_temporality: 2, is_monotonic: false };
    let metadata = vec![attribute("prometheus.type", was)];
    otlp::Metric { metadata, ..metric(name, "", "", Data::Sum(sum)) }
}

struct Labelled(MetricType, LabelSet, Point<'static>);

impl Collector for Labelled {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("what_it_is", "", self.0)?)?;
        Ok(visitor.point(SeriesLabels::of(&self.1), self.2)?)
    }
}

#[test]
fn an_info_is_a_sum_of_one() {
    let labels = LabelSet::from_pairs(&[("version", "1.2")]);
    let info = Labelled(MetricType::Info, labels, Point::Info);
    let point = number(attributes(&[("version", "1.2")]), START, Value::AsInt(1));
    assert_eq!(metrics_of(&info), [level(vec![point], "info", "what_it_is")]);
}

#[test]
fn a_state_set_is_a_sum_with_a_point_for_each_state() {
    let states = Point::StateSet(StateSetPoint::new(&[("starting", false), ("running", true)]));
    let labels = LabelSet::from_pairs(&[("part", "a")]);
    let set = Labelled(MetricType::StateSet, labels, states);
    let point = |state, value| {
        number(attributes(&[("part", "a"), ("what_it_is", state)]), START, Value::AsInt(value))
    };
    let expected = level(vec![point("starting", 0), point("running", 1)], "stateset", "what_it_is");
    assert_eq!(metrics_of(&set), [expected]);
    assert_eq!(encode(&set).0.points(), 2);
}

#[test]
fn a_state_set_with_a_label_of_its_own_name_is_left_out_and_counted() {
    let states = Point::StateSet(StateSetPoint::new(&[("on", true)]));
    let set = Labelled(MetricType::StateSet, LabelSet::from_pairs(&[("what_it_is", "x")]), states);
    let (encoded, request) = encode(&set);
    assert_eq!((encoded.points(), encoded.left_out(), request.is_none()), (0, 1, true));
}

#[test]
fn a_series_that_has_ended_in_prometheus_has_no_recorded_value() {
    let histogram = HistogramPoint::try_new(&[1.0], &[2, 0], STALE).unwrap();
    let buckets = ExponentialBuckets::try_new(0, ExponentialRange::new(0, &[2]), ExponentialRange::EMPTY);
    let exponential = histogram.try_with_exponential(buckets.unwrap()).unwrap().exponential_only();
    let summary = SummaryPoint::try_new(&[(0.5, 1.0)], 3, STALE).unwrap();
    let table = [
        (MetricType::Counter, counter(STALE)),
        (MetricType::Gauge, gauge(STALE)),
        (MetricType::Histogram, histogram.into()),
        (MetricType::Histogram, exponential.into()),
        (MetricType::Summary, summary.into()),
    ];
    for (kind, point) in table {
        let flags = match metrics_of(&Shown::one("gone", kind, vec![point])).remove(0).data.unwrap() {
            Data::Gauge(of) => (of.data_points[0].flags, of.data_points[0].value.is_none()),
            Data::Sum(of) => (of.data_points[0].flags, of.data_points[0].value.is_none()),
            Data::Histogram(of) => (of.data_points[0].flags, of.data_points[0].bucket_counts.is_empty()),
            Data::ExponentialHistogram(of) => (of.data_points[0].flags, of.data_points[0].sum.is_none()),
            Data::Summary(of) => (of.data_points[0].flags, of.data_points[0].quantile_values.is_empty()),
        };
        assert_eq!(flags, (1, true), "{kind:?}");
    }
}

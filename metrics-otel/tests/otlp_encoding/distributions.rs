//! Histograms and summaries.

use nilometer_core::collect::{
    ExponentialBuckets, ExponentialRange, HistogramPoint, MetricType, SummaryPoint,
};
use nilometer_core::{HistogramFamily, MetricsRegistry};
use nilometer_otel::HistogramAggregation;
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;

use crate::expected::{histogram, histogram_point, metric};
use crate::{NOW, START, Shown, at, encode, encoder, metrics_in, metrics_of};

#[test]
fn an_infinite_observation_is_in_the_last_bucket_and_not_in_the_sum() {
    let family = HistogramFamily::new("size_bytes", "Sizes.", &[1.0, 2.0]);
    for value in [1.5, f64::INFINITY, f64::NAN] {
        family.default().observe(value);
    }
    let expected = histogram_point(Vec::new(), &[1.0, 2.0], &[0, 1, 1], Some(1.5));
    assert_eq!(metrics_of(&family), [metric("size_bytes", "Sizes.", "By", histogram(vec![expected]))]);
}

#[test]
fn a_histogram_without_observations_is_complete() {
    let family = HistogramFamily::new("idle", "Idle.", &[0.0, 1.0]);
    drop(family.default());
    let expected = histogram_point(Vec::new(), &[0.0, 1.0], &[0, 0, 0], Some(0.0));
    assert_eq!(metrics_of(&family), [metric("idle", "Idle.", "", histogram(vec![expected]))]);
}

#[test]
fn a_histogram_of_negative_values_has_no_sum() {
    let below = HistogramPoint::try_new(&[-1.0, 1.0], &[0, 1, 0], 0.5).unwrap();
    let stray = HistogramPoint::try_new(&[1.0], &[2, 0], -3.0).unwrap();
    for point in [below, stray] {
        let shown = Shown::one("delay", MetricType::Histogram, vec![point.into()]);
        let expected = histogram_point(Vec::new(), point.bounds(), point.counts(), None);
        assert_eq!(metrics_of(&shown), [metric("delay", "", "", histogram(vec![expected]))]);
    }
}

#[test]
fn a_gauge_histogram_is_left_out_and_counted() {
    let registry = MetricsRegistry::new();
    let queued = registry.register_gauge_histogram("queued_bytes", "Q.", &[1.0]).unwrap();
    queued.get_or_create(&[("queue", "a")]).add(0.5);
    let _empty = queued.get_or_create(&[("queue", "b")]);
    registry.register_counter("sent_total", "S.").unwrap().default().inc();
    let (encoded, _) = encode(&registry);
    assert_eq!((encoded.points(), encoded.left_out()), (1, 2));
    assert_eq!(metrics_of(&registry).iter().map(|one| &*one.name).collect::<Vec<_>>(), ["sent_total"]);
}

/// At scale 3: two above 2^(-1/8), at or below 1, and one three buckets further up; one mirrored; five around zero.
fn both() -> HistogramPoint<'static> {
    let (positive, negative) = (ExponentialRange::new(-1, &[2, 0, 0, 1]), ExponentialRange::new(6, &[1]));
    let buckets = ExponentialBuckets::try_new(3, positive, negative).unwrap().try_with_zero(0.25, 5).unwrap();
    let point = HistogramPoint::try_new(&[0.5, 1.0], &[6, 2, 1], 1.25).unwrap();
    point.try_with_exponential(buckets).unwrap().with_created(at(START - 7))
}

fn exponential_metric() -> otlp::Metric {
    let point = otlp::ExponentialHistogramDataPoint {
        start_time_unix_nano: START - 7,
        time_unix_nano: NOW,
        count: 9,
        // There are negative observations.
        sum: None,
        scale: 3,
        zero_count: 5,
        positive: Some(Buckets { offset: -1, bucket_counts: vec![2, 0, 0, 1] }),
        negative: Some(Buckets { offset: 6, bucket_counts: vec![1] }),
        zero_threshold: 0.25,
        ..Default::default()
    };
    let of = otlp::ExponentialHistogram { data_points: vec![point], aggregation_temporality: 2 };
    metric("sizes", "", "", Data::ExponentialHistogram(of))
}

fn explicit_metric() -> otlp::Metric {
    let mut point = histogram_point(Vec::new(), &[0.5, 1.0], &[6, 2, 1], None);
    point.start_time_unix_nano = START - 7;
    metric("sizes", "", "", histogram(vec![point]))
}

#[test]
fn exponential_buckets_keep_their_indexes() {
    let shown = Shown::one("sizes", MetricType::Histogram, vec![both().exponential_only().into()]);
    assert_eq!(metrics_of(&shown), [exponential_metric()]);
}

#[test]
fn which_buckets_are_sent_of_both_is_what_was_asked_for() {
    let shown = Shown::one("sizes", MetricType::Histogram, vec![both().into()]);
    assert_eq!(metrics_of(&shown), [explicit_metric()], "by default");
    let table = [
        (HistogramAggregation::Explicit, explicit_metric()),
        (HistogramAggregation::Exponential, exponential_metric()),
    ];
    for (aggregation, expected) in table {
        let requests = encoder().with_histogram_aggregation(aggregation).encode(&shown, at(NOW)).unwrap();
        assert_eq!(metrics_in(&requests[0]), [expected]);
    }
    let plain = HistogramPoint::try_new(&[0.5, 1.0], &[6, 2, 1], 1.25).unwrap();
    let shown = Shown::one("sizes", MetricType::Histogram, vec![plain.into()]);
    let exponential = HistogramAggregation::Exponential;
    let requests = encoder().with_histogram_aggregation(exponential).encode(&shown, at(NOW)).unwrap();
    assert!(matches!(metrics_in(&requests[0])[0].data, Some(Data::Histogram(_))), "there are no others");
}

#[test]
fn recorded_exponential_buckets_have_the_bounds_of_their_indexes() {
    let registry = MetricsRegistry::new();
    let family = registry
        .family::<nilometer_core::Histogram>("sizes", "")
        .with_exponential(nilometer_core::ExponentialConfig::new().with_scale(0));
    let family = family.register().unwrap();
    for value in [1.0, 1.5, 2.0, 2.5] {
        family.default().observe(value);
    }
    let Some(Data::ExponentialHistogram(of)) = metrics_of(&registry).remove(0).data else { panic!() };
    let point = &of.data_points[0];
    // By the specification, the bucket of index -1 ends at 1, that of 0 at 2, and that of 1 at 4.
    assert_eq!(point.scale, 0);
    assert_eq!(point.positive, Some(Buckets { offset: -1, bucket_counts: vec![1, 2, 1] }));
    assert_eq!((point.count, point.sum), (4, Some(7.0)));
}

#[test]
fn a_family_whose_points_have_different_buckets_is_two_metrics() {
    let plain = HistogramPoint::try_new(&[0.5, 1.0], &[6, 2, 1], 1.25).unwrap();
    let points = vec![plain.into(), both().exponential_only().into(), plain.into()];
    let read = metrics_of(&Shown::one("sizes", MetricType::Histogram, points));
    let explicit = [0, 2].map(|at| matches!(read[at].data, Some(Data::Histogram(_))));
    assert_eq!((read.len(), explicit), (3, [true, true]));
    assert_eq!(read[1], exponential_metric());
}

#[test]
fn a_summary_has_its_quantiles_count_and_sum() {
    let quantiles = &[(0.0, -0.5), (0.5, 0.0), (0.99, f64::INFINITY)];
    let point = SummaryPoint::try_new(quantiles, 10, 3.5).unwrap().with_created(at(START + 3));
    let shown = Shown::one("delay_seconds", MetricType::Summary, vec![point.into()]);
    let quantile_values = quantiles.map(|(quantile, value)| ValueAtQuantile { quantile, value }).to_vec();
    let point = otlp::SummaryDataPoint {
        start_time_unix_nano: START + 3,
        time_unix_nano: NOW,
        count: 10,
        sum: 3.5,
        quantile_values,
        ..Default::default()
    };
    let expected = otlp::Summary { data_points: vec![point] };
    assert_eq!(metrics_of(&shown), [metric("delay_seconds", "", "s", Data::Summary(expected))]);
}

#[test]
fn a_series_as_new_as_its_collection_ends_after_it_began() {
    for created in [NOW, NOW + 10] {
        let point = both().with_created(at(created));
        let shown = Shown::one("sizes", MetricType::Histogram, vec![point.into()]);
        let Some(Data::Histogram(of)) = metrics_of(&shown).remove(0).data else { panic!() };
        let times = (of.data_points[0].start_time_unix_nano, of.data_points[0].time_unix_nano);
        assert_eq!(times, (created, created + 1));
    }
}

//! What is sent as differences.

use std::sync::Mutex;

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, Exemplar, ExponentialBuckets, ExponentialRange,
    GaugePoint, HistogramPoint, LabelSet, MetricType, Number, Point, SeriesLabels, StateSetPoint,
    SummaryPoint, UpDownCounterPoint, Visitor,
};
use nilometer_otel::{ExportRequest, OtlpEncoder, TemporalityPreference};
use opentelemetry_proto::tonic::metrics::v1 as otlp;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::{START, Shown, at, encoder, metrics_in};

/// The interval between two collections, in nanoseconds.
const STEP: u64 = 1_000_000_000;

fn delta() -> OtlpEncoder {
    encoder().with_temporality(TemporalityPreference::Delta)
}

/// Encodes the collection of that number, which has something.
fn encode(encoder: &mut OtlpEncoder, collector: &dyn Collector, number: u64) -> ExportRequest {
    let mut requests = encoder.encode(collector, at(START + number * STEP)).unwrap();
    assert_eq!(requests.len(), 1);
    requests.remove(0)
}

fn data(request: &ExportRequest) -> Data {
    metrics_in(request).remove(0).data.unwrap()
}

/// Start and end of a point in steps since the start, and its value.
fn number(request: &ExportRequest) -> (u64, u64, Value) {
    let Data::Sum(sum) = data(request) else { panic!("no sum") };
    let point = &sum.data_points[0];
    let step = |nanos: u64| (nanos - START) / STEP;
    (step(point.start_time_unix_nano), step(point.time_unix_nano), point.value.unwrap())
}

fn shown(point: impl Into<Point<'static>>) -> Shown {
    let point = point.into();
    Shown::one("family", point.metric_type(), vec![point])
}

fn counter(total: impl Into<Number>) -> CounterPoint<'static> {
    CounterPoint::new(total)
}

#[test]
fn a_difference_begins_where_the_last_that_was_acknowledged_ended() {
    let mut encoder = delta();
    let first = encode(&mut encoder, &shown(counter(5_u64)), 1);
    assert_eq!(number(&first), (0, 1, Value::AsInt(5)));
    first.acknowledge();
    let lost = encode(&mut encoder, &shown(counter(7_u64)), 2);
    assert_eq!(number(&lost), (1, 2, Value::AsInt(2)));
    drop(lost);
    let third = encode(&mut encoder, &shown(counter(8_u64)), 3);
    assert_eq!(number(&third), (1, 3, Value::AsInt(3)), "what was lost as well");
    third.acknowledge();
    let fourth = encode(&mut encoder, &shown(counter(8_u64)), 4);
    assert_eq!(number(&fourth), (3, 4, Value::AsInt(0)));
    let Data::Sum(sum) = data(&fourth) else { panic!() };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic), (1, true));
}

#[test]
fn what_is_preferred_decides_for_each_kind() {
    let exponential = ExponentialBuckets::try_new(0, ExponentialRange::new(0, &[1]), ExponentialRange::EMPTY);
    let histogram = HistogramPoint::try_new(&[1.0], &[0, 1], 2.0).unwrap();
    let kinds: [(Point<'static>, bool); 8] = [
        (counter(1_u64).into(), true),
        (histogram.into(), true),
        (histogram.try_with_exponential(exponential.unwrap()).unwrap().exponential_only().into(), true),
        (UpDownCounterPoint::new(1_i64).into(), false),
        (Point::Info, false),
        (StateSetPoint::new(&[("on", true)]).into(), false),
        (GaugePoint::new(1.0).into(), false),
        (SummaryPoint::try_new(&[], 1, 1.0).unwrap().into(), false),
    ];
    let preferences = [
        (TemporalityPreference::Cumulative, false),
        (TemporalityPreference::Delta, true),
        (TemporalityPreference::LowMemory, true),
    ];
    for (preference, has_deltas) in preferences {
        for (point, can_be_delta) in kinds {
            let mut encoder = encoder().with_temporality(preference);
            encode(&mut encoder, &shown(point), 1).acknowledge();
            let temporality = match data(&encode(&mut encoder, &shown(point), 2)) {
                Data::Sum(of) => of.aggregation_temporality,
                Data::Histogram(of) => of.aggregation_temporality,
                Data::ExponentialHistogram(of) => of.aggregation_temporality,
                // They have none.
                Data::Gauge(_) | Data::Summary(_) => 2,
            };
            let expected = if has_deltas && can_be_delta { 1 } else { 2 };
            assert_eq!(temporality, expected, "{preference:?} {:?}", point.metric_type());
        }
    }
}

#[test]
fn an_up_down_counter_keeps_its_total() {
    let mut encoder = delta();
    let level = |value: i64| shown(UpDownCounterPoint::new(value));
    encode(&mut encoder, &level(5), 1).acknowledge();
    assert_eq!(number(&encode(&mut encoder, &level(3), 2)), (0, 2, Value::AsInt(3)));
    assert_eq!(encoder.kept_series(), 0, "nothing is kept of it");
}

#[test]
fn a_counter_that_has_fallen_begins_anew() {
    let mut encoder = delta();
    encode(&mut encoder, &shown(counter(100_u64)), 1).acknowledge();
    assert_eq!(number(&encode(&mut encoder, &shown(counter(30_u64)), 2)), (1, 2, Value::AsInt(30)));
    // Of what was shown and not acknowledged, it has fallen as well.
    let mut encoder = delta();
    encode(&mut encoder, &shown(counter(100_u64)), 1).acknowledge();
    drop(encode(&mut encoder, &shown(counter(150_u64)), 2));
    assert_eq!(number(&encode(&mut encoder, &shown(counter(120_u64)), 3)), (1, 3, Value::AsInt(120)));
}

#[test]
fn a_series_that_was_made_again_begins_when_that_was() {
    let mut encoder = delta();
    let made = |total: u64, step: u64| shown(counter(total).with_created(at(START + step * STEP)));
    let first = encode(&mut encoder, &made(9, 1), 2);
    assert_eq!(number(&first), (1, 2, Value::AsInt(9)));
    first.acknowledge();
    assert_eq!(number(&encode(&mut encoder, &made(10, 4), 5)), (4, 5, Value::AsInt(10)));
    // Never before what was acknowledged ended.
    let mut encoder = delta();
    encode(&mut encoder, &made(9, 1), 4).acknowledge();
    assert_eq!(number(&encode(&mut encoder, &made(10, 3), 5)), (4, 5, Value::AsInt(10)));
}

#[test]
fn a_series_of_unknown_age_begins_after_the_last_collection_without_it() {
    let mut encoder = delta();
    encode(&mut encoder, &shown(GaugePoint::new(1.0)), 3).acknowledge();
    assert_eq!(number(&encode(&mut encoder, &shown(counter(2_u64)), 4)), (3, 4, Value::AsInt(2)));
}

#[test]
fn a_difference_past_i64_is_a_double() {
    let mut encoder = delta();
    let all = encode(&mut encoder, &shown(counter(u64::MAX)), 1);
    assert_eq!(number(&all).2, Value::AsDouble(18_446_744_073_709_551_616.0));
    all.acknowledge();
    assert_eq!(number(&encode(&mut encoder, &shown(counter(u64::MAX)), 2)).2, Value::AsInt(0));
}

#[test]
fn a_floating_point_difference_is_the_nearest() {
    let mut encoder = delta();
    encode(&mut encoder, &shown(counter(0.1)), 1).acknowledge();
    let difference = encode(&mut encoder, &shown(counter(0.3)), 2);
    assert_eq!(number(&difference).2, Value::AsDouble(0.3 - 0.1));
    difference.acknowledge();
    encode(&mut encoder, &shown(counter(f64::INFINITY)), 3).acknowledge();
    assert_eq!(number(&encode(&mut encoder, &shown(counter(f64::INFINITY)), 4)).2, Value::AsDouble(0.0));
}

fn explicit(counts: &'static [u64; 3], sum: f64) -> HistogramPoint<'static> {
    HistogramPoint::try_new(&[1.0, 2.0], counts, sum).unwrap()
}

fn explicit_of(request: &ExportRequest) -> (u64, Vec<u64>, u64, Option<f64>) {
    let Data::Histogram(mut of) = data(request) else { panic!() };
    let point = of.data_points.remove(0);
    let start = (point.start_time_unix_nano - START) / STEP;
    (start, point.bucket_counts, point.count, point.sum)
}

#[test]
fn a_histogram_is_compared_bucket_by_bucket() {
    let mut encoder = delta();
    encode(&mut encoder, &shown(explicit(&[1, 2, 3], 10.0)), 1).acknowledge();
    let more = encode(&mut encoder, &shown(explicit(&[1, 4, 4], 21.5)), 2);
    assert_eq!(explicit_of(&more), (1, vec![0, 2, 1], 3, Some(11.5)));
    more.acknowledge();
    // One bucket fell: it was made again.
    let anew = encode(&mut encoder, &shown(explicit(&[9, 9, 0], 9.0)), 3);
    assert_eq!(explicit_of(&anew), (2, vec![9, 9, 0], 18, Some(9.0)));
    anew.acknowledge();
    let other_bounds = HistogramPoint::try_new(&[1.0, 3.0], &[10, 10, 10], 99.0).unwrap();
    let other = encode(&mut encoder, &shown(other_bounds), 4);
    assert_eq!(explicit_of(&other), (3, vec![10, 10, 10], 30, Some(99.0)), "they are other buckets");
}

#[test]
fn a_sum_that_has_fallen_is_left_out() {
    let mut encoder = delta();
    encode(&mut encoder, &shown(explicit(&[1, 2, 3], 10.0)), 1).acknowledge();
    let less = encode(&mut encoder, &shown(explicit(&[2, 2, 3], 9.0)), 2);
    assert_eq!(explicit_of(&less), (1, vec![1, 0, 0], 1, None));
}

/// A histogram of exponential buckets alone.
fn exponential(
    scale: i32,
    zero: (f64, u64),
    positive: (i32, &'static [u64]),
    negative: (i32, &'static [u64]),
) -> HistogramPoint<'static> {
    let range = |(offset, counts)| ExponentialRange::new(offset, counts);
    let buckets = ExponentialBuckets::try_new(scale, range(positive), range(negative)).unwrap();
    let buckets = buckets.try_with_zero(zero.0, zero.1).unwrap();
    let counts = Box::leak(Box::new([buckets.count(), 0]));
    let point = HistogramPoint::try_new(&[1.0], counts, 0.0).unwrap();
    point.try_with_exponential(buckets).unwrap().exponential_only()
}

/// Start, scale, count at zero, and the buckets above and below it.
type Facts = (u64, i32, u64, Option<(i32, Vec<u64>)>, Option<(i32, Vec<u64>)>);

fn exponential_of(request: &ExportRequest) -> Facts {
    let Data::ExponentialHistogram(mut of) = data(request) else { panic!() };
    let otlp::ExponentialHistogramDataPoint {
        start_time_unix_nano,
        scale,
        zero_count,
        positive,
        negative,
        count,
        ..
    } = of.data_points.remove(0);
    let side = |buckets: Option<Buckets>| buckets.map(|buckets| (buckets.offset, buckets.bucket_counts));
    let (positive, negative) = (side(positive), side(negative));
    let sides = [&positive, &negative].into_iter().flatten().flat_map(|(_, counts)| counts).sum::<u64>();
    assert_eq!(count, zero_count + sides);
    ((start_time_unix_nano - START) / STEP, scale, zero_count, positive, negative)
}

#[test]
fn exponential_buckets_are_compared_over_changes_of_scale() {
    let mut encoder = delta();
    // At scale 2, the buckets -5 to -1 and 6 to 8.
    let first = exponential(2, (0.0, 1), (-5, &[1, 0, 0, 2, 3]), (6, &[4, 0, 1]));
    encode(&mut encoder, &shown(first), 1).acknowledge();
    // At scale 0 four of them are one: -5 is in -2, -4 to -1 are in -1; 6 and 7 are in 1, 8 is in 2.
    let second = exponential(0, (0.0, 3), (-2, &[1, 5, 7]), (1, &[4, 3]));
    let more = encode(&mut encoder, &shown(second), 2);
    assert_eq!(exponential_of(&more), (1, 0, 2, Some((0, vec![7])), Some((2, vec![2]))));
    drop(more);
    // It was not acknowledged, and the scale is lower once more: -2 and -1 are in -1, 0 and 1 in 0, 2 in 1.
    let third = exponential(-1, (0.0, 3), (-1, &[6, 7]), (0, &[4, 4]));
    let more = encode(&mut encoder, &shown(third), 3);
    assert_eq!(exponential_of(&more), (1, -1, 2, Some((0, vec![7])), Some((1, vec![3]))));
    more.acknowledge();
    let same = encode(&mut encoder, &shown(third), 4);
    assert_eq!(exponential_of(&same), (3, -1, 0, None, None));
}

#[test]
fn exponential_buckets_of_a_finer_scale_or_with_less_begin_anew() {
    let last = exponential(0, (0.0, 3), (0, &[5, 7]), (0, &[]));
    let table = [
        exponential(1, (0.0, 3), (0, &[5, 0, 7]), (0, &[])),
        exponential(0, (0.0, 2), (0, &[5, 7]), (0, &[])),
        exponential(0, (0.0, 3), (0, &[4, 8]), (0, &[])),
        exponential(0, (0.0, 3), (1, &[7, 9]), (0, &[])),
        exponential(0, (0.0, 3), (0, &[5]), (0, &[7, 7])),
    ];
    for anew in table {
        let mut encoder = delta();
        encode(&mut encoder, &shown(last), 1).acknowledge();
        let request = encode(&mut encoder, &shown(anew), 2);
        let Data::ExponentialHistogram(of) = data(&request) else { panic!() };
        assert_eq!(of.data_points[0].count, anew.count(), "{anew:?}");
        assert_eq!(of.data_points[0].start_time_unix_nano, START + STEP);
    }
}

#[test]
fn what_a_wider_bucket_at_zero_has_taken_in_is_not_counted_again() {
    let mut encoder = delta();
    // At scale 0: (0.25, 0.5], (0.5, 1], (1, 2].
    encode(&mut encoder, &shown(exponential(0, (0.25, 1), (-2, &[2, 3, 4]), (-2, &[1]))), 1).acknowledge();
    let wider = exponential(0, (0.5, 6), (-1, &[3, 9]), (0, &[]));
    let more = encode(&mut encoder, &shown(wider), 2);
    assert_eq!(exponential_of(&more), (1, 0, 2, Some((0, vec![5])), None));
}

#[test]
fn exemplars_are_sent_with_the_difference_that_has_them() {
    let labels: &LabelSet = Box::leak(Box::new(LabelSet::from_pairs(&[("trace_id", "1")])));
    let seen = |step: u64| Exemplar::new(labels, 1.0, at(START + step * STEP));
    let point = |total: u64, step| shown(counter(total).with_exemplar(seen(step)));
    let exemplars = |request: &ExportRequest| {
        let Data::Sum(sum) = data(request) else { panic!() };
        sum.data_points[0].exemplars.len()
    };
    let mut encoder = delta();
    let first = encode(&mut encoder, &point(1, 1), 2);
    assert_eq!(exemplars(&first), 1);
    drop(first);
    let second = encode(&mut encoder, &point(1, 1), 3);
    assert_eq!(exemplars(&second), 1, "it was not acknowledged");
    second.acknowledge();
    assert_eq!(exemplars(&encode(&mut encoder, &point(1, 1), 4)), 0);
    assert_eq!(exemplars(&encode(&mut encoder, &point(2, 5), 6)), 1);
}

#[test]
fn requests_of_one_collection_are_acknowledged_one_by_one() {
    let three = |total: u64| {
        let point = |zone: &str| (LabelSet::from_pairs(&[("zone", zone)]), total);
        Labelled(vec![point("a"), point("b"), point("c")])
    };
    let mut encoder = delta().with_max_points(1);
    let requests = encoder.encode(&three(5), at(START + STEP)).unwrap();
    for (index, request) in requests.into_iter().enumerate() {
        if index == 1 {
            request.acknowledge();
        }
    }
    let requests = encoder.encode(&three(7), at(START + 2 * STEP)).unwrap();
    let read: Vec<_> = requests.iter().map(number).collect();
    assert_eq!(read, [(0, 2, Value::AsInt(7)), (1, 2, Value::AsInt(2)), (0, 2, Value::AsInt(7))]);
}

/// Counters of one family.
struct Labelled(Vec<(LabelSet, u64)>);

impl Collector for Labelled {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("family", "", MetricType::Counter)?)?;
        for (labels, total) in &self.0 {
            visitor.point(SeriesLabels::of(labels), CounterPoint::new(*total).into())?;
        }
        Ok(())
    }
}

#[test]
fn a_series_is_known_by_its_labels_however_they_are_divided_and_in_any_order() {
    let divided = |constant: &[(&str, &str)], own: &[(&str, &str)], total: u64| {
        let config = nilometer_core::RegistryConfig::new().with_constant_labels(constant);
        let registry = nilometer_core::MetricsRegistry::with_config(config);
        let shown = Labelled(vec![
            (LabelSet::from_pairs(&[("zone", "other")]), 1),
            (LabelSet::from_pairs(own), total),
        ]);
        registry.register_collector("labelled", shown).unwrap();
        registry
    };
    let mut encoder = delta();
    encode(&mut encoder, &divided(&[("app", "x")], &[("zone", "a")], 5), 1).acknowledge();
    let request = encode(&mut encoder, &divided(&[], &[("zone", "a"), ("app", "x")], 7), 2);
    let Data::Sum(sum) = data(&request) else { panic!() };
    let found = sum.data_points.iter().find(|point| point.attributes.len() == 2).unwrap();
    assert_eq!(found.value, Some(Value::AsInt(2)));
}

#[test]
fn a_series_that_is_gone_is_forgotten_after_a_while_and_not_at_once() {
    let mut encoder = delta().with_patience(2);
    let other = || shown(GaugePoint::new(1.0));
    encode(&mut encoder, &shown(counter(5_u64)), 1).acknowledge();
    encode(&mut encoder, &other(), 2).acknowledge();
    let back = encode(&mut encoder, &shown(counter(6_u64)), 3);
    assert_eq!(number(&back), (1, 3, Value::AsInt(1)), "it was only missing");
    back.acknowledge();
    encode(&mut encoder, &other(), 4).acknowledge();
    encode(&mut encoder, &other(), 5).acknowledge();
    assert_eq!(encoder.kept_series(), 1);
    encode(&mut encoder, &other(), 6).acknowledge();
    assert_eq!(encoder.kept_series(), 0);
}

#[test]
fn a_collection_that_failed_makes_nobody_missing() {
    /// Fails before it shows anything, where it is told to.
    struct Sometimes(Mutex<bool>);
    impl Collector for Sometimes {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            if *self.0.lock().unwrap() {
                return Err(CollectError::failed("not now"));
            }
            shown(counter(5_u64)).collect(visitor)
        }
    }
    let sometimes = Sometimes(Mutex::new(false));
    let mut encoder = delta().with_patience(1);
    encode(&mut encoder, &sometimes, 1).acknowledge();
    *sometimes.0.lock().unwrap() = true;
    for step in 2..6 {
        assert!(encoder.encode(&sometimes, at(START + step * STEP)).is_err());
    }
    *sometimes.0.lock().unwrap() = false;
    assert_eq!(number(&encode(&mut encoder, &sometimes, 6)), (1, 6, Value::AsInt(0)));
}

#[test]
fn intervals_adjoin_when_the_clock_is_set_back() {
    let mut encoder = delta();
    encode(&mut encoder, &shown(counter(5_u64)), 9).acknowledge();
    let back = encode(&mut encoder, &shown(counter(6_u64)), 4);
    let Data::Sum(sum) = data(&back) else { panic!() };
    let nine = START + 9 * STEP;
    let times = (sum.data_points[0].start_time_unix_nano, sum.data_points[0].time_unix_nano);
    assert_eq!(times, (nine, nine + 1));
    back.acknowledge();
    let Data::Sum(sum) = data(&encode(&mut encoder, &shown(counter(7_u64)), 10)) else { panic!() };
    assert_eq!(sum.data_points[0].start_time_unix_nano, nine + 1);
}

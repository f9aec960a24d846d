//! Properties: an independent decoder reads of OTLP requests what was shown, and differences add up to the total
//! whatever gets lost.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod any;

use std::collections::BTreeMap;
use std::time::SystemTime;

use nilometer_core::collect::{Collector, Number};
use nilometer_core::{
    Counter, ExponentialConfig, Family, FloatCounter, Histogram, MetricsRegistry, RegistryConfig,
};
use nilometer_otel::{ExportRequest, HistogramAggregation, OtlpEncoder, Resource, TemporalityPreference};
use nilometer_tests::otlp::{Model, Single, compare, singles};
use nilometer_tests::read_back::Kept;
use nilometer_tests::shown::{Shown, Value, time};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as NumberValue;
use proptest::collection::vec;
use proptest::prelude::*;

use any::shown;

const START: u64 = 1_000_000_000_000_000_000;
const STEP: u64 = 10_000_000_000;

fn encoder(is_delta: bool, prefers_exponential: bool) -> OtlpEncoder {
    let temporality = if is_delta { TemporalityPreference::Delta } else { TemporalityPreference::Cumulative };
    let aggregation =
        if prefers_exponential { HistogramAggregation::Exponential } else { HistogramAggregation::Explicit };
    OtlpEncoder::new(Resource::new("test"), time(START))
        .with_temporality(temporality)
        .with_histogram_aggregation(aggregation)
}

fn kept(collector: &dyn Collector) -> Kept {
    let mut kept = Kept::default();
    collector.collect(&mut kept).unwrap();
    kept
}

/// Encodes once; all points have to fit. Returns the requests and what was left out.
fn encode(encoder: &mut OtlpEncoder, collector: &dyn Collector, now: u64) -> (Vec<ExportRequest>, u64) {
    let mut requests = Vec::new();
    let result = encoder.encode_each(collector, time(now), |request| {
        requests.push(request);
        Ok(())
    });
    let all = result.unwrap();
    assert_eq!(all.too_large(), 0);
    (requests, all.left_out())
}

fn read(requests: &[ExportRequest]) -> Vec<Single> {
    requests.iter().flat_map(|request| singles(request.body())).collect()
}

/// What becomes of a series in a round.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Grows(u16),
    Starts,
    IsHidden,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => any::<u16>().prop_map(Turn::Grows),
        1 => Just(Turn::Starts),
        1 => Just(Turn::IsHidden),
    ]
}

/// Makes a value greater, by something that differs from bucket to bucket.
fn grow(value: &mut Value, by: u16) {
    let part = f64::from(by) / 3.0;
    let by = u64::from(by);
    match value {
        Value::Number(Number::U64(total)) => *total = total.saturating_add(by),
        Value::Number(Number::I64(total)) => *total = total.saturating_add_unsigned(by),
        Value::Number(Number::F64(total)) => *total += part,
        Value::Histogram(histogram) => {
            let mut added = 0;
            if let Some(exponential) = &mut histogram.exponential {
                let sides = exponential.positive.1.iter_mut().chain(&mut exponential.negative.1);
                for (index, count) in sides.enumerate() {
                    let more = by >> (index % 16);
                    (*count, added) = (*count + more, added + more);
                }
                if by % 7 == 0 && exponential.scale > -4 {
                    exponential.scale -= 1;
                    for (offset, counts) in [&mut exponential.positive, &mut exponential.negative] {
                        let mut merged = BTreeMap::new();
                        for (index, count) in (*offset..).zip(counts.iter()) {
                            *merged.entry(index >> 1).or_insert(0) += count;
                        }
                        *offset >>= 1;
                        *counts = merged.into_values().collect();
                    }
                }
            } else {
                added = by;
            }
            histogram.counts[0] += added;
            histogram.sum += 0.1;
        }
        Value::Summary(..) | Value::Info | Value::StateSet(_) => {}
    }
}

fn at_start(value: &mut Value) {
    match value {
        Value::Number(number) => *number = Number::U64(1),
        Value::Histogram(histogram) => {
            histogram.counts.fill(0);
            histogram.counts[0] = 1;
            if let Some(exponential) = &mut histogram.exponential {
                exponential.zero.1 = 1;
                exponential.positive.1.clear();
                exponential.negative.1.clear();
            }
        }
        Value::Summary(..) | Value::Info | Value::StateSet(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_are_read_back_as_what_was_shown(
        shown in shown(),
        prefers_exponential in any::<bool>(),
        limit in 5_000..20_000_usize,
    ) {
        let kept = kept(&shown);
        let now = START + STEP;
        let (expected, left_out) = Model::new(false, prefers_exponential, START).expected(&kept, now);
        for limits in [(usize::MAX, u64::MAX), (limit, u64::MAX), (usize::MAX, 1)] {
            let mut encoder =
                encoder(false, prefers_exponential).with_max_body(limits.0).with_max_points(limits.1);
            let (requests, left) = encode(&mut encoder, &shown, now);
            prop_assert!(requests.iter().all(|request| request.body().len() <= limits.0));
            compare(&read(&requests), &expected);
            prop_assert_eq!(left, left_out);
        }
    }

    #[test]
    fn differences_are_those_to_what_was_acknowledged(
        mut shown in shown(),
        rounds in vec((vec(turn(), 1..8), vec(any::<bool>(), 1..8)), 1..8),
        prefers_exponential in any::<bool>(),
    ) {
        let mut encoder = encoder(true, prefers_exponential).with_max_points(2);
        let mut model = Model::new(true, prefers_exponential, START);
        for (round, (turns, answers)) in rounds.iter().enumerate() {
            let mut turns = turns.iter().copied().cycle();
            let mut visible = Shown(Vec::new());
            for family in &mut shown.0 {
                let mut now = family.clone();
                now.series.clear();
                for (series, turn) in family.series.iter_mut().zip(&mut turns) {
                    match turn {
                        Turn::Grows(by) => grow(&mut series.value, by),
                        Turn::Starts => at_start(&mut series.value),
                        Turn::IsHidden => continue,
                    }
                    now.series.push(series.clone());
                }
                visible.0.push(now);
            }
            let now = START + (round as u64 + 1) * STEP;
            let (expected, left_out) = model.expected(&kept(&visible), now);
            let (requests, left) = encode(&mut encoder, &visible, now);
            compare(&read(&requests), &expected);
            prop_assert_eq!(left, left_out);
            let has_arrived = |request: usize| answers[request % answers.len()];
            for (index, request) in requests.into_iter().enumerate().filter(|(index, _)| has_arrived(*index)) {
                prop_assert!(request.points() <= 2, "{}", index);
                request.acknowledge();
            }
            // Two points are a request.
            model.acknowledge(|point| has_arrived(point / 2));
        }
    }
}

/// What a receiver adds up.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    whole: BTreeMap<String, u64>,
    float: BTreeMap<String, f64>,
    explicit: BTreeMap<String, Vec<u64>>,
    /// By scale and index, at the lowest scale that there was.
    exponential: BTreeMap<String, (i32, BTreeMap<i32, u64>)>,
    /// Up to when each series was received.
    until: BTreeMap<String, u64>,
}

fn downscale(scale: i32, to: i32, buckets: &BTreeMap<i32, u64>) -> BTreeMap<i32, u64> {
    let mut merged = BTreeMap::new();
    for (index, count) in buckets {
        *merged.entry(index >> (scale - to)).or_insert(0) += count;
    }
    merged
}

impl Sums {
    /// Adds a point, whose interval has to begin where the last ended.
    fn add(&mut self, single: &Single) {
        let key = |attributes: &[_]| format!("{} {attributes:?}", single.name);
        let (key, start, end) = match single.data.as_ref().unwrap() {
            Data::Sum(sum) => {
                let point = &sum.data_points[0];
                let key = key(&point.attributes);
                match point.value.unwrap() {
                    NumberValue::AsInt(value) => {
                        *self.whole.entry(key.clone()).or_default() += u64::try_from(value).unwrap();
                    }
                    NumberValue::AsDouble(value) => *self.float.entry(key.clone()).or_default() += value,
                }
                (key, point.start_time_unix_nano, point.time_unix_nano)
            }
            Data::Histogram(histogram) => {
                let point = &histogram.data_points[0];
                let key = key(&point.attributes);
                let counts = self.explicit.entry(key.clone()).or_default();
                counts.resize(point.bucket_counts.len(), 0);
                counts.iter_mut().zip(&point.bucket_counts).for_each(|(sum, count)| *sum += count);
                *self.float.entry(key.clone()).or_default() += point.sum.unwrap();
                (key, point.start_time_unix_nano, point.time_unix_nano)
            }
            Data::ExponentialHistogram(histogram) => {
                let point = &histogram.data_points[0];
                let key = key(&point.attributes);
                let (scale, sums) =
                    self.exponential.entry(key.clone()).or_insert_with(|| (point.scale, BTreeMap::new()));
                let to = point.scale.min(*scale);
                *sums = downscale(*scale, to, sums);
                *scale = to;
                let Buckets { offset, bucket_counts } = point.positive.clone().unwrap_or_default();
                let added: BTreeMap<i32, u64> =
                    (offset..).zip(bucket_counts).filter(|(_, count)| *count > 0).collect();
                for (index, count) in downscale(point.scale, to, &added) {
                    *sums.entry(index).or_default() += count;
                }
                (key, point.start_time_unix_nano, point.time_unix_nano)
            }
            other => unreachable!("{other:?} was not registered"),
        };
        let until = self.until.insert(key, end).unwrap_or(start);
        assert_eq!(start, until, "intervals adjoin");
        assert!(start < end);
    }
}

#[derive(Debug, Clone)]
struct Step {
    /// Series, and what to record.
    records: Vec<(u8, u32)>,
    /// Which requests arrive.
    answers: Vec<bool>,
}

fn step() -> impl Strategy<Value = Step> {
    (vec((0..6_u8, any::<u32>()), 0..40), vec(any::<bool>(), 1..6))
        .prop_map(|(records, answers)| Step { records, answers })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn differences_add_up_to_the_total_whatever_gets_lost(steps in vec(step(), 1..8)) {
        let config = RegistryConfig::new().with_self_metrics(false);
        let registry = MetricsRegistry::with_config(config);
        let whole: Family<_, Counter> = registry.family("whole_total", "").register().unwrap();
        let float: Family<_, FloatCounter> = registry.family("float_total", "").register().unwrap();
        let explicit = registry.family::<Histogram>("explicit", "").with_buckets(&[10.0, 1e6]).register().unwrap();
        // With so few buckets that the scale falls again and again.
        let few = ExponentialConfig::new().with_scale(8).with_bucket_limit(20);
        let exponential = registry.family::<Histogram>("exponential", "").with_exponential(few).register().unwrap();

        let start = SystemTime::now();
        let encoder = || OtlpEncoder::new(Resource::new("test"), start).with_max_points(3);
        let mut delta = encoder().with_temporality(TemporalityPreference::Delta);
        let mut received = Sums::default();
        let last = Step { records: Vec::new(), answers: vec![true] };
        let mut now = start;
        for step in steps.iter().chain([&last]) {
            for &(series, value) in &step.records {
                let labels = series.to_string();
                let labels = [("series", labels.as_str())];
                whole.get_or_create(&labels).inc_by(value.into());
                // Sums of these are exact.
                float.get_or_create(&labels).inc_by(f64::from(value) / 16.0);
                explicit.get_or_create(&labels).observe(f64::from(value) / 16.0);
                exponential.get_or_create(&labels).observe(f64::from(value >> (value % 32)) + 1.0);
            }
            now = now.max(SystemTime::now()) + std::time::Duration::from_secs(10);
            let requests = delta.encode(&registry, now).unwrap();
            for (request, has_arrived) in requests.into_iter().zip(step.answers.iter().cycle()) {
                if *has_arrived {
                    for single in singles(request.body()) {
                        received.add(&single);
                    }
                    request.acknowledge();
                }
            }
        }
        let mut total = Sums::default();
        let requests = encoder().encode(&registry, now).unwrap();
        requests.iter().flat_map(|request| singles(request.body())).for_each(|single| total.add(&single));
        prop_assert_eq!(received, total);
    }
}

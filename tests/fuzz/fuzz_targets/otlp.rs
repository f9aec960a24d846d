//! OTLP: what an independent decoder reads of the requests is what was collected; and of differences, what was added to
//! what was acknowledged, whatever a collector shows from one collection to the next.
#![no_main]

use std::sync::{Arc, Mutex, PoisonError};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_fuzz::foreign;
use nilometer_fuzz::program::Program;
use nilometer_otel::{ExportRequest, HistogramAggregation, OtlpEncoder, Resource, TemporalityPreference};
use nilometer_tests::otlp::{Model, Single, compare, singles};
use nilometer_tests::read_back::Kept;
use nilometer_tests::shown::time;

const START: u64 = 1 << 60;
const STEP: u64 = 10_000_000_000;

#[derive(Arbitrary, Debug)]
struct Input {
    prefers_exponential: bool,
    /// Bytes that a request may have.
    limit: u16,
    families: Vec<foreign::Family>,
    rounds: Vec<Round>,
    program: Program,
}

/// A collection whose points are requests of their own.
#[derive(Arbitrary, Debug)]
struct Round {
    change: Change,
    /// Which of them arrive.
    arrive: u8,
}

/// What becomes of what is shown.
#[derive(Arbitrary, Debug)]
enum Change {
    Grows(u16),
    IsHidden,
    Others(Vec<foreign::Family>),
}

/// Shows what it holds.
struct Changing(Arc<Mutex<Vec<foreign::Family>>>);

impl Collector for Changing {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let families = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        families.iter().try_for_each(|family| family.show(visitor))
    }
}

fn encoder(prefers_exponential: bool) -> OtlpEncoder {
    let aggregation =
        if prefers_exponential { HistogramAggregation::Exponential } else { HistogramAggregation::Explicit };
    OtlpEncoder::new(Resource::new("fuzz"), time(START)).with_histogram_aggregation(aggregation)
}

fn kept(registry: &MetricsRegistry) -> Kept {
    let mut kept = Kept::default();
    registry.collect(&mut kept).expect("a collection");
    kept
}

/// Encodes once; returns the requests, what was left out, and what was too large.
fn encode(encoder: &mut OtlpEncoder, registry: &MetricsRegistry, now: u64) -> (Vec<ExportRequest>, u64, u64) {
    let mut requests = Vec::new();
    let result = encoder.encode_each(registry, time(now), |request| {
        requests.push(request);
        Ok(())
    });
    let all = result.expect("a registry does not fail");
    (requests, all.left_out(), all.too_large())
}

fn read(requests: &[ExportRequest]) -> Vec<Single> {
    requests.iter().flat_map(|request| singles(request.body())).collect()
}

/// Totals, in one request and in small ones.
fn judge_totals(registry: &MetricsRegistry, input: &Input) {
    let now = START + STEP;
    let (expected, left_out) =
        Model::new(false, input.prefers_exponential, START).expected(&kept(registry), now);
    let (requests, left, too_large) = encode(&mut encoder(input.prefers_exponential), registry, now);
    compare(&read(&requests), &expected);
    assert_eq!((left, too_large), (left_out, 0));

    let limit = usize::from(input.limit);
    let mut small = encoder(input.prefers_exponential).with_max_body(limit);
    let (requests, left, too_large) = encode(&mut small, registry, now);
    assert!(requests.iter().all(|request| request.body().len() <= limit));
    let read = read(&requests);
    assert_eq!((left, read.len() + usize::try_from(too_large).expect("few")), (left_out, expected.len()));
    if too_large == 0 {
        compare(&read, &expected);
    }
}

fn judge_differences(input: &Input) {
    let config = RegistryConfig::new().with_self_metrics(false).with_utf8_names(true);
    let registry = MetricsRegistry::with_config(config.with_collector_time_limit(None));
    let shown = Arc::new(Mutex::new(Vec::new()));
    registry.register_collector("changing", Changing(Arc::clone(&shown))).expect("the first");
    let mut delta =
        encoder(input.prefers_exponential).with_temporality(TemporalityPreference::Delta).with_max_points(1);
    let mut families: Vec<_> = input.families.iter().take(4).cloned().collect();
    let mut model = Model::new(true, input.prefers_exponential, START);
    for (round, now) in input.rounds.iter().take(8).zip((1..).map(|index| START + index * STEP)) {
        let mut visible = Vec::new();
        match &round.change {
            Change::Grows(by) => families.iter_mut().for_each(|family| family.grow(*by)),
            Change::Others(others) => families = others.iter().take(4).cloned().collect(),
            Change::IsHidden => {}
        }
        if !matches!(round.change, Change::IsHidden) {
            visible.clone_from(&families);
        }
        *shown.lock().unwrap_or_else(PoisonError::into_inner) = visible;
        let (expected, left_out) = model.expected(&kept(&registry), now);
        let (requests, left, _) = encode(&mut delta, &registry, now);
        compare(&read(&requests), &expected);
        assert_eq!(left, left_out);
        let has_arrived = |request: usize| round.arrive >> (request % 8) & 1 == 1;
        for (_, request) in requests.into_iter().enumerate().filter(|(index, _)| has_arrived(*index)) {
            request.acknowledge();
        }
        model.acknowledge(has_arrived);
    }
}

fuzz_target!(|input: Input| {
    if let Some(ran) = input.program.run() {
        judge_totals(&ran.registry, &input);
    }
    judge_differences(&input);
});

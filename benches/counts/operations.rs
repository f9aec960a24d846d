//! The operations, and how many instructions each may take.

use std::cell::{Cell, RefCell};
use std::hint::black_box;

use nilometer_benches::{Answer, Random, ask, opaque, server_layer};
use nilometer_core::{
    Counter, CounterFamily, ExponentialConfig, FloatCounterFamily, GaugeFamily, GaugeHistogramFamily,
    Histogram, HistogramFamily, LabelSet, MaxGaugeFamily, MetricsRegistry, SummaryFamily, buckets,
};
use nilometer_macros::{LabelValue, TypedLabels};
use nilometer_prometheus::{Exposition, Format, PrometheusRenderer};
use tower_layer::Layer as _;

/// How many series lookups are spread over, and how many are on the page.
const SERIES: usize = 1000;

/// More bounds than a linear search would be good for.
const MANY_BOUNDS: [f64; 200] = buckets::linear(0.1, 0.1);

/// One operation.
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    /// The most instructions that it may take: about a fifth above what it took when this was set.
    pub(crate) bound: f64,
    /// How often it is run.
    pub(crate) times: u32,
    /// How many units are in one run; the count is per unit.
    pub(crate) worth: f64,
    pub(crate) run: fn(usize),
}

const fn operation(name: &'static str, bound: f64, run: fn(usize)) -> Operation {
    Operation { name, bound, times: 100_000, worth: 1.0, run }
}

pub(crate) const OPERATIONS: [Operation; 19] = [
    operation("instructions/loop", 5.0, |times| repeat(times, |_| ())),
    operation("instructions/plain_add", 6.0, plain_add),
    operation("instructions/counter/inc", 18.0, counter),
    operation("instructions/float_counter/inc", 22.0, float_counter),
    operation("instructions/gauge/set", 10.0, gauge),
    operation("instructions/max_gauge/observe", 27.0, max_gauge),
    operation("instructions/histogram/bounds=11", 64.0, |times| histogram(times, &buckets::LATENCY_SECONDS)),
    operation("instructions/histogram/bounds=200", 133.0, |times| histogram(times, &MANY_BOUNDS)),
    operation("instructions/histogram/exponential", 100.0, exponential),
    operation("instructions/gauge_histogram/both", 80.0, gauge_histogram),
    operation("instructions/summary/observe", 66.0, summary),
    // What is inlined into them depends on the rest of the crate: the one takes 337 where it takes 274 otherwise.
    operation("instructions/lookup/declared", 404.0, |times| {
        lookup(times, |family, [method, path, status]| {
            family.with(&[("method", method), ("path", path), ("status", status)], Counter::inc);
        });
    }),
    operation("instructions/lookup/any_order", 404.0, |times| {
        lookup(times, |family, [method, path, status]| {
            family.with(&[("status", status), ("method", method), ("path", path)], Counter::inc);
        });
    }),
    operation("instructions/enums/inc", 39.0, enums),
    // A request and its response, and the same with the layer for servers around the service.
    operation("instructions/http/bare", 361.0, |times| {
        repeat(times, |_| ask(&mut Answer));
    }),
    operation("instructions/http/measured", 3160.0, measured),
    // Per series.
    Operation {
        name: "instructions/encode/series=1000",
        bound: 520.0,
        times: 100,
        worth: 1000.0,
        run: encode,
    },
    Operation {
        name: "instructions/encode/open_metrics",
        bound: 520.0,
        times: 100,
        worth: 1000.0,
        run: |times| encode_as(times, Format::OpenMetrics),
    },
    Operation {
        name: "instructions/encode/protobuf",
        bound: 1580.0,
        times: 100,
        worth: 1000.0,
        run: |times| encode_as(times, Format::Protobuf),
    },
];

#[inline(never)]
fn repeat(times: usize, operation: impl Fn(usize)) {
    for turn in 0..times {
        // Anew each time: what the compiler would work out once, before the loop, is work to whoever records here and
        // there.
        opaque(&operation)(turn);
    }
}

fn plain_add(times: usize) {
    thread_local! {
        static PLAIN: Cell<u64> = const { Cell::new(0) };
    }
    repeat(times, |_| PLAIN.set(PLAIN.get().wrapping_add(1)));
}

fn counter(times: usize) {
    let counter = CounterFamily::new("bench_total", "A counter.").default();
    repeat(times, |_| counter.inc());
}

fn gauge(times: usize) {
    let gauge = GaugeFamily::new("bench_ratio", "A gauge.").default();
    repeat(times, |_| gauge.set(black_box(1.5)));
}

fn float_counter(times: usize) {
    let counter = FloatCounterFamily::new("bench_seconds_total", "A counter.").default();
    repeat(times, |_| counter.inc_by(black_box(0.5)));
}

/// All but the first of a few values that come again and again change nothing.
fn max_gauge(times: usize) {
    let gauge = MaxGaugeFamily::new("bench_max", "A gauge.").default();
    repeat(times, |turn| gauge.observe(if turn % 2 == 0 { 1.5 } else { 0.5 }));
}

fn histogram(times: usize, bounds: &[f64]) {
    let values = values();
    let histogram = HistogramFamily::new("bench_seconds", "A histogram.", bounds).default();
    repeat(times, |turn| histogram.observe(values[turn % values.len()]));
}

fn exponential(times: usize) {
    let values = values().map(|value| value + 0.001);
    let config = ExponentialConfig::new();
    let histogram = Histogram::try_exponential("bench_seconds", "A histogram.", LabelSet::empty(), config);
    let histogram = histogram.expect("the defaults are right");
    repeat(times, |turn| histogram.observe(values[turn % values.len()]));
}

/// What is put in by one turn is taken out by the next.
fn gauge_histogram(times: usize) {
    let values = values();
    let family = GaugeHistogramFamily::new("bench_seconds", "A gauge histogram.", &buckets::LATENCY_SECONDS);
    let histogram = family.default();
    repeat(times, |turn| {
        let value = values[turn / 2 % values.len()];
        if turn % 2 == 0 { histogram.add(value) } else { histogram.sub(value) }
    });
}

/// Values as of a histogram, over about ten octaves.
fn summary(times: usize) {
    let values = values().map(|value| value + 0.001);
    let summary = SummaryFamily::new("bench_seconds", "A summary.").default();
    repeat(times, |turn| summary.observe(values[turn % values.len()]));
}

fn values() -> [f64; 1024] {
    let mut random = Random::new();
    std::array::from_fn(|_| f64::from(random.below(12_000)) / 1000.0)
}

/// A family of as many counters as `paths` has places for.
fn family(registry: &MetricsRegistry) -> (CounterFamily, Vec<String>) {
    let paths: Vec<String> = (0..SERIES).map(|index| format!("/api/v1/resource/{index}")).collect();
    let names = ["method", "path", "status"];
    let family = registry.family::<Counter>("bench_total", "A counter.").with_labels(&names).register();
    let family = family.expect("the name is free");
    for path in &paths {
        family.with(&[("method", "GET"), ("path", path), ("status", "200")], Counter::inc);
    }
    (family, paths)
}

/// Names are written in `with`, as in a program; values come from elsewhere.
fn lookup(times: usize, with: impl Fn(&CounterFamily, [&str; 3])) {
    let (family, paths) = family(&MetricsRegistry::new());
    repeat(times, |turn| with(&family, *opaque(&["GET", &*paths[turn % SERIES], "200"])));
}

#[derive(Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core")]
enum Method {
    Get,
    Post,
    Put,
    Delete,
}

#[derive(Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core")]
enum Outcome {
    Ok,
    Failed,
}

#[derive(TypedLabels)]
#[label(crate = "nilometer_core")]
struct Labels {
    method: Method,
    outcome: Outcome,
}

fn enums(times: usize) {
    const METHODS: [Method; 4] = [Method::Get, Method::Post, Method::Put, Method::Delete];
    const OUTCOMES: [Outcome; 2] = [Outcome::Ok, Outcome::Failed];
    let registry = MetricsRegistry::new();
    let family = registry.family::<Counter>("bench_total", "A counter.").typed::<Labels>().register();
    let family = family.expect("the name is free");
    repeat(times, |turn| {
        let (method, outcome) = (METHODS[turn % 4], OUTCOMES[turn / 4 % 2]);
        family.with(&Labels { method, outcome }, Counter::inc);
    });
}

fn measured(times: usize) {
    let service = server_layer().expect("the names are free").layer(Answer);
    let service = RefCell::new(service);
    repeat(times, |_| ask(&mut *service.borrow_mut()));
}

fn encode(times: usize) {
    let registry = MetricsRegistry::new();
    let _family = family(&registry);
    repeat(times, |_| drop(black_box(PrometheusRenderer::render_all(&registry))));
}

fn encode_as(times: usize, format: Format) {
    let registry = MetricsRegistry::new();
    let _family = family(&registry);
    repeat(times, |_| drop(black_box(PrometheusRenderer::render_as(&registry, Exposition::new(format)))));
}

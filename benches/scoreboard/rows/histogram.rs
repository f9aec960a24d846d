//! One histogram of 11 bounds, through a handle.

use std::sync::Arc;

use fast_telemetry::Histogram as ShardedHistogram;
use fastmetrics::metrics::gauge_histogram::HistogramSnapshot;
use fastmetrics::metrics::histogram::Histogram as FastHistogram;
use measured::metric::histogram::Thresholds;
use metrics::{Key, Recorder as _};
use nilometer_benches::Random;
use nilometer_core::{HistogramFamily, buckets};
use prometheus_client::encoding::text;
use prometheus_client::metrics::histogram::Histogram as ClientHistogram;
use prometheus_client::registry::Registry as ClientRegistry;

use super::counter::METADATA;
use crate::contest::{Contestant, page_total};
use crate::otel::OpenTelemetry;
use crate::rows::shards;

/// The bounds of everybody, in seconds.
pub(crate) const BOUNDS: [f64; 11] = buckets::LATENCY_SECONDS;

/// The same in thousandths, for those who take whole numbers alone.
pub(crate) const WHOLE_BOUNDS: [u64; 11] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

/// How many values there are, a power of two.
const VALUES: usize = 1024;

/// Thousandths that fall into every bucket about as often, in an order that branch prediction does not learn.
pub(super) fn values() -> [u64; VALUES] {
    let mut random = Random::new();
    std::array::from_fn(|_| {
        let bucket = random.below(WHOLE_BOUNDS.len() as u32 + 1) as usize;
        let lower = bucket.checked_sub(1).map_or(0, |below| WHOLE_BOUNDS[below]);
        let upper = WHOLE_BOUNDS.get(bucket).copied().unwrap_or(20_000);
        lower + 1 + u64::from(random.below((upper - lower) as u32))
    })
}

pub(super) fn place(turn: u64) -> usize {
    turn as usize % VALUES
}

/// A rival that observes seconds.
fn observing(name: &'static str, observe: impl Fn(f64) + Send + Sync + 'static) -> Contestant {
    let values = values().map(|value| value as f64 / 1000.0);
    Contestant::rival(name, move |turn| observe(values[place(turn)]))
}

pub(super) fn contestants() -> Vec<Contestant> {
    let mut all = vec![nilometer(), fast_telemetry(), fastmetrics(), prometheus(), prometheus_client()];
    all.extend([measured(), opentelemetry(), metrics()]);
    all.extend(super::counter::baselines());
    all
}

fn nilometer() -> Contestant {
    let histogram = HistogramFamily::new("bench_seconds", "A histogram.", &BOUNDS).default();
    let held = histogram.clone();
    let values = values().map(|value| value as f64 / 1000.0);
    Contestant::ours(move |turn| histogram.observe(values[place(turn)]))
        .counting(move || held.snapshot().count())
}

fn fast_telemetry() -> Contestant {
    let histogram = Arc::new(ShardedHistogram::new(&WHOLE_BOUNDS, shards()));
    let held = Arc::clone(&histogram);
    let values = values();
    Contestant::rival("fast-telemetry", move |turn| histogram.record(values[place(turn)]))
        .counting(move || held.count())
}

fn fastmetrics() -> Contestant {
    let histogram = FastHistogram::new(BOUNDS);
    let held = histogram.clone();
    observing("fastmetrics", move |value| histogram.observe(value))
        .counting(move || held.with_snapshot(HistogramSnapshot::count))
}

fn prometheus() -> Contestant {
    let options = prometheus::HistogramOpts::new("bench_seconds", "A histogram.").buckets(BOUNDS.to_vec());
    let histogram = prometheus::Histogram::with_opts(options).expect("the options are right");
    let held = histogram.clone();
    observing("prometheus", move |value| histogram.observe(value)).counting(move || held.get_sample_count())
}

fn prometheus_client() -> Contestant {
    let histogram = ClientHistogram::new(BOUNDS);
    let held = histogram.clone();
    let total = move || {
        let mut registry = ClientRegistry::default();
        registry.register("bench_seconds", "A histogram", held.clone());
        let mut page = String::new();
        text::encode(&mut page, &registry).expect("writing to a string does not fail");
        page_total(&page, "bench_seconds_count")
    };
    observing("prometheus-client", move |value| histogram.observe(value)).counting(total)
}

fn measured() -> Contestant {
    let histogram = Arc::new(measured::Histogram::with_metadata(Thresholds::with_buckets(BOUNDS)));
    let held = Arc::clone(&histogram);
    observing("measured", move |value| histogram.observe(value))
        .counting(move || super::measured_histogram_count(&*held))
}

fn opentelemetry() -> Contestant {
    let opentelemetry = OpenTelemetry::new();
    let histogram =
        opentelemetry.meter().f64_histogram("bench_seconds").with_boundaries(BOUNDS.to_vec()).build();
    observing("opentelemetry", move |value| histogram.record(value, &[]))
        .counting(move || opentelemetry.total())
}

fn metrics() -> Contestant {
    let builder = metrics_exporter_prometheus::PrometheusBuilder::new();
    let recorder = builder.set_buckets(&BOUNDS).expect("there are bounds").build_recorder();
    let histogram = recorder.register_histogram(&Key::from_static_name("bench_seconds"), &METADATA);
    let handle = recorder.handle();
    let total = {
        let handle = handle.clone();
        move || page_total(&handle.render(), "bench_seconds_count")
    };
    // It keeps every observation until somebody asks: asking is not what is measured, and memory is finite.
    observing("metrics", move |value| histogram.record(value))
        .settling(move || handle.run_upkeep())
        .counting(total)
}

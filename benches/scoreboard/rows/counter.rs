//! One counter, through a handle.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Key, Level, Metadata, Recorder as _};
use metriken::ShardedCounterGroup;
use nilometer_benches::opaque;
use nilometer_core::CounterFamily;

use crate::contest::{Contestant, page_total};
use crate::otel::OpenTelemetry;
use crate::rows::shards;

pub(crate) const METADATA: Metadata<'static> = Metadata::new("scoreboard", Level::INFO, None);

thread_local! {
    static PLAIN: Cell<u64> = const { Cell::new(0) };
}

/// A read and a write of memory, which cannot be left out or put together with the next one.
fn add_one(cell: &Cell<u64>) {
    let cell = opaque(cell);
    cell.set(cell.get().wrapping_add(1));
}

/// The cheapest that counting can be, and the cheapest that threads can share.
pub(super) fn baselines() -> [Contestant; 2] {
    let atomic = AtomicU64::new(0);
    [
        Contestant::baseline("plain_add", |_| PLAIN.with(add_one)),
        Contestant::baseline("atomic_add", move |_| {
            atomic.fetch_add(1, Ordering::Relaxed);
        }),
    ]
}

pub(super) fn contestants() -> Vec<Contestant> {
    let mut all = vec![nilometer(), fastmetrics(), prometheus(), prometheus_client(), fast_telemetry()];
    all.extend([measured(), metriken(), metrics(), opentelemetry()]);
    all.extend(baselines());
    all
}

fn nilometer() -> Contestant {
    let counter = CounterFamily::new("bench_total", "A counter.").default();
    let held = counter.clone();
    Contestant::ours(move |_| counter.inc()).counting(move || held.get())
}

fn fastmetrics() -> Contestant {
    let counter = <fastmetrics::metrics::counter::Counter>::default();
    let held = counter.clone();
    Contestant::rival("fastmetrics", move |_| counter.inc()).counting(move || held.total())
}

fn prometheus() -> Contestant {
    let counter = prometheus::IntCounter::new("bench_total", "A counter.").expect("the name is a name");
    let held = counter.clone();
    Contestant::rival("prometheus", move |_| counter.inc()).counting(move || held.get())
}

fn prometheus_client() -> Contestant {
    let counter = <prometheus_client::metrics::counter::Counter>::default();
    let held = counter.clone();
    let increment = move |_| {
        counter.inc();
    };
    Contestant::rival("prometheus-client", increment).counting(move || held.get())
}

fn fast_telemetry() -> Contestant {
    let counter = Arc::new(fast_telemetry::Counter::new(shards()));
    let held = Arc::clone(&counter);
    Contestant::rival("fast-telemetry", move |_| counter.inc())
        .counting(move || held.sum().unsigned_abs() as u64)
}

fn measured() -> Contestant {
    let counter = Arc::new(measured::Counter::new());
    let held = Arc::clone(&counter);
    Contestant::rival("measured", move |_| counter.inc()).counting(move || super::measured_total(&*held))
}

fn metriken() -> Contestant {
    let counters = Arc::new(ShardedCounterGroup::new(1));
    let held = Arc::clone(&counters);
    let increment = move |_| {
        counters.increment(0);
    };
    Contestant::rival("metriken", increment).counting(move || held.value(0).unwrap_or(0))
}

fn metrics() -> Contestant {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let counter = recorder.register_counter(&Key::from_static_name("bench_total"), &METADATA);
    let total = move || page_total(&recorder.handle().render(), "bench_total");
    Contestant::rival("metrics", move |_| counter.increment(1)).counting(total)
}

fn opentelemetry() -> Contestant {
    let opentelemetry = OpenTelemetry::new();
    let counter = opentelemetry.meter().u64_counter("bench_total").build();
    Contestant::rival("opentelemetry", move |_| counter.add(1, &[])).counting(move || opentelemetry.total())
}

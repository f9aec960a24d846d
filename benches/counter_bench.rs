//! Counters and gauges, beside an atomic and a plain add.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use nilometer_benches::bench;
use nilometer_core::{CounterFamily, GaugeFamily};

thread_local! {
    static PLAIN: Cell<u64> = const { Cell::new(0) };
}

fn counters(criterion: &mut Criterion) {
    let atomic = AtomicU64::new(0);
    bench(criterion, "counter/plain_add", |_| PLAIN.set(black_box(PLAIN.get()).wrapping_add(1)));
    bench(criterion, "counter/atomic_add", |_| atomic.fetch_add(1, Ordering::Relaxed));
    let counter = CounterFamily::new("bench_total", "A counter.").default();
    bench(criterion, "counter/inc", |_| counter.inc());
    bench(criterion, "counter/inc_by", |turn| counter.inc_by(turn & 7));
}

fn gauges(criterion: &mut Criterion) {
    let atomic = AtomicU64::new(0);
    bench(criterion, "gauge/atomic_store", |turn| atomic.store(turn, Ordering::Relaxed));
    let gauge = GaugeFamily::new("bench", "A gauge.").default();
    bench(criterion, "gauge/set", |_| gauge.set(black_box(1.5)));
    bench(criterion, "gauge/add", |_| gauge.add(black_box(1.5)));
    bench(criterion, "gauge/track_in_flight", |_| drop(gauge.track_in_flight()));
}

criterion_group!(benches, counters, gauges);
criterion_main!(benches);

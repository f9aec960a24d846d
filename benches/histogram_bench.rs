//! Histograms with explicit bounds, beside the atomics that the simplest one is made of.

use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use nilometer_benches::{Random, bench};
use nilometer_core::{HistogramFamily, buckets};

/// More bounds than most histograms have.
const MANY_BOUNDS: [f64; 100] = buckets::linear(0.1, 0.1);

/// Values that fall all over the buckets, in an order that branch prediction does not learn.
fn values() -> Vec<f64> {
    let mut random = Random::new();
    (0..1024).map(|_| f64::from(random.below(12_000)) / 1000.0).collect()
}

fn histograms(criterion: &mut Criterion) {
    let values = values();
    let value = |turn: u64| values[usize::try_from(turn % 1024).unwrap_or(0)];

    // A linear search, one add for the bucket, and a compare-and-swap loop for the sum.
    let cells: Vec<AtomicU64> = (0..=buckets::LATENCY_SECONDS.len()).map(|_| AtomicU64::new(0)).collect();
    let sum = AtomicU64::new(0);
    bench(criterion, "histogram/atomic_observe/11_bounds", |turn| {
        let value = value(turn);
        let bucket = buckets::LATENCY_SECONDS.iter().position(|&bound| value <= bound);
        cells[bucket.unwrap_or(cells.len() - 1)].fetch_add(1, Ordering::Relaxed);
        let add = |bits| Some((f64::from_bits(bits) + value).to_bits());
        sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    });

    for (bounds, name) in [(&buckets::LATENCY_SECONDS[..], "11_bounds"), (&MANY_BOUNDS[..], "100_bounds")] {
        let histogram = HistogramFamily::new("bench_seconds", "A histogram.", bounds).default();
        bench(criterion, &format!("histogram/observe/{name}"), |turn| histogram.observe(value(turn)));
    }
    let histogram =
        HistogramFamily::new("bench_seconds", "A histogram.", &buckets::LATENCY_SECONDS).default();
    bench(criterion, "histogram/timer/11_bounds", |_| drop(histogram.start_timer()));
}

criterion_group!(benches, histograms);
criterion_main!(benches);

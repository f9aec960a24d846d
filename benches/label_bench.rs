//! Looking a series up by its labels and counting on it, beside the same add without a lookup.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};
use nilometer_benches::bench;
use nilometer_core::{Counter, CounterFamily, LabelSet};

/// How many series the lookups are spread over.
const SERIES: usize = 1000;

fn lookups(criterion: &mut Criterion) {
    let paths: Vec<String> = (0..SERIES).map(|index| format!("/api/v1/resource/{index}")).collect();
    let path = |turn: u64| paths[usize::try_from(turn).unwrap_or(0) % SERIES].as_str();

    let atomic = AtomicU64::new(0);
    bench(criterion, "label/atomic_add/0_labels", |_| atomic.fetch_add(1, Ordering::Relaxed));

    // What a map of the standard library takes to find one string: a lower bound for any lookup by three.
    let map: HashMap<&str, AtomicU64> = paths.iter().map(|path| (path.as_str(), AtomicU64::new(0))).collect();
    bench(criterion, "label/std_map_add/1_label", |turn| map[path(turn)].fetch_add(1, Ordering::Relaxed));

    let family = CounterFamily::new("bench_total", "A counter.");
    let labels = |turn| [("method", "GET"), ("path", path(turn)), ("status", "200")];
    bench(criterion, "label/with_inc/3_labels", |turn| family.with(&labels(turn), Counter::inc));
    bench(criterion, "label/get_or_create_inc/3_labels", |turn| family.get_or_create(&labels(turn)).inc());
    bench(criterion, "label/label_set/3_labels", |turn| LabelSet::from_pairs(&labels(turn)));
}

criterion_group!(benches, lookups);
criterion_main!(benches);

//! What it takes to know which series have ended. The file has one test: what others allocate would be counted with it.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::time::Duration;

use nilometer::{LabelSet, MetricsRegistry};
use nilometer_prometheus::push::{Pusher, RemoteWrite, RemoteWriteConfig};
use nilometer_tests::heap::{CountingAllocator, Measured};
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::push::{endpoint, value};
use nilometer_tests::receiver::{Reaction, Receiver};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const LONG: Duration = Duration::from_secs(30);

/// Starts a pusher, and waits until it has collected twice and delivered all.
fn start(registry: &MetricsRegistry, receiver: &Receiver, markers: bool) -> Pusher {
    let labels = LabelSet::try_from_pairs(&[("job", "shop"), ("instance", "eu-1")]).unwrap();
    let config = RemoteWriteConfig::new(endpoint(receiver))
        .with_interval(Duration::from_hours(1))
        .with_own_metrics(false)
        .with_labels(labels)
        .with_staleness_markers(markers);
    let pusher = RemoteWrite::new(registry.clone(), config).start().unwrap();
    pusher.flush_blocking(LONG).unwrap();
    wait_for("the collection of the start", || {
        let complete = value(pusher.metrics(), "nilometer_push_collections_total", &[("result", "complete")]);
        (complete >= 2.0).then_some(())
    });
    pusher.flush_blocking(LONG).unwrap();
    pusher
}

/// What a pusher holds more where it tells of ends.
fn cost(registry: &MetricsRegistry) -> usize {
    let receiver = Receiver::start(|_, _| Reaction::written());
    // What is allocated once, by whichever is the first. None of them ends while another one is measured.
    let _first = start(registry, &receiver, true);
    let [(without, _without), (with, _with)] = [false, true].map(|markers| {
        let measured = Measured::start();
        let pusher = start(registry, &receiver, markers);
        (measured.held(), pusher)
    });
    with - without
}

#[test]
fn a_series_costs_what_the_documentation_says() {
    const COUNT: usize = 3000;
    let ids: Vec<String> = (0..COUNT).map(|id| format!("{id:010}")).collect();

    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    for id in &ids {
        jobs.get_or_create(&[("id", id), ("queue", "mail"), ("region", "north")]).inc();
    }
    let counter = cost(&registry) / COUNT;

    let registry = MetricsRegistry::new();
    let bounds: Vec<f64> = (1..=11).map(f64::from).collect();
    let waits = registry.register_histogram("wait_seconds", "Waits.", &bounds).unwrap();
    for id in &ids {
        waits.get_or_create(&[("id", id), ("queue", "mail"), ("region", "north")]).observe(0.5);
    }
    let histogram = cost(&registry) / COUNT;
    assert!((60..100).contains(&counter), "{counter} bytes");
    assert!((14 * 35..14 * 60).contains(&histogram), "{histogram} bytes");
}

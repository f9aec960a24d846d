//! What the recorder of the facade `metrics` allocates and keeps. One test: it counts what the whole process has on the heap.

use metrics::{Key, Label, Level, Metadata, Recorder as _};
use nilometer::facade::FacadeRecorder;
use nilometer::{MetricsRegistry, RegistryConfig};
use nilometer_tests::heap::{CountingAllocator, Measured};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

static METADATA: Metadata<'static> = Metadata::new("library", Level::INFO, None);

#[test]
fn a_handle_that_was_asked_for_before_costs_no_allocation_and_keys_past_the_limit_are_not_kept() {
    const ROUNDS: usize = 1_000;
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(100));
    let recorder = FacadeRecorder::try_new(&registry).unwrap();
    let labels = [("http.method", "GET"), ("route", "/orders"), ("status", "200")];
    let key = |name: &str| Key::from_parts(name.to_owned(), &labels);
    let (hits, level, wait) = (key("hits"), key("level"), key("wait_seconds"));
    let record = || {
        recorder.register_counter(&hits, &METADATA).increment(1);
        recorder.register_gauge(&level, &METADATA).increment(1.0);
        recorder.register_histogram(&wait, &METADATA).record(0.2);
    };
    record();
    let measured = Measured::start();
    for _ in 0..ROUNDS {
        record();
    }
    assert_eq!(measured.allocations(), 0);

    // Labels that are different each time, as an attacker has them: what is kept is the family's limit.
    let attack = |from: usize, to: usize| {
        for id in from..to {
            let key = Key::from_parts("users", vec![Label::new("id", id.to_string())]);
            recorder.register_counter(&key, &METADATA).increment(1);
        }
    };
    attack(0, 1_000);
    let measured = Measured::start();
    attack(1_000, 20_000);
    assert!(measured.held() < 4_096, "{} bytes", measured.held());
    // 100 series of its own, and the overflow series.
    assert_eq!(registry.register_counter("users", "").unwrap().series().count(), 101);
}

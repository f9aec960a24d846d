//! What recording through the meter provider allocates. One test: it counts what the whole process has on the heap.

use nilometer::MetricsRegistry;
use nilometer::otel::RegistryMeterProvider;
use nilometer_tests::heap::{CountingAllocator, Measured};
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn recording_into_a_series_that_is_there_allocates_nothing() {
    const ROUNDS: usize = 1_000;
    let registry = MetricsRegistry::new();
    let meter = RegistryMeterProvider::try_new(&registry).unwrap().meter("lib");
    let counter = meter.u64_counter("hits").build();
    let duration = meter.f64_histogram("duration").with_unit("s").build();
    let level = meter.f64_up_down_counter("level").build();
    // Keys that are not classic, values that are not strings.
    let attributes = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new("retried", false),
        KeyValue::new("share", 0.25),
    ];
    let joined = [KeyValue::new("a.b", "1"), KeyValue::new("a_b", "2")];
    let record = |attributes: &[KeyValue]| {
        counter.add(1, attributes);
        duration.record(0.2, attributes);
        level.add(-0.5, attributes);
    };
    record(&attributes);
    record(&joined);
    let measured = Measured::start();
    for _ in 0..ROUNDS {
        record(&attributes);
    }
    assert_eq!(measured.allocations(), 0);

    // Where two attributes become one label, it takes a few allocations, and keeps none.
    let measured = Measured::start();
    for _ in 0..ROUNDS {
        record(&joined);
    }
    let each = measured.allocations() / ROUNDS;
    assert!((1..=60).contains(&each), "{each} allocations");
    assert_eq!(measured.held(), 0);

    // Nor does an instrument that is made for each request, as long as it has no callback.
    let make = || {
        meter.u64_counter("hits").build().add(1, &attributes);
        meter.u64_observable_gauge("size").build();
    };
    make();
    let measured = Measured::start();
    for _ in 0..ROUNDS {
        make();
    }
    assert_eq!(measured.held(), 0);
}

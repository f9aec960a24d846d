//! What an encoder of differences keeps, and what a request takes while it is written. One test: it counts what the
//! whole process has on the heap.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a test; the numbers are small")]

use std::time::{Duration, SystemTime};

use nilometer_core::{Counter, Histogram, MetricsRegistry, RegistryConfig, buckets};
use nilometer_otel::{OtlpEncoder, Resource, TemporalityPreference};
use nilometer_tests::heap::{CountingAllocator, Measured};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const SERIES: usize = 20_000;

fn registry() -> MetricsRegistry {
    let config = RegistryConfig::new().with_series_limit(SERIES + 1).with_self_metrics(false);
    MetricsRegistry::with_config(config)
}

fn names() -> impl Iterator<Item = String> {
    (0..SERIES).map(|index| format!("/api/v1/resource/{index}"))
}

/// Collects once, and acknowledges everything; returns the peak and the allocations.
fn export(encoder: &mut OtlpEncoder, registry: &MetricsRegistry, now: SystemTime) -> (usize, usize) {
    let measured = Measured::start();
    let result = encoder.encode_each(registry, now, |request| {
        request.acknowledge();
        Ok(())
    });
    assert_eq!(result.unwrap().points(), SERIES as u64);
    (measured.peak(), measured.allocations())
}

/// What an encoder keeps of each series, in bytes, by the peak of an export before which it kept nothing.
fn kept_of(registry: &MetricsRegistry) -> f64 {
    let start = SystemTime::now();
    let at = |round: u32| start + Duration::from_secs(10) * round;
    let encoder = || OtlpEncoder::new(Resource::new("test"), start).with_max_points(100);
    let mut cumulative = encoder();
    export(&mut cumulative, registry, at(1));
    let (plain, _) = export(&mut cumulative, registry, at(2));

    let mut delta = encoder().with_temporality(TemporalityPreference::Delta);
    let measured = Measured::start();
    export(&mut delta, registry, at(1));
    let held = measured.held();
    export(&mut delta, registry, at(2));
    let (again, _) = export(&mut delta, registry, at(3));
    assert!(
        again < plain + 64 * 1024,
        "{again} bytes more than what is kept, {plain} of a cumulative export"
    );
    assert!(measured.held() <= held + 64 * 1024, "what is kept does not grow");
    drop(delta);
    held as f64 / SERIES as f64
}

#[test]
fn what_is_kept_and_what_is_written_are_bounded() {
    let counters = registry();
    let family = counters.family::<Counter>("bench_total", "").with_labels(&["path"]).register().unwrap();
    names().for_each(|name| family.with(&[("path", name.as_str())], Counter::inc));
    let histograms = registry();
    let family = histograms.family::<Histogram>("bench_seconds", "").with_labels(&["path"]);
    let family = family.with_buckets(&buckets::LATENCY_SECONDS).register().unwrap();
    names().for_each(|name| family.with(&[("path", name.as_str())], |histogram| histogram.observe(0.2)));

    // A request is in memory once, and the one before no longer.
    let start = SystemTime::now();
    let mut cumulative = OtlpEncoder::new(Resource::new("test"), start).with_max_body(100_000);
    export(&mut cumulative, &counters, start + Duration::from_secs(10));
    let (peak, allocations) = export(&mut cumulative, &counters, start + Duration::from_secs(20));
    assert!(peak < 3 * 100_000 + 64 * 1024, "{peak} bytes");
    assert!(allocations < SERIES / 50, "{allocations} allocations");

    // 73 bytes in a table that is between 7/16 and 7/8 full.
    let of_counter = kept_of(&counters);
    assert!((83.0..=167.0).contains(&of_counter), "{of_counter} bytes");
    let of_histogram = kept_of(&histograms);
    let more = of_histogram - of_counter;
    assert!((231.0..=233.0).contains(&more), "{more} bytes more for a histogram of 12 buckets");

    // What is gone is given back, though one series of the family is still there.
    let few = registry();
    let family = few.family::<Counter>("bench_total", "").with_labels(&["path"]).register().unwrap();
    names().take(1).for_each(|name| family.with(&[("path", name.as_str())], Counter::inc));
    let mut delta = OtlpEncoder::new(Resource::new("test"), start)
        .with_temporality(TemporalityPreference::Delta)
        .with_patience(1);
    let measured = Measured::start();
    let mut now = start;
    for collector in [&counters, &few, &few, &few] {
        now += Duration::from_secs(10);
        let result = delta.encode_each(collector, now, |request| {
            request.acknowledge();
            Ok(())
        });
        result.unwrap();
    }
    assert_eq!(delta.kept_series(), 1);
    assert!(measured.held() < 64 * 1024, "{} bytes are still there", measured.held());
}

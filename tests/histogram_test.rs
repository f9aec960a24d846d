//! Histograms with explicit bounds: where an observation counts, and what is read of it.

use std::time::Duration;

use nilometer_core::{Histogram, HistogramFamily, Labels, MetricsRegistry, buckets};
use nilometer_tests::page::Series;
use nilometer_tests::scrape;

const BOUNDS: [f64; 3] = [-1.0, 0.0, 2.5];

fn histogram() -> Histogram {
    HistogramFamily::new("h", "H.", &BOUNDS).default()
}

fn counts(histogram: &Histogram) -> Vec<u64> {
    histogram.snapshot().buckets().map(|(_, count)| count).collect()
}

fn sum(histogram: &Histogram) -> u64 {
    histogram.snapshot().sum().to_bits()
}

#[test]
fn an_observation_counts_in_the_first_bucket_whose_bound_is_not_below_it() {
    let table = [
        (-2.0, [1, 1, 1, 1]),
        (-1.0, [1, 1, 1, 1]),
        (-0.999, [0, 1, 1, 1]),
        (-0.0, [0, 1, 1, 1]),
        (0.0, [0, 1, 1, 1]),
        (f64::MIN_POSITIVE, [0, 0, 1, 1]),
        (2.5, [0, 0, 1, 1]),
        (2.500_000_1, [0, 0, 0, 1]),
        (f64::MAX, [0, 0, 0, 1]),
        (f64::MIN, [1, 1, 1, 1]),
    ];
    for (value, expected) in table {
        let histogram = histogram();
        histogram.observe(value);
        assert_eq!(counts(&histogram), expected, "{value}");
        assert_eq!(sum(&histogram), (value + 0.0).to_bits(), "{value}");
    }
}

#[test]
fn buckets_are_cumulative_and_the_last_one_is_the_count() {
    let histogram = histogram();
    for value in [-5.0, -0.5, 0.0, 1.0, 1.0, 100.0] {
        histogram.observe(value);
    }
    let snapshot = histogram.snapshot();
    let buckets: Vec<_> = snapshot.buckets().collect();
    assert_eq!(buckets, [(-1.0, 1), (0.0, 3), (2.5, 5), (f64::INFINITY, 6)]);
    assert_eq!(snapshot.count(), 6);
    assert_eq!(snapshot.sum().to_bits(), 96.5_f64.to_bits());
    assert_eq!(histogram.bucket_bounds(), BOUNDS);
}

#[test]
fn a_snapshot_does_not_move() {
    let histogram = histogram();
    histogram.observe(1.0);
    let snapshot = histogram.snapshot();
    histogram.observe(1.0);
    assert_eq!((snapshot.count(), histogram.snapshot().count()), (1, 2));
}

#[test]
fn clones_and_lookups_share_one_distribution() {
    let family = HistogramFamily::new("h", "H.", &BOUNDS);
    let histogram = family.get_or_create(&[("a", "1"), ("b", "2")]);
    family.get_or_create(&[("b", "2"), ("a", "1")]).observe(1.0);
    histogram.clone().observe(1.0);
    assert_eq!(histogram.snapshot().count(), 2);
}

#[test]
fn a_duration_is_observed_in_the_unit_of_the_name() {
    let names = [
        ("wait_seconds", 1.5),
        ("wait", 1.5),
        ("wait_ms", 1_500.0),
        ("wait_milliseconds", 1_500.0),
        ("wait_microseconds", 1_500_000.0),
        ("wait_nanoseconds", 1_500_000_000.0),
    ];
    for (name, expected) in names {
        let histogram = HistogramFamily::new(name, "Wait.", &[1.0]).default();
        histogram.observe_duration(Duration::from_millis(1_500));
        assert_eq!(sum(&histogram), f64::to_bits(expected), "{name}");
    }
}

#[test]
fn a_timer_observes_once_when_dropped_or_stopped_and_never_when_discarded() {
    let histogram = HistogramFamily::new("wait_seconds", "Wait.", &[1e9]).default();
    drop(histogram.start_timer());
    assert_eq!(histogram.snapshot().count(), 1);
    let elapsed = histogram.start_timer().stop();
    assert_eq!(histogram.snapshot().count(), 2);
    assert!(histogram.snapshot().sum() >= elapsed.as_secs_f64());
    histogram.start_timer().discard();
    assert_eq!(histogram.snapshot().count(), 2);
}

#[test]
fn the_ready_made_bounds_are_bounds_and_the_makers_make_them() {
    const LINEAR: [f64; 3] = buckets::linear(-1.0, 0.5);
    const EXPONENTIAL: [f64; 3] = buckets::exponential(0.5, 2.0);
    for bounds in [&buckets::LATENCY_MS[..], &buckets::LATENCY_SECONDS, &buckets::SIZE_BYTES] {
        assert_eq!(buckets::check_bounds(bounds), Ok(()));
    }
    assert_eq!((LINEAR, EXPONENTIAL), ([-1.0, -0.5, 0.0], [0.5, 1.0, 2.0]));
}

#[test]
fn the_page_shows_what_the_snapshot_shows() {
    let registry = MetricsRegistry::new();
    let family = registry.register_histogram("h", "H.", &BOUNDS).unwrap();
    let labels = [("a", "quo\"te,}"), ("b", "2")];
    let histogram = family.get_or_create(&labels);
    for value in [-5.0, 0.1, 0.2, 7.0] {
        histogram.observe(value);
    }
    let snapshot = histogram.snapshot();
    let buckets = snapshot.buckets().collect();
    let expected = Series::Histogram { buckets, sum: snapshot.sum(), count: 4 };
    assert_eq!(scrape(&registry).series("h", &labels), Some(&expected));
}

#[test]
fn a_histogram_outside_of_a_family_refuses_bounds_that_are_none() {
    let bounds: [&[f64]; 4] = [&[], &[1.0, 1.0], &[f64::NAN], &[f64::INFINITY]];
    for bounds in bounds {
        assert!(Histogram::try_new("h", "H.", Labels::empty(), bounds).is_err(), "{bounds:?}");
    }
}

//! Gauges: values that go up and down, and what is in flight.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use nilometer_core::{Gauge, GaugeFamily, Labels, MetricsRegistry};
use nilometer_tests::scrape;

/// The bits, so that the comparison is exact and knows one NaN from a number.
fn bits(gauge: &Gauge) -> u64 {
    gauge.get().to_bits()
}

#[test]
fn a_gauge_is_set_raised_and_lowered() {
    let gauge = Gauge::new("depth", "Depth.", Labels::empty());
    assert_eq!(bits(&gauge), 0_f64.to_bits());
    gauge.set(10.0);
    gauge.inc();
    gauge.dec();
    gauge.add(5.5);
    gauge.sub(3.5);
    assert_eq!(bits(&gauge), 12_f64.to_bits());
    gauge.set(-10.5);
    gauge.add(-1.0);
    gauge.sub(-0.5);
    assert_eq!(bits(&gauge), (-11_f64).to_bits());
}

#[test]
fn clones_and_lookups_share_one_value() {
    let family = GaugeFamily::new("depth", "Depth.");
    let gauge = family.get_or_create(&[("queue", "a"), ("zone", "1")]);
    family.get_or_create(&[("zone", "1"), ("queue", "a")]).set(2.5);
    gauge.clone().inc();
    assert_eq!(bits(&gauge), 3.5_f64.to_bits());
}

#[test]
fn a_gauge_may_hold_any_number_and_the_page_shows_it() {
    let registry = MetricsRegistry::new();
    let gauge = registry.register_gauge("value", "Value.").unwrap().default();
    let smallest = f64::from_bits(1);
    for value in [0.0, -0.0, 0.1, -1.5e300, f64::MAX, smallest, 1e21, f64::INFINITY, f64::NEG_INFINITY] {
        gauge.set(value);
        let shown = scrape(&registry).value("value", &[]).unwrap();
        assert_eq!(shown.to_bits(), value.to_bits(), "{value} came back as {shown}");
    }
    gauge.set(f64::NAN);
    assert!(scrape(&registry).value("value", &[]).unwrap().is_nan());
}

#[test]
fn what_is_in_flight_is_counted_until_its_guard_goes_even_by_a_panic() {
    let gauge = GaugeFamily::new("in_flight", "In flight.").default();
    let first = gauge.track_in_flight();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _second = gauge.track_in_flight();
        assert_eq!(bits(&gauge), 2_f64.to_bits());
        panic!("the work failed");
    }));
    assert!(panicked.is_err());
    assert_eq!(bits(&gauge), 1_f64.to_bits());
    drop(first);
    assert_eq!(bits(&gauge), 0_f64.to_bits());
}

#[test]
fn nothing_that_threads_add_is_lost() {
    let gauge = GaugeFamily::new("depth", "Depth.").default();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    gauge.add(3.0);
                    gauge.dec();
                }
            });
        }
    });
    assert_eq!(bits(&gauge), 160_000_f64.to_bits());
}

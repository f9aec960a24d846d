//! Gauges of whole numbers.

mod common;

use std::thread;

use common::page;
use nilometer_core::{IntGaugeFamily, MetricsRegistry, RegisterError};

#[test]
fn a_page_has_every_digit_of_a_whole_number() {
    let registry = MetricsRegistry::new();
    let family = registry.register_int_gauge("offset", "Offset.").unwrap();
    for (label, value) in [("least", i64::MIN), ("most", i64::MAX), ("odd", (1 << 53) + 1)] {
        family.get_or_create(&[("which", label)]).set(value);
    }
    assert_eq!(
        page(&registry),
        [
            "offset gauge",
            "  {which=\"least\"} -9223372036854775808",
            "  {which=\"most\"} 9223372036854775807",
            "  {which=\"odd\"} 9007199254740993",
        ]
    );
}

#[test]
fn values_are_set_and_moved_and_wrap() {
    let gauge = IntGaugeFamily::new("a", "A.").default();
    assert_eq!(gauge.get(), 0);
    gauge.set(7);
    gauge.inc();
    gauge.sub(-4);
    gauge.add(-2);
    gauge.dec();
    assert_eq!(gauge.get(), 9);
    gauge.set(i64::MAX);
    gauge.inc();
    assert_eq!(gauge.get(), i64::MIN);
    gauge.sub(i64::MIN);
    assert_eq!(gauge.get(), 0);
}

#[test]
fn threads_lose_no_change() {
    let gauge = IntGaugeFamily::new("a", "A.").default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    gauge.inc();
                    let _guard = gauge.track_in_flight();
                }
            });
        }
    });
    assert_eq!(gauge.get(), 40_000);
}

#[test]
fn a_gauge_of_fractions_is_another_kind() {
    let registry = MetricsRegistry::new();
    registry.register_gauge("a", "A.").unwrap();
    let error = registry.register_int_gauge("a", "A.").unwrap_err();
    let RegisterError::Conflict { existing, requested, .. } = error else { panic!("{error:?}") };
    assert_eq!((&*existing, &*requested), ("gauge", "int gauge"));
}

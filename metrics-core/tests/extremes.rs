//! The largest and the smallest of what was observed lately, by a clock that the tests move.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod common;
#[path = "common/hand.rs"]
mod hand;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::page;
use hand::hand;
use nilometer_core::collect::{Collector, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{Descriptor, MaxGauge, MaxGaugeFamily, MetricsRegistry, MinGauge, RegisterError};

fn family(registry: &MetricsRegistry) -> MaxGaugeFamily {
    let family = registry.family::<MaxGauge>("peak", "Peak.").with_window(Duration::from_mins(1));
    family.register().unwrap()
}

/// The one value that a page has, if it has one.
fn value(collector: &impl Collector) -> Option<String> {
    page(collector).get(1).map(|line| line.trim_start_matches("  {} ").to_owned())
}

#[test]
fn a_value_is_shown_in_its_window_and_the_next_and_then_no_more() {
    let (registry, hand) = hand();
    let gauge = family(&registry).default();
    assert_eq!(page(&registry), ["peak gauge"], "nothing was observed");
    gauge.observe(3.0);
    gauge.observe(7.5);
    gauge.observe(5.0);
    let shown: Vec<_> = [0, 59, 60, 119]
        .map(|now| {
            hand.set(now);
            value(&registry).unwrap()
        })
        .into();
    assert_eq!(shown, ["7.5"; 4]);
    // Smaller than what the window before has, until that one is over.
    gauge.observe(2.0);
    assert_eq!(value(&registry).unwrap(), "7.5");
    hand.set(120);
    assert_eq!(value(&registry).unwrap(), "2");
    hand.set(179);
    assert_eq!(value(&registry).unwrap(), "2");
    hand.set(180);
    assert_eq!((value(&registry), gauge.get()), (None, None));
}

#[test]
fn two_readers_see_the_same_and_neither_takes_anything_from_the_other() {
    let (registry, hand) = hand();
    let gauge = family(&registry).default();
    // One comes every 15 seconds, the other every 60, in a window of 60.
    let (mut often, mut seldom) = (Vec::new(), Vec::new());
    for now in (0..=300).step_by(15) {
        hand.set(now);
        if now == 75 {
            gauge.observe(9.0);
            gauge.observe(8.0);
        }
        often.push(value(&registry));
        if now % 60 == 0 {
            seldom.push(value(&registry));
        }
    }
    let nine = Some("9".to_owned());
    // The window of 60 to 120, and the one after it.
    let seen = |readings: &[Option<String>]| readings.iter().filter(|reading| **reading == nine).count();
    assert_eq!((often.len(), seen(&often)), (21, 7), "{often:?}");
    assert_eq!((seldom.len(), seen(&seldom)), (6, 1), "{seldom:?}");
    assert!(often.iter().chain(&seldom).all(|reading| *reading == nine || reading.is_none()));
}

#[test]
fn the_only_reader_misses_nothing_however_seldom_it_comes() {
    let (registry, hand) = hand();
    let gauge = family(&registry).default();
    for (now, peak) in [(1_000, 5.0), (5_000, 4.0), (10_000, 3.0), (20_000, 2.0)] {
        hand.set(now - 500);
        gauge.observe(peak);
        hand.set(now);
        assert_eq!(value(&registry), Some(peak.to_string()), "at {now}");
        // Once more at once: the same.
        assert_eq!(value(&registry), Some(peak.to_string()), "at {now}");
    }
}

#[test]
fn no_window_ends_before_somebody_collects() {
    let (registry, hand) = hand();
    let gauge = family(&registry).default();
    for (now, observed) in [(0, 3.0), (1_000, 1.0), (100_000, 2.0)] {
        hand.set(now);
        gauge.observe(observed);
        assert_eq!(gauge.get(), Some(3.0), "at {now}");
    }
}

#[test]
fn a_series_that_is_made_later_has_the_windows_of_its_family() {
    let (registry, hand) = hand();
    let family = family(&registry);
    family.get_or_create(&[("at", "0")]).observe(1.0);
    hand.set(60);
    page(&registry);
    family.get_or_create(&[("at", "1")]).observe(2.0);
    hand.set(120);
    assert_eq!(page(&registry), ["peak gauge", "  {at=\"1\"} 2"]);
    hand.set(180);
    assert_eq!(page(&registry), ["peak gauge"]);
}

#[test]
fn the_smallest_value_is_as_good_as_the_largest() {
    let (registry, hand) = hand();
    let builder = registry.family::<MinGauge>("trough", "Trough.").with_window(Duration::from_mins(1));
    let gauge = builder.register().unwrap().default();
    assert_eq!(value(&registry), None);
    for observed in [3.0, -0.0, 0.0, 2.0] {
        gauge.observe(observed);
    }
    assert_eq!(value(&registry).unwrap(), "-0");
    gauge.observe(-2.5);
    assert_eq!((value(&registry).unwrap(), gauge.get()), ("-2.5".to_owned(), Some(-2.5)));
    hand.set(60);
    page(&registry);
    gauge.observe(40.0);
    hand.set(120);
    assert_eq!(value(&registry).unwrap(), "40");
}

#[test]
fn nan_is_ignored_and_an_infinite_value_is_taken_and_both_are_counted() {
    let registry = MetricsRegistry::new();
    let max = registry.register_max_gauge("a_max", "A.").unwrap().default();
    let min = registry.register_min_gauge("a_min", "A.").unwrap().default();
    for value in [f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY, -f64::NAN] {
        max.observe(value);
        min.observe(value);
    }
    assert_eq!(
        page(&registry),
        [
            "a_max gauge",
            "  {} inf",
            "a_min gauge",
            "  {} -inf",
            "nilometer_odd_observations_total counter",
            "  {family=\"a_max\",reason=\"nan\"} 2",
            "  {family=\"a_max\",reason=\"infinite\"} 2",
            "  {family=\"a_min\",reason=\"nan\"} 2",
            "  {family=\"a_min\",reason=\"infinite\"} 2",
        ]
    );
}

#[test]
fn durations_and_timers_are_observed_in_the_unit_of_the_name() {
    let registry = MetricsRegistry::new();
    let max = registry.register_max_gauge("a_ms", "A.").unwrap().default();
    let min = registry.register_min_gauge("b_seconds", "B.").unwrap().default();
    max.observe_duration(Duration::from_secs(2));
    min.observe_duration(Duration::from_secs(2));
    assert_eq!((max.get(), min.get()), (Some(2000.0), Some(2.0)));
    drop(max.start_timer());
    let elapsed = min.start_timer().stop();
    assert_eq!((max.get(), min.get()), (Some(2000.0), Some(elapsed.as_secs_f64())));
}

#[test]
fn windows_of_no_length_are_refused() {
    let registry = MetricsRegistry::new();
    let error = registry.family::<MaxGauge>("a", "A.").with_window(Duration::ZERO).register().unwrap_err();
    assert_eq!(error, RegisterError::Window { name: "a".to_owned() });
    assert_eq!(page(&registry), [""; 0]);
    registry.register_max_gauge("a", "A.").unwrap();
}

#[test]
fn the_length_of_a_window_is_part_of_the_identity() {
    let (registry, _) = hand();
    let first = family(&registry);
    first.default().observe(3.0);
    let again = family(&registry);
    assert_eq!(again.default().get(), Some(3.0));
    let error = registry.register_max_gauge("peak", "Peak.");
    assert!(error.is_ok(), "a minute is what nothing else is said for");
    let other = registry.family::<MaxGauge>("peak", "Peak.").with_window(Duration::from_secs(61));
    let RegisterError::Conflict { what, existing, requested, .. } = other.register().unwrap_err() else {
        panic!("no conflict");
    };
    assert_eq!((what, &*existing, &*requested), ("window", "60s", "61s"));
    let RegisterError::Conflict { what, .. } = registry.register_min_gauge("peak", "Peak.").unwrap_err()
    else {
        panic!("no conflict");
    };
    assert_eq!(what, "type");
}

#[test]
fn a_family_outside_of_a_registry_moves_its_windows_when_it_is_collected() {
    let family = MaxGaugeFamily::new("a", "A.");
    family.default().observe(2.0);
    assert_eq!(page(&family), ["a gauge", "  {} 2"]);
    let alone = MaxGauge::new("b", "B.", nilometer_core::Labels::empty());
    alone.observe(1.0);
    assert_eq!(alone.get(), Some(1.0));
}

/// Remembers the largest value that it was ever shown.
struct Largest(f64);

impl Visitor for Largest {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::Gauge(point) = point else { panic!("{point:?}") };
        let Number::F64(value) = point.value() else { panic!("{point:?}") };
        self.0 = self.0.max(value);
        Ok(())
    }
}

/// Counts a thread as gone when it ends, by a panic too: the others wait for nobody else.
struct Leaving<'a>(&'a AtomicU32);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Every collection ends a window. Each value is larger than all before it, so whoever has observed one and then sees two
/// more collections end knows that it was shown, by one of them or before.
#[test]
fn whatever_is_observed_is_shown_while_windows_move_and_others_observe() {
    const EACH: u32 = 300;
    let (registry, hand) = hand();
    let gauge = family(&registry).default();
    let (next, shown, collections) = (AtomicU32::new(1), AtomicU32::new(0), AtomicU64::new(0));
    let observing = AtomicU32::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _leaving = Leaving(&observing);
                for _ in 0..EACH {
                    let value = next.fetch_add(1, Ordering::Relaxed);
                    gauge.observe(f64::from(value));
                    // A change, so that the collections that follow it see what was observed.
                    let before = collections.fetch_add(0, Ordering::AcqRel);
                    while collections.load(Ordering::Acquire) < before + 2 {
                        thread::yield_now();
                    }
                    let largest = shown.load(Ordering::Relaxed);
                    assert!(largest >= value, "{value} was not shown, but {largest}");
                }
            });
        }
        let mut largest = Largest(0.0);
        while observing.load(Ordering::Acquire) > 0 {
            hand.set((collections.load(Ordering::Relaxed) + 1) * 60);
            registry.collect(&mut largest).unwrap();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and not negative"
            )]
            shown.store(largest.0 as u32, Ordering::Relaxed);
            collections.fetch_add(1, Ordering::AcqRel);
        }
    });
    assert_eq!(shown.into_inner(), 2 * EACH);
}

//! Values that are asked for when they are collected.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use common::page;
use nilometer_core::collect::{Collector, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    CallbackGuard, Descriptor, HistogramReading, MetricsRegistry, RegisterError, RegistryConfig, SeriesError,
};

#[test]
fn every_kind_shows_what_its_callback_returns() {
    let registry = MetricsRegistry::new();
    let _guards = [
        registry.register_counter_callback("a_total", "A.", &[], || u64::MAX).unwrap(),
        registry.register_float_counter_callback("b_total", "B.", &[], || 0.25).unwrap(),
        registry.register_up_down_counter_callback("c", "C.", &[], || i64::MIN).unwrap(),
        registry.register_gauge_callback("d", "D.", &[], || f64::NAN).unwrap(),
        registry.register_int_gauge_callback("e", "E.", &[], || (1 << 53) + 1).unwrap(),
        registry
            .register_histogram_callback("f", "F.", &[], &[1.0, 2.0], || {
                HistogramReading::new([3, 0, 1], 8.5)
            })
            .unwrap(),
        registry
            .register_gauge_histogram_callback("g", "G.", &[], &[1.0], || HistogramReading::new([2, 1], -0.5))
            .unwrap(),
    ];
    assert_eq!(
        page(&registry),
        [
            "a_total counter",
            "  {} 18446744073709551615",
            "b_total counter",
            "  {} 0.25",
            "c gauge",
            "  {} -9223372036854775808",
            "d gauge",
            "  {} NaN",
            "e gauge",
            "  {} 9007199254740993",
            "f histogram",
            "  {} 8.5 in [3, 0, 1]",
            "g gaugehistogram",
            "  {} -0.5 in [2, 1]",
        ]
    );
}

#[test]
fn a_callback_is_called_once_for_each_collection() {
    let registry = MetricsRegistry::new();
    let calls = Arc::new(AtomicU64::new(0));
    let read = Arc::clone(&calls);
    let _guard = registry
        .register_counter_callback("a_total", "A.", &[], move || read.fetch_add(1, Ordering::Relaxed) + 1)
        .unwrap();
    assert_eq!(page(&registry), ["a_total counter", "  {} 1"]);
    assert_eq!(page(&registry), ["a_total counter", "  {} 2"]);
}

fn gauge(
    registry: &MetricsRegistry,
    labels: &[(&str, &str)],
    value: f64,
) -> Result<CallbackGuard, RegisterError> {
    registry.register_gauge_callback("free_bytes", "Free.", labels, move || value)
}

#[test]
fn several_callbacks_feed_one_family_and_go_one_by_one() {
    let config = RegistryConfig::new().with_namespace("n").with_constant_labels(&[("host", "h")]);
    let registry = MetricsRegistry::with_config(config);
    let first = gauge(&registry, &[("disk", "a")], 1.0).unwrap();
    let second = gauge(&registry, &[("disk", "b")], 2.0).unwrap();
    let expected = ["n_free_bytes gauge", "  {disk=\"a\",host=\"h\"} 1", "  {disk=\"b\",host=\"h\"} 2"];
    assert_eq!(page(&registry), expected);
    drop(first);
    assert_eq!(page(&registry), [expected[0], expected[2]]);
    // Its name is free with its last callback.
    assert!(registry.register_gauge("free_bytes", "Free.").is_err());
    drop(second);
    assert_eq!(page(&registry), [""; 0]);
    registry.register_gauge("free_bytes", "Free.").unwrap();
}

#[test]
fn the_same_labels_twice_are_a_conflict_and_change_nothing() {
    let registry = MetricsRegistry::new();
    let guard = gauge(&registry, &[("disk", "a")], 1.0).unwrap();
    let RegisterError::Conflict { what, .. } = gauge(&registry, &[("disk", "a")], 2.0).unwrap_err() else {
        panic!("no conflict");
    };
    assert_eq!(what, "series");
    assert_eq!(page(&registry), ["free_bytes gauge", "  {disk=\"a\"} 1"]);
    drop(guard);
    let _guard = gauge(&registry, &[("disk", "a")], 2.0).unwrap();
    assert_eq!(page(&registry), ["free_bytes gauge", "  {disk=\"a\"} 2"]);
}

#[test]
fn what_cannot_be_registered_changes_nothing_and_drops_its_callback() {
    let config = RegistryConfig::new().with_series_limit(1);
    let registry = MetricsRegistry::with_config(config);
    registry.register_gauge("a", "A.").unwrap();
    let held = Arc::new(());
    let register = |name: &str, labels: &[(&str, &str)]| {
        let held = Arc::clone(&held);
        let read = move || i64::try_from(Arc::strong_count(&held)).unwrap_or_default();
        registry.register_int_gauge_callback(name, "A.", labels, read).unwrap_err()
    };
    assert!(matches!(register("a", &[]), RegisterError::Conflict { what: "type", .. }));
    assert!(matches!(register("a b", &[]), RegisterError::InvalidName { .. }));
    let RegisterError::Series { source: SeriesError::Labels { .. }, .. } = register("b", &[("le", "1")])
    else {
        panic!("a reserved label");
    };
    assert_eq!(page(&registry), ["a gauge"]);
    let bounds = registry.register_histogram_callback("c", "C.", &[], &[2.0, 1.0], HistogramReading::default);
    assert!(matches!(bounds.unwrap_err(), RegisterError::Bounds { .. }));
    let _first = gauge(&registry, &[("disk", "a")], 1.0).unwrap();
    let error = gauge(&registry, &[("disk", "b")], 1.0).unwrap_err();
    assert!(
        matches!(error, RegisterError::Series { source: SeriesError::FamilyLimit { .. }, .. }),
        "{error:?}"
    );
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_callback_that_panics_loses_only_itself() {
    let registry = MetricsRegistry::new();
    let _guards = [
        gauge(&registry, &[("disk", "a")], 1.0).unwrap(),
        registry
            .register_gauge_callback("free_bytes", "Free.", &[("disk", "b")], || {
                panic!("as the test wants it")
            })
            .unwrap(),
        gauge(&registry, &[("disk", "c")], 3.0).unwrap(),
    ];
    let expected = [
        "free_bytes gauge",
        "  {disk=\"a\"} 1",
        "  {disk=\"c\"} 3",
        "nilometer_collector_failures_total counter",
    ];
    for times in 1..3 {
        let page = page(&registry);
        assert_eq!(page[..4], expected);
        assert_eq!(page[4], format!("  {{collector=\"free_bytes\",reason=\"panic\"}} {times}"));
    }
}

#[test]
fn values_that_are_none_of_their_kind_are_left_out_and_counted() {
    let registry = MetricsRegistry::new();
    let mut guards = Vec::new();
    for (label, value) in [("nan", f64::NAN), ("negative", -1.0), ("infinite", f64::INFINITY), ("good", 2.0)]
    {
        let labels = [("which", label)];
        guards
            .push(registry.register_float_counter_callback("a_total", "A.", &labels, move || value).unwrap());
    }
    let good = HistogramReading::new([1, 2], 3.0);
    let readings = [
        ("few", HistogramReading::new([1], 3.0)),
        ("good", good),
        ("many", HistogramReading::new([1, 2, 3], 3.0)),
        ("nan", HistogramReading::new([1, 2], f64::NAN)),
    ];
    for (label, reading) in readings {
        let labels = [("which", label)];
        let read = move || reading.clone();
        guards.push(registry.register_histogram_callback("b", "B.", &labels, &[1.0], read).unwrap());
    }
    assert_eq!(
        page(&registry),
        [
            "a_total counter",
            "  {which=\"good\"} 2",
            "b histogram",
            "  {which=\"good\"} 3 in [1, 2]",
            "nilometer_collector_failures_total counter",
            "  {collector=\"b\",reason=\"error\"} 3",
            "nilometer_odd_observations_total counter",
            "  {family=\"a_total\",reason=\"nan\"} 1",
            "  {family=\"a_total\",reason=\"infinite\"} 1",
            "  {family=\"a_total\",reason=\"negative\"} 1",
        ]
    );
}

#[test]
fn a_callback_can_use_the_registry_and_is_not_called_from_within_itself() {
    let registry = MetricsRegistry::new();
    let own = registry.clone();
    let _guard = registry
        .register_int_gauge_callback("a", "A.", &[], move || {
            own.register_counter("calls_total", "Calls.").unwrap().default().inc();
            let other = own.register_gauge_callback("b", "B.", &[], || 1.0).unwrap();
            let lines = page(&own).len();
            drop(other);
            i64::try_from(lines).unwrap_or_default()
        })
        .unwrap();
    // What the inner collection shows: `a` without a series, `b` with one, `calls_total` with one, and the failure.
    let page = page(&registry);
    assert_eq!(page[..2], ["a gauge", "  {} 7"]);
    assert_eq!(
        page[2..],
        ["nilometer_collector_failures_total counter", "  {collector=\"a\",reason=\"cycle\"} 1"]
    );
}

#[test]
fn a_callback_that_is_kept_stays_as_long_as_its_registry_has_it() {
    let registry = MetricsRegistry::new();
    gauge(&registry, &[], 1.0).unwrap().keep();
    assert_eq!(page(&registry), ["free_bytes gauge", "  {} 1"]);
    assert!(registry.unregister("free_bytes"));
    assert_eq!(page(&registry), [""; 0]);
}

#[test]
fn a_guard_takes_off_what_is_its_own_alone() {
    let registry = MetricsRegistry::new();
    let first = gauge(&registry, &[], 1.0).unwrap();
    assert!(registry.unregister("free_bytes"));
    let second = gauge(&registry, &[], 2.0).unwrap();
    drop(first);
    assert_eq!(page(&registry), ["free_bytes gauge", "  {} 2"]);
    // A guard can outlive its registry.
    drop(registry);
    drop(second);
}

#[test]
fn a_family_whose_name_is_disabled_calls_nothing() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_disabled(["free_bytes"]));
    let guard =
        registry.register_gauge_callback("free_bytes", "Free.", &[], || panic!("nobody asks")).unwrap();
    assert_eq!(page(&registry), [""; 0]);
    drop(guard);
}

/// Something that uses its registry when it is dropped, as a callback's captures may.
struct Meddler {
    registry: MetricsRegistry,
    dropped: Arc<Mutex<Vec<String>>>,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.registry.register_counter("dropped_total", "Dropped.").unwrap().default().inc();
        self.dropped.lock().unwrap().extend(page(&self.registry));
    }
}

#[test]
fn what_a_callback_holds_is_dropped_with_its_guard_and_without_a_lock() {
    let registry = MetricsRegistry::new();
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let meddler = Meddler { registry: registry.clone(), dropped: Arc::clone(&dropped) };
    let guard = registry
        .register_gauge_callback("a", "A.", &[], move || {
            let _held = &meddler;
            1.0
        })
        .unwrap();
    drop(guard);
    assert_eq!(*dropped.lock().unwrap(), ["dropped_total counter", "  {} 1"]);
}

/// Lets another thread drop a guard in the middle of a page.
struct Halting<'a>(&'a Barrier, Vec<String>);

impl Visitor for Halting<'_> {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        if self.1.is_empty() {
            self.0.wait();
            self.0.wait();
        }
        self.1.extend(labels.iter().map(|(_, value)| value.to_owned()));
        Ok(())
    }
}

#[test]
fn a_guard_that_is_dropped_while_a_page_is_shown_waits_for_nobody() {
    let registry = MetricsRegistry::new();
    let mut guards: Vec<_> =
        (0..100).map(|number| gauge(&registry, &[("disk", &number.to_string())], 1.0).unwrap()).collect();
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut halting = Halting(&barrier, Vec::new());
            registry.collect(&mut halting).unwrap();
            halting.1
        });
        barrier.wait();
        let last = guards.split_off(1);
        drop(last);
        barrier.wait();
        let shown = reader.join().unwrap();
        // Those that had been read already, and no others.
        assert!((1..=64).contains(&shown.len()), "{shown:?}");
    });
    assert_eq!(page(&registry).len(), 2);
}

#[test]
fn guards_and_pages_of_many_threads_end_in_an_empty_registry() {
    let registry = MetricsRegistry::new();
    thread::scope(|scope| {
        for thread in 0..4 {
            let registry = &registry;
            scope.spawn(move || {
                for round in 0..200 {
                    let labels = [("thread", &*thread.to_string()), ("round", &*round.to_string())];
                    let guard = gauge(registry, &labels, 1.0).unwrap();
                    let page = page(registry);
                    assert!(
                        page.iter().any(|line| line.contains(&format!("thread=\"{thread}\""))),
                        "{page:?}"
                    );
                    drop(guard);
                }
            });
        }
    });
    assert_eq!(page(&registry), [""; 0]);
}

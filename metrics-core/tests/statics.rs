//! Statics: there before any registry, shown by as many as one likes, and refused without a trace.

mod common;

use std::thread;
use std::time::Duration;

use common::page;
use nilometer_core::buckets::BucketError;
use nilometer_core::name::NameError;
use nilometer_core::{
    MetricsRegistry, RegisterError, RegistryConfig, SeriesError, StaticCounter, StaticError, StaticHistogram,
    StaticMetric, StaticUpDownCounter, buckets,
};

/// What kept something from being registered: its name, what differs, and both sides.
fn conflict<T>(result: Result<T, RegisterError>) -> (&'static str, String, String) {
    match result {
        Err(RegisterError::Conflict { what, existing, requested, location, .. }) => {
            assert!(location.file().ends_with("statics.rs"));
            (what, existing, requested)
        }
        Err(other) => unreachable!("{other}"),
        Ok(_) => unreachable!("it was registered"),
    }
}

#[test]
fn what_was_recorded_before_a_registration_is_on_the_page() {
    static SERVED: StaticCounter = StaticCounter::new("served_total", "Served.");
    static JOBS: StaticUpDownCounter = StaticUpDownCounter::new("jobs", "Jobs.");
    static WAIT: StaticHistogram = StaticHistogram::new("wait_seconds", "Wait.", &[0.5, 1.0]);

    assert_eq!((SERVED.get(), JOBS.get(), WAIT.snapshot().count()), (0, 0, 0));
    for at in 0..4_u8 {
        thread::spawn(move || {
            SERVED.inc_by(2);
            JOBS.sub(3);
            WAIT.observe(f64::from(at) / 2.0);
        });
    }
    while (SERVED.get(), JOBS.get(), WAIT.snapshot().count()) != (8, -12, 4) {
        thread::yield_now();
    }
    let config = RegistryConfig::new().with_namespace("app").with_constant_labels(&[("zone", "1")]);
    let registry = MetricsRegistry::with_config(config);
    let served = SERVED.register(&registry).unwrap();
    let jobs = JOBS.register(&registry).unwrap();
    let wait = WAIT.register(&registry).unwrap();
    let expected = [
        "app_jobs gauge",
        "  {zone=\"1\"} -12",
        "app_served_total counter",
        "  {zone=\"1\"} 8",
        "app_wait_seconds histogram",
        "  {zone=\"1\"} 3 in [2, 1, 1]",
    ];
    assert_eq!(page(&registry), expected);

    served.inc();
    jobs.inc();
    wait.observe_duration(Duration::from_secs(2));
    WAIT.observe_duration(Duration::from_millis(500));
    assert_eq!((SERVED.get(), JOBS.get()), (9, -11));
    assert_eq!(WAIT.snapshot(), wait.snapshot());
    assert_eq!((WAIT.snapshot().count(), WAIT.snapshot().sum().to_bits()), (6, 5.5_f64.to_bits()));
    assert_eq!(served.metadata().name(), "app_served_total");
    assert_eq!(served.metadata().location().file(), file!());
    assert_eq!(wait.bucket_bounds(), WAIT.bucket_bounds());
}

#[test]
fn registering_again_gives_the_same_series_wherever_the_family_comes_from() {
    static SERVED: StaticCounter = StaticCounter::new("served_total", "Served.");
    // One series is all there is room for, so that a second one would be refused.
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_registry_limit(1));
    SERVED.register(&registry).unwrap().inc();
    SERVED.register(&registry).unwrap().inc();
    let family = registry.register_counter("served_total", "Served.").unwrap();
    family.default().inc();
    assert_eq!((family.len(), SERVED.get()), (1, 3));
    assert_eq!(page(&registry), ["served_total counter", "  {} 3"]);

    let registry = MetricsRegistry::new();
    let family = registry.register_counter("served_total", "Served.").unwrap();
    family.get_or_create(&[("method", "GET")]).inc();
    drop(SERVED.register(&registry).unwrap());
    family.default().inc();
    let expected = ["served_total counter", "  {method=\"GET\"} 1", "  {} 4"];
    assert_eq!(page(&registry), expected);
}

#[test]
fn a_static_that_was_unregistered_goes_on_and_can_come_back() {
    static SERVED: StaticCounter = StaticCounter::new("served_total", "Served.");
    let registry = MetricsRegistry::new();
    let handle = SERVED.register(&registry).unwrap();
    SERVED.inc();
    assert!(registry.unregister("served_total"));
    assert!(page(&registry).is_empty());
    handle.inc();
    drop(handle);
    // What others make now has cells of its own, though the static's last handle is gone.
    let other = registry.register_counter("other_total", "Other.").unwrap().default();
    other.inc_by(100);
    SERVED.inc();
    assert_eq!((SERVED.get(), other.get()), (3, 100));
    SERVED.register(&registry).unwrap().inc();
    assert_eq!(page(&registry), ["other_total counter", "  {} 100", "served_total counter", "  {} 4"]);
    let family = registry.register_counter("served_total", "Served.").unwrap();
    assert!(family.remove(&[]));
    SERVED.register(&registry).unwrap().inc();
    assert_eq!(family.default().get(), 5);
}

#[test]
fn several_registries_show_one_static() {
    static WAIT: StaticHistogram = StaticHistogram::new("wait", "Wait.", &[1.0]);
    let registries =
        ["a", "b"].map(|name| MetricsRegistry::with_config(RegistryConfig::new().with_namespace(name)));
    WAIT.observe(f64::NAN);
    for registry in &registries {
        WAIT.register(registry).unwrap().observe(f64::INFINITY);
    }
    WAIT.observe(0.5);
    WAIT.observe(f64::NEG_INFINITY);
    for (registry, name) in registries.iter().zip(["a", "b"]) {
        let expected = [
            format!("{name}_wait histogram"),
            "  {} 0.5 in [2, 2]".to_owned(),
            "nilometer_odd_observations_total counter".to_owned(),
            format!("  {{family=\"{name}_wait\",reason=\"nan\"}} 1"),
            // That of the static, and that of the handle of this very registry.
            format!("  {{family=\"{name}_wait\",reason=\"infinite\"}} 2"),
        ];
        assert_eq!(page(registry), expected);
    }
}

#[test]
fn a_static_that_is_refused_leaves_the_registry_as_it_was() {
    static SERVED: StaticCounter = StaticCounter::new("served_total", "Served.");
    static LATE: StaticCounter = StaticCounter::new("late_total", "Late.");
    static TWIN: StaticCounter = StaticCounter::new("served_total", "Served.");
    static GAUGE: StaticUpDownCounter = StaticUpDownCounter::new("served", "Served.");
    static WAIT: StaticHistogram = StaticHistogram::new("wait", "Wait.", &[1.0, 2.0]);
    let registry =
        MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1).with_registry_limit(2));
    registry.register_counter("served_total", "Served.").unwrap().default().inc();
    registry.register_histogram("wait", "Wait.", &[1.0]).unwrap();
    let before = page(&registry);

    let (what, existing, requested) = conflict(SERVED.register(&registry));
    assert_eq!((what, &*existing, &*requested), ("series", "a series of its own", "the series of a static"));
    let (what, existing, requested) = conflict(WAIT.register(&registry));
    assert_eq!((what, &*existing, &*requested), ("bounds", "[1.0]", "[1.0, 2.0]"));
    assert!(matches!(GAUGE.register(&registry), Err(RegisterError::Collision { .. })));
    assert_eq!(page(&registry), before);

    assert!(registry.unregister("served_total"));
    drop(SERVED.register(&registry).unwrap());
    assert_eq!(conflict(TWIN.register(&registry)).0, "series");
    let family = registry.register_histogram("wait", "Wait.", &[1.0]).unwrap();
    drop(family.default());
    let before = page(&registry);

    // No family is left behind where there is no room for its series.
    let error = LATE.register(&registry).unwrap_err();
    let source = SeriesError::RegistryLimit { family: "late_total".to_owned(), max: 2 };
    assert_eq!(error, RegisterError::Series { name: "late_total".to_owned(), source });
    assert_eq!(page(&registry), before);
    assert!(registry.register_gauge("late_total", "It is free.").is_ok());

    // And a family that was there keeps its place.
    let full = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1));
    let family = full.register_counter("late_total", "Late.").unwrap();
    family.get_or_create(&[("a", "1")]).inc();
    let error = LATE.register(&full).unwrap_err();
    let source = SeriesError::FamilyLimit { family: "late_total".to_owned(), max: 1 };
    assert_eq!(error, RegisterError::Series { name: "late_total".to_owned(), source });
    assert_eq!(page(&full), ["late_total counter", "  {a=\"1\"} 1"]);
}

#[test]
fn a_static_that_is_disabled_records_and_is_not_shown() {
    static SERVED: StaticCounter = StaticCounter::new("served_total", "Served.");
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_disabled(["served_total"]));
    SERVED.register(&registry).unwrap().inc();
    SERVED.inc();
    assert_eq!((SERVED.get(), page(&registry).len()), (2, 0));
}

#[test]
fn many_threads_register_and_record_into_one_static_for_the_first_time() {
    static STATICS: [StaticCounter; 4] = [const { StaticCounter::new("served_total", "Served.") }; 4];
    for counter in &STATICS {
        let registry = MetricsRegistry::new();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    counter.inc();
                    counter.register(&registry).unwrap().inc();
                });
            }
        });
        assert_eq!(page(&registry), ["served_total counter", "  {} 16"]);
    }
}

#[test]
fn guards_and_timers_of_statics_record_when_they_go() {
    static IN_FLIGHT: StaticUpDownCounter = StaticUpDownCounter::new("in_flight", "In flight.");
    static TOOK: StaticHistogram = StaticHistogram::new("took_ms", "Took.", &buckets::LATENCY_MS);
    let guard = IN_FLIGHT.track_in_flight();
    assert_eq!(IN_FLIGHT.get(), 1);
    thread::spawn(move || drop(guard)).join().unwrap();
    assert_eq!(IN_FLIGHT.get(), 0);
    TOOK.start_timer().discard();
    let elapsed = TOOK.start_timer().stop();
    let milliseconds = elapsed.as_secs_f64() * 1e3;
    assert_eq!(TOOK.snapshot().sum().to_bits(), milliseconds.to_bits(), "in the unit of its name");
}

#[test]
fn a_name_or_bounds_that_break_a_rule_are_errors_of_the_constructors_that_cannot_panic() {
    let name = StaticCounter::try_new("a-b", "A.").unwrap_err();
    assert_eq!(name, StaticError::Name(NameError::Character { index: 1 }));
    assert!(matches!(StaticUpDownCounter::try_new("", "A."), Err(StaticError::Name(NameError::Empty))));
    let bounds = StaticHistogram::try_new("a", "A.", &[]).unwrap_err();
    assert_eq!(bounds, StaticError::Bounds(BucketError::Empty));
    assert!(matches!(StaticHistogram::try_new("", "A.", &[1.0]), Err(StaticError::Name(_))));
    let made: &'static StaticHistogram =
        Box::leak(Box::new(StaticHistogram::try_new("a", "A.", &[1.0]).unwrap()));
    made.observe(1.0);
    assert_eq!(made.register(&MetricsRegistry::new()).unwrap().snapshot().count(), 1);
    let message = nilometer_core::MetricsError::from(name).to_string();
    assert_eq!(message, "invalid metric name");
}

#[test]
fn many_statics_are_registered_together_or_not_at_all() {
    static READS: StaticCounter = StaticCounter::new("reads_total", "Reads.");
    static OPEN: StaticUpDownCounter = StaticUpDownCounter::new("open", "Open.");
    static WAIT: StaticHistogram = StaticHistogram::new("wait", "Wait.", &[1.0]);
    static ALL: [&dyn StaticMetric; 3] = [&READS, &OPEN, &WAIT];

    READS.inc();
    OPEN.inc();
    WAIT.observe(0.5);
    let registry = MetricsRegistry::new();
    // The family of the first is there and has room, that of the last is another.
    let reads = registry.register_counter("reads_total", "Reads.").unwrap();
    registry.register_gauge("wait", "Another.").unwrap();
    let before = page(&registry);
    let error = registry.register_statics(&ALL).unwrap_err();
    assert!(matches!(&error, RegisterError::Conflict { name, .. } if name == "wait"), "{error}");
    assert_eq!(page(&registry), before);

    // Now it is the series of the last that is another.
    assert!(registry.unregister("wait"));
    let wait = registry.register_histogram("wait", "Wait.", &[1.0]).unwrap();
    wait.default().observe(7.0);
    let before = page(&registry);
    let error = registry.register_statics(&ALL).unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { what: "series", .. }), "{error}");
    assert_eq!(page(&registry), before);
    assert!(reads.is_empty(), "what was put into a family that was there is taken out again");

    wait.clear();
    for _ in 0..2 {
        registry.register_statics(&ALL).unwrap();
    }
    let expected =
        ["open gauge", "  {} 1", "reads_total counter", "  {} 1", "wait histogram", "  {} 0.5 in [1, 0]"];
    assert_eq!(page(&registry), expected);
    assert_eq!(ALL.map(StaticMetric::name), ["reads_total", "open", "wait"]);
}

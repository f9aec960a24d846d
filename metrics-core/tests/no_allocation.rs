//! Nothing that records, and no lookup of a series that is there, allocates memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use nilometer_core::label::{TypedLabels, ValueBuffer};
use nilometer_core::{
    Counter, Family, Gauge, Histogram, MetricsRegistry, RegistryConfig, StaticCounter, StaticFloatCounter,
    StaticHistogram, StaticUpDownCounter,
};

thread_local! {
    /// How often this thread has asked for memory. Constant and without a destructor, so that it asks for none itself.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `f` allocates once it has run before.
fn allocations(f: &dyn Fn()) -> u64 {
    f();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        f();
    }
    ALLOCATIONS.get() - before
}

fn assert_none(cases: &[(&str, &dyn Fn())]) {
    for (name, f) in cases {
        assert_eq!(allocations(f), 0, "{name}");
    }
}

struct Route<'a> {
    method: &'a str,
    status: u16,
}

impl TypedLabels for Route<'_> {
    type Schema = Route<'static>;
    const NAMES: &'static [&'static str] = &["method", "status"];

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let mut buffer = ValueBuffer::new();
        f(&[("method", self.method), ("status", buffer.format(self.status).unwrap_or_default())])
    }
}

/// Labels that are found by their index.
struct Cached(bool);

impl TypedLabels for Cached {
    type Schema = Cached;
    const NAMES: &'static [&'static str] = &["cached"];
    const CARDINALITY: Option<usize> = Some(2);

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("cached", if self.0 { "true" } else { "false" })])
    }

    fn closed_index(&self) -> Option<usize> {
        Some(usize::from(self.0))
    }
}

#[test]
fn what_is_counted_is_what_is_allocated() {
    assert_eq!(allocations(&|| drop(black_box(Box::new(1)))), 100);
}

#[test]
fn no_operation_of_a_handle_allocates() {
    let registry = MetricsRegistry::new();
    let counter = registry.register_counter("a_total", "A.").unwrap().default();
    let gauge = registry.register_gauge("b", "B.").unwrap().default();
    let up_down = registry.register_up_down_counter("d", "D.").unwrap().default();
    let histogram = registry.register_histogram("c_seconds", "C.", &[0.5, 1.0]).unwrap().default();
    let present = registry.register_gauge_histogram("e", "E.", &[0.5, 1.0]).unwrap().default();
    assert_none(&[
        ("inc", &|| counter.inc()),
        ("inc_by", &|| counter.inc_by(2)),
        ("get", &|| assert!(counter.get() > 0)),
        ("clone", &|| drop(counter.clone())),
        ("set", &|| gauge.set(2.0)),
        ("add", &|| gauge.add(2.0)),
        ("sub", &|| gauge.sub(2.0)),
        ("dec", &|| gauge.dec()),
        ("gauge's inc", &|| gauge.inc()),
        ("in flight", &|| drop(gauge.track_in_flight())),
        ("gauge's get", &|| assert!(gauge.get() < 1e9)),
        ("observe", &|| histogram.observe(0.7)),
        ("observe NaN", &|| histogram.observe(f64::NAN)),
        ("observe infinity", &|| histogram.observe(f64::INFINITY)),
        ("observe_duration", &|| histogram.observe_duration(Duration::from_millis(700))),
        ("timer", &|| drop(histogram.start_timer())),
        ("timer's stop", &|| assert!(histogram.start_timer().stop() < Duration::MAX)),
        ("gauge histogram's add", &|| present.add(0.7)),
        ("gauge histogram's sub", &|| present.sub(0.7)),
        ("gauge histogram's add of NaN", &|| present.add(f64::NAN)),
        ("gauge histogram's sub of infinity", &|| present.sub(f64::INFINITY)),
        ("gauge histogram's guard", &|| drop(present.track(0.7))),
        ("up-down counter's inc", &|| up_down.inc()),
        ("up-down counter's dec", &|| up_down.dec()),
        ("up-down counter's add", &|| up_down.add(3)),
        ("up-down counter's sub", &|| up_down.sub(3)),
        ("up-down counter's get", &|| assert_eq!(up_down.get(), 0)),
        ("up-down counter in flight", &|| drop(up_down.track_in_flight())),
        ("labels", &|| assert!(counter.labels().is_empty())),
        ("metadata", &|| assert_eq!(histogram.metadata().name(), "c_seconds")),
        ("clones", &|| drop((gauge.clone(), up_down.clone(), histogram.clone()))),
    ]);
}

#[test]
fn no_operation_of_a_static_allocates() {
    static COUNTER: StaticCounter = StaticCounter::new("a_total", "A.");
    static UP_DOWN: StaticUpDownCounter = StaticUpDownCounter::new("b", "B.");
    static HISTOGRAM: StaticHistogram = StaticHistogram::new("c_seconds", "C.", &[0.5, 1.0]);
    assert_none(&[
        ("inc", &|| COUNTER.inc()),
        ("inc_by", &|| COUNTER.inc_by(2)),
        ("get", &|| assert!(COUNTER.get() > 0)),
        ("add", &|| UP_DOWN.add(2)),
        ("sub", &|| UP_DOWN.sub(2)),
        ("in flight", &|| drop(UP_DOWN.track_in_flight())),
        ("up-down counter's get", &|| assert_eq!(UP_DOWN.get(), 0)),
        ("observe", &|| HISTOGRAM.observe(0.7)),
        ("observe NaN", &|| HISTOGRAM.observe(f64::NAN)),
        ("timer", &|| drop(HISTOGRAM.start_timer())),
    ]);
}

#[test]
fn no_operation_of_a_rarer_kind_allocates() {
    static TOTAL: StaticFloatCounter = StaticFloatCounter::new("s_seconds_total", "S.");
    let registry = MetricsRegistry::new();
    let counter = registry.register_float_counter("a_seconds_total", "A.").unwrap().default();
    let gauge = registry.register_int_gauge("b", "B.").unwrap().default();
    let max = registry.register_max_gauge("c_seconds", "C.").unwrap().default();
    let min = registry.register_min_gauge("d_seconds", "D.").unwrap().default();
    let summary = registry.register_summary("h_seconds", "H.").unwrap().default();
    let states = registry.register_state_set::<bool>("e", "E.").unwrap().default();
    let info = registry.register_info("f_info", "F.", &[("version", "1")]).unwrap();
    let tasks = registry.register_long_task_timer("g", "G.", &[]).unwrap();
    let rising = Cell::new(0.0);
    let next = || {
        rising.set(rising.get() + 1.0);
        rising.get()
    };
    assert_none(&[
        ("float inc", &|| counter.inc()),
        ("float inc_by", &|| counter.inc_by(0.5)),
        ("float inc_by, NaN", &|| counter.inc_by(f64::NAN)),
        ("float inc_by, negative", &|| counter.inc_by(-1.0)),
        ("float inc_by_duration", &|| counter.inc_by_duration(Duration::from_millis(7))),
        ("float get", &|| assert!(counter.get() > 0.0)),
        ("float timer", &|| drop(counter.start_timer())),
        ("float clone", &|| drop(counter.clone())),
        ("static float inc_by", &|| TOTAL.inc_by(0.5)),
        ("static float inc_by, odd", &|| TOTAL.inc_by(f64::NAN)),
        ("static float timer", &|| drop(TOTAL.start_timer())),
        ("summary observe", &|| summary.observe(0.7)),
        ("summary observe, zero", &|| summary.observe(0.0)),
        ("summary observe, negative", &|| summary.observe(-3.0)),
        ("summary observe, NaN", &|| summary.observe(f64::NAN)),
        ("summary observe, infinite", &|| summary.observe(f64::INFINITY)),
        // Cells are made where something falls for the first time, and not by the program's allocator.
        ("summary observe, larger and larger", &|| summary.observe(f64::exp2(next()))),
        ("summary observe_duration", &|| summary.observe_duration(Duration::from_millis(7))),
        ("summary timer", &|| drop(summary.start_timer())),
        ("int set", &|| gauge.set(2)),
        ("int add", &|| gauge.add(2)),
        ("int sub", &|| gauge.sub(2)),
        ("int inc and dec", &|| (gauge.inc(), gauge.dec()).0),
        ("int in flight", &|| drop(gauge.track_in_flight())),
        ("int get", &|| assert!(gauge.get() < 1_000)),
        ("max, the same", &|| max.observe(0.5)),
        ("max, a larger one", &|| max.observe(next())),
        ("max, odd", &|| max.observe(f64::NAN)),
        ("max timer", &|| drop(max.start_timer())),
        ("max get", &|| assert!(max.get().is_some())),
        ("min, a smaller one", &|| min.observe(-next())),
        ("min observe_duration", &|| min.observe_duration(Duration::from_millis(7))),
        ("min timer", &|| drop(min.start_timer())),
        ("min get", &|| assert!(min.get().is_some())),
        ("state set", &|| states.set(true)),
        ("state enable and disable", &|| (states.enable(false), states.disable(true)).0),
        ("state is_enabled", &|| assert!(states.is_enabled(false) || states.is_enabled(true))),
        ("state enabled", &|| assert!(states.enabled().count() < 3)),
        ("state clear", &|| states.clear()),
        ("info clone", &|| drop(info.clone())),
        ("task", &|| drop(tasks.start())),
        ("two tasks", &|| drop((tasks.start(), tasks.start()))),
        ("task stop", &|| assert!(tasks.start().stop() < Duration::MAX)),
        ("tasks active", &|| assert_eq!(tasks.active(), 0)),
        ("tasks oldest", &|| assert_eq!(tasks.oldest(), None)),
    ]);
}

#[test]
fn no_lookup_by_index_allocates_before_or_after_a_removal() {
    let registry = MetricsRegistry::new();
    let family: Family<Cached, Counter> = registry.family("a_total", "A.").typed().register().unwrap();
    let cases: [(&str, &dyn Fn()); 4] = [
        ("with", &|| family.with(&Cached(true), Counter::inc)),
        ("get_or_create", &|| family.get_or_create(&Cached(true)).inc()),
        ("try_get_or_create", &|| family.try_get_or_create(&Cached(false)).unwrap().inc()),
        ("get", &|| family.get(&Cached(false)).unwrap().inc()),
    ];
    assert_none(&cases);
    assert!(family.remove(&Cached(true)));
    assert_none(&cases);
}

#[test]
fn no_lookup_of_a_series_that_is_there_allocates() {
    let registry = MetricsRegistry::new();
    let dynamic = registry.register_counter("a_total", "A.").unwrap();
    let declared = registry.family::<Histogram>("b_seconds", "B.").with_buckets(&[0.5]);
    let declared = declared.with_labels(&["method", "path", "status"]).register().unwrap();
    let typed: Family<Route<'static>, Gauge> =
        registry.family::<Gauge>("c", "C.").typed().register().unwrap();
    let long = "v".repeat(1_000);
    let sorted = [("method", "GET"), ("path", "/"), ("status", "200")];
    let turned = [("status", "200"), ("method", "GET"), ("path", "/")];
    let escaped = [("method", "\"G\\E\nT\""), ("path", &*long), ("status", "200")];
    let with_empty = [("status", "200"), ("method", "GET"), ("path", "")];
    let others = [("zone", "1"), ("code", "2"), ("path", "/"), ("a", ""), ("b", "3")];
    assert_none(&[
        ("with", &|| dynamic.with(&sorted, Counter::inc)),
        ("with, another order", &|| dynamic.with(&turned, Counter::inc)),
        ("with, escaped", &|| dynamic.with(&escaped, Counter::inc)),
        ("with, an empty value", &|| dynamic.with(&with_empty, Counter::inc)),
        ("with, other names", &|| dynamic.with(&others, Counter::inc)),
        ("with, none", &|| dynamic.with(&[], Counter::inc)),
        ("with within with", &|| dynamic.with(&sorted, |_| dynamic.with(&turned, Counter::inc))),
        ("get_or_create", &|| dynamic.get_or_create(&turned).inc()),
        ("get_or_create, other names", &|| dynamic.get_or_create(&others).inc()),
        ("try_get_or_create", &|| dynamic.try_get_or_create(&sorted).unwrap().inc()),
        ("get", &|| dynamic.get(&turned).unwrap().inc()),
        ("get, what is not there", &|| assert!(dynamic.get(&[("method", "PUT")]).is_none())),
        ("default", &|| dynamic.default().inc()),
        ("len", &|| assert!(dynamic.len() > 2)),
        ("declared", &|| declared.with(&sorted, |histogram| histogram.observe(1.0))),
        ("declared, another order", &|| declared.with(&turned, |histogram| histogram.observe(1.0))),
        ("declared, an empty value", &|| declared.with(&with_empty, |histogram| histogram.observe(1.0))),
        ("declared, get_or_create", &|| declared.get_or_create(&turned).observe(1.0)),
        ("typed", &|| typed.with(&Route { method: "GET", status: 200 }, Gauge::inc)),
        ("typed, get_or_create", &|| typed.get_or_create(&Route { method: "GET", status: 200 }).inc()),
        ("typed, get", &|| typed.get(&Route { method: "GET", status: 200 }).unwrap().inc()),
    ]);
}

#[test]
fn no_lookup_in_a_family_whose_series_expire_or_whose_values_are_made_alike_allocates() {
    let registry = MetricsRegistry::new();
    let build = |name: &str| registry.family::<Counter>(name, "A.");
    let expiring = build("a_total").with_expire_after(Duration::from_secs(1)).register().unwrap();
    let normal = build("b_total")
        .with_normalizer("path", |path| path.split_once('?').map_or(path, |(path, _)| path).into())
        .register()
        .unwrap();
    let labels = [("path", "/a?b"), ("method", "GET")];
    assert_none(&[
        ("expiring, with", &|| expiring.with(&labels, Counter::inc)),
        ("expiring, get_or_create", &|| expiring.get_or_create(&labels).inc()),
        ("made alike, with", &|| normal.with(&labels, Counter::inc)),
        ("made alike, get_or_create", &|| normal.get_or_create(&labels).inc()),
        ("made alike, get", &|| assert!(normal.get(&labels).is_some())),
    ]);
}

#[test]
fn as_many_labels_as_a_series_can_have_are_found_without_an_allocation() {
    let limits = nilometer_core::label::LabelLimits::default().with_max_labels(usize::MAX);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_label_limits(limits));
    let family = registry.register_counter("a_total", "A.").unwrap();
    let names: Vec<String> = (0..64).map(|number| format!("n{number}")).collect();
    let pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
    assert_none(&[("with", &|| family.with(&pairs, Counter::inc))]);
}

//! Registering: idempotent, all or nothing, and typed errors that name both sides.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

mod common;

use common::page;
use nilometer_core::declare::{Field, Handles, MetricField, Metrics, Scope};
use nilometer_core::label::LabelError;
use nilometer_core::{
    Counter, CounterFamily, Gauge, GaugeFamily, Histogram, HistogramFamily, MetricsError, MetricsRegistry,
    RegisterError, RegistryConfig, Unit,
};

/// A struct as the derive would implement it.
#[derive(Debug)]
struct Pair {
    served: Counter,
    depth: Gauge,
}

impl Metrics for Pair {
    fn declare(scope: &mut Scope) {
        Counter::declare(scope, Field::new("served_total", "Served."));
        Gauge::declare(scope, Field::new("depth", "Depth."));
    }

    fn build(handles: &mut Handles) -> Self {
        Pair { served: Counter::build(handles), depth: Gauge::build(handles) }
    }
}

/// What kept the struct from being registered.
fn refusal(result: nilometer_core::Result<Pair>) -> RegisterError {
    match result.unwrap_err() {
        MetricsError::Register(error) => error,
        other => unreachable!("{other}"),
    }
}

#[test]
fn the_same_identity_gives_the_same_series() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("app"));
    for _ in 0..2 {
        registry.register_counter("c_total", "C.").unwrap().default().inc();
        registry.register_gauge("g", "G.").unwrap().default().inc();
        registry.register_histogram("h", "H.", &[1.0]).unwrap().default().observe(0.5);
        let family = registry.family::<Gauge>("wait_seconds", "W.").with_unit(Unit::SECONDS);
        family.with_labels(&["b", "a"]).register().unwrap().get_or_create(&[("a", "1"), ("b", "2")]).inc();
        let family = registry.family::<Gauge>("wait_seconds", "W.").with_unit(Unit::SECONDS);
        family.with_labels(&["a", "b"]).register().unwrap().get_or_create(&[("a", "1"), ("b", "2")]).inc();
    }
    let expected = [
        "app_c_total counter",
        "  {} 2",
        "app_g gauge",
        "  {} 2",
        "app_h histogram",
        "  {} 1 in [2, 0]",
        "app_wait_seconds gauge",
        "  {a=\"1\",b=\"2\"} 4",
    ];
    assert_eq!(page(&registry), expected);
}

#[test]
fn any_difference_is_a_conflict_that_names_both_sides() {
    let registry = MetricsRegistry::new();
    let family = registry.family::<Histogram>("x_seconds", "X.").with_unit(Unit::SECONDS);
    family.with_labels(&["a"]).with_buckets(&[1.0, 2.0]).register().unwrap();
    registry.register_gauge("y_none", "Y.").unwrap();
    Pair::register_with(&registry, &[("instance", "1")]).unwrap();
    let before = page(&registry);

    let histogram = |help: &str| registry.family::<Histogram>("x_seconds", help);
    let same = || histogram("X.").with_unit(Unit::SECONDS).with_buckets(&[1.0, 2.0]);
    let y = registry.family::<Gauge>("y_none", "Y.").with_unit(Unit::new("none"));
    let table = [
        (registry.register_counter("x_seconds", "X.").unwrap_err(), "type", "histogram", "counter"),
        (registry.register_up_down_counter("y_none", "Y.").unwrap_err(), "type", "gauge", "up-down counter"),
        (histogram("Y.").with_buckets(&[1.0, 2.0]).register().unwrap_err(), "help", "X.", "Y."),
        (
            histogram("X.").with_labels(&["a"]).with_buckets(&[1.0, 2.0]).register().unwrap_err(),
            "unit",
            "seconds",
            "not declared",
        ),
        (y.register().unwrap_err(), "unit", "not declared", "none"),
        (same().with_labels(&["b"]).register().unwrap_err(), "label names", "[a]", "[b]"),
        (same().register().unwrap_err(), "label names", "[a]", "not declared"),
        (
            same().with_labels(&["a"]).with_buckets(&[1.0]).register().unwrap_err(),
            "bounds",
            "[1.0, 2.0]",
            "[1.0]",
        ),
        (refusal(Pair::register(&registry)), "constant label names", "instance", ""),
        (
            refusal(Pair::register_with(&registry, &[("zone", "1")])),
            "constant label names",
            "instance",
            "zone",
        ),
        (
            registry.register(&GaugeFamily::new("y_none", "Y.")).unwrap_err(),
            "series",
            "series made by another registration",
            "series of its own",
        ),
    ];
    for (error, expected, left, right) in table {
        let RegisterError::Conflict { what, existing, requested, location, .. } = &error else {
            unreachable!("{error} for {expected}")
        };
        assert_eq!((*what, existing.as_str(), requested.as_str()), (expected, left, right));
        assert!(location.file().ends_with("registration.rs"));
    }
    assert_eq!(page(&registry), before);
}

#[test]
fn no_two_families_take_one_name_on_any_page() {
    type Register = fn(&MetricsRegistry, &str) -> Option<RegisterError>;
    let counter: Register = |registry, name| registry.register_counter(name, "C.").err();
    let gauge: Register = |registry, name| registry.register_gauge(name, "G.").err();
    let histogram: Register = |registry, name| registry.register_histogram(name, "H.", &[1.0]).err();
    let table = [
        (histogram, "x", gauge, "x_count", "x_count"),
        (histogram, "x", gauge, "x_sum", "x_sum"),
        (histogram, "x", counter, "x_bucket", "x_bucket"),
        (histogram, "x", gauge, "x_created", "x_created"),
        (counter, "x_total", gauge, "x", "x"),
        (counter, "x_total", counter, "x", "x"),
        (counter, "x", gauge, "x_total", "x_total"),
        (counter, "x_total", histogram, "x", "x"),
    ];
    for (first, owner, second, name, taken) in table {
        for (first, owner, second, name) in [(first, owner, second, name), (second, name, first, owner)] {
            let registry = MetricsRegistry::new();
            assert_eq!(first(&registry, owner), None);
            let before = page(&registry);
            let error = second(&registry, name).unwrap();
            let RegisterError::Collision { name: refused, taken: what, owner: other } = &error else {
                unreachable!("{error}")
            };
            assert_eq!((refused.as_str(), what.as_str(), other.as_str()), (name, taken, owner));
            assert_eq!(page(&registry), before);
            assert!(registry.unregister(owner));
            assert_eq!(second(&registry, name), None, "the names are free again");
        }
    }
}

#[test]
fn a_struct_is_registered_as_a_whole_or_not_at_all() {
    let registry = MetricsRegistry::new();
    registry.register_gauge("depth", "Another depth.").unwrap().default().set(1.0);
    let before = page(&registry);
    for _ in 0..2 {
        let error = refusal(Pair::register(&registry));
        assert!(matches!(error, RegisterError::Conflict { what: "help", .. }), "{error}");
        assert_eq!(page(&registry), before);
    }
    registry.register_gauge("served", "The name is free.").unwrap();
}

#[test]
fn an_instance_that_fails_takes_back_what_it_had_added() {
    let registry = MetricsRegistry::new();
    let first = Pair::register_with(&registry, &[("instance", "1")]).unwrap();
    first.served.inc();
    assert!(registry.unregister("depth"));
    registry.register_gauge("depth", "Another depth.").unwrap();
    let before = page(&registry);
    refusal(Pair::register_with(&registry, &[("instance", "2")]));
    assert_eq!(page(&registry), before);
}

#[test]
fn instances_of_a_struct_differ_in_their_labels() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    for instance in ["1", "2", "1"] {
        let pair = Pair::register_with(&registry, &[("instance", instance)]).unwrap();
        pair.served.inc();
        pair.depth.inc();
    }
    let expected = [
        "depth gauge",
        "  {instance=\"1\",region=\"eu\"} 2",
        "  {instance=\"2\",region=\"eu\"} 1",
        "served_total counter",
        "  {instance=\"1\",region=\"eu\"} 2",
        "  {instance=\"2\",region=\"eu\"} 1",
    ];
    assert_eq!(page(&registry), expected);
    let error = refusal(Pair::register_with(&registry, &[("region", "us")]));
    let source = LabelError::DuplicateName { name: "region".to_owned() };
    assert_eq!(error, RegisterError::ConstantLabels(source));
    assert_eq!(page(&registry), expected);
    assert!(registry.unregister("depth"));
    assert_eq!(page(&registry), expected[3..]);
}

#[test]
fn a_disabled_family_records_where_nobody_looks() {
    let config = RegistryConfig::new().with_namespace("app").with_disabled(["app_depth", "app_off"]);
    let registry = MetricsRegistry::with_config(config);
    let (first, second) = (Pair::register(&registry).unwrap(), Pair::register(&registry).unwrap());
    first.depth.set(3.0);
    assert!(second.depth.get() > 2.0, "the same identity gives the same series");
    let pair: Option<Pair> = Metrics::register(&registry).unwrap();
    assert!(pair.is_some(), "one family of it is served");
    registry.register_histogram("off", "Off.", &[1.0]).unwrap();
    registry.register_gauge("off_count", "A disabled family takes no name but its own.").unwrap();
    let conflict = registry.register_gauge("off", "Off.").unwrap_err();
    assert!(matches!(conflict, RegisterError::Conflict { what: "type", .. }));
    assert_eq!(page(&registry), ["app_off_count gauge", "app_served_total counter", "  {} 0"]);

    let all = RegistryConfig::new().with_disabled(["depth", "served_total"]);
    let pair: Option<Pair> = Metrics::register(&MetricsRegistry::with_config(all)).unwrap();
    assert!(pair.is_none());
}

#[test]
fn a_family_that_was_made_elsewhere_joins_one_registry() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]).with_registry_limit(2);
    let registry = MetricsRegistry::with_config(config.with_disabled(["off"]));
    let family = CounterFamily::new("c_total", "C.");
    family.get_or_create(&[("a", "1")]).inc();
    for _ in 0..2 {
        registry.register(&family).unwrap();
    }
    registry.register_counter("c_total", "C.").unwrap().get_or_create(&[("a", "1")]).inc();
    let served = ["c_total counter", "  {a=\"1\",region=\"eu\"} 2"];
    assert_eq!(page(&registry), served);

    let other = MetricsRegistry::new();
    assert_eq!(other.register(&family), Err(RegisterError::Attached { name: "c_total".to_owned() }));
    other.register_gauge("c", "The name is free.").unwrap();

    assert!(registry.unregister("c_total"));
    assert!(page(&registry).is_empty());
    registry.register(&family).unwrap();
    assert_eq!(page(&registry), served);
    assert!(family.try_get_or_create(&[("a", "2")]).is_ok());
    assert!(family.try_get_or_create(&[("a", "3")]).is_err(), "its series were counted once");

    registry.register(&GaugeFamily::new("off", "Off.")).unwrap();
    assert_eq!(page(&registry).len(), 3);
}

#[test]
fn a_family_that_breaks_a_rule_is_refused_and_can_still_record() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let clash = GaugeFamily::new("g", "G.");
    clash.get_or_create(&[("region", "us")]).inc();
    let name = GaugeFamily::new("a b", "G.");
    let bounds = HistogramFamily::new("h", "H.", &[2.0, 1.0]);
    bounds.default().observe(f64::INFINITY);
    bounds.default().observe(1.5);
    assert_eq!(bounds.default().snapshot().count(), 2);
    let source = LabelError::Constant { name: "region".to_owned() };
    assert_eq!(registry.register(&clash), Err(RegisterError::Labels { name: "g".to_owned(), source }));
    assert!(matches!(registry.register(&name), Err(RegisterError::InvalidName { .. })));
    assert!(matches!(registry.register(&bounds), Err(RegisterError::Bounds { .. })));
    assert!(page(&registry).is_empty());
    assert_eq!(page(&name), ["error: the collector failed"]);
    assert_eq!(page(&bounds), ["error: the collector failed"]);
    assert!(clash.remove(&[("region", "us")]));
    registry.register(&clash).unwrap();
}

#[test]
fn what_a_declaration_gets_wrong_is_named() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let names: Vec<String> = (0..33).map(|number| format!("n{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let labels = |labels: &[&str]| match registry.family::<Gauge>("g", "G.").with_labels(labels).register() {
        Err(RegisterError::Labels { name, source }) if name == "g" => source,
        other => unreachable!("{other:?}"),
    };
    assert!(matches!(labels(&["le"]), LabelError::InvalidName { .. }));
    assert_eq!(labels(&["a", "a"]), LabelError::DuplicateName { name: "a".to_owned() });
    assert_eq!(labels(&["a", "region"]), LabelError::Constant { name: "region".to_owned() });
    assert_eq!(labels(&names), LabelError::TooMany { count: 33, max: 32 });
    let unit = registry.family::<Gauge>("g", "G.").with_unit(Unit::SECONDS).register().unwrap_err();
    assert_eq!(unit, RegisterError::Unit { name: "g".to_owned(), unit: Unit::SECONDS });
    assert!(matches!(registry.register_gauge("", "G."), Err(RegisterError::InvalidName { .. })));
    assert!(matches!(registry.register_histogram("h", "H.", &[]), Err(RegisterError::Bounds { .. })));
    let namespace = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("a-b"));
    assert!(matches!(namespace.register_gauge("g", "G."), Err(RegisterError::InvalidName { .. })));
    assert!(page(&registry).is_empty());
}

#[test]
fn a_visitor_can_use_the_registry_that_it_visits() {
    use nilometer_core::collect::{Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};

    struct Meddler(MetricsRegistry, CounterFamily);

    impl Visitor for Meddler {
        fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
            self.0.register_gauge("late", "Late.").map(drop).map_err(|_| Stopped)
        }

        fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
            self.1.clear();
            let _ = self.0.unregister("c_total");
            self.1.get_or_create(&[("le", "1")]).inc();
            Ok(())
        }
    }

    let registry = MetricsRegistry::new();
    let family = registry.register_counter("c_total", "C.").unwrap();
    family.default().inc();
    registry.collect(&mut Meddler(registry.clone(), family)).unwrap();
    assert_eq!(page(&registry), ["late gauge"]);
}

#[test]
fn one_instance_is_unregistered_without_the_others() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    for worker in ["1", "2"] {
        Pair::register_with(&registry, &[("worker", worker)]).unwrap().served.inc();
    }
    assert!(registry.unregister_instance("served_total", &[("worker", "1")]));
    assert!(!registry.unregister_instance("served_total", &[("worker", "1")]));
    assert!(!registry.unregister_instance("served_total", &[]));
    let served = |page: Vec<String>| -> Vec<String> {
        page.into_iter().skip_while(|line| line != "served_total counter").collect()
    };
    let expected = ["served_total counter", "  {region=\"eu\",worker=\"2\"} 1"];
    assert_eq!(served(page(&registry)), expected);
    assert!(registry.unregister_instance("served_total", &[("worker", "2")]));
    assert!(served(page(&registry)).is_empty());
    // The name is free again, for anything.
    registry.register_gauge("served_total", "Another.").unwrap();
}

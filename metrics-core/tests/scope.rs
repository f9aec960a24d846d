//! Scopes, and bounds that a configuration has instead of those that are declared.

mod common;

use common::page;
use nilometer_core::buckets::BucketError;
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_core::declare::{Field, Handles, MetricField, Metrics, Scope};
use nilometer_core::label::LabelError;
use nilometer_core::{
    Counter, Gauge, GaugeFamily, Histogram, HistogramFamily, HistogramReading, MetricsError, MetricsRegistry,
    RegisterError, RegistryConfig, StaticCounter, StaticHistogram, Unit,
};

/// A struct as the derive would implement it.
#[derive(Debug)]
struct Cache {
    hits: Counter,
    wait: Histogram,
}

impl Metrics for Cache {
    fn declare(scope: &mut Scope) {
        Counter::declare(scope, Field::new("cache_hits_total", "Hits."));
        Histogram::declare(scope, Field::new("cache_wait_seconds", "Wait.").with_buckets(&[1.0]));
    }

    fn build(handles: &mut Handles) -> Self {
        Cache { hits: Counter::build(handles), wait: Histogram::build(handles) }
    }
}

fn gauge(registry: &MetricsRegistry, name: &str) -> Result<(), RegisterError> {
    registry.register_gauge(name, "G.").map(|family| family.default().inc())
}

#[test]
fn a_scope_adds_its_prefix_after_the_namespace_and_its_labels_and_nests() {
    let config = RegistryConfig::new().with_namespace("app").with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let outer = registry.scope("db", &[("role", "primary")]);
    let inner = outer.scope("pool", &[("pool", "1")]).scope("", &[]);
    for registry in [&registry, &outer, &inner] {
        gauge(registry, "open").unwrap();
    }
    let expected = [
        "app_db_open gauge",
        "  {region=\"eu\",role=\"primary\"} 1",
        "app_db_pool_open gauge",
        "  {pool=\"1\",region=\"eu\",role=\"primary\"} 1",
        "app_open gauge",
        "  {region=\"eu\"} 1",
    ];
    assert_eq!(page(&registry), expected);
    assert_eq!(page(&inner), expected, "a scope is a handle of the whole registry");
    assert!(outer.unregister("app_db_pool_open"), "by its full name");
    assert!(outer.unregister_instance("app_db_open", &[]), "the scope's labels aside");
    assert_eq!(page(&registry), expected[4..]);
}

#[test]
fn instances_in_scopes_are_idempotent_and_differ_in_labels() {
    let registry = MetricsRegistry::new();
    for shard in ["a", "b", "a"] {
        let scope = registry.scope("lib", &[("shard", shard)]);
        let cache = Cache::register(&scope).unwrap();
        cache.hits.inc();
        cache.wait.observe(0.5);
    }
    let expected = [
        "lib_cache_hits_total counter",
        "  {shard=\"a\"} 2",
        "  {shard=\"b\"} 1",
        "lib_cache_wait_seconds histogram",
        "  {shard=\"a\"} 1 in [2, 0]",
        "  {shard=\"b\"} 0.5 in [1, 0]",
    ];
    assert_eq!(page(&registry), expected);
    // A scope's labels and those of `register_with` are the same thing.
    Cache::register_with(&registry.scope("lib", &[]), &[("shard", "b")]).unwrap().hits.inc();
    assert_eq!(page(&registry)[2], "  {shard=\"b\"} 2");
}

#[test]
fn a_struct_that_fails_in_a_scope_leaves_nothing() {
    let registry = MetricsRegistry::new();
    registry.register_gauge("lib_cache_wait_seconds", "Another.").unwrap();
    let before = page(&registry);
    let error = Cache::register(&registry.scope("lib", &[])).unwrap_err();
    assert!(
        matches!(&error, MetricsError::Register(RegisterError::Conflict { name, .. })
            if name == "lib_cache_wait_seconds"),
        "{error}"
    );
    assert_eq!(page(&registry), before);
    Cache::register(&registry).unwrap();
}

#[test]
fn what_is_wrong_with_a_scope_is_an_error_of_each_registration() {
    let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let twice =
        |name: &str| RegisterError::ConstantLabels(LabelError::DuplicateName { name: name.to_owned() });
    assert_eq!(gauge(&registry.scope("", &[("region", "us")]), "g"), Err(twice("region")));
    let nested = registry.scope("", &[("a", "1")]).scope("", &[("a", "2")]);
    assert_eq!(gauge(&nested, "g"), Err(twice("a")));
    let reserved = gauge(&registry.scope("", &[("le", "1")]), "g").unwrap_err();
    assert!(matches!(reserved, RegisterError::ConstantLabels(LabelError::InvalidName { .. })));
    let name = gauge(&registry.scope("no-name", &[]), "g").unwrap_err();
    assert!(matches!(&name, RegisterError::InvalidName { name, .. } if name == "no-name_g"), "{name}");
    let family = registry.family::<Counter>("c_total", "C.").with_labels(&["a"]).register();
    family.unwrap();
    let scope = registry.scope("other", &[("a", "1")]);
    let declared = scope.family::<Counter>("c_total", "C.").with_labels(&["a"]).register().unwrap_err();
    assert!(matches!(declared, RegisterError::Labels { source: LabelError::Constant { .. }, .. }));
    assert_eq!(page(&registry), ["c_total counter"]);
}

#[test]
fn a_family_that_was_made_elsewhere_gets_a_scopes_labels_and_keeps_its_name() {
    let registry = MetricsRegistry::new();
    let scope = registry.scope("lib", &[("shard", "a")]);
    let family = GaugeFamily::new("own", "Own.");
    family.default().inc();
    for _ in 0..2 {
        scope.register(&family).unwrap();
    }
    assert_eq!(page(&registry), ["own gauge", "  {shard=\"a\"} 1"]);
    for back in [false, true] {
        let error = registry.register(&family).unwrap_err();
        assert!(matches!(error, RegisterError::Conflict { what: "constant labels", .. }), "{error}");
        assert_eq!(page(&registry).is_empty(), back);
        registry.unregister("own");
    }
    scope.register(&family).unwrap();
    assert_eq!(page(&registry).len(), 2);
}

#[test]
fn a_static_is_registered_with_a_scope() {
    static HITS: StaticCounter = StaticCounter::new("hits_total", "Hits.");
    HITS.inc();
    let registry = MetricsRegistry::new();
    let _hits = HITS.register(&registry.scope("lib", &[("shard", "a")])).unwrap();
    assert_eq!(page(&registry), ["lib_hits_total counter", "  {shard=\"a\"} 1"]);
}

#[test]
fn a_foreign_collector_gets_the_labels_of_its_scope() {
    struct Source;

    impl Collector for Source {
        fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
            visitor.family(&Descriptor::try_new("threads", "Threads.", MetricType::Gauge)?)?;
            for labels in [LabelSet::empty(), LabelSet::from_pairs(&[("pool", "1")])] {
                visitor.point(SeriesLabels::of(&labels), GaugePoint::new(4.0).into())?;
            }
            Ok(())
        }
    }

    let registry =
        MetricsRegistry::with_config(RegistryConfig::new().with_constant_labels(&[("region", "eu")]));
    registry.scope("lib", &[("pool", "io")]).register_collector("threads", Source).unwrap();
    let expected = [
        "threads gauge",
        "  {pool=\"io\",region=\"eu\"} 4",
        "nilometer_collector_failures_total counter",
        "  {collector=\"threads\",reason=\"constant_label\",region=\"eu\"} 1",
    ];
    assert_eq!(page(&registry), expected);
    let twice = registry.scope("", &[("region", "us")]).register_collector("again", Source).unwrap_err();
    assert!(matches!(twice, RegisterError::ConstantLabels(_)));
}

#[test]
fn a_deployments_bounds_replace_the_declared_ones_and_are_the_identity() {
    let config = RegistryConfig::new()
        .with_namespace("app")
        .with_buckets_for("app_lib_cache_wait_seconds", &[0.5, 1.0])
        .with_buckets_for_prefix("app_queue_", &[7.0])
        .with_buckets_for_suffix("_bytes", &[8.0]);
    let registry = MetricsRegistry::with_config(config);
    let cache = Cache::register(&registry.scope("lib", &[])).unwrap();
    assert_eq!(cache.wait.bucket_bounds(), [0.5, 1.0]);
    assert_eq!(Cache::register(&registry).unwrap().wait.bucket_bounds(), [1.0], "another full name");

    let bounds = |name: &str, declared: &[f64]| {
        registry
            .register_histogram(name, "H.", declared)
            .map(|family| family.default().bucket_bounds().to_vec())
    };
    assert_eq!(bounds("queue_wait_seconds", &[1.0]), Ok(vec![7.0]));
    assert_eq!(bounds("queue_wait_seconds", &[2.0, 3.0]), Ok(vec![7.0]), "the same family, as it is served");
    assert_eq!(bounds("body_bytes", &[1.0]), Ok(vec![8.0]));
    assert_eq!(bounds("plain", &[1.0]), Ok(vec![1.0]));
    assert!(matches!(bounds("plain", &[2.0]), Err(RegisterError::Conflict { what: "bounds", .. })));
    // What declares no bounds gets none.
    assert!(matches!(bounds("queue_none", &[]), Err(RegisterError::Bounds { .. })));
    registry.register_counter("queue_total", "No buckets.").unwrap();
}

#[test]
fn a_deployments_bounds_that_are_no_bounds_are_an_error_that_names_the_family() {
    let config = RegistryConfig::new().with_buckets_for_suffix("_seconds", &[2.0, 1.0]);
    let registry = MetricsRegistry::with_config(config);
    let error = Cache::register(&registry).unwrap_err();
    let source = BucketError::NotIncreasing { index: 1, previous: 2.0, value: 1.0 };
    let MetricsError::Register(error) = error else { unreachable!("{error}") };
    assert_eq!(error, RegisterError::BucketOverride { name: "cache_wait_seconds".to_owned(), source });
    assert!(page(&registry).is_empty(), "all or nothing");
    // A counter has no buckets that could be wrong.
    registry.register_counter("busy_seconds", "Busy.").unwrap();
}

#[test]
fn what_has_its_buckets_already_keeps_them() {
    static WAIT: StaticHistogram = StaticHistogram::new("wait_seconds", "Wait.", &[1.0, 2.0]);
    let config = RegistryConfig::new().with_buckets_for_suffix("_seconds", &[5.0]);
    let registry = MetricsRegistry::with_config(config);
    assert_eq!(WAIT.register(&registry).unwrap().bucket_bounds(), [1.0, 2.0]);
    let family = HistogramFamily::new("own_seconds", "Own.", &[3.0]);
    registry.register(&family).unwrap();
    assert_eq!(family.default().bucket_bounds(), [3.0]);
}

#[test]
fn every_kind_takes_a_scopes_prefix_and_labels() {
    let registry = MetricsRegistry::new();
    let scope = registry.scope("db", &[("role", "primary")]);
    scope.register_float_counter("energy_joules_total", "E.").unwrap().default().inc_by(0.5);
    scope.register_int_gauge("depth", "D.").unwrap().default().set(-1);
    scope.register_max_gauge("peak", "P.").unwrap().default().observe(2.0);
    scope.register_min_gauge("trough", "T.").unwrap().default().observe(-2.5);
    scope.register_state_set::<bool>("leads", "L.").unwrap().default().set(true);
    scope.register_gauge_histogram("queued", "Q.", &[1.0]).unwrap().default().add(3.0);
    let ages = || HistogramReading::new([1, 1], 4.0);
    let ages = scope.register_gauge_histogram_callback("age_seconds", "A.", &[], &[1.0], ages).unwrap();
    scope.register_info("build_info", "B.", &[("version", "1")]).unwrap();
    let imports = scope.register_long_task_timer("imports", "Imports.", &[]).unwrap();
    let guard = scope.register_counter_callback("reads_total", "R.", &[], || 7_u64).unwrap();
    let expected = [
        "db_age_seconds gaugehistogram",
        "  {role=\"primary\"} 4 in [1, 1]",
        "db_build_info info",
        "  {role=\"primary\",version=\"1\"} info",
        "db_depth gauge",
        "  {role=\"primary\"} -1",
        "db_energy_joules_total counter",
        "  {role=\"primary\"} 0.5",
        "db_imports_active gauge",
        "  {role=\"primary\"} 0",
        "db_imports_active_seconds gauge",
        "  {role=\"primary\"} 0",
        "db_imports_oldest_seconds gauge",
        "  {role=\"primary\"} 0",
        "db_leads stateset",
        "  {role=\"primary\"} false=0,true=1",
        "db_peak gauge",
        "  {role=\"primary\"} 2",
        "db_queued gaugehistogram",
        "  {role=\"primary\"} 3 in [0, 1]",
        "db_reads_total counter",
        "  {role=\"primary\"} 7",
        "db_trough gauge",
        "  {role=\"primary\"} -2.5",
    ];
    assert_eq!(page(&registry), expected);
    drop((imports, guard, ages));
    let left = [&expected[2..20], &expected[22..]].concat();
    assert_eq!(page(&registry), left, "a callback leaves from where it was registered");
}

#[test]
fn what_is_said_late_of_one_instance_is_said_of_all() {
    let registry = MetricsRegistry::new();
    let of = |shard: &str, help: &str| {
        registry.scope("", &[("shard", shard)]).family::<Gauge>("free_bytes", help).register()
    };
    let instances = [of("1", "").unwrap(), of("2", "").unwrap()];
    assert!(instances[1].describe("Bytes left."));
    assert!(instances[1].declare_unit(Unit::BYTES));
    for instance in &instances {
        assert_eq!(
            (instance.metadata().help(), instance.metadata().unit()),
            ("Bytes left.", Some(Unit::BYTES))
        );
        assert!(!instance.describe("Bytes, perhaps."));
    }
    // The identity is one, whoever comes.
    for shard in ["1", "2", "3"] {
        assert!(of(shard, "").is_err(), "{shard}");
        let scope = registry.scope("", &[("shard", shard)]);
        let again =
            scope.family::<Gauge>("free_bytes", "Bytes left.").with_unit(Unit::BYTES).register().unwrap();
        assert_eq!(again.metadata().help(), "Bytes left.");
    }
}

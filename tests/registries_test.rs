//! Scopes, no-op structs and several registries on one page, as a program uses them.

use nilometer::application::{ProcessorMetrics, StateMetrics, WindowMetrics};
use nilometer::{
    Counter, CounterFamily, Family, Gauge, Histogram, LabelValue, Metrics, MetricsRegistry,
    PrometheusRenderer, Registries, RegistryConfig, TypedLabels,
};
use nilometer_tests::page::Page;
use nilometer_tests::scrape;

#[derive(Clone, Copy, LabelValue)]
#[label(rename_all = "lowercase")]
enum Outcome {
    Hit,
    Miss,
}

#[derive(TypedLabels)]
struct Lookup {
    outcome: Outcome,
}

#[derive(Metrics)]
#[metrics(prefix = "cache")]
struct CacheMetrics {
    /// Lookups.
    lookups_total: Family<Lookup, Counter>,
    /// Entries.
    entries: Gauge,
    /// Time to load.
    #[metric(buckets = [0.5, 1.0])]
    load_seconds: Histogram,
    /// Evictions.
    #[metric(labels = ["reason"])]
    evictions_total: CounterFamily,
    /// What can be turned off.
    optional: Option<Gauge>,
    #[metric(flatten)]
    nested: Option<Nested>,
}

#[derive(Metrics)]
struct Nested {
    /// Nested.
    nested: Gauge,
}

fn record(metrics: &CacheMetrics, entries: f64) {
    metrics.lookups_total.get_or_create(&Lookup { outcome: Outcome::Hit }).inc_by(2);
    metrics.lookups_total.get_or_create(&Lookup { outcome: Outcome::Miss }).inc();
    metrics.entries.set(entries);
    metrics.load_seconds.observe(0.75);
    metrics.evictions_total.get_or_create(&[("reason", "full")]).inc();
}

#[test]
fn derived_structs_register_into_scopes() {
    let config = RegistryConfig::new().with_namespace("app").with_buckets_for_suffix("load_seconds", &[2.0]);
    let registry = MetricsRegistry::with_config(config);
    let users = registry.scope("users", &[("tier", "1")]);
    let pages = registry.scope("pages", &[]).scope("", &[("tier", "2")]);
    for (scope, entries) in [(&users, 5.0), (&pages, 7.0)] {
        record(&CacheMetrics::register(scope).unwrap(), entries);
        CacheMetrics::new(scope).unwrap().nested.unwrap().nested.inc();
    }
    let page = scrape(&registry);
    for (name, tier, entries) in [("users", "1", 5.0), ("pages", "2", 7.0)] {
        let family = |suffix: &str| format!("app_{name}_cache_{suffix}");
        assert_eq!(page.value(&family("entries"), &[("tier", tier)]), Some(entries));
        assert_eq!(page.count(&family("lookups_total"), &[("outcome", "hit"), ("tier", tier)]), Some(2));
        let nilometer_tests::page::Series::Histogram { buckets, .. } =
            page.series(&family("load_seconds"), &[("tier", tier)]).unwrap()
        else {
            unreachable!("it is a histogram")
        };
        assert_eq!(buckets, &[(2.0, 1), (f64::INFINITY, 1)]);
    }
    assert!(
        CacheMetrics::register(&registry.scope("1", &[("tier", "3")])).is_ok(),
        "a digit after the namespace"
    );
    assert!(CacheMetrics::register(&MetricsRegistry::new().scope("1", &[])).is_err(), "and none before it");
}

#[test]
fn structs_record_without_a_registry() {
    let metrics = CacheMetrics::noop();
    record(&metrics, 3.0);
    assert!(metrics.optional.is_none() && metrics.nested.is_none());
    assert!(metrics.lookups_total.is_empty() && metrics.evictions_total.is_empty());
    assert_eq!(metrics.load_seconds.snapshot().count(), 1);
    // Ready-made sets too.
    ProcessorMetrics::noop().events_received_total.inc();
    WindowMetrics::noop().open.inc();
    StateMetrics::noop().hits_total.inc();
}

#[test]
fn several_registries_are_one_page_of_the_format() {
    let config =
        |tenant| RegistryConfig::new().with_constant_labels(&[("tenant", tenant)]).with_series_limit(2);
    let tenants = ["1", "2"].map(|tenant| MetricsRegistry::with_config(config(tenant)));
    let plain = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(2));
    for (registry, entries) in tenants.iter().chain([&plain]).zip([1.0, 2.0, 3.0]) {
        let metrics = CacheMetrics::register(registry).unwrap();
        record(&metrics, entries);
        for reason in ["full", "old", "idle"] {
            metrics.evictions_total.get_or_create(&[("reason", reason)]).inc();
        }
    }
    // It has a series of the first one's labels, and something else under a name of all others.
    let clashing = MetricsRegistry::new();
    let first = clashing.scope("", &[("tenant", "1")]);
    let entries = first.family::<Gauge>("cache_entries", "Entries.").with_labels(&[]).register().unwrap();
    entries.default().set(9.0);
    clashing.register_counter("cache_load_seconds_count", "Taken.").unwrap().default().inc();
    clashing.register_collector("tenant", tenants[0].clone()).unwrap();

    let all = Registries::new(tenants.iter().chain([&plain, &clashing]).cloned());
    let text = PrometheusRenderer::try_render_all(&all).unwrap();
    let page = Page::parse(&text).unwrap_or_else(|error| unreachable!("{error}\n{text}"));
    for (labels, entries) in [(&[("tenant", "1")][..], 1.0), (&[("tenant", "2")], 2.0), (&[], 3.0)] {
        assert_eq!(page.value("cache_entries", labels), Some(entries));
        let overflow = [labels, &[("nilometer_overflow", "true")]].concat();
        assert_eq!(page.count("cache_evictions_total", &overflow), Some(1));
        let counted = [labels, &[("family", "cache_evictions_total"), ("reason", "series_limit")]].concat();
        assert_eq!(page.count("nilometer_overflow_total", &counted), Some(1));
    }
    assert_eq!(page.family("cache_entries").unwrap().series.len(), 3);
    let left_out: Vec<(&str, &str)> =
        [("cache_entries", "duplicate_series"), ("cache_load_seconds_count", "name_taken")].into();
    for (family, reason) in &left_out {
        let labels = [("family", *family), ("reason", *reason)];
        assert_eq!(page.count("nilometer_merge_conflicts_total", &labels), Some(1));
    }
    let conflicts = all.conflicts();
    let counted: Vec<_> = conflicts.iter().map(|conflict| (conflict.family(), conflict.reason())).collect();
    assert_eq!(counted, left_out);
    // Each line of a registry that was registered with another one as well would stand twice.
    let lost = page
        .count("nilometer_collector_failures_total", &[("collector", "tenant"), ("reason", "name_taken")]);
    assert!(lost.is_some_and(|lost| lost >= 5), "{lost:?}");
}

#[test]
fn the_server_takes_several_registries() {
    let both = Registries::new([MetricsRegistry::new(), MetricsRegistry::new()]);
    let _server = nilometer::MetricsServer::new(both, nilometer::ServerConfig::new());
}

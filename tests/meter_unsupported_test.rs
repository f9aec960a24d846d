//! What the meter provider does not do, or not as it is asked for: each of it is counted.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeMap;

use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer, RegisterError};
use nilometer_tests::page::Page;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;

const SCOPE: [(&str, &str); 1] = [("otel_scope_name", "lib")];

fn registry() -> (MetricsRegistry, RegistryMeterProvider) {
    let registry = MetricsRegistry::new();
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    (registry, provider)
}

/// A page, which an independent parser finds to keep every rule.
fn page(registry: &MetricsRegistry) -> (String, Page) {
    let text = PrometheusRenderer::render_all(registry);
    let page = Page::parse(&text).unwrap();
    (text, page)
}

/// What is counted, by instrument and reason.
fn unsupported(registry: &MetricsRegistry) -> BTreeMap<(String, String), u64> {
    let (_, page) = page(registry);
    let Some(family) = page.family("nilometer_otel_unsupported_total") else { return BTreeMap::new() };
    let count = |labels: &BTreeMap<String, String>| {
        let pairs: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        page.count("nilometer_otel_unsupported_total", &pairs).unwrap()
    };
    let label = |labels: &BTreeMap<String, String>, name| labels.get(name).cloned().unwrap_or_default();
    let series = family.series.keys();
    series.map(|labels| ((label(labels, "instrument"), label(labels, "reason")), count(labels))).collect()
}

fn counts(expected: &[(&str, &str, u64)]) -> BTreeMap<(String, String), u64> {
    expected.iter().map(|&(instrument, reason, count)| ((instrument.into(), reason.into()), count)).collect()
}

#[test]
fn instruments_that_cannot_be_had_do_nothing_and_are_counted() {
    let (registry, provider) = registry();
    registry.register_gauge("own", "The program's own.").unwrap().default().set(1.0);
    let meter = provider.meter("lib");
    meter.u64_counter("hits").build().add(1, &[]);
    meter.f64_histogram("wait").with_boundaries(vec![1.0, 2.0]).build().record(0.5, &[]);
    meter.u64_gauge("size").build().record(1, &[]);
    meter.u64_observable_gauge("seen").with_callback(|observer| observer.observe(1, &[])).build();
    let before = page(&registry).0;

    let other = provider.meter("other");
    for _ in 0..2 {
        other.f64_counter("hits").build().add(1.0, &[]);
    }
    other.u64_counter("h-i.t").build();
    other.u64_counter("h.i-t").build().add(1, &[]);
    other.u64_observable_counter("hits").with_callback(|observer| observer.observe(9, &[])).build();
    other.f64_histogram("wait").with_boundaries(vec![1.0, 3.0]).build().record(0.5, &[]);
    other.u64_histogram("wait").build().record(7, &[]);
    other.f64_gauge("size").build().record(9.0, &[]);
    other.i64_up_down_counter("seen").build().add(1, &[]);
    other.u64_counter("own").build().add(1, &[]);
    other.f64_gauge("hits.total").build().record(1.0, &[]);
    other.u64_counter("9lives").build().add(1, &[]);
    other.u64_counter("").build();
    other.i64_gauge("long").with_unit("x".repeat(64)).build().record(1, &[]);
    for boundaries in [vec![1.0, 1.0], vec![f64::NAN], vec![f64::INFINITY], (0..257).map(f64::from).collect()]
    {
        other.f64_histogram("bounds").with_boundaries(boundaries).build().record(1.0, &[]);
    }
    let expected = counts(&[
        ("hits", "conflict", 3),
        ("hits", "dropped", 2),
        ("h.i-t", "conflict", 1),
        ("h.i-t", "dropped", 1),
        ("wait", "conflict", 2),
        ("wait", "dropped", 2),
        ("size", "conflict", 1),
        ("size", "dropped", 1),
        ("seen", "conflict", 1),
        ("seen", "dropped", 1),
        ("own", "conflict", 1),
        ("own", "dropped", 1),
        ("hits.total", "conflict", 1),
        ("hits.total", "dropped", 1),
        ("9lives", "instrument_name", 1),
        ("9lives", "dropped", 1),
        ("(empty)", "instrument_name", 1),
        ("(empty)", "dropped", 0),
        ("long", "instrument_unit", 1),
        ("long", "dropped", 1),
        ("bounds", "boundaries", 4),
        ("bounds", "dropped", 4),
    ]);
    assert_eq!(unsupported(&registry), expected);
    let after = page(&registry).0;
    let without: Vec<&str> =
        after.lines().filter(|line| !line.contains("nilometer_otel_unsupported")).collect();
    let before: Vec<&str> = before.lines().collect();
    assert_eq!(without, before);
}

#[test]
fn what_is_done_in_another_way_is_counted_once() {
    let (registry, provider) = registry();
    let meter = provider.meter("lib");
    meter.u64_counter("hits").with_description("Hits.").build().add(1, &[]);
    meter.u64_counter("hits").with_description("Others.").build().add(1, &[]);
    let gauge = meter.u64_gauge("size").build();
    gauge.record(u64::MAX, &[]);
    meter.i64_gauge("size").build().record(3, &[KeyValue::new("otel.scope.name", "thief")]);
    let busy = meter.f64_counter("busy").build();
    for odd in [-1.0, f64::NAN, f64::INFINITY, 0.5] {
        busy.add(odd, &[]);
    }
    busy.add(1.0, &[KeyValue::new("le", "1")]);
    let (_, page) = page(&registry);
    assert_eq!(page.count("hits_total", &SCOPE), Some(2));
    assert_eq!(page.family("hits_total").unwrap().help.as_deref(), Some("Hits."));
    assert_eq!(page.value("size", &SCOPE), Some(3.0));
    assert_eq!(page.value("busy_total", &SCOPE), Some(0.5));
    assert_eq!(page.value("busy_total", &[("nilometer_overflow", "true")]), Some(1.0));
    for reason in ["nan", "negative", "infinite"] {
        let labels = [("family", "busy_total"), ("reason", reason)];
        assert_eq!(page.count("nilometer_odd_observations_total", &labels), Some(1), "{reason}");
    }
    let labels = [("family", "busy_total"), ("reason", "invalid_name")];
    assert_eq!(page.count("nilometer_overflow_total", &labels), Some(1));
    let expected = [("hits", "description", 1), ("size", "gauge_range", 1), ("size", "scope_attribute", 1)];
    assert_eq!(unsupported(&registry), counts(&expected));
}

#[test]
fn a_change_by_what_is_no_finite_number_leaves_the_level_as_it_is() {
    let (registry, provider) = registry();
    let level = provider.meter("lib").f64_up_down_counter("level").build();
    for change in [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.5] {
        level.add(change, &[]);
    }
    let (_, page) = page(&registry);
    assert_eq!(page.value("level", &SCOPE), Some(1.0));
    assert_eq!(unsupported(&registry), counts(&[("level", "change", 3)]));
}

#[test]
fn a_family_of_the_program_s_own_takes_an_instrument_that_is_the_same_but_for_its_help() {
    let (registry, provider) = registry();
    let own = registry.register_counter("hits_total", "The program's.").unwrap();
    own.default().inc();
    provider.meter("lib").u64_counter("hits").with_description("The library's.").build().add(2, &[]);
    let (_, page) = page(&registry);
    assert_eq!(page.count("hits_total", &[]), Some(1));
    assert_eq!(page.count("hits_total", &SCOPE), Some(2));
    assert_eq!(page.family("hits_total").unwrap().help.as_deref(), Some("The program's."));
    assert_eq!(unsupported(&registry), counts(&[("hits", "description", 1)]));
}

#[test]
fn a_registry_has_one_provider() {
    let (registry, provider) = registry();
    let second = RegistryMeterProvider::try_new(&registry.scope("other", &[])).unwrap_err();
    assert!(matches!(second, RegisterError::CollectorExists { .. }), "{second}");
    provider.clone().meter("lib").u64_counter("hits").build().add(1, &[]);
    assert_eq!(page(&registry).1.count("hits_total", &SCOPE), Some(1));
}

#[test]
fn a_provider_that_cannot_be_made_changes_nothing() {
    let registry = MetricsRegistry::new();
    let taken = registry.register_gauge("nilometer_otel_unsupported", "Taken.").unwrap();
    let error = RegistryMeterProvider::try_new(&registry).unwrap_err();
    assert!(matches!(error, RegisterError::Collision { .. }), "{error}");
    assert!(registry.unregister(taken.metadata().name()));
    assert!(RegistryMeterProvider::try_new(&registry).is_ok());
}

#[test]
fn after_a_shutdown_instruments_record_and_no_more_are_made() {
    let (registry, provider) = registry();
    let counter = provider.meter("lib").u64_counter("hits").build();
    counter.add(1, &[]);
    provider.shutdown();
    provider.clone().shutdown();
    let meter = provider.meter("lib");
    meter.u64_counter("more").build().add(1, &[]);
    meter.u64_observable_gauge("seen").with_callback(|observer| observer.observe(1, &[])).build();
    counter.add(1, &[]);
    let (_, page) = page(&registry);
    assert_eq!(page.count("hits_total", &SCOPE), Some(2));
    assert!(page.family("more_total").is_none() && page.family("seen").is_none());
    let expected = counts(&[("more", "shutdown", 1), ("more", "dropped", 1), ("seen", "shutdown", 1)]);
    assert_eq!(unsupported(&registry), expected);
}

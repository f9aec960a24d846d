//! Where series come from: the report, and the numbers on the page for who asks for them.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

mod common;

use common::page;
use nilometer_core::{Counter, LabelCardinality, MetricsRegistry, RegisterError, RegistryConfig};

fn registry(config: RegistryConfig) -> MetricsRegistry {
    let registry = MetricsRegistry::with_config(config);
    let family = registry.family::<Counter>("requests_total", "R.").with_series_limit(6).register().unwrap();
    for number in 0..8 {
        let path = format!("/{number}");
        let labels = [("method", if number == 0 { "PUT" } else { "GET" }), ("path", path.as_str())];
        family.with(&labels[usize::from(number == 5)..], Counter::inc);
    }
    registry.register_gauge("depth", "D.").unwrap().default().set(1.0);
    registry.register_gauge("empty", "E.").unwrap();
    registry
}

fn labels(labels: &[LabelCardinality]) -> Vec<(&str, usize, usize)> {
    labels.iter().map(|label| (label.name(), label.values(), label.series())).collect()
}

#[test]
fn a_report_says_how_many_series_and_values_there_are_and_what_went_over() {
    let report = registry(RegistryConfig::new().with_registry_limit(100)).cardinality();
    assert_eq!((report.series(), report.limit()), (7, 100));
    let families = report.families().iter();
    let families: Vec<_> =
        families.map(|one| (one.name(), one.series(), one.limit(), one.overflowed())).collect();
    let expected = [("requests_total", 6, 6, 2), ("depth", 1, 10_000, 0), ("empty", 0, 10_000, 0)];
    assert_eq!(families, expected);
    assert_eq!(labels(report.families()[0].labels()), [("path", 6, 6), ("method", 2, 5)]);
    assert_eq!(labels(report.families()[1].labels()), []);
    let expected = "\
7 of 100 series in 3 families
requests_total: 6 of 6 series, 2 lookups past a limit or refused
    path: 6 values
    method: 2 values
depth: 1 of 10000 series
empty: 0 of 10000 series
";
    assert_eq!(report.to_string(), expected);
    let expected = "\
7 of 100 series in 3 families
requests_total: 6 of 6 series, 2 lookups past a limit or refused
    path: 6 values
";
    assert_eq!(report.top(1).to_string(), expected);
}

#[test]
fn values_that_are_escaped_or_shared_by_instances_are_counted_once() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    for (a, b) in [("\"\n", "1"), ("\"\n", "2"), ("\\n", "1"), ("", "1")] {
        family.with(&[("a", a), ("b", b)], Counter::inc);
    }
    let report = registry.cardinality();
    assert_eq!(labels(report.families()[0].labels()), [("a", 2, 3), ("b", 2, 4)]);
    assert!(family.remove(&[("a", "\\n"), ("b", "1")]));
    assert_eq!(labels(registry.cardinality().families()[0].labels()), [("b", 2, 3), ("a", 1, 2)]);
}

#[test]
fn the_numbers_of_series_are_on_the_page_for_who_asks_for_them() {
    let silent = page(&registry(RegistryConfig::new().with_self_metrics(false)));
    assert!(!silent.iter().any(|line| line.starts_with("nilometer")));
    let config = RegistryConfig::new().with_self_metrics(false).with_series_metrics(true);
    let expected = [
        "nilometer_series gauge",
        "  {family=\"depth\"} 1",
        "  {family=\"requests_total\"} 6",
        "nilometer_series_limit gauge",
        "  {family=\"depth\"} 10000",
        "  {family=\"empty\"} 10000",
        "  {family=\"requests_total\"} 6",
    ];
    assert_eq!(page(&registry(config))[silent.len()..], expected);
}

#[test]
fn the_names_of_these_numbers_belong_to_the_registry() {
    for name in ["nilometer_series", "nilometer_series_limit", "nilometer_detached_series_live"] {
        let error = MetricsRegistry::new().register_gauge(name, "G.").unwrap_err();
        assert!(matches!(error, RegisterError::Collision { .. }), "{name}");
    }
}

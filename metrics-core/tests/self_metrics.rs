//! What a registry tells about itself.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

mod common;

use common::page;
use nilometer_core::{MetricsRegistry, RegisterError, RegistryConfig};

fn overflowing(config: RegistryConfig) -> MetricsRegistry {
    let registry = MetricsRegistry::with_config(config.with_series_limit(0));
    for name in ["a_total", "b_total"] {
        registry.register_counter(name, "X.").unwrap().default().inc();
    }
    registry
}

#[test]
fn a_registry_without_trouble_is_silent() {
    let registry = MetricsRegistry::new();
    registry.register_counter("a_total", "A.").unwrap().default().inc();
    assert_eq!(page(&registry), ["a_total counter", "  {} 1"]);
}

#[test]
fn self_metrics_can_be_turned_off() {
    let page = page(&overflowing(RegistryConfig::new().with_self_metrics(false)));
    assert_eq!(page.last().unwrap(), "  {nilometer_overflow=\"true\"} 1");
}

#[test]
fn a_constant_label_of_the_same_name_leaves_one_series_with_all_counts() {
    let page = page(&overflowing(RegistryConfig::new().with_constant_labels(&[("family", "f")])));
    let expected = ["nilometer_overflow_total counter", "  {family=\"f\",reason=\"series_limit\"} 2"];
    assert_eq!(page[4..], expected);
}

#[test]
fn odd_observations_are_counted_by_family_and_reason() {
    let registry = MetricsRegistry::new();
    let histogram = registry.register_histogram("h", "H.", &[1.0, 2.0]).unwrap().default();
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 2.0, f64::MAX, f64::MAX, f64::MIN] {
        histogram.observe(value);
    }
    let page = page(&registry);
    assert!(page[1].ends_with(" in [3, 1, 3]"), "{}", page[1]);
    assert!(histogram.snapshot().sum().is_finite());
    let expected = [
        "nilometer_odd_observations_total counter",
        "  {family=\"h\",reason=\"nan\"} 1",
        "  {family=\"h\",reason=\"infinite\"} 2",
    ];
    assert_eq!(page[2..], expected);
}

#[test]
fn the_names_of_self_metrics_belong_to_the_registry() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
    for name in ["nilometer_overflow_total", "nilometer_overflow", "nilometer_odd_observations_total"] {
        let error = registry.register_gauge(name, "G.").unwrap_err();
        assert!(matches!(error, RegisterError::Collision { .. }), "{name}");
    }
    assert!(!registry.unregister("nilometer_overflow_total"));
}

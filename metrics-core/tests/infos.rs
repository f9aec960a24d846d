//! Infos.

mod common;

use common::page;
use nilometer_core::label::LabelError;
use nilometer_core::{InfoFamily, MetricsRegistry, RegisterError, RegistryConfig, SeriesError};

#[test]
fn an_info_is_shown_with_its_labels_and_the_constant_ones() {
    let config = RegistryConfig::new().with_namespace("shop").with_constant_labels(&[("zone", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let info =
        registry.register_info("build_info", "Build.", &[("version", "1.2"), ("commit", "abc")]).unwrap();
    assert_eq!((info.metadata().name(), info.labels().get("commit")), ("shop_build_info", Some("abc")));
    let expected = ["shop_build_info info", "  {commit=\"abc\",version=\"1.2\",zone=\"eu\"} info"];
    assert_eq!(page(&registry), expected);
    registry.register_info("build_info", "Build.", &[("commit", "abc"), ("version", "1.2")]).unwrap();
    assert_eq!(page(&registry), expected, "the same again is the same series");
}

#[test]
fn other_values_are_another_series_and_other_names_are_a_conflict() {
    let registry = MetricsRegistry::new();
    registry.register_info("plugin_info", "Plugin.", &[("name", "a")]).unwrap();
    registry.register_info("plugin_info", "Plugin.", &[("name", "b")]).unwrap();
    let expected = ["plugin_info info", "  {name=\"a\"} info", "  {name=\"b\"} info"];
    assert_eq!(page(&registry), expected);
    let error = registry.register_info("plugin_info", "Plugin.", &[("version", "1")]).unwrap_err();
    assert!(matches!(error, RegisterError::Conflict { what: "label names", .. }), "{error:?}");
    assert_eq!(page(&registry), expected);
}

#[test]
fn labels_that_break_a_rule_are_refused_and_nothing_is_registered() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1));
    let long = "x".repeat(2_000);
    for labels in [&[("le", "1")][..], &[("a", "1"), ("a", "2")], &[("a b", "1")]] {
        let error = registry.register_info("a_info", "A.", labels).unwrap_err();
        assert!(matches!(error, RegisterError::Labels { .. }), "{error:?}");
    }
    let error = registry.register_info("a_info", "A.", &[("a", &long)]).unwrap_err();
    let RegisterError::Series { source: SeriesError::Labels { source, .. }, .. } = error else {
        panic!("{error:?}");
    };
    assert!(matches!(source, LabelError::ValueTooLong { .. }));
    assert_eq!(page(&registry), [""; 0]);
    registry.register_info("a_info", "A.", &[("a", "1")]).unwrap();
    let error = registry.register_info("a_info", "A.", &[("a", "2")]).unwrap_err();
    assert_eq!(error.to_string(), "no series in family `a_info`");
    assert_eq!(page(&registry), ["a_info info", "  {a=\"1\"} info"]);
}

#[test]
fn a_name_and_the_one_without_its_suffix_collide() {
    let registry = MetricsRegistry::new();
    registry.register_info("build_info", "Build.", &[]).unwrap();
    assert!(matches!(registry.register_gauge("build", "B."), Err(RegisterError::Collision { .. })));
}

#[test]
fn a_family_of_infos_has_a_series_for_each_label_set() {
    let family = InfoFamily::new("disk_info", "Disks.");
    let _first = family.get_or_create(&[("disk", "a")]);
    let _second = family.get_or_create(&[("disk", "b")]);
    family.remove(&[("disk", "a")]);
    assert_eq!(page(&family), ["disk_info info", "  {disk=\"b\"} info"]);
}

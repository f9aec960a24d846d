//! Label values that are made alike before they are looked up.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

mod common;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use common::page;
use nilometer_core::label::{LabelError, LabelLimits, LabelValue, TypedLabels, ValueBuffer};
use nilometer_core::{
    Counter, CounterFamily, Family, FamilyBuilder, MetricsRegistry, RegisterError, RegistryConfig,
};

fn builder(registry: &MetricsRegistry) -> FamilyBuilder<'_, Counter> {
    registry.family::<Counter>("x_total", "X.").with_normalizer("path", |path| match path.split_once('?') {
        Some((path, _)) => Cow::Borrowed(path),
        None if path.ends_with('/') => Cow::Owned(path.to_lowercase()),
        None => Cow::Borrowed(path),
    })
}

fn family() -> CounterFamily {
    builder(&MetricsRegistry::new()).register().unwrap()
}

#[test]
fn every_lookup_and_removal_goes_by_the_value_that_was_made_alike() {
    let family = family();
    family.get_or_create(&[("path", "/a?1"), ("method", "GET")]).inc();
    family.with(&[("method", "GET"), ("path", "/a?2")], Counter::inc);
    family.try_get_or_create(&[("path", "/a"), ("method", "GET")]).unwrap().inc();
    family.owned(&[("path", "/a?3"), ("method", "GET")]).clone().inc();
    assert!(family.is_empty(), "the owner is gone");
    family.with(&[("path", "/A/")], |counter| counter.inc_by(2));
    family.with(&[("path", "/b?"), ("method", "GET")], Counter::inc);
    family.with(&[("path", "/b?x"), ("method", "PUT")], Counter::inc);
    let expected = [
        "x_total counter",
        "  {path=\"/a/\"} 2",
        "  {method=\"GET\",path=\"/b\"} 1",
        "  {method=\"PUT\",path=\"/b\"} 1",
    ];
    assert_eq!(page(&family), expected);
    assert_eq!(family.get(&[("path", "/A/")]).map(|counter| counter.get()), Some(2));
    assert!(family.remove(&[("path", "/A/")]) && !family.remove(&[("path", "/A/")]));
    assert_eq!(family.remove_matching(&[("path", "/b?y")]), 2);
}

#[test]
fn other_labels_are_left_as_they_are() {
    let family = family();
    family.with(&[("route", "/a?1")], Counter::inc);
    assert_eq!(page(&family), ["x_total counter", "  {route=\"/a?1\"} 1"]);
}

#[test]
fn limits_are_for_the_values_that_were_made_alike() {
    let limits = LabelLimits::default().with_max_value_length(4);
    let config = RegistryConfig::new().with_series_limit(1).with_label_limits(limits);
    let registry = MetricsRegistry::with_config(config);
    let family = builder(&registry).register().unwrap();
    for number in 0..100 {
        let path = format!("/a?a long number: {number}");
        assert!(family.try_get_or_create(&[("path", &path)]).is_ok(), "{path}");
    }
    assert!(family.try_get_or_create(&[("path", "/b")]).is_err());
    let too_many = vec![("path", "/a?"); 65];
    assert!(family.try_get_or_create(&too_many).is_err());
}

#[test]
fn a_value_that_becomes_empty_is_no_label_and_an_empty_one_is_not_asked_about() {
    let registry = MetricsRegistry::new();
    let builder = registry.family::<Counter>("x_total", "X.").with_labels(&["a"]);
    let builder = builder.with_normalizer("a", |value| {
        assert!(!value.is_empty());
        Cow::Borrowed(value.trim())
    });
    let family = builder.register().unwrap();
    for value in ["", " ", "  ", "x"] {
        family.with(&[("a", value)], Counter::inc);
    }
    assert_eq!(page(&family), ["x_total counter", "  {} 3", "  {a=\"x\"} 1"]);
}

#[test]
fn a_second_one_for_a_label_gets_what_the_first_one_returns() {
    let registry = MetricsRegistry::new();
    let builder = registry.family::<Counter>("x_total", "X.");
    let builder = builder.with_normalizer("a", |value| Cow::Owned(format!("{value}1")));
    let family = builder.with_normalizer("a", |value| Cow::Owned(format!("{value}2"))).register().unwrap();
    family.with(&[("a", "0")], Counter::inc);
    assert_eq!(page(&family), ["x_total counter", "  {a=\"012\"} 1"]);
}

#[test]
fn one_can_use_its_family_and_a_panic_changes_nothing() {
    let registry = MetricsRegistry::new();
    let others = registry.register_counter("y_total", "Y.").unwrap();
    let counted = others.clone();
    let builder = registry.family::<Counter>("x_total", "X.").with_normalizer("a", move |value| {
        counted.with(&[("a", value)], Counter::inc);
        assert_ne!(value, "bad", "this one is refused");
        Cow::Borrowed(value)
    });
    let family = builder.register().unwrap();
    let looks: [&dyn Fn(); 2] =
        [&|| drop(family.get_or_create(&[("a", "bad")])), &|| drop(family.owned(&[("a", "bad")]))];
    for look in looks {
        assert!(catch_unwind(AssertUnwindSafe(look)).is_err());
    }
    family.with(&[("a", "good")], Counter::inc);
    drop(family.owned(&[("a", "owned")]));
    let expected = [
        "x_total counter",
        "  {a=\"good\"} 1",
        "y_total counter",
        "  {a=\"bad\"} 2",
        "  {a=\"good\"} 1",
        "  {a=\"owned\"} 1",
    ];
    assert_eq!(page(&registry), expected);
}

#[test]
fn one_for_a_label_that_the_family_cannot_have_is_an_error() {
    let registry = MetricsRegistry::new();
    let error = builder(&registry).with_labels(&["method"]).register().unwrap_err();
    let RegisterError::Labels { source, .. } = error else { unreachable!("{error}") };
    let (given, declared) = (vec!["path".to_owned()], vec!["method".to_owned()]);
    assert_eq!(source, LabelError::UndeclaredNames { given, declared });
    let error = builder(&registry).with_normalizer("a-b", |value| value.into()).register().unwrap_err();
    assert!(matches!(error, RegisterError::Labels { source: LabelError::InvalidName { .. }, .. }));
    assert!(page(&registry).is_empty());
}

struct Status(u16);

impl TypedLabels for Status {
    type Schema = Status;
    const NAMES: &'static [&'static str] = &["status"];

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("status", self.0.as_value(&mut ValueBuffer::new()))])
    }
}

#[test]
fn values_of_typed_labels_are_made_alike_too() {
    let registry = MetricsRegistry::new();
    let builder = registry.family::<Counter>("x_total", "X.").typed::<Status>();
    let builder = builder.with_normalizer("status", |status| match status.get(..1) {
        Some(class) => Cow::Owned(format!("{class}xx")),
        None => Cow::Borrowed(status),
    });
    let family: Family<Status, Counter> = builder.register().unwrap();
    for status in [200, 204, 404] {
        family.with(&Status(status), Counter::inc);
        family.get_or_create(&Status(status)).inc();
    }
    assert_eq!(page(&family), ["x_total counter", "  {status=\"2xx\"} 4", "  {status=\"4xx\"} 2"]);
}

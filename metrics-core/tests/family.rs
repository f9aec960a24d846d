//! Families: which series there are, in which order, and what a limit does.

mod common;

use std::sync::Barrier;

use common::page;
use nilometer_core::label::LabelLimits;
use nilometer_core::{Counter, CounterFamily, MetricsRegistry, RegistryConfig, SeriesError};

fn values(series: impl Iterator<Item = Counter>) -> Vec<String> {
    series.map(|counter| counter.labels().get("v").unwrap_or("overflow").to_owned()).collect()
}

fn family(values: &[&str]) -> CounterFamily {
    let family = CounterFamily::new("x_total", "X.");
    for value in values {
        family.get_or_create(&[("v", value)]).inc();
    }
    family
}

#[test]
fn series_stay_in_the_order_in_which_they_were_made_when_others_are_removed() {
    let family = family(&["c", "a", "b"]);
    assert!(family.remove(&[("v", "c")]));
    family.get_or_create(&[("v", "d")]).inc();
    assert_eq!(values(family.series()), ["a", "b", "d"]);
    assert_eq!(page(&family), ["x_total counter", "  {v=\"a\"} 1", "  {v=\"b\"} 1", "  {v=\"d\"} 1"]);
}

#[test]
fn a_series_that_is_made_while_its_family_is_registered_has_no_constant_label_of_its_own() {
    for _ in 0..2_000 {
        let family = family(&[]);
        let config = RegistryConfig::new().with_constant_labels(&[("region", "eu")]);
        let registry = MetricsRegistry::with_config(config);
        let start = Barrier::new(2);
        let registered = std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                family.get_or_create(&[("region", "us")]).inc();
            });
            start.wait();
            registry.register(&family).is_ok()
        });
        assert!(!registered || family.get(&[("region", "us")]).is_none());
    }
}

#[test]
fn series_that_go_while_their_family_is_registered_are_not_given_back_twice() {
    for _ in 0..2_000 {
        let family = family(&["a"]);
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_registry_limit(1));
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                family.clear();
            });
            start.wait();
            registry.register(&family).unwrap();
        });
        assert!(family.try_get_or_create(&[("v", "b")]).is_ok(), "one series is left");
        assert!(family.try_get_or_create(&[("v", "c")]).is_err(), "and no second one");
    }
}

#[test]
fn what_is_removed_makes_room_in_the_family_and_in_the_registry() {
    let config = RegistryConfig::new().with_series_limit(3).with_registry_limit(4);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("x_total", "X.").unwrap();
    let other = registry.register_counter("y_total", "Y.").unwrap();
    let fill = || {
        for value in ["a", "b", "c"] {
            assert!(family.try_get_or_create(&[("v", value)]).is_ok(), "{value}");
        }
        let full = family.try_get_or_create(&[("v", "d")]).unwrap_err();
        assert_eq!(full, SeriesError::FamilyLimit { family: "x_total".to_owned(), max: 3 });
    };
    let free_ways: [&dyn Fn(); 3] = [
        &|| assert!(["a", "b", "c"].iter().all(|value| family.remove(&[("v", value)]))),
        &|| family.retain(|_| false),
        &|| family.clear(),
    ];
    for free in free_ways {
        fill();
        assert!(other.try_get_or_create(&[]).is_ok());
        let spent = other.try_get_or_create(&[("v", "a")]).unwrap_err();
        assert_eq!(spent, SeriesError::RegistryLimit { family: "y_total".to_owned(), max: 4 });
        free();
        assert!(family.is_empty());
        assert!(!family.remove(&[("v", "a")]), "a second removal finds nothing to give back");
    }
    fill();
    assert!(registry.unregister("x_total"));
    drop(family);
    assert!(other.try_get_or_create(&[("v", "a")]).is_ok(), "a family that is gone gives its series back");
}

#[test]
fn removing_keeps_the_handle_and_a_new_series_starts_at_zero() {
    let family = family(&["a", "b"]);
    let handle = family.get(&[("v", "a")]).unwrap();
    assert!(family.remove(&[("v", "a")]));
    handle.inc();
    assert_eq!((handle.get(), family.get_or_create(&[("v", "a")]).get()), (2, 0));
    family.retain(|counter| counter.get() > 0);
    assert_eq!(values(family.series()), ["b"]);
}

#[test]
fn a_predicate_can_use_its_family() {
    let family = family(&["a", "b", "c"]);
    family.retain(|counter| {
        let value = counter.labels().get("v").unwrap();
        family.get_or_create(&[("v", value), ("seen", "yes")]).inc();
        family.remove(&[("v", "c")]);
        value != "a"
    });
    assert!(family.get(&[("v", "a")]).is_none() && family.get(&[("v", "b")]).is_some());
    assert_eq!(family.with(&[("v", "b")], |_| family.len()), 4, "b, and one that each call has made");
}

#[test]
fn clearing_takes_the_overflow_series_too_and_removing_does_not() {
    let family = family(&["a"]);
    family.get_or_create(&[("le", "1")]).inc();
    family.retain(|_| false);
    assert_eq!(values(family.series()), ["overflow"]);
    family.clear();
    assert_eq!(page(&family), ["x_total counter"]);
}

#[test]
fn each_reason_to_overflow_is_counted_under_its_name() {
    let config = RegistryConfig::new()
        .with_constant_labels(&[("region", "eu")])
        .with_series_limit(2)
        .with_registry_limit(3)
        .with_label_limits(LabelLimits::default().with_max_labels(2).with_max_value_length(4));
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("x_total", "X.").unwrap();
    let other = registry.register_counter("y_total", "Y.").unwrap();
    let declared = registry.family::<Counter>("z_total", "Z.").with_labels(&["a"]).register().unwrap();
    let too_many = vec![("a", "1"); 65];
    let lookups: [(&CounterFamily, &[(&str, &str)]); 12] = [
        (&family, &[("v", "1")]),
        (&family, &[("v", "2")]),
        (&family, &[("v", "3")]),
        (&other, &[]),
        (&other, &[("v", "1")]),
        (&family, &[("le", "1")]),
        (&family, &[("a-b", "1")]),
        (&family, &[("a", "1"), ("a", "2")]),
        (&family, &[("a", "1"), ("b", "2"), ("c", "3")]),
        (&family, &too_many),
        (&family, &[("a", "12345")]),
        (&declared, &[("b", "1")]),
    ];
    for (family, labels) in lookups {
        family.get_or_create(labels).inc();
    }
    family.get_or_create(&[("region", "us")]).inc();
    let expected = [
        "x_total counter",
        "  {region=\"eu\",v=\"1\"} 1",
        "  {region=\"eu\",v=\"2\"} 1",
        "  {nilometer_overflow=\"true\",region=\"eu\"} 8",
        "y_total counter",
        "  {region=\"eu\"} 1",
        "  {nilometer_overflow=\"true\",region=\"eu\"} 1",
        "z_total counter",
        "  {nilometer_overflow=\"true\",region=\"eu\"} 1",
        "nilometer_overflow_total counter",
        "  {family=\"x_total\",reason=\"series_limit\",region=\"eu\"} 1",
        "  {family=\"x_total\",reason=\"invalid_name\",region=\"eu\"} 2",
        "  {family=\"x_total\",reason=\"duplicate_name\",region=\"eu\"} 1",
        "  {family=\"x_total\",reason=\"too_many_labels\",region=\"eu\"} 2",
        "  {family=\"x_total\",reason=\"value_too_long\",region=\"eu\"} 1",
        "  {family=\"x_total\",reason=\"constant_label\",region=\"eu\"} 1",
        "  {family=\"y_total\",reason=\"registry_limit\",region=\"eu\"} 1",
        "  {family=\"z_total\",reason=\"undeclared_names\",region=\"eu\"} 1",
    ];
    assert_eq!(page(&registry), expected);
}

#[test]
fn declared_names_are_asked_for_whether_or_not_the_series_is_there() {
    let registry = MetricsRegistry::new();
    let family = registry.family::<Counter>("x_total", "X.").with_labels(&["a", "b"]).register().unwrap();
    assert!(family.try_get_or_create(&[("a", "1")]).is_err());
    family.try_get_or_create(&[("a", "1"), ("b", "")]).unwrap().inc();
    assert!(family.try_get_or_create(&[("a", "1")]).is_err());
}

#[test]
fn as_many_labels_as_a_set_can_have_are_told_apart() {
    let limits = LabelLimits::default().with_max_labels(usize::MAX);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_label_limits(limits));
    let family = registry.register_counter("x_total", "X.").unwrap();
    let names: Vec<String> = (0..64).map(|number| format!("n{number}")).collect();
    let mut pairs: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "\\\"\n")).collect();
    let first = family.try_get_or_create(&pairs).unwrap();
    pairs.reverse();
    assert_eq!(family.try_get_or_create(&pairs).unwrap().labels(), first.labels());
    pairs[63].1 = "\\\"";
    assert_ne!(family.try_get_or_create(&pairs).unwrap().labels(), first.labels());
    assert_eq!(family.len(), 2);
    pairs.push(("one_more", ""));
    assert!(family.try_get_or_create(&pairs).is_err());
}

#[test]
fn series_whose_hashes_collide_are_told_apart() {
    // Of so many hashes of 32 bits, some ten pairs are equal: that none is happens once in 30,000 runs.
    const SERIES: usize = 300_000;
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(SERIES));
    let family = registry.register_counter("x_total", "X.").unwrap();
    let mut handles = Vec::with_capacity(SERIES);
    for number in 0..SERIES {
        let handle = family.get_or_create(&[("u", "1"), ("v", &number.to_string())]);
        assert_eq!(handle.get(), 0, "the series of {number} is new");
        handle.inc();
        handles.push(handle);
    }
    assert_eq!(family.len(), SERIES);
    for (number, handle) in handles.iter().enumerate() {
        let value = number.to_string();
        family.with(&[("u", "1"), ("v", &value)], Counter::inc);
        family.with(&[("v", &value), ("u", "1")], Counter::inc);
        family.with(&[("v", &value), ("u", "1"), ("absent", "")], Counter::inc);
        assert_eq!((handle.get(), handle.labels().get("v")), (4, Some(&*value)));
    }
}

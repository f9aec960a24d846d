//! Families of labels of which all values are known: found by index, and otherwise like all others.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::sync::Barrier;
use std::thread;

use nilometer_core::label::TypedLabels;
use nilometer_core::{Counter, Family, Histogram, MetricsRegistry, RegistryConfig, SeriesError};
use nilometer_macros::{LabelValue, TypedLabels};
use nilometer_tests::page::Page;
use nilometer_tests::scrape;

#[derive(Debug, Clone, Copy, PartialEq, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "UPPERCASE")]
enum Method {
    Get,
    Put,
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Request {
    method: Method,
    cached: bool,
}

/// The same label as [`Swapped`], in the other order of values.
#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "lowercase")]
enum Side {
    Left,
    Right,
}

#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "lowercase")]
enum Edis {
    Right,
    Left,
}

#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Straight {
    side: Side,
}

#[derive(Debug, TypedLabels)]
#[label(crate = "nilometer_core")]
struct Swapped {
    side: Edis,
}

/// More combinations than there are seats.
#[derive(Debug, Clone, Copy, Default, TypedLabels)]
#[label(crate = "nilometer_core")]
#[expect(clippy::struct_excessive_bools, reason = "that they are too many is the point")]
struct Many {
    a: bool,
    b: bool,
    c: bool,
    d: bool,
    e: bool,
    f: bool,
    g: bool,
    h: bool,
    i: bool,
    j: bool,
    k: bool,
    l: bool,
    m: bool,
}

fn requests() -> impl Iterator<Item = Request> + Clone {
    let methods = [Method::Get, Method::Put, Method::Delete];
    methods.into_iter().flat_map(|method| [false, true].map(|cached| Request { method, cached }))
}

fn family<L: TypedLabels>(registry: &MetricsRegistry) -> Family<L, Counter> {
    registry.family::<Counter>("requests_total", "Requests.").typed::<L>().register().unwrap()
}

fn count(page: &Page, request: Request) -> Option<u64> {
    request.with_pairs(|pairs| page.count("requests_total", pairs))
}

#[test]
fn every_lookup_finds_the_one_series_of_its_labels() {
    let registry = MetricsRegistry::new();
    let family = family::<Request>(&registry);
    for (times, request) in requests().enumerate() {
        assert!(family.get(&request).is_none());
        for _ in 0..times {
            family.with(&request, Counter::inc);
        }
        family.get_or_create(&request).inc_by(100);
        family.try_get_or_create(&request).unwrap().inc_by(1_000);
        family.get(&request).unwrap().inc_by(10_000);
        // A clone has the same series.
        family.clone().with(&request, |counter| counter.inc_by(100_000));
    }
    assert_eq!(family.len(), 6);
    let page = scrape(&registry);
    for (times, request) in (0_u64..).zip(requests()) {
        assert_eq!(count(&page, request), Some(111_100 + times), "{request:?}");
        let counter = family.get(&request).unwrap();
        request.with_pairs(|pairs| assert!(counter.labels().pairs().eq(pairs.iter().copied())));
    }
}

#[test]
fn histograms_are_found_by_index_too() {
    let registry = MetricsRegistry::new();
    let builder = registry.family::<Histogram>("wait_seconds", "Waiting.").with_buckets(&[1.0]);
    let family = builder.typed::<Request>().register().unwrap();
    for _ in 0..3 {
        requests().for_each(|request| family.with(&request, |histogram| histogram.observe(0.5)));
    }
    assert!(requests().all(|request| family.get(&request).unwrap().snapshot().count() == 3));
}

#[test]
fn a_series_that_was_removed_is_made_anew() {
    let registry = MetricsRegistry::new();
    let family = family::<Request>(&registry);
    let [first, second, ..] = requests().collect::<Vec<_>>()[..] else { unreachable!("there are six") };
    let removals: [(&str, &dyn Fn()); 4] = [
        ("remove", &|| assert!(family.remove(&first))),
        ("remove again", &|| assert!(family.remove(&first))),
        ("retain", &|| family.retain(|counter| counter.labels().get("cached") != Some("false"))),
        ("clear", &|| family.clear()),
    ];
    for (name, remove) in removals {
        let old = family.get_or_create(&first);
        old.inc_by(7);
        family.with(&first, Counter::inc);
        family.with(&second, Counter::inc);
        remove();
        assert!(family.get(&first).is_none(), "{name}");
        old.inc();
        family.with(&first, |counter| counter.inc_by(3));
        assert_eq!(count(&scrape(&registry), first), Some(3), "{name}");
        family.remove(&first);
    }
    assert!(!family.remove(&first));
    assert_eq!(count(&scrape(&registry), second), None, "cleared");
}

#[test]
fn removing_what_is_not_there_removes_nothing() {
    let registry = MetricsRegistry::new();
    let family = family::<Request>(&registry);
    let mut requests = requests();
    let (there, absent) = (requests.next().unwrap(), requests.next().unwrap());
    family.with(&there, Counter::inc);
    assert!(!family.remove(&absent));
    family.retain(|_| true);
    family.with(&there, Counter::inc);
    assert_eq!(count(&scrape(&registry), there), Some(2));
}

#[test]
fn the_limit_on_series_holds_for_known_labels_too() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(2));
    let family = family::<Request>(&registry);
    for _ in 0..3 {
        requests().for_each(|request| family.with(&request, Counter::inc));
        requests().for_each(|request| family.get_or_create(&request).inc());
    }
    let beyond = requests().last().unwrap();
    assert!(matches!(family.try_get_or_create(&beyond), Err(SeriesError::FamilyLimit { max: 2, .. })));
    assert!(family.get(&beyond).is_none());
    let page = scrape(&registry);
    assert!(requests().take(2).all(|request| count(&page, request) == Some(6)));
    assert_eq!(page.count("requests_total", &[("nilometer_overflow", "true")]), Some(24));
    let overflows = [("family", "requests_total"), ("reason", "series_limit")];
    assert_eq!(page.count("nilometer_overflow_total", &overflows), Some(24), "each of them is counted");
    // Room for others.
    family.clear();
    family.with(&beyond, Counter::inc);
    assert_eq!(count(&scrape(&registry), beyond), Some(1));
}

#[test]
fn two_types_of_the_same_labels_share_series_and_not_indexes() {
    let registry = MetricsRegistry::new();
    let (straight, swapped) = (family::<Straight>(&registry), family::<Swapped>(&registry));
    for _ in 0..2 {
        straight.with(&Straight { side: Side::Left }, Counter::inc);
        straight.with(&Straight { side: Side::Right }, |counter| counter.inc_by(10));
        swapped.with(&Swapped { side: Edis::Left }, |counter| counter.inc_by(100));
        swapped.with(&Swapped { side: Edis::Right }, |counter| counter.inc_by(1_000));
    }
    let page = scrape(&registry);
    assert_eq!(page.count("requests_total", &[("side", "left")]), Some(202));
    assert_eq!(page.count("requests_total", &[("side", "right")]), Some(2_020));
}

#[test]
fn labels_of_more_combinations_than_seats_are_found_as_others_are() {
    assert_eq!(Many::CARDINALITY, Some(8_192));
    let registry = MetricsRegistry::new();
    let family = family::<Many>(&registry);
    let none = Many::default();
    for many in [none, Many { m: true, ..none }, Many { a: true, ..none }] {
        family.with(&many, Counter::inc);
        family.with(&many, Counter::inc);
        assert_eq!(family.get(&many).unwrap().get(), 2);
    }
    assert!(family.remove(&none) && family.get(&none).is_none());
}

#[test]
fn what_is_recorded_after_a_removal_is_never_lost() {
    const THREADS: u64 = 4;
    const TIMES: u64 = 2_000;
    for _ in 0..20 {
        let registry = MetricsRegistry::new();
        let family = family::<Request>(&registry);
        let (start, removed) = (Barrier::new(5), Barrier::new(5));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    start.wait();
                    for request in requests().cycle().take(100) {
                        family.with(&request, |counter| counter.inc_by(1_000_000));
                    }
                    removed.wait();
                    for request in requests() {
                        (0..TIMES).for_each(|_| family.with(&request, Counter::inc));
                    }
                });
            }
            start.wait();
            family.clear();
            removed.wait();
        });
        let page = scrape(&registry);
        for request in requests() {
            let counted = count(&page, request).unwrap();
            assert_eq!(counted % 1_000_000, THREADS * TIMES, "{request:?}");
        }
    }
}

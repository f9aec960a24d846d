//! How series go: by some of their labels, with their owners, and what becomes of their handles.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use common::page;
use nilometer_core::label::TypedLabels;
use nilometer_core::{
    Counter, CounterFamily, Family, LabelSet, MetricsRegistry, OwnedSeries, RegistryConfig, SeriesError,
};

fn family(labels: &[[&str; 2]]) -> CounterFamily {
    let family = CounterFamily::new("x_total", "X.");
    for [a, b] in labels {
        family.with(&[("a", a), ("b", b)], Counter::inc);
    }
    family
}

fn left(family: &CounterFamily) -> Vec<String> {
    family
        .series()
        .map(|counter| LabelSet::from_labels(counter.labels()).as_prometheus().to_owned())
        .collect()
}

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn what_has_all_of_the_labels_is_removed_and_nothing_else() {
    let all = [["1", "1"], ["1", "2"], ["2", "1"], ["2", ""], ["", "1"]];
    let cases: [(Pairs<'_>, &[&str]); 7] = [
        (&[("a", "1")], &["{a=\"2\",b=\"1\"}", "{a=\"2\"}", "{b=\"1\"}"]),
        (&[("b", "1"), ("a", "1")], &["{a=\"1\",b=\"2\"}", "{a=\"2\",b=\"1\"}", "{a=\"2\"}", "{b=\"1\"}"]),
        (&[("b", "")], &["{a=\"1\",b=\"1\"}", "{a=\"1\",b=\"2\"}", "{a=\"2\",b=\"1\"}", "{b=\"1\"}"]),
        (&[("a", "2"), ("c", "")], &["{a=\"1\",b=\"1\"}", "{a=\"1\",b=\"2\"}", "{b=\"1\"}"]),
        (
            &[("c", "1")],
            &["{a=\"1\",b=\"1\"}", "{a=\"1\",b=\"2\"}", "{a=\"2\",b=\"1\"}", "{a=\"2\"}", "{b=\"1\"}"],
        ),
        (
            &[("a", "1"), ("a", "2")],
            &["{a=\"1\",b=\"1\"}", "{a=\"1\",b=\"2\"}", "{a=\"2\",b=\"1\"}", "{a=\"2\"}", "{b=\"1\"}"],
        ),
        (&[], &[]),
    ];
    for (labels, expected) in cases {
        let family = family(&all);
        assert_eq!(family.remove_matching(labels), all.len() - expected.len(), "{labels:?}");
        assert_eq!(left(&family), expected, "{labels:?}");
        assert_eq!(family.remove_matching(labels), 0, "{labels:?}");
    }
}

#[test]
fn the_overflow_series_stays_when_all_others_are_removed_by_their_labels() {
    let family = family(&[["1", "1"]]);
    family.get_or_create(&[("le", "1")]).inc();
    assert_eq!(family.remove_matching(&[]), 1);
    assert_eq!(left(&family), ["{nilometer_overflow=\"true\"}"]);
}

#[test]
fn removing_by_labels_makes_room_for_others() {
    let config = RegistryConfig::new().with_registry_limit(2);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("x_total", "X.").unwrap();
    for _ in 0..10 {
        family.try_get_or_create(&[("a", "1"), ("b", "1")]).unwrap().inc();
        family.try_get_or_create(&[("a", "1"), ("b", "2")]).unwrap().inc();
        assert!(family.try_get_or_create(&[("a", "2")]).is_err());
        assert_eq!(family.remove_matching(&[("a", "1")]), 2);
    }
}

/// What is said of series that were removed: how many of them with handles, and how many still have some.
fn detached(registry: &MetricsRegistry) -> (u64, u64) {
    let page = page(registry);
    let value = |name: &str| {
        let at = page.iter().position(|line| line.split(' ').next() == Some(name));
        at.map_or(0, |at| page[at + 1].rsplit(' ').next().map_or(0, |value| value.parse().unwrap_or(0)))
    };
    (value("nilometer_detached_series_total"), value("nilometer_detached_series_live"))
}

/// Collects until that is said. The family lets go of a series once nobody looks anything up any more who began before it
/// was removed, and other tests look things up at the same time.
#[track_caller]
fn assert_detached(registry: &MetricsRegistry, expected: (u64, u64)) {
    let start = Instant::now();
    while detached(registry) != expected && start.elapsed() < Duration::from_secs(30) {
        thread::yield_now();
    }
    assert_eq!(detached(registry), expected);
}

#[test]
fn series_that_were_removed_while_somebody_had_a_handle_are_counted() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    let labels = [("v", "1")];
    let ways: [&dyn Fn(); 4] = [
        &|| assert!(family.remove(&labels)),
        &|| assert_eq!(family.remove_matching(&labels), 1),
        &|| family.retain(|_| false),
        &|| family.clear(),
    ];
    let mut expected = 0;
    for remove in ways {
        family.with(&labels, Counter::inc);
        drop(family.get_or_create(&labels));
        remove();
        // Nobody had a handle.
        assert_detached(&registry, (expected, 0));
        let handles = [family.get_or_create(&labels), family.get_or_create(&labels)];
        remove();
        expected += 1;
        assert_detached(&registry, (expected, 1));
        family.get_or_create(&labels).inc();
        let [first, second] = handles;
        drop(first);
        // There is another handle.
        assert_detached(&registry, (expected, 1));
        drop(second);
        assert_detached(&registry, (expected, 0));
        family.clear();
    }
    let expected = ["x_total counter", "nilometer_detached_series_total counter", "  {family=\"x_total\"} 4"];
    assert_eq!(page(&registry), expected);
}

#[test]
fn the_overflow_series_that_is_cleared_leaves_its_handles_behind_too() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    let overflow = family.get_or_create(&[("le", "1")]);
    family.clear();
    assert_detached(&registry, (1, 1));
    drop(overflow);
    assert_detached(&registry, (1, 0));
}

/// Labels of which all values are known.
struct Answer(bool);

impl TypedLabels for Answer {
    type Schema = Answer;
    const NAMES: &'static [&'static str] = &["ok"];
    const CARDINALITY: Option<usize> = Some(2);
    const VALUES: &'static [Option<&'static [&'static str]>] = &[Some(&["no", "yes"])];

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("ok", if self.0 { "yes" } else { "no" })])
    }

    fn closed_index(&self) -> Option<usize> {
        Some(usize::from(self.0))
    }
}

#[test]
fn the_seat_of_closed_labels_counts_as_no_handle() {
    let registry = MetricsRegistry::new();
    let family: Family<Answer, Counter> = registry.family("x_total", "X.").typed().register().unwrap();
    for answer in [true, false] {
        family.with(&Answer(answer), Counter::inc);
        family.with(&Answer(answer), Counter::inc);
    }
    assert!(family.remove(&Answer(true)));
    assert_detached(&registry, (0, 0));
    let handle = family.get(&Answer(false)).unwrap();
    assert_eq!(family.remove_matching(&[("ok", "no")]), 1);
    assert_detached(&registry, (1, 1));
    drop(handle);
}

#[test]
fn closed_labels_are_all_there_at_zero_once_they_were_initialised() {
    let registry = MetricsRegistry::new();
    let family: Family<Answer, Counter> = registry.family("x_total", "X.").typed().register().unwrap();
    family.get_or_create(&Answer(true)).inc();
    family.init_all().unwrap();
    family.init_all().unwrap();
    assert_eq!(page(&family), ["x_total counter", "  {ok=\"yes\"} 1", "  {ok=\"no\"} 0"]);
    let builder = registry.family::<Counter>("y_total", "Y.").typed::<Answer>().with_init_all();
    let other = builder.register().unwrap();
    assert_eq!(page(&other), ["y_total counter", "  {ok=\"no\"} 0", "  {ok=\"yes\"} 0"]);
}

#[test]
fn a_family_that_has_no_room_for_its_closed_labels_is_not_registered() {
    for config in [RegistryConfig::new().with_series_limit(1), RegistryConfig::new().with_registry_limit(1)] {
        let registry = MetricsRegistry::with_config(config);
        let register = || registry.family::<Counter>("x_total", "X.").typed::<Answer>();
        assert!(register().with_init_all().register().is_err());
        assert!(page(&registry).is_empty());
        let family = register().register().unwrap();
        let error = family.init_all().unwrap_err();
        assert!(matches!(error, SeriesError::FamilyLimit { .. } | SeriesError::RegistryLimit { .. }));
        assert!(register().with_init_all().register().is_err());
        assert!(
            family.try_get_or_create(&Answer(true)).is_ok() || family.len() == 1,
            "one is left, or was made"
        );
    }
}

#[test]
fn a_family_that_is_there_already_is_initialised_by_who_registers_it_so() {
    let registry = MetricsRegistry::new();
    let register = || registry.family::<Counter>("x_total", "X.").typed::<Answer>();
    let first = register().register().unwrap();
    register().with_init_all().register().unwrap();
    assert_eq!(first.len(), 2);
}

#[test]
fn a_series_goes_with_its_last_owner() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    let labels = [("v", "1")];
    let first = family.owned(&labels);
    first.inc();
    let second = family.try_owned(&labels).unwrap();
    let third = second.clone();
    second.inc();
    assert_eq!(first.get(), 2);
    drop(first);
    drop(third);
    assert_eq!(page(&family), ["x_total counter", "  {v=\"1\"} 2"]);
    drop(second);
    assert!(family.is_empty());
    // An owner's own handle is not left behind.
    assert_detached(&registry, (0, 0));
    assert_eq!(family.owned(&labels).get(), 0);
}

#[test]
fn other_handles_own_nothing_and_are_left_behind() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    let labels = [("v", "1")];
    family.with(&labels, Counter::inc);
    let owner = family.owned(&labels);
    let handle: Counter = (*owner).clone();
    assert_eq!(handle.get(), 1, "an owner takes a series over that is there");
    drop(owner);
    handle.inc();
    assert!(family.is_empty());
    assert_detached(&registry, (1, 1));
}

#[test]
fn an_owner_whose_series_was_removed_leaves_the_next_one_alone() {
    let family = CounterFamily::new("x_total", "X.");
    let labels = [("v", "1")];
    let old = family.owned(&labels);
    assert!(family.remove(&labels));
    let new = family.owned(&labels);
    new.inc();
    drop(old);
    assert_eq!(family.get(&labels).map(|counter| counter.get()), Some(1));
    drop(new);
    assert!(family.is_empty());
}

#[test]
fn nobody_owns_the_overflow_series() {
    let family = CounterFamily::new("x_total", "X.");
    assert!(family.try_owned(&[("le", "1")]).is_err());
    let refused = [family.owned(&[("le", "1")]), family.owned(&[("le", "1")])];
    for owner in &refused {
        owner.inc();
    }
    drop(refused);
    assert_eq!(page(&family), ["x_total counter", "  {nilometer_overflow=\"true\"} 2"]);
}

#[test]
fn typed_labels_have_owners_too() {
    let registry = MetricsRegistry::new();
    let family: Family<Answer, Counter> = registry.family("x_total", "X.").typed().register().unwrap();
    let owner: OwnedSeries<Counter> = family.owned(&Answer(true));
    family.with(&Answer(true), Counter::inc);
    assert_eq!(owner.get(), 1);
    drop(owner);
    assert!(family.is_empty());
}

#[test]
fn an_owner_that_comes_while_the_last_one_goes_has_a_series_that_is_shown() {
    let family = CounterFamily::new("x_total", "X.");
    let labels = [("v", "1")];
    let start = Barrier::new(2);
    for _ in 0..1_000 {
        let last = family.owned(&labels);
        let next = thread::scope(|scope| {
            let next = scope.spawn(|| {
                start.wait();
                family.owned(&labels)
            });
            start.wait();
            drop(last);
            next.join().unwrap()
        });
        next.inc();
        assert_eq!(page(&family), ["x_total counter", "  {v=\"1\"} 1"]);
        drop(next);
        assert!(family.is_empty());
    }
}

#[test]
fn an_owner_is_dropped_by_a_panic_like_anything_else() {
    let family = CounterFamily::new("x_total", "X.");
    let result = catch_unwind(AssertUnwindSafe(|| {
        let owner = family.owned(&[("v", "1")]);
        owner.inc();
        std::panic::resume_unwind(Box::new("a worker's end"));
    }));
    assert!(result.is_err() && family.is_empty());
}

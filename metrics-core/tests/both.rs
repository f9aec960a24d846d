//! Lookups of one set of labels in two families, and of labels of which some are absent.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

use std::borrow::Cow;
use std::thread;

use nilometer_core::label::TypedLabels;
use nilometer_core::{
    Counter, CounterFamily, Family, FamilyBuilder, Histogram, LabelSet, Metric, MetricsRegistry,
};

/// More labels than are put in order where a lookup is written.
struct Ends<'a>([&'a str; 5]);

const NAMES: [&str; 5] = ["error", "method", "path_of_more_than_sixteen_bytes", "port", "scheme"];

impl TypedLabels for Ends<'_> {
    type Schema = Ends<'static>;
    const NAMES: &'static [&'static str] = &NAMES;

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let mut pairs = [("", ""); 5];
        for (pair, (name, value)) in pairs.iter_mut().zip(NAMES.into_iter().zip(self.0)) {
            *pair = (name, value);
        }
        f(&pairs)
    }
}

impl Ends<'_> {
    fn set(&self) -> LabelSet {
        self.with_pairs(LabelSet::from_pairs)
    }
}

/// All combinations of labels that are there and absent; values are as long as each other, or have a quote.
fn all() -> Vec<Ends<'static>> {
    let value = |mask: u32, at: usize, value: &'static str| if mask >> at & 1 == 1 { value } else { "" };
    let values = ["GET", "PUT", "/\"a\"", "a value of more than sixteen bytes"];
    let combinations = (0..32).flat_map(|mask| values.map(|text| (mask, text)));
    combinations.map(|(mask, text)| Ends(std::array::from_fn(|at| value(mask, at, text)))).collect()
}

fn typed<M: Metric>(
    registry: &MetricsRegistry,
    name: &str,
    more: impl FnOnce(FamilyBuilder<'_, M>) -> FamilyBuilder<'_, M>,
) -> Family<Ends<'static>, M> {
    more(registry.family::<M>(name, "X.")).typed::<Ends<'static>>().register().unwrap()
}

fn families() -> (Family<Ends<'static>, Histogram>, Family<Ends<'static>, Counter>) {
    let registry = MetricsRegistry::new();
    (
        typed(&registry, "x_seconds", |builder| builder.with_buckets(&[1.0])),
        typed(&registry, "x_total", |builder| builder),
    )
}

#[test]
fn labels_of_which_any_are_absent_are_found_in_both_families_and_make_what_is_not_there() {
    let (seconds, total) = families();
    for turn in 1..=3 {
        for labels in all() {
            seconds.with_both(&total, &labels, |seconds, total| {
                assert_eq!(
                    (seconds.labels().as_set(), total.labels().as_set()),
                    (&labels.set(), &labels.set())
                );
                seconds.observe(0.5);
                total.inc();
            });
            let found =
                (seconds.get(&labels).unwrap().snapshot().count(), total.get_or_create(&labels).get());
            // Without labels, all values are the same: none.
            let expected = if labels.set().is_empty() { found.1 } else { turn };
            assert_eq!(found, (expected, expected), "{:?}", labels.0);
            assert_eq!(total.with(&labels, Counter::get), expected);
        }
    }
    assert_eq!((seconds.len(), total.len()), (31 * 4 + 1, 31 * 4 + 1));
    assert_eq!(total.get_or_create(&Ends([""; 5])).get(), 12);
}

#[test]
fn dynamic_labels_of_which_any_are_absent_are_one_series_in_any_order() {
    let registry = MetricsRegistry::new();
    let family: CounterFamily =
        registry.family::<Counter>("x_total", "X.").with_labels(&NAMES).register().unwrap();
    for labels in all() {
        labels.with_pairs(|pairs| {
            let mut pairs = pairs.to_vec();
            for _ in 0..pairs.len() {
                family.with(&pairs, Counter::inc);
                family.get_or_create(&pairs).inc();
                pairs.rotate_left(1);
            }
            let expected = if labels.set().is_empty() { family.get(&pairs).unwrap().get() } else { 10 };
            assert_eq!(family.get(&pairs).unwrap().get(), expected, "{pairs:?}");
        });
    }
    assert_eq!(family.len(), 31 * 4 + 1);
}

#[test]
fn a_series_that_was_removed_from_one_family_is_made_there_anew() {
    let (seconds, total) = families();
    let labels = Ends(["", "GET", "/", "", "http"]);
    let count = || {
        seconds.with_both(&total, &labels, |seconds, total| {
            seconds.observe(0.5);
            total.inc();
        });
        (seconds.get_or_create(&labels).snapshot().count(), total.get_or_create(&labels).get())
    };
    assert_eq!([count(), count()], [(1, 1), (2, 2)]);
    assert!(seconds.remove(&labels));
    assert_eq!(count(), (1, 3));
    total.clear();
    assert_eq!(count(), (2, 1));
    // While it is held, too.
    seconds.with_both(&total, &labels, |held, total_held| {
        seconds.clear();
        total.clear();
        held.observe(0.5);
        total_held.inc();
        assert_eq!((held.snapshot().count(), total_held.get()), (3, 2));
    });
    assert_eq!((seconds.len(), total.len()), (0, 0));
}

#[test]
fn each_family_keeps_its_own_limit_and_its_own_spelling() {
    let registry = MetricsRegistry::new();
    let whole = typed::<Counter>(&registry, "whole_total", |builder| builder);
    let limited = typed::<Counter>(&registry, "limited_total", |builder| builder.with_series_limit(1));
    let alike = typed::<Counter>(&registry, "alike_total", |builder| {
        builder.with_normalizer("method", |_| Cow::Borrowed("any"))
    });
    for _ in 0..2 {
        for method in ["GET", "PUT"] {
            let labels = Ends(["", method, "/", "", "http"]);
            whole.with_both(&limited, &labels, |whole, limited| [whole, limited].map(Counter::inc));
            whole.with_both(&alike, &labels, |whole, alike| [whole, alike].map(Counter::inc));
            alike.with_both(&whole, &labels, |alike, whole| [whole, alike].map(Counter::inc));
        }
    }
    let counts = |family: &Family<_, Counter>| -> Vec<_> {
        let of = |series: Counter| (series.labels().get("method").unwrap_or("-").to_owned(), series.get());
        family.series().map(of).collect()
    };
    let pair = |method: &str, count| (method.to_owned(), count);
    assert_eq!(counts(&whole), [pair("GET", 6), pair("PUT", 6)]);
    assert_eq!(counts(&limited), [pair("GET", 2), pair("-", 2)]);
    assert_eq!(counts(&alike), [pair("any", 8)]);
}

#[test]
fn nothing_is_lost_that_threads_record_into_both() {
    let (seconds, total) = families();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..500 {
                    for labels in all() {
                        seconds.with_both(&total, &labels, |seconds, total| {
                            seconds.observe(0.5);
                            total.inc();
                        });
                    }
                }
            });
        }
    });
    let counted: u64 = seconds.series().map(|series| series.snapshot().count()).sum();
    assert_eq!((counted, total.series().map(|series| series.get()).sum()), (128_000, 128_000));
}

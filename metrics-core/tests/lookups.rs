//! Lookups while series are made and removed under them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, ScopedJoinHandle};

use nilometer_core::label::TypedLabels;
use nilometer_core::{Counter, CounterFamily, Family, MetricsRegistry, RegistryConfig};

mod common;

/// As many turns as a debug build goes through in a second or so.
const TURNS: u32 = if cfg!(debug_assertions) { 20_000 } else { 200_000 };

fn value(number: u32) -> String {
    number.to_string()
}

/// Waits for threads by joining them, as a scope's end is not seen by the thread sanitizer.
fn join<'scope>(threads: impl IntoIterator<Item = ScopedJoinHandle<'scope, ()>>) {
    for thread in threads {
        assert!(thread.join().is_ok());
    }
}

#[test]
fn what_is_never_removed_is_always_found_whatever_comes_and_goes_beside_it() {
    let family = CounterFamily::new("x_total", "X.");
    let kept: Vec<String> = (0..50).map(|number| format!("kept{number}")).collect();
    for value in &kept {
        family.get_or_create(&[("v", value)]).inc();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for turn in 0..TURNS {
                        let value = &kept[turn as usize % kept.len()];
                        family.with(&[("v", value)], |counter| {
                            assert_eq!(counter.labels().get("v"), Some(&**value));
                            counter.inc();
                        });
                        assert!(family.get(&[("v", value)]).is_some());
                    }
                })
            })
            .collect();
        let changers = [0, 1].map(|seed| {
            let (family, done) = (&family, &done);
            scope.spawn(move || {
                let mut number = seed;
                while !done.load(Ordering::Relaxed) {
                    number += 2;
                    family.get_or_create(&[("v", &value(number))]).inc();
                    if number % 100 < 2 {
                        family.retain(|counter| counter.labels().get("v").unwrap().starts_with("kept"));
                    } else {
                        family.remove(&[("v", &value(number.saturating_sub(10)))]);
                    }
                }
            })
        });
        join(readers);
        done.store(true, Ordering::Relaxed);
        join(changers);
    });
    family.retain(|counter| counter.labels().get("v").unwrap().starts_with("kept"));
    let total: u64 = family.series().map(|counter| counter.get()).sum();
    assert_eq!(total, u64::from(3 * TURNS) + 50);
}

#[test]
fn what_is_recorded_through_handles_of_removed_series_is_in_those_handles() {
    let family = CounterFamily::new("x_total", "X.");
    // What is recorded into a series that a lookup has found is in that series, whether or not it is removed meanwhile:
    // all that were ever removed are kept here.
    let removed: Mutex<Vec<Counter>> = Mutex::new(Vec::new());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let recorders: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    for turn in 0..TURNS {
                        let value = value(turn % 7);
                        if turn % 2 == 0 {
                            family.with(&[("v", &value)], Counter::inc);
                        } else {
                            family.get_or_create(&[("v", &value)]).inc();
                        }
                    }
                })
            })
            .collect();
        let cleaner = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // A series that is made after this stays in the family or is found here the next time.
                family.retain(|counter| {
                    removed.lock().unwrap().push(counter.clone());
                    false
                });
                thread::yield_now();
            }
        });
        join(recorders);
        done.store(true, Ordering::Relaxed);
        join([cleaner]);
    });
    let removed = removed.into_inner().unwrap();
    let total: u64 = removed.iter().chain(&family.series().collect::<Vec<_>>()).map(Counter::get).sum();
    assert_eq!(total, u64::from(3 * TURNS));
}

/// Labels that are found by their index.
struct Cached(bool);

impl TypedLabels for Cached {
    type Schema = Cached;
    const NAMES: &'static [&'static str] = &["cached"];
    const CARDINALITY: Option<usize> = Some(2);

    fn with_pairs<R>(&self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        f(&[("cached", if self.0 { "true" } else { "false" })])
    }

    fn closed_index(&self) -> Option<usize> {
        Some(usize::from(self.0))
    }
}

#[test]
fn series_that_are_found_by_index_are_removed_under_those_who_find_them() {
    const ROUNDS: usize = 200;
    let registry = MetricsRegistry::new();
    for round in 0..ROUNDS {
        let family: Family<Cached, Counter> =
            registry.family(format!("x{round}_total"), "X.").typed().register().unwrap();
        let (start, removed) = (Barrier::new(4), Barrier::new(4));
        thread::scope(|scope| {
            let finders = [0; 3].map(|_| {
                scope.spawn(|| {
                    start.wait();
                    for turn in 0..60 {
                        family.with(&Cached(turn % 2 == 0), |counter| counter.inc_by(1_000_000));
                    }
                    removed.wait();
                    for turn in 0..60 {
                        family.with(&Cached(turn % 2 == 0), Counter::inc);
                    }
                })
            });
            start.wait();
            family.remove(&Cached(round % 2 == 0));
            family.clear();
            removed.wait();
            join(finders);
        });
        for cached in [false, true] {
            // What came before the removal may be gone, and nothing that came after it.
            assert_eq!(family.get(&Cached(cached)).unwrap().get() % 1_000_000, 90);
        }
    }
}

#[test]
fn series_are_collected_once_each_while_others_come_and_go() {
    let family = CounterFamily::new("x_total", "X.");
    for number in 0..300 {
        family.get_or_create(&[("v", &value(number))]).inc();
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (done, family) = (&done, &family);
        let changer = scope.spawn(move || {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                number = (number + 1) % 300;
                family.remove(&[("v", &value(number))]);
                family.get_or_create(&[("v", &value(number))]).inc();
                if number == 0 {
                    family.clear();
                }
            }
        });
        for _ in 0..TURNS / 200 {
            let mut seen: Vec<String> =
                family.series().map(|counter| counter.labels().as_set().as_prometheus().to_owned()).collect();
            let mut page = common::page(family);
            for line in &mut page {
                line.truncate(line.find('}').unwrap_or(0));
            }
            for lines in [&mut seen, &mut page] {
                let count = lines.len();
                lines.sort_unstable();
                lines.dedup();
                assert_eq!(lines.len(), count, "a series was seen twice");
            }
        }
        done.store(true, Ordering::Relaxed);
        join([changer]);
    });
}

#[test]
fn a_closure_can_remove_the_series_it_is_called_with_and_go_on() {
    let family = CounterFamily::new("x_total", "X.");
    let kept = family.with(&[("v", "1")], |counter| {
        counter.inc();
        assert!(family.remove(&[("v", "1")]));
        for number in 0..1_000 {
            family.with(&[("v", &value(number))], Counter::inc);
        }
        family.clear();
        counter.inc();
        assert_eq!((counter.get(), counter.labels().get("v")), (2, Some("1")));
        counter.clone()
    });
    kept.inc();
    assert_eq!((kept.get(), family.len()), (3, 0));
}

#[test]
fn a_closure_can_remove_the_series_that_was_found_by_index_and_go_on() {
    let registry = MetricsRegistry::new();
    let family: Family<Cached, Counter> = registry.family("x_total", "X.").typed().register().unwrap();
    family.with(&Cached(true), Counter::inc);
    let kept = family.with(&Cached(true), |counter| {
        assert!(family.remove(&Cached(true)));
        family.with(&Cached(true), |new| new.inc_by(10));
        family.clear();
        assert!(registry.unregister("x_total"));
        counter.inc();
        assert_eq!((counter.get(), counter.labels().get("cached")), (2, Some("true")));
        counter.clone()
    });
    drop((family, registry));
    kept.inc();
    assert_eq!(kept.get(), 3);
}

#[test]
fn an_iterator_outlives_its_family_and_what_is_removed_under_it() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    for number in 0..300 {
        family.get_or_create(&[("v", &value(number))]).inc_by(u64::from(number));
    }
    let (mut all, mut removed, unused) = (family.series(), family.series(), family.series());
    let first = removed.next().unwrap();
    family.retain(|counter| counter.get() % 2 == 0);
    assert!(registry.unregister("x_total"));
    drop((family, registry, unused));
    assert_eq!(all.by_ref().take(10).map(|counter| counter.get()).sum::<u64>(), (0..10).map(|n| 2 * n).sum());
    drop(all);
    // The chunk that it had got, and then what was left.
    let rest: Vec<u64> = removed.map(|counter| counter.get()).collect();
    assert_eq!(rest, (1..64).chain((64..300).step_by(2)).collect::<Vec<_>>());
    first.inc();
    assert_eq!((first.get(), first.labels().get("v")), (1, Some("0")));
}

#[test]
fn a_predicate_that_panics_leaves_the_family_as_it_was() {
    let family = CounterFamily::new("x_total", "X.");
    for number in 0..200 {
        family.get_or_create(&[("v", &value(number))]).inc();
    }
    let panicked = thread::scope(|scope| {
        let removal = || {
            family.retain(|counter| match counter.labels().get("v") {
                Some("100") => std::panic::resume_unwind(Box::new("on purpose")),
                _ => false,
            });
        };
        scope.spawn(removal).join().is_err()
    });
    assert!(panicked && family.len() == 100);
    for number in 0..200 {
        family.with(&[("v", &value(number))], Counter::inc);
        let expected = if number < 100 { 1 } else { 2 };
        assert_eq!(family.get(&[("v", &value(number))]).map(|counter| counter.get()), Some(expected));
    }
    assert_eq!(family.series().count(), 200);
}

#[test]
fn lookups_can_be_nested_as_deep_as_one_likes() {
    fn nest(family: &CounterFamily, depth: u32) {
        if depth > 0 {
            family.with(&[("v", &value(depth))], |counter| {
                counter.inc();
                nest(family, depth - 1);
                family.remove(&[("v", &value(depth))]);
                counter.inc();
                assert_eq!(counter.get(), 2);
            });
        }
    }
    let family = CounterFamily::new("x_total", "X.");
    for _ in 0..3 {
        nest(&family, 100);
        assert!(family.is_empty());
    }
}

#[test]
fn a_closure_that_takes_its_time_keeps_its_series_and_nothing_else() {
    let family = CounterFamily::new("x_total", "X.");
    let (started, removed) = (Barrier::new(2), Barrier::new(2));
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            family.with(&[("v", "0")], |counter| {
                started.wait();
                removed.wait();
                counter.inc();
                assert_eq!((counter.get(), counter.labels().get("v")), (1, Some("0")));
            });
        });
        started.wait();
        for number in 0..TURNS {
            let _ = family.get_or_create(&[("v", &value(number))]);
            assert!(family.remove(&[("v", &value(number))]));
        }
        removed.wait();
        join([slow]);
    });
}

#[test]
fn a_panic_in_a_closure_leaves_the_family_as_it_was() {
    let family = CounterFamily::new("x_total", "X.");
    for _ in 0..100 {
        let panicked = thread::scope(|scope| {
            let lookup = || family.with(&[("v", "1")], |_| std::panic::resume_unwind(Box::new("on purpose")));
            scope.spawn(lookup).join().is_err()
        });
        assert!(panicked && family.remove(&[("v", "1")]));
    }
    family.with(&[("v", "1")], Counter::inc);
    assert_eq!(family.series().map(|counter| counter.get()).collect::<Vec<_>>(), [1]);
}

#[test]
fn handles_outlive_their_family_and_its_registry() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("x_total", "X.").unwrap();
    let handles: Vec<Counter> =
        (0..100).map(|number| family.get_or_create(&[("v", &value(number))])).collect();
    assert!(registry.unregister("x_total"));
    drop((registry, family));
    for (number, handle) in (0..).zip(handles) {
        handle.inc();
        assert_eq!((handle.get(), handle.labels().get("v")), (1, Some(&*value(number))));
    }
}

#[test]
fn a_family_that_is_unregistered_and_dropped_while_it_is_used_counts_all_the_same() {
    for _ in 0..TURNS / 500 {
        let registry = Arc::new(MetricsRegistry::with_config(RegistryConfig::new().with_registry_limit(100)));
        let family = registry.register_counter("x_total", "X.").unwrap();
        let handle = family.get_or_create(&[("v", "1")]);
        thread::scope(|scope| {
            let recorders = [(); 2].map(|()| {
                let family = family.clone();
                scope.spawn(move || {
                    for _ in 0..10 {
                        family.with(&[("v", "1")], Counter::inc);
                    }
                })
            });
            let collector = scope.spawn(|| drop(common::page(&*registry)));
            drop(family);
            assert!(registry.unregister("x_total"));
            join(recorders.into_iter().chain([collector]));
        });
        assert_eq!(handle.get(), 20);
        assert!(registry.register_counter("y_total", "Y.").unwrap().try_get_or_create(&[]).is_ok());
    }
}

#[test]
fn lookups_work_while_a_thread_ends() {
    struct AtEnd(Option<CounterFamily>);

    impl Drop for AtEnd {
        fn drop(&mut self) {
            if let Some(family) = &self.0 {
                for number in 0..20 {
                    family.with(&[("v", &value(number))], Counter::inc);
                    family.get_or_create(&[("v", &value(number))]).inc();
                    family.with(&[("v", "0")], |_| family.with(&[("v", "1")], Counter::inc));
                }
            }
        }
    }

    thread_local! {
        static BEFORE: RefCell<AtEnd> = const { RefCell::new(AtEnd(None)) };
        static AFTER: RefCell<AtEnd> = const { RefCell::new(AtEnd(None)) };
    }

    let family = CounterFamily::new("x_total", "X.");
    for _ in 0..50 {
        let family = family.clone();
        let thread = thread::spawn(move || {
            // Destructors run in some order of their setting up: one of these is on either side of this crate's.
            BEFORE.set(AtEnd(Some(family.clone())));
            family.with(&[("v", "0")], Counter::inc);
            AFTER.set(AtEnd(Some(family)));
        });
        thread.join().unwrap();
    }
    let total: u64 = family.series().map(|counter| counter.get()).sum();
    assert_eq!(total, 50 * (1 + 2 * 60));
}

/// Every order of some pairs.
fn orders<'a>(pairs: &[(&'a str, &'a str)]) -> Vec<Vec<(&'a str, &'a str)>> {
    let Some((first, rest)) = pairs.split_first() else { return vec![Vec::new()] };
    let with_first = |order: Vec<_>| {
        (0..=order.len()).map(move |at| {
            let mut order = order.clone();
            order.insert(at, *first);
            order
        })
    };
    orders(rest).into_iter().flat_map(with_first).collect()
}

#[test]
fn a_series_is_found_whatever_the_order_and_the_lengths_of_names_and_values() {
    let long = "a value of more than thirty-two bytes";
    let sets: [&[(&str, &str)]; 10] = [
        &[],
        &[("a", "1")],
        &[("a", "12"), ("seventh", "123")],
        &[("eight_ch", "1234"), ("eight_chx", "12345"), ("path", "/")],
        // These begin alike, for longer than a rank tells.
        &[("response_body", "12345678"), ("response_code", "0123456789abcdef"), ("response_type", "x")],
        &[("a_name_of_seventeen", long), ("b", "quo\"te"), ("c", "0123456789abcdef0"), ("d", "\\")],
        &[("method", "GET"), ("path", "/a"), ("route", "/b"), ("status", "200")],
        &[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"), ("e", long)],
        // Quotes where those of another set would be.
        &[("a", "1\",b="), ("b", "2222")],
        &[("a", "1"), ("b", "2222\",b=\"")],
    ];
    for set in sets {
        let family = CounterFamily::new("found_total", "Found.");
        family.with(set, Counter::inc);
        for order in orders(set) {
            family.with(&order, Counter::inc);
            assert_eq!(family.get(&order).map(|counter| counter.get() > 1), Some(true), "{order:?}");
            for at in 0..order.len() {
                let mut other = order.clone();
                let value = [order[at].1, "x"].concat();
                other[at].1 = &value;
                assert!(family.get(&other).is_none(), "{other:?}");
            }
        }
        let counts: Vec<u64> = family.series().map(|counter| counter.get()).collect();
        assert_eq!(counts, [1 + orders(set).len() as u64], "{set:?}");
    }
}

#[test]
fn values_with_quotes_are_not_taken_for_what_stands_between_values() {
    let family = CounterFamily::new("quoted_total", "Quoted.");
    family.with(&[("a", "1"), ("b", "22222222")], |counter| counter.inc_by(100));
    // As long, and with the same bytes wherever only values and the quotes that close them are compared.
    family.with(&[("a", "1\",b="), ("b", "2222")], Counter::inc);
    family.with(&[("a", "1"), ("b", "22222222")], Counter::inc);
    let counts: Vec<u64> = family.series().map(|counter| counter.get()).collect();
    assert_eq!(counts, [101, 1]);
}

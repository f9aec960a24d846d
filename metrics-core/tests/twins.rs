//! The protocols that models check step by step, at full speed: `.ci/tsan` runs these under the thread sanitizer. Those
//! of threads, of lookups and of statics have files of their own.
#![expect(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "what fails here fails the test, and is few"
)]

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector as _, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Counter, CounterFamily, Descriptor, Gauge, GaugeFamily, Histogram, Labels, ManualClock, MaxGauge,
    MetricsRegistry, RegistryConfig, SummaryFamily, UpDownCounter,
};

const THREADS: usize = 4;

/// As many rounds as a debug build goes through in a second or so.
const ROUNDS: u32 = if cfg!(debug_assertions) { 5_000 } else { 20_000 };

/// Runs `work` on so many threads at once, with the thread's number, and joins them: a scope's end is not seen by the
/// thread sanitizer.
fn at_once<T: Send + 'static>(threads: usize, work: impl Fn(usize) -> T + Send + Sync + 'static) -> Vec<T> {
    let (work, start) = (Arc::new(work), Arc::new(Barrier::new(threads)));
    let threads: Vec<JoinHandle<T>> = (0..threads)
        .map(|thread| {
            let (work, start) = (Arc::clone(&work), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                work(thread)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Twin of the model `up_before_down`.
#[test]
fn what_is_taken_after_it_was_put_is_never_seen_below_zero() {
    let jobs = 20 * u64::from(ROUNDS);
    let number = UpDownCounter::new("x", "X.", Labels::empty());
    let (put, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let last = number.clone();
    at_once(3, move |thread| match thread {
        0 => {
            for _ in 0..jobs {
                number.inc();
                // ORDERING: Release, pairs with the Acquire of who takes it.
                put.fetch_add(1, Ordering::Release);
            }
        }
        1 => {
            while taken.load(Ordering::Relaxed) < jobs {
                if taken.load(Ordering::Relaxed) < put.load(Ordering::Acquire) {
                    number.dec();
                    taken.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        _ => {
            while taken.load(Ordering::Relaxed) < jobs {
                let seen = number.get();
                assert!(seen >= 0, "{seen}");
            }
        }
    });
    assert_eq!(last.get(), 0);
}

/// Twin of the model `value_reuse`.
#[test]
fn a_gauge_that_is_new_is_nobody_elses() {
    let family = GaugeFamily::new("x", "X.");
    at_once(THREADS, move |thread| {
        let value = thread.to_string();
        for round in 0..ROUNDS {
            let alone = Gauge::new("y", "Y.", Labels::empty());
            let of_family = family.get_or_create(&[("thread", &value)]);
            for gauge in [&alone, &of_family] {
                assert_eq!(gauge.get().to_bits(), 0_f64.to_bits());
                gauge.add(f64::from(round));
                gauge.inc();
                assert_eq!(gauge.get().to_bits(), (f64::from(round) + 1.0).to_bits());
            }
            assert!(family.remove(&[("thread", &value)]));
        }
    });
}

/// Twin of the model `slot_reuse`.
#[test]
fn a_series_that_is_new_starts_at_zero_whoever_had_its_cells() {
    let family = CounterFamily::new("x_total", "X.");
    at_once(THREADS, move |thread| {
        let value = thread.to_string();
        for round in 0..ROUNDS {
            let counter = family.get_or_create(&[("thread", &value)]);
            let histogram = Histogram::try_new("y", "Y.", Labels::empty(), &[1.0]).unwrap();
            assert_eq!((counter.get(), histogram.snapshot().count()), (0, 0));
            counter.inc_by(u64::from(round) + 1);
            histogram.observe(2.0);
            if round % 100 == 0 {
                let (counter, histogram) = (counter.clone(), histogram.clone());
                let other = move || {
                    counter.inc();
                    histogram.observe(2.0);
                };
                thread::spawn(other).join().unwrap();
            }
            let more = u64::from(round % 100 == 0);
            assert_eq!(
                (counter.get(), histogram.snapshot().count()),
                (u64::from(round) + 1 + more, 1 + more)
            );
            assert!(family.remove(&[("thread", &value)]));
        }
    });
}

/// Twin of the models `shared_cells` and `adoption`: what records when its thread has given its cells back.
struct AtEnd(Option<Counter>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.iter().for_each(Counter::inc);
    }
}

thread_local! {
    static AT_END: RefCell<AtEnd> = const { RefCell::new(AtEnd(None)) };
}

#[test]
fn threads_that_end_together_share_cells_that_none_of_them_had_before() {
    // No page has room for two of these, so each has cells that were never shared.
    let page = || (0..512).map(|_| Counter::new("x_total", "X.", Labels::empty())).collect::<Vec<_>>();
    for _ in 0..ROUNDS / 50 {
        let counters = page();
        let counter = counters[511].clone();
        at_once(THREADS, move |_| {
            // Set up before the thread has cells, so that it is dropped after they are released.
            AT_END.with(|at_end| at_end.borrow_mut().0 = Some(counter.clone()));
            counter.inc();
        });
        assert_eq!(counters[511].get(), 2 * THREADS as u64);
    }
}

/// Twin of the model `label_intern`.
#[test]
fn equal_labels_of_many_families_come_and_go_together() {
    let families: Vec<CounterFamily> = (0..2).map(|_| CounterFamily::new("x_total", "X.")).collect();
    at_once(THREADS, move |thread| {
        let family = &families[thread % families.len()];
        for round in 0..ROUNDS {
            let value = (round % 5).to_string();
            let counter = family.get_or_create(&[("v", &value), ("path", "/a \"path\"\\")]);
            assert_eq!(counter.labels().get("v"), Some(&*value));
            assert_eq!(counter.labels().get("path"), Some("/a \"path\"\\"));
            family.remove(&[("v", &value), ("path", "/a \"path\"\\")]);
        }
    });
}

/// Twin of the model `family_limit`.
#[test]
fn threads_that_reach_limits_together_do_not_go_past_them_and_lose_nothing() {
    // The first series is the last, so that the threads are at the limits as soon as they start.
    const EACH: u64 = 3;
    for _ in 0..ROUNDS / 20 {
        let config = RegistryConfig::new().with_series_limit(1).with_registry_limit(2);
        let registry = MetricsRegistry::with_config(config);
        let families = ["a_total", "b_total", "c_total"];
        let families = families.map(|name| registry.register_counter(name, "X.").unwrap());
        let shared = families.clone();
        let there = AtomicU64::new(0);
        at_once(2, move |thread| {
            // Closer together than what has waited for a lock begins.
            there.fetch_add(1, Ordering::Relaxed);
            while there.load(Ordering::Relaxed) < 2 {
                std::hint::spin_loop();
            }
            for family in &shared {
                for number in 0..EACH {
                    family.with(&[("v", &format!("{thread}-{number}"))], Counter::inc);
                }
            }
        });
        let lens = families.each_ref().map(CounterFamily::len);
        assert!(lens.iter().all(|&len| len <= 1) && lens.iter().sum::<usize>() == 2, "{lens:?}");
        for family in &families {
            let total: u64 = family.series().map(|counter| counter.get()).sum();
            assert_eq!(total, 2 * EACH, "what has no series of its own is in the overflow series");
        }
    }
}

/// Twin of the model `family_overflow`.
#[test]
fn the_overflow_series_comes_and_goes_under_those_who_record_into_it() {
    let family = CounterFamily::new("x_total", "X.");
    let done = AtomicBool::new(false);
    at_once(THREADS, move |thread| {
        if thread > 0 {
            for _ in 0..ROUNDS {
                family.with(&[("le", "1")], |counter| {
                    assert_eq!(counter.labels().get("nilometer_overflow"), Some("true"));
                    counter.inc();
                });
            }
            done.store(true, Ordering::Relaxed);
        }
        while !done.load(Ordering::Relaxed) {
            family.clear();
            assert!(family.series().count() <= 1);
        }
    });
}

/// Twin of the model `family_once`.
#[test]
fn a_familys_first_series_can_have_any_names_at_once() {
    const NAMES: [[&str; 2]; THREADS] = [["a", "b"], ["c", "d"], ["b", "a"], ["a", "d"]];
    for _ in 0..ROUNDS / 10 {
        let family = CounterFamily::new("x_total", "X.");
        let shared = family.clone();
        at_once(THREADS, move |thread| {
            let [first, second] = NAMES[thread];
            // The same two values, whatever the names: names alone tell the series apart.
            let labels = [(first, if first < second { "1" } else { "2" }), (second, "2")];
            for _ in 0..3 {
                shared.with(&labels, |counter| {
                    assert_eq!(counter.labels().get(second), Some("2"));
                    assert_eq!(counter.labels().len(), 2);
                    counter.inc();
                });
            }
        });
        assert_eq!(family.series().map(|counter| counter.get()).collect::<Vec<_>>(), [3; THREADS]);
    }
}

/// Twin of the models `window`, `window_reuse` and `window_reading`: each collection ends a window, and each value is
/// larger than all before it, so that whoever has observed one and sees two more collections end knows that it was shown.
#[test]
fn what_is_observed_is_shown_before_its_window_is_gone() {
    let rounds = ROUNDS / 10;
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    let config = RegistryConfig::new().with_self_metrics(false).with_clock(&clock);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.family::<MaxGauge>("x", "X.").with_window(Duration::from_secs(1));
    let gauge = family.register().unwrap().default();
    let (next, shown, collections) = (AtomicU64::new(1), AtomicU64::new(0), AtomicU64::new(0));
    let observers = AtomicUsize::new(2);
    at_once(4, move |thread| match thread {
        0 | 1 => {
            // Whatever becomes of it: the others wait for nobody else.
            let _leaving = Leaving(&observers);
            for _ in 0..rounds {
                let value = next.fetch_add(1, Ordering::Relaxed);
                gauge.observe(f64::from(u32::try_from(value).unwrap()));
                // ORDERING: AcqRel, a change, so that the collections that follow it see what was observed.
                let before = collections.fetch_add(0, Ordering::AcqRel);
                while collections.load(Ordering::Acquire) < before + 2 {
                    thread::yield_now();
                }
                let shown = shown.load(Ordering::Relaxed);
                assert!(shown >= value, "{value} was not shown, but {shown}");
            }
        }
        // Somebody who reads without moving anything.
        2 => {
            while observers.load(Ordering::Relaxed) > 0 {
                let _ = gauge.get();
            }
        }
        _ => {
            while observers.load(Ordering::Relaxed) > 0 {
                clock.advance(Duration::from_secs(1));
                let mut largest = Largest(0);
                registry.collect(&mut largest).unwrap();
                shown.fetch_max(largest.0, Ordering::Relaxed);
                // ORDERING: AcqRel, pairs with itself and with who observes.
                collections.fetch_add(1, Ordering::AcqRel);
            }
        }
    });
}

/// An observer, which is counted off when it is done.
struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The largest whole number among the gauges that it is shown.
struct Largest(u64);

impl Visitor for Largest {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        if let Point::Gauge(point) = point {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and not negative"
            )]
            let value = point.value().as_f64() as u64;
            self.0 = self.0.max(value);
        }
        Ok(())
    }
}

/// Twin of the model `sketch_cells`: threads that stay observe together in series that come and go, whose cells were
/// other series' before.
#[test]
fn cells_that_are_made_where_something_falls_have_nothing_of_other_series() {
    const VALUES: [f64; 3] = [-8.0, 0.5, 1000.0];
    const TIMES: u64 = 3;
    let family = SummaryFamily::new("x", "X.");
    let together = Barrier::new(THREADS);
    at_once(THREADS, move |thread| {
        for round in 0..ROUNDS as usize / 20 {
            let labels = [("round", &*(round % 3).to_string())];
            let summary = family.get_or_create(&labels);
            together.wait();
            // Each octave has one thread that is there first, and copies of all that were there in other rounds.
            for _ in 0..TIMES {
                summary.observe(VALUES[(round + thread) % 3]);
            }
            together.wait();
            let snapshot = summary.snapshot();
            let total = THREADS as u64 * TIMES;
            assert_eq!(snapshot.count(), total);
            let mut below = 0;
            for (value, expected) in VALUES.into_iter().enumerate() {
                let threads = (0..THREADS).filter(|thread| (round + thread) % 3 == value).count() as u64;
                for rank in [below + 1, below + threads * TIMES] {
                    let found = snapshot.quantile(rank as f64 / total as f64);
                    assert!((found - expected).abs() <= 0.01 * expected.abs(), "{found} is the {rank}.");
                }
                below += threads * TIMES;
            }
            together.wait();
            family.remove(&labels);
        }
    });
}

/// Twin of the model `tasks`.
#[test]
fn places_of_tasks_change_hands_and_none_is_seen_twice_or_left() {
    const EACH: usize = 70;
    let registry = MetricsRegistry::new();
    let timer = registry.register_long_task_timer("x", "X.", &[]).unwrap();
    let other = timer.clone();
    at_once(THREADS, move |_| {
        for round in 0..ROUNDS / 50 {
            let tasks: Vec<_> = (0..=round as usize % EACH).map(|_| timer.start()).collect();
            let active = timer.active();
            assert!((tasks.len() as u64..=(THREADS * EACH) as u64).contains(&active), "{active} tasks");
        }
    });
    assert_eq!(other.active(), 0);
}

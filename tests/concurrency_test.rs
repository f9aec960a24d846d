//! What threads record at once, and what a reader sees while they do.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of what clippy takes for one"
)]

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nilometer_core::{CounterFamily, HistogramFamily, MetricsRegistry, RegistryConfig};
use nilometer_tests::page::{Labels, Page, Series};
use nilometer_tests::scrape;

const THREADS: u64 = 8;
const ROUNDS: u64 = 20_000;
const BOUNDS: [f64; 3] = [0.1, 1.0, 10.0];

/// Values whose sums are exact in binary, whatever the order in which they are added.
const VALUES: [f64; 4] = [0.0625, 0.5, 4.0, 32.0];

/// Runs `write` on eight threads at once, with the thread's number, and `read` on this one until they are done, and
/// once more after that.
fn while_they_write(write: impl Fn(u64) + Sync, mut read: impl FnMut()) {
    let start_line = Barrier::new(usize::try_from(THREADS).unwrap() + 1);
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (start_line, done, write) = (&start_line, &done, &write);
            scope.spawn(move || {
                start_line.wait();
                write(thread);
                done.fetch_add(1, Ordering::Release);
            });
        }
        start_line.wait();
        while done.load(Ordering::Acquire) < usize::try_from(THREADS).unwrap() {
            read();
        }
    });
    read();
}

/// Asserts that no total and no sum of the page is below that of the one before it.
///
/// The parser has refused histograms whose `_count` is not their `+Inf` bucket, and buckets that are not cumulative.
fn assert_nothing_went_down(before: &mut BTreeMap<(String, Labels), Vec<f64>>, page: &Page) {
    for family in &page.families {
        for (labels, series) in &family.series {
            let now = match series {
                Series::Value(value) => vec![value.number],
                Series::Histogram { buckets, sum, .. } => {
                    let counts = buckets.iter().map(|&(_, count)| u32::try_from(count).unwrap().into());
                    counts.chain([*sum]).collect()
                }
                Series::Summary { .. } => panic!("nothing registers a summary"),
            };
            let key = (family.name.clone(), labels.clone());
            if let Some(last) = before.get(&key) {
                let fell = last.iter().zip(&now).any(|(last, now)| now < last);
                assert!(!fell, "{key:?} went from {last:?} to {now:?}");
            }
            before.insert(key, now);
        }
    }
}

#[test]
fn totals_are_exact_after_eight_threads() {
    let counters = CounterFamily::new("c_total", "C.");
    let histograms = HistogramFamily::new("h", "H.", &BOUNDS);
    while_they_write(
        |thread| {
            let own = thread.to_string();
            for round in 0..ROUNDS {
                counters.default().inc();
                counters.with(&[("thread", &own)], |counter| counter.inc_by(round));
                let value = VALUES[usize::try_from(round % 4).unwrap()];
                histograms.get_or_create(&[("half", if thread % 2 == 0 { "a" } else { "b" })]).observe(value);
            }
        },
        || {},
    );
    assert_eq!(counters.default().get(), THREADS * ROUNDS);
    for thread in 0..THREADS {
        let total = counters.get_or_create(&[("thread", &thread.to_string())]).get();
        assert_eq!(total, ROUNDS * (ROUNDS - 1) / 2);
    }
    let quarter = THREADS / 2 * ROUNDS / 4;
    for half in ["a", "b"] {
        let snapshot = histograms.get_or_create(&[("half", half)]).snapshot();
        let counts: Vec<u64> = snapshot.buckets().map(|(_, count)| count).collect();
        assert_eq!(counts, [quarter, 2 * quarter, 3 * quarter, 4 * quarter]);
        let sum = f64::from(u32::try_from(quarter).unwrap()) * VALUES.iter().sum::<f64>();
        assert_eq!(snapshot.sum().to_bits(), sum.to_bits());
    }
    assert_eq!(counters.len(), 9);
}

#[test]
fn no_scrape_sees_a_total_or_a_sum_go_down_while_threads_write() {
    let registry = MetricsRegistry::new();
    let counter = registry.register_counter("c_total", "C.").unwrap().default();
    // A value that no binary fraction is: its sums are rounded, and differ with the order of the additions.
    let histogram = registry.register_histogram("h", "H.", &BOUNDS).unwrap().default();
    let mut before = BTreeMap::new();
    let mut scrapes = 0_u32;
    while_they_write(
        |thread| {
            for round in 0..ROUNDS {
                counter.inc_by(thread + 1);
                histogram.observe(if round % 1_000 == 0 { 1e9 } else { 0.1 });
            }
        },
        || {
            assert_nothing_went_down(&mut before, &scrape(&registry));
            scrapes += 1;
        },
    );
    assert!(scrapes > 1);
    assert_eq!(counter.get(), ROUNDS * THREADS * (THREADS + 1) / 2);
    assert_eq!(histogram.snapshot().count(), ROUNDS * THREADS);
}

#[test]
fn no_handle_sees_its_total_go_down_while_threads_come_and_go() {
    let counter = CounterFamily::new("c_total", "C.").default();
    let histogram = HistogramFamily::new("h", "H.", &BOUNDS).default();
    let (mut total, mut sum) = (0, 0.0);
    while_they_write(
        |_| {
            for _ in 0..50 {
                thread::scope(|scope| {
                    scope.spawn(|| {
                        for _ in 0..20 {
                            counter.inc();
                            histogram.observe(0.1);
                        }
                    });
                });
            }
        },
        || {
            let now = counter.get();
            assert!(now >= total, "{total} became {now}");
            total = now;
            let snapshot = histogram.snapshot();
            assert_eq!(snapshot.buckets().last().map(|(_, count)| count), Some(snapshot.count()));
            assert!(snapshot.sum() >= sum, "{sum} became {}", snapshot.sum());
            sum = snapshot.sum();
        },
    );
    assert_eq!((total, histogram.snapshot().count()), (THREADS * 1_000, THREADS * 1_000));
}

#[test]
fn a_sum_never_lacks_what_is_counted() {
    let histogram = HistogramFamily::new("h", "H.", &[1.0]).default();
    while_they_write(
        |_| (0..ROUNDS).for_each(|_| histogram.observe(2.0)),
        || {
            let snapshot = histogram.snapshot();
            let counted = f64::from(u32::try_from(snapshot.count()).unwrap());
            assert!(snapshot.sum() >= 2.0 * counted, "{snapshot:?}");
        },
    );
}

#[test]
fn one_series_is_made_however_many_threads_ask_for_it_first() {
    let registry = MetricsRegistry::new();
    while_they_write(
        |_| {
            for index in 0..500 {
                let family = registry.register_counter("c_total", "C.").unwrap();
                family.get_or_create(&[("index", &index.to_string())]).inc();
            }
        },
        || drop(scrape(&registry)),
    );
    let page = scrape(&registry);
    assert_eq!(page.families.len(), 1);
    let series = &page.family("c_total").unwrap().series;
    assert_eq!(series.len(), 500);
    assert!(series.values().all(|series| matches!(series, Series::Value(v) if v.as_u64() == Some(THREADS))));
}

#[test]
fn series_that_come_and_go_break_no_page_and_no_limit() {
    // A series that is removed while another thread is about to record into it is counted there.
    let config = RegistryConfig::new().with_disabled(["nilometer_detached_series_total"]);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("c_total", "C.").unwrap();
    while_they_write(
        |thread| {
            for round in 0..500 {
                let labels = [("thread", &*thread.to_string()), ("round", &*(round % 10).to_string())];
                family.get_or_create(&labels).inc();
                match round % 50 {
                    0 => family.retain(|counter| counter.labels().get("round") != Some("3")),
                    25 => family.clear(),
                    _ => drop(family.remove(&labels)),
                }
            }
        },
        || drop(scrape(&registry)),
    );
    family.clear();
    assert_eq!((family.len(), scrape(&registry).families.len()), (0, 0));
}

//! Label values that come and go by the million leave no memory behind.

use std::alloc::{GlobalAlloc, Layout, System};
use std::fmt::Write as _;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{Counter, CounterFamily, HistogramFamily, ManualClock, MetricsRegistry, RegistryConfig};

/// How many bytes the process has.
static BYTES: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many values each of two threads makes and removes: ten million together, fewer where nothing is optimized.
const VALUES: u32 = if cfg!(debug_assertions) { 100_000 } else { 5_000_000 };

/// How many of a thread's series there are at once.
const AT_ONCE: u32 = 1_000;

fn label(text: &mut String, thread: u32, number: u32) -> [(&'static str, &str); 2] {
    text.clear();
    let written = write!(text, "value-{thread}-{number}");
    assert!(written.is_ok());
    [("kind", "one of many"), ("value", text)]
}

/// Makes and removes the values of a range, and ends without any.
fn churn(family: &CounterFamily, thread: u32, values: u32) {
    let mut text = String::new();
    for number in 0..values {
        family.with(&label(&mut text, thread, number), Counter::inc);
        if number >= AT_ONCE {
            assert!(family.remove(&label(&mut text, thread, number - AT_ONCE)));
        }
    }
    family.retain(|counter| {
        !counter.labels().get("value").is_some_and(|value| value[6..].starts_with(&thread.to_string()))
    });
}

/// What is counted is the process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn ten_million_values_leave_the_memory_that_a_few_thousand_need() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let family = CounterFamily::new("x_total", "X.");
    let run = |values| {
        thread::scope(|scope| {
            for thread in 0..2 {
                let family = &family;
                scope.spawn(move || churn(family, thread, values));
            }
        });
        assert!(family.is_empty());
        // A collection frees what lookups kept from being freed.
        assert_eq!(family.series().count(), 0);
        BYTES.load(Ordering::Relaxed)
    };
    let warm = run(10 * AT_ONCE);
    let end = run(VALUES);
    assert!(end < warm + 64 * 1024, "{warm} bytes, then {end}");
}

#[test]
fn a_burst_of_series_gives_its_memory_back() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let family = HistogramFamily::new("y_seconds", "Y.", &[0.5, 1.0]);
    let mut text = String::new();
    let mut burst = |series| {
        for number in 0..series {
            family.with(&label(&mut text, 9, number), |histogram| histogram.observe(0.1));
        }
        family.clear();
        BYTES.load(Ordering::Relaxed)
    };
    let small = burst(100);
    let large = burst(9_999);
    // Cells are kept for the series that come next, and their number with them.
    assert!(large < small + 256 * 1024, "{small} bytes, then {large}");
}

/// Neither what is observed nor the time for which it is read takes more memory, and series that are gone take none.
#[test]
fn summaries_take_no_more_memory_whatever_is_observed_and_however_long() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
    let Ok(family) = registry.register_summary("v_seconds", "V.") else { panic!("the name is free") };
    let mut text = String::new();
    let mut run = |rounds| {
        for _ in 0..rounds {
            for number in 0..50 {
                family.with(&label(&mut text, 0, number), |summary| {
                    (0..200).for_each(|value| summary.observe(f64::from(value * 41) - 100.0));
                });
            }
            clock.advance(Duration::from_mins(3));
            assert!(registry.collect(&mut Nowhere).is_ok());
        }
        let full = BYTES.load(Ordering::Relaxed);
        family.clear();
        // A collection frees what lookups kept from being freed.
        assert_eq!(family.series().count(), 0);
        (full, BYTES.load(Ordering::Relaxed))
    };
    let (warm, warm_empty) = run(20);
    let (end, end_empty) = run(200);
    // What is kept of the counts takes a little more for larger counts.
    assert!(end < warm + 96 * 1024, "{warm} bytes, then {end}");
    assert!(end_empty < warm_empty + 64 * 1024, "{warm_empty} bytes, then {end_empty}");
    assert!(warm > warm_empty + 64 * 1024, "{warm_empty} bytes, and {warm} are no test of it");
}

struct Nowhere;

impl Visitor for Nowhere {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        Ok(())
    }
}

#[test]
fn millions_of_values_past_the_limit_are_counted_together_and_cost_nothing() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let values = if cfg!(debug_assertions) { 50_000 } else { 2_000_000 };
    // A family's limit, if it says nothing else.
    let limit = 10_000;
    let family = CounterFamily::new("z_total", "Z.");
    let mut text = String::new();
    let mut record = |from, to| {
        for number in from..to {
            family.with(&label(&mut text, 0, number), Counter::inc);
        }
        BYTES.load(Ordering::Relaxed)
    };
    let full = record(0, limit + 1);
    let end = record(limit + 1, values);
    assert!(end < full + 4096, "{full} bytes, then {end}");
    let counts: Vec<u64> = family.series().map(|counter| counter.get()).collect();
    assert_eq!(counts.len() as u64, u64::from(limit) + 1, "one more is the overflow series");
    assert_eq!(counts.iter().sum::<u64>(), u64::from(values));
}

/// Panics in the middle of what it is shown, and removes it all while it does.
struct Panicking<'a>(&'a CounterFamily);

impl Visitor for Panicking<'_> {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        self.0.retain(|_| false);
        panic::resume_unwind(Box::new("on purpose"))
    }
}

#[test]
fn collections_that_panic_keep_nothing_of_what_was_removed_under_them() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let family = CounterFamily::new("u_total", "U.");
    let mut text = String::new();
    let mut run = |rounds| {
        for round in 0..rounds {
            (0..200).for_each(|number| family.with(&label(&mut text, round, number), Counter::inc));
            let collection = || family.collect(&mut Panicking(&family));
            assert!(panic::catch_unwind(AssertUnwindSafe(collection)).is_err());
            assert!(family.is_empty());
        }
        assert_eq!(family.series().count(), 0);
        BYTES.load(Ordering::Relaxed)
    };
    let warm = run(10);
    let end = run(200);
    // A chunk of series that each collection kept would be 200 times some kilobytes.
    assert!(end < warm + 64 * 1024, "{warm} bytes, then {end}");
}

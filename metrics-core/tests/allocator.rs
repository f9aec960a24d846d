//! Statics that are recorded into by the program's allocator: no recursion, no deadlock, exact counts.
//!
//! A program of its own, since the allocator has to see everything from the first instruction to the last.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a test without a harness"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::RefCell;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::{env, thread};

use nilometer_core::collect::{CollectError, Collector, Descriptor, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Labels, MetricsRegistry, StaticCounter, StaticHistogram, StaticUpDownCounter, Summary, buckets,
};

static ALLOCATIONS: StaticCounter = StaticCounter::new("allocations_total", "Allocations.");
static IN_USE: StaticUpDownCounter = StaticUpDownCounter::new("in_use_bytes", "Bytes in use.");
static SIZES: StaticHistogram = StaticHistogram::new("size_bytes", "Sizes.", &buckets::SIZE_BYTES);

/// No static, so that it is there from `main` on: its cells are made where something falls for the first time.
static QUANTILES: OnceLock<Summary> = OnceLock::new();

/// The same, counted with plain atomics.
static TRUE_ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static TRUE_IN_USE: AtomicI64 = AtomicI64::new(0);
static TRUE_SIZES: AtomicU64 = AtomicU64::new(0);
static TRUE_QUANTILES: AtomicU64 = AtomicU64::new(0);

/// How often a recording allocated, which would be recorded in turn.
static RECURSIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether this thread is recording.
    static RECORDING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

struct Recording;

impl Recording {
    fn record(size: usize, change: i64) {
        if RECORDING.replace(true) {
            RECURSIONS.fetch_add(1, Ordering::Relaxed);
        }
        if change > 0 {
            TRUE_ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
            TRUE_SIZES.fetch_add(size as u64, Ordering::Relaxed);
            ALLOCATIONS.inc();
            SIZES.observe(size as f64);
            if let Some(summary) = QUANTILES.get() {
                TRUE_QUANTILES.fetch_add(1, Ordering::Relaxed);
                // On either side of zero.
                summary.observe(if size.is_multiple_of(2) { size as f64 } else { -(size as f64) });
            }
        }
        TRUE_IN_USE.fetch_add(change, Ordering::Relaxed);
        IN_USE.add(change);
        RECORDING.set(false);
    }
}

/// The size of an allocation, which is below 2^63.
fn bytes(layout: Layout) -> i64 {
    layout.size().cast_signed() as i64
}

// SAFETY: it is the system's allocator, and what it records neither unwinds nor allocates from this one.
unsafe impl GlobalAlloc for Recording {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Recording::record(layout.size(), bytes(layout));
        // SAFETY: the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        Recording::record(0, -bytes(layout));
        // SAFETY: the contract is the same.
        unsafe { System.dealloc(memory, layout) };
    }
}

#[global_allocator]
static ALLOCATOR: Recording = Recording;

/// Asserts that the statics hold what the atomics hold. No other thread runs.
fn assert_exact(when: &str) {
    // Reading them allocates nothing, or what is read first would be out of date.
    let counted = (ALLOCATIONS.get(), IN_USE.get());
    let expected = (TRUE_ALLOCATIONS.load(Ordering::Relaxed), TRUE_IN_USE.load(Ordering::Relaxed));
    assert_eq!(counted, expected, "{when}");
    assert!(counted.0 > 0 && counted.1 > 0, "{when}");
    // A snapshot allocates before it reads: what it holds is what there was then or a little more.
    let before = TRUE_ALLOCATIONS.load(Ordering::Relaxed);
    let snapshot = SIZES.snapshot();
    let (after, sum) = (TRUE_ALLOCATIONS.load(Ordering::Relaxed), TRUE_SIZES.load(Ordering::Relaxed));
    assert!((before..=after).contains(&snapshot.count()), "{when}: {before}, {snapshot:?}, {after}");
    assert!(snapshot.sum() <= sum as f64, "{when}: {snapshot:?}, {sum}");
    if let Some(summary) = QUANTILES.get() {
        let before = TRUE_QUANTILES.load(Ordering::Relaxed);
        let snapshot = summary.snapshot();
        let after = TRUE_QUANTILES.load(Ordering::Relaxed);
        assert!((before..=after).contains(&snapshot.count()), "{when}: {before}, {snapshot:?}, {after}");
        assert!(snapshot.quantile(0.0) < 0.0 && snapshot.quantile(1.0) > 0.0, "{when}: {snapshot:?}");
    }
}

/// Allocates and frees, some of it on another thread's behalf.
fn churn(rounds: usize) -> Vec<Vec<u8>> {
    (0..rounds).map(|round| vec![1; 1 + round * 37 % 5000]).filter(|bytes| bytes.len() % 3 == 0).collect()
}

/// Records when its thread ends, before and after the library's own destructor.
struct AtTheEnd(Vec<u8>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        // Frees, allocates and frees again.
        self.0 = Vec::new();
        drop(churn(20));
    }
}

thread_local! {
    static EARLY: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    static LATE: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

/// What a thread does whose destructors record. Which of them run before the library's own depends on the platform.
fn work(rounds: usize) -> Vec<Vec<u8>> {
    EARLY.set(Some(AtTheEnd(vec![0; 1000])));
    let kept = churn(rounds);
    LATE.set(Some(AtTheEnd(vec![0; 2000])));
    kept
}

fn threads_that_start_and_end() {
    for round in 0..50 {
        let all_there = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let all_there = Arc::clone(&all_there);
                thread::spawn(move || {
                    all_there.wait();
                    work(100 + round)
                })
            })
            .collect();
        // Freed here, where they were not allocated.
        for thread in threads {
            drop(thread.join().unwrap());
        }
    }
}

/// Reads while others record: nothing that only grows goes down.
fn readers_beside_them() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let reader = thread::spawn(|| {
        let (mut total, mut count, mut sum) = (0, 0, 0.0);
        while !DONE.load(Ordering::Relaxed) {
            let now = ALLOCATIONS.get();
            let snapshot = SIZES.snapshot();
            assert!(now >= total && snapshot.count() >= count && snapshot.sum() >= sum);
            (total, count, sum) = (now, snapshot.count(), snapshot.sum());
        }
    });
    threads_that_start_and_end();
    DONE.store(true, Ordering::Relaxed);
    reader.join().unwrap();
}

/// What each point counts.
#[derive(Default)]
struct Points(Vec<f64>);

impl Visitor for Points {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.0.push(match point {
            Point::Counter(point) => point.total().as_f64(),
            Point::UpDownCounter(point) => point.value().as_f64(),
            Point::Gauge(point) => point.value().as_f64(),
            Point::Histogram(point) => point.count() as f64,
            other => unreachable!("{other:?}"),
        });
        Ok(())
    }
}

fn a_registry_shows_them() -> Result<(), CollectError> {
    let before = TRUE_ALLOCATIONS.load(Ordering::Relaxed) as f64;
    let registry = MetricsRegistry::new();
    drop((ALLOCATIONS.register(&registry), IN_USE.register(&registry), SIZES.register(&registry)));
    let mut points = Points::default();
    registry.collect(&mut points)?;
    let after = TRUE_ALLOCATIONS.load(Ordering::Relaxed) as f64;
    assert_eq!(points.0.len(), 3);
    // In the order of their names: two that count allocations, around the bytes in use.
    assert!((before..=after).contains(&points.0[0]) && (before..=after).contains(&points.0[2]));
    assert!(points.0[1] > 0.0);
    Ok(())
}

/// Says so when the main thread ends, after `main` has.
struct AfterMain;

impl Drop for AfterMain {
    fn drop(&mut self) {
        drop(churn(100));
        assert_exact("after main");
        // A panic in a destructor of a thread-local aborts, so that this line is there if all is well.
        println!("exact after main");
    }
}

thread_local! {
    static AFTER_MAIN: RefCell<Option<AfterMain>> = const { RefCell::new(None) };
}

/// The variable that makes this program its own child.
const CHILD: &str = "NILOMETER_ALLOCATOR_CHILD";

/// Runs this program again, whose main thread records until its very end.
fn recording_goes_on_after_main() {
    let output = Command::new(env::current_exe().unwrap()).env(CHILD, "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    // Where the main thread's destructors do not run, there is nothing to see.
    assert!(text == "main ends\nexact after main\n" || cfg!(not(target_os = "linux")), "{output:?}");
}

fn main() -> Result<(), CollectError> {
    assert_exact("at the start");
    if env::var_os(CHILD).is_some() {
        AFTER_MAIN.set(Some(AfterMain));
        drop(work(100));
        println!("main ends");
        return Ok(());
    }
    assert!(QUANTILES.set(Summary::new("sizes", "Sizes.", Labels::empty())).is_ok());
    threads_that_start_and_end();
    assert_exact("after threads");
    readers_beside_them();
    assert_exact("after readers");
    a_registry_shows_them()?;
    assert_exact("after a registry");
    recording_goes_on_after_main();
    let recursions = RECURSIONS.load(Ordering::Relaxed);
    // Elsewhere the library may allocate once per thread, to be told of the thread's end.
    assert!(recursions == 0 || cfg!(not(target_os = "linux")), "{recursions} recordings inside another");
    println!("ok");
    Ok(())
}

//! Threads that come and go while they record and others read.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nilometer_core::collect::{Collector, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_core::{
    Counter, Descriptor, Histogram, Labels, MetricsRegistry, RegistryConfig, UpDownCounter,
};

/// How much there is of everything: less where each step takes long.
const SCALE: usize = if cfg!(debug_assertions) { 1 } else { 4 };

/// Reads what it is shown of one counter and one histogram, and remembers it.
#[derive(Default)]
struct Watch {
    total: u64,
    count: u64,
    sum: f64,
}

impl Visitor for Watch {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        match point {
            Point::Counter(point) => {
                let Number::U64(total) = point.total() else { panic!("{point:?}") };
                assert!(total >= self.total, "a counter went from {} to {total}", self.total);
                self.total = total;
            }
            Point::Histogram(point) => {
                let (count, sum) = (point.count(), point.sum());
                assert!(count >= self.count, "a count went from {} to {count}", self.count);
                assert!(sum >= self.sum, "a sum went from {} to {sum}", self.sum);
                // Each observation is at least a tenth.
                #[expect(clippy::cast_precision_loss, reason = "2^53 is far")]
                let least = count as f64 * 0.0999;
                assert!(sum >= least, "{count} observations, a sum of {sum}");
                (self.count, self.sum) = (count, sum);
            }
            other => panic!("{other:?}"),
        }
        Ok(())
    }
}

fn metrics() -> (MetricsRegistry, Counter, Histogram) {
    let config = RegistryConfig::new().with_self_metrics(false);
    let registry = MetricsRegistry::with_config(config);
    let counter = registry.register_counter("ticks_total", "Ticks.").unwrap().default();
    let histogram =
        registry.register_histogram("wait_seconds", "Waits.", &[0.15, 0.25, 1.0]).unwrap().default();
    (registry, counter, histogram)
}

#[test]
fn thousands_of_threads_lose_nothing_and_no_reader_sees_a_value_go_down() {
    const AT_ONCE: usize = 16;
    const EACH: u64 = 200;
    let rounds = 130 * SCALE;
    let (registry, counter, histogram) = metrics();
    let over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (registry, over) = (registry.clone(), Arc::clone(&over));
            thread::spawn(move || {
                let mut watch = Watch::default();
                // ORDERING: Acquire, so that the last look sees all.
                while !over.load(Ordering::Acquire) {
                    registry.collect(&mut watch).unwrap();
                }
                registry.collect(&mut watch).unwrap();
                (watch.total, watch.count)
            })
        })
        .collect();
    for round in 0..rounds {
        let threads: Vec<_> = (0..AT_ONCE)
            .map(|index| {
                let (counter, histogram) = (counter.clone(), histogram.clone());
                // Values whose sum depends on the order of its additions.
                let value = 0.1 + f64::from(u32::try_from(round * AT_ONCE + index).unwrap()) / 7000.0;
                thread::spawn(move || {
                    for _ in 0..EACH {
                        counter.inc();
                        histogram.observe(value);
                    }
                })
            })
            .collect();
        // Joined one by one: the end of a scope does not wait for thread-local destructors.
        for thread in threads {
            thread.join().unwrap();
        }
    }
    over.store(true, Ordering::Release);
    let expected = (rounds * AT_ONCE) as u64 * EACH;
    for reader in readers {
        assert_eq!(reader.join().unwrap(), (expected, expected));
    }
    assert_eq!((counter.get(), histogram.snapshot().count()), (expected, expected));
}

#[test]
fn a_thread_that_ends_is_followed_by_one_that_goes_on_where_it_stopped() {
    let (_registry, counter, histogram) = metrics();
    for _ in 0..1000 {
        let (counter, histogram) = (counter.clone(), histogram.clone());
        thread::spawn(move || {
            counter.inc();
            histogram.observe(0.1);
        })
        .join()
        .unwrap();
    }
    assert_eq!(counter.get(), 1000);
    // One thread after the other adds to one cell, in order: the sum is what a loop would get.
    let expected = (0..1000).fold(0.0, |sum: f64, _| sum + 0.1);
    // Other tests of this process may hold records meanwhile, which changes the order.
    assert!((histogram.snapshot().sum() - expected).abs() < 1e-9);
}

#[test]
fn thread_local_destructors_record() {
    /// Records when it is dropped.
    struct Last(Counter, Histogram);

    impl Drop for Last {
        fn drop(&mut self) {
            self.0.inc();
            self.1.observe(0.1);
        }
    }

    thread_local! {
        static EARLY: RefCell<Option<Last>> = const { RefCell::new(None) };
        static LATE: RefCell<Option<Last>> = const { RefCell::new(None) };
    }

    let (_registry, counter, histogram) = metrics();
    for round in 0..200 {
        let (counter, histogram) = (counter.clone(), histogram.clone());
        thread::spawn(move || {
            // Its destructor is set up before the thread has cells, so it runs after they are released.
            EARLY.with(|last| *last.borrow_mut() = Some(Last(counter.clone(), histogram.clone())));
            if round % 2 == 0 {
                counter.inc();
                histogram.observe(0.1);
            }
            // And this one before.
            LATE.with(|last| *last.borrow_mut() = Some(Last(counter, histogram)));
        })
        .join()
        .unwrap();
    }
    assert_eq!((counter.get(), histogram.snapshot().count()), (500, 500));
}

/// Not a test of this crate: `.ci/tsan` runs it to see that the sanitizer would find a race if there were one.
#[test]
#[ignore = "it fails under the thread sanitizer, which is what it is for"]
fn a_race_that_the_sanitizer_finds() {
    struct Shared(std::cell::UnsafeCell<u64>);
    // SAFETY: it is not safe, which is the point.
    unsafe impl Sync for Shared {}

    static SHARED: Shared = Shared(std::cell::UnsafeCell::new(0));
    let threads = [1, 2].map(|value| {
        // SAFETY: as above.
        thread::spawn(move || unsafe { *SHARED.0.get() = value })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn cells_past_those_that_a_thread_has_at_hand_count_as_exactly() {
    // Those at hand are 64 pages of 512 cells.
    const CELLS: usize = 64 * 512;
    let filling: Vec<Counter> =
        (0..CELLS).map(|_| Counter::new("filling_total", "F.", Labels::empty())).collect();
    let counter = Counter::new("x_total", "X.", Labels::empty());
    let up_down = UpDownCounter::new("y", "Y.", Labels::empty());
    let histogram = Histogram::try_new("z", "Z.", Labels::empty(), &[1.0, 2.0]).unwrap();
    let record = || {
        for _ in 0..100 {
            counter.inc();
            up_down.add(2);
            up_down.dec();
            histogram.observe(1.5);
        }
        filling.iter().for_each(Counter::inc);
    };
    thread::scope(|scope| {
        let other = scope.spawn(record);
        record();
        assert!(other.join().is_ok());
    });
    assert_eq!((counter.get(), up_down.get()), (200, 200));
    let snapshot = histogram.snapshot();
    assert_eq!(snapshot.buckets().map(|bucket| bucket.1).collect::<Vec<_>>(), [0, 200, 200]);
    assert_eq!(snapshot.sum().to_bits(), 300_f64.to_bits());
    assert!(filling.iter().all(|counter| counter.get() == 2));
}

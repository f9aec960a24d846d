//! Models of the cells' protocols: loom runs each in every order of its threads' steps.

use loom::sync::Arc;
use loom::thread;

use super::extreme::Extreme;
use super::late::LateRun;
use super::local::Near;
use super::page::Page;
use super::presence::{self, Counted};
use super::record::Record;
use super::sketch::{Precision, Sketch};
use super::slots::Slots;
use super::store::{Store, add_owned};
use super::tasks::Tasks;
use super::{distribution, total, updown, value};
use crate::sync::{AtomicU64, Ordering};

/// What a thread records with: what `local` keeps for it in the program.
struct Recorder {
    store: &'static Store,
    record: &'static Record,
}

impl Recorder {
    fn new(store: &'static Store) -> Recorder {
        Recorder { store, record: store.adopt().unwrap() }
    }

    fn page(&self) -> Option<&'static Page> {
        // SAFETY: the record is this recorder's until it is dropped.
        unsafe { self.store.page(self.record, 0) }
    }

    fn add(&self, slot: u32, delta: u64) {
        match self.page() {
            Some(page) => add_owned(page.cell(slot), delta, Ordering::Relaxed),
            None => total::add_shared(self.store, slot, delta),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // SAFETY: the record was this recorder's, which is gone.
        unsafe { self.store.release(self.record) };
    }
}

fn store(pages: usize) -> &'static Store {
    Box::leak(Box::new(Store::new(pages)))
}

fn read(store: &Store, slot: u32) -> u64 {
    let mut totals = Vec::new();
    total::read(store, &[slot], &mut totals);
    totals[0]
}

/// Two threads touch a page for the first time while a third reads: totals never go down and end exact.
#[test]
fn first_touch() {
    loom::model(|| {
        let store = store(2);
        let threads = [1, 2].map(|delta| {
            thread::spawn(move || {
                let recorder = Recorder::new(store);
                recorder.add(0, delta);
            })
        });
        let first = read(store, 0);
        let second = read(store, 0);
        assert!(first <= second && second <= 3, "{first}, then {second}");
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(read(store, 0), 3);
    });
}

/// Past the budget, threads share cells, which the first of them makes.
#[test]
fn shared_cells() {
    loom::model(|| {
        let store = store(0);
        let threads = [1, 2].map(|delta| {
            thread::spawn(move || {
                let recorder = Recorder::new(store);
                recorder.add(1, delta);
            })
        });
        let first = read(store, 1);
        let second = read(store, 1);
        assert!(first <= second && second <= 3, "{first}, then {second}");
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(read(store, 1), 3);
    });
}

/// The last page of the budget goes to one of two threads, and nothing is lost.
#[test]
fn budget() {
    loom::model(|| {
        let store = store(1);
        let threads = [1, 2].map(|delta| {
            thread::spawn(move || {
                let recorder = Recorder::new(store);
                recorder.add(0, delta);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(read(store, 0), 3);
        // One page is owned, and one shared, unless the second thread adopted the record of the first.
        let copies = store.copies(0).count();
        assert!((1..=2).contains(&copies), "{copies} copies");
    });
}

/// A record changes hands while others adopt and a reader reads: no count is lost or doubled, none goes down.
#[test]
fn adoption() {
    loom::model(|| {
        let store = store(3);
        {
            let recorder = Recorder::new(store);
            recorder.add(0, 1);
        }
        let threads = [2, 4].map(|delta| {
            thread::spawn(move || {
                let recorder = Recorder::new(store);
                recorder.add(0, delta);
            })
        });
        let first = read(store, 0);
        let second = read(store, 0);
        assert!(1 <= first && first <= second && second <= 7, "{first}, then {second}");
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(read(store, 0), 7);
    });
}

/// Two threads observe, one into its own cells and one into the shared ones, and a reader sees each observation that it
/// counts in the sum.
#[test]
fn sum_before_bucket() {
    loom::model(|| {
        let store = store(1);
        store.base(0);
        let owner = thread::spawn(move || {
            let recorder = Recorder::new(store);
            let page = recorder.page().unwrap();
            assert!(distribution::observe_owned(page, Near::of(0), 0, 1.0));
            assert!(distribution::observe_owned(page, Near::of(0), 1, 1.0));
        });
        let sharer = thread::spawn(move || distribution::observe_shared(store, 0, 0, 1.0));
        let check = |least: u64| {
            let (mut counts, mut sums) = ([0; 2], [0.0]);
            distribution::read(store, &[0], 2, &mut counts, &mut sums);
            let count = counts[0] + counts[1];
            #[expect(clippy::cast_precision_loss, reason = "a handful")]
            let counted = count as f64;
            assert!(sums[0] >= counted, "{count} observations, a sum of {}", sums[0]);
            assert!(least <= count && count <= 3, "{count} observations");
        };
        check(0);
        owner.join().unwrap();
        sharer.join().unwrap();
        check(3);
    });
}

/// What goes down after it went up elsewhere is never seen below zero.
#[test]
fn up_before_down() {
    loom::model(|| {
        let store = store(1);
        // The shared cells are there already: making them would publish what came before.
        store.base(0);
        let busy = Arc::new(AtomicU64::new(0));
        let first = thread::spawn({
            let busy = Arc::clone(&busy);
            move || {
                let recorder = Recorder::new(store);
                let page = recorder.page().unwrap();
                updown::add_to(page, Near::of(0), 1);
                updown::add_to(page, Near::of(0), 1);
                busy.store(1, Ordering::Release);
                updown::add_to(page, Near::of(0), -1);
            }
        });
        let second = thread::spawn(move || {
            if busy.load(Ordering::Acquire) == 1 {
                updown::add_shared(store, 0, -1);
            }
        });
        let now = updown::read_one(store, 0);
        assert!((0..=2).contains(&now), "{now}");
        first.join().unwrap();
        second.join().unwrap();
        assert!((0..=1).contains(&updown::read_one(store, 0)));
    });
}

/// What leaves a distribution after it came elsewhere is never seen gone without being seen come, neither in its bucket
/// nor in the sum; and what a bucket lacks, the sum lacks.
#[test]
fn came_before_left() {
    loom::model(|| {
        let store = store(1);
        // The shared cells are there already: making them would publish what came before.
        store.base(0);
        let busy = Arc::new(AtomicU64::new(0));
        let first = thread::spawn({
            let busy = Arc::clone(&busy);
            move || {
                let recorder = Recorder::new(store);
                let page = recorder.page().unwrap();
                assert!(distribution::observe_owned(page, Near::of(0), 0, 1.0));
                assert!(distribution::observe_owned(page, Near::of(0), 0, 1.0));
                busy.store(1, Ordering::Release);
                assert!(presence::leave_owned(page, Near::of(0), 1, 0, 1.0));
            }
        });
        let second = thread::spawn(move || {
            if busy.load(Ordering::Acquire) == 1 {
                presence::leave_shared(store, 0, 1, 0, 1.0);
            }
        });
        let check = |least: u64| {
            let (mut came, mut left) = (([0], [0.0]), ([0], [0.0]));
            presence::read_both(
                store,
                &[0],
                1,
                &mut Counted { counts: &mut came.0, sums: &mut came.1 },
                &mut Counted { counts: &mut left.0, sums: &mut left.1 },
            );
            let (([came], [came_sum]), ([left], [left_sum])) = (came, left);
            assert!(least <= left && left <= came && came <= 2, "{came} came, {left} left");
            #[expect(clippy::cast_precision_loss, reason = "a handful")]
            let counted = left as f64;
            assert!(
                counted <= left_sum && left_sum <= came_sum,
                "{left} of {left_sum} left, {came_sum} came"
            );
        };
        check(0);
        first.join().unwrap();
        second.join().unwrap();
        check(1);
    });
}

/// The same for a sum that is kept in its range.
#[test]
fn came_before_left_at_the_end_of_the_range() {
    loom::model(|| {
        let store = store(1);
        let owner = thread::spawn(move || {
            let recorder = Recorder::new(store);
            let page = recorder.page().unwrap();
            assert!(distribution::observe_owned(page, Near::of(0), 0, 1.0));
            presence::leave_clamped(page, Near::of(0), 1, 0, 1.0);
        });
        let (mut came, mut left) = (([0], [0.0]), ([0], [0.0]));
        presence::read_both(
            store,
            &[0],
            1,
            &mut Counted { counts: &mut came.0, sums: &mut came.1 },
            &mut Counted { counts: &mut left.0, sums: &mut left.1 },
        );
        assert!(left.0[0] <= came.0[0] && left.1[0] <= came.1[0], "{left:?} left, {came:?} came");
        owner.join().unwrap();
    });
}

/// A series, which gives its slot back when its last handle is dropped.
struct Series {
    slot: u32,
    slots: &'static Slots,
}

impl Drop for Series {
    fn drop(&mut self) {
        self.slots.give_back(self.slot, 1);
    }
}

/// A slot that is given back by the last of two handles starts from zero for its next owner, whoever recorded into it.
#[test]
fn slot_reuse() {
    loom::model(|| {
        let store = store(3);
        let slots: &'static Slots = Box::leak(Box::new(Slots::new()));
        let series = Arc::new(Series { slot: slots.take(store, 1), slots });
        let threads = [1, 2].map(|delta| {
            let series = Arc::clone(&series);
            thread::spawn(move || {
                let recorder = Recorder::new(store);
                recorder.add(series.slot, delta);
            })
        });
        drop(series);
        let next = Series { slot: slots.take(store, 1), slots };
        assert_eq!(read(store, next.slot), 0);
        let recorder = Recorder::new(store);
        recorder.add(next.slot, 4);
        assert_eq!(read(store, next.slot), 4);
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(read(store, next.slot), 4);
    });
}

/// Two threads record into a static for the first time, one of which has cells that another series had: what that one
/// left is not seen, one run is assigned for ever, and the slower thread's run is not lost.
#[test]
fn late_run() {
    loom::model(|| {
        let store = store(2);
        let slots: &'static Slots = Box::leak(Box::new(Slots::new()));
        let recorder = Recorder::new(store);
        let former = Series { slot: slots.take(store, 1), slots };
        recorder.add(former.slot, 8);
        drop(former);
        let run: &'static LateRun = Box::leak(Box::new(LateRun::of_model(1)));
        let other = thread::spawn(move || Recorder::new(store).add(run.assign_from(slots), 1));
        let slot = run.assigned().unwrap_or_else(|| run.assign_from(slots));
        assert_ne!(run.created_number(), super::slots::UNASSIGNED, "what is assigned has its time");
        recorder.add(slot, 2);
        let now = read(store, slot);
        assert!((2..=3).contains(&now), "{now}");
        other.join().unwrap();
        assert_eq!((run.assigned(), read(store, slot)), (Some(slot), 3));
        let unused = slots.take_unused(1);
        for _ in 1..unused {
            assert!(slots.take(store, 1) < unused, "all that was ever given out is free, but the static's");
        }
    });
}

/// Two threads count where nothing fell before, one of which has copies of cells that other series had: what those left
/// is not seen, both count in one run of cells for ever, and the slower thread's run is not lost.
#[test]
fn sketch_cells() {
    loom::model(|| {
        let store = store(2);
        let slots: &'static Slots = Box::leak(Box::new(Slots::new()));
        let recorder = Recorder::new(store);
        // A run for each of the threads.
        let formers = [(); 2].map(|()| Series { slot: slots.take(store, 1), slots });
        for former in &formers {
            recorder.add(former.slot, 8);
        }
        drop(formers);
        let sketch: &'static Sketch = Box::leak(Box::new(Sketch::new(Precision::OF_A_MODEL)));
        let other = thread::spawn(move || {
            let slot = sketch.slot_of_a_model(store, slots);
            Recorder::new(store).add(slot, 1);
        });
        let slot = sketch.slot_of_a_model(store, slots);
        recorder.add(slot, 2);
        let now = read(store, slot);
        assert!((2..=3).contains(&now), "{now}");
        other.join().unwrap();
        assert_eq!((sketch.slot_of_a_model(store, slots), read(store, slot)), (slot, 3));
        let unused = slots.take_unused(1);
        for _ in 1..unused {
            assert!(slots.take(store, 1) < unused, "all that was ever given out is free, but the sketch's");
        }
    });
}

/// Two threads count in a sketch, where nothing fell before, and then in a distribution, one in its own cells and one in
/// the shared ones: a reader that sees an observation counted finds it in the sketch.
#[test]
fn sketch_before_count() {
    loom::model(|| {
        let store = store(1);
        store.base(0);
        let slots: &'static Slots = Box::leak(Box::new(Slots::new()));
        let sketch: &'static Sketch = Box::leak(Box::new(Sketch::new(Precision::OF_A_MODEL)));
        let totals = slots.take(store, distribution::cells(1));
        let owner = thread::spawn(move || {
            let recorder = Recorder::new(store);
            let page = recorder.page().unwrap();
            recorder.add(sketch.slot_of_a_model(store, slots), 1);
            assert!(distribution::observe_owned(page, Near::of(totals), 0, 1.0));
        });
        let sharer = thread::spawn(move || {
            total::add_shared(store, sketch.slot_of_a_model(store, slots), 1);
            distribution::observe_shared(store, totals, 0, 1.0);
        });
        let check = |least: u64| {
            let (mut counts, mut sums) = ([0], [0.0]);
            distribution::read(store, &[totals], 1, &mut counts, &mut sums);
            let found = sketch.slot_found_by_a_model().map_or(0, |slot| read(store, slot));
            assert!(found >= counts[0] && counts[0] >= least, "{} counted, {found} found", counts[0]);
        };
        check(0);
        owner.join().unwrap();
        sharer.join().unwrap();
        check(2);
    });
}

/// A cell that was given back starts from zero for its next owner.
#[test]
fn value_reuse() {
    loom::model(|| {
        let free: &'static value::Free = Box::leak(Box::new(value::Free::of_a_model()));
        let threads = [1.0, 2.0].map(|number| {
            thread::spawn(move || {
                let cell = free.take();
                value::add(cell, number);
                assert_eq!(value::get(cell).to_bits(), number.to_bits(), "nobody else has the cell");
                free.give_back(cell);
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A window moves while a number is observed: it is read in its window or the next.
#[test]
fn window() {
    loom::model(|| {
        let extreme: &'static Extreme = Box::leak(Box::new(Extreme::new(0)));
        let observer = thread::spawn(move || extreme.observe_in(5));
        extreme.move_to(1);
        let first = extreme.read();
        extreme.move_to(2);
        let window = observer.join().unwrap();
        let second = extreme.read();
        assert!(if window == 0 { first == 5 } else { second == 5 }, "5 in {window}, {first}, then {second}");
    });
}

/// A place is another window's: what stood there hides no number that is observed from then on.
#[test]
fn window_reuse() {
    loom::model(|| {
        let extreme: &'static Extreme = Box::leak(Box::new(Extreme::new(0)));
        extreme.observe(9);
        let observer = thread::spawn(move || extreme.observe_in(5));
        extreme.move_to(1);
        extreme.move_to(2);
        let window = observer.join().unwrap();
        assert!(window == 0 || extreme.read() == 5, "5 in {window}, {}", extreme.read());
    });
}

/// Two threads move the window while others read: a number is read until its window is over and the next one is, and
/// not after.
#[test]
fn window_reading() {
    loom::model(|| {
        let extreme: &'static Extreme = Box::leak(Box::new(Extreme::new(0)));
        extreme.observe(9);
        extreme.move_to(1);
        extreme.observe(7);
        let check = move || {
            let (now, read) = extreme.read_in();
            assert!(now > 2 || read >= 7, "{read} in {now}");
            assert!(now < 3 || read <= 7, "{read} in {now}");
        };
        let movers = [2, 3].map(|window| {
            thread::spawn(move || {
                extreme.move_to(window);
                check();
            })
        });
        check();
        for mover in movers {
            mover.join().unwrap();
        }
    });
}

/// Two threads run a task each while there is a third one: they make more places, and each place is the next task's once
/// the one before has ended. A reader sees all tasks that it must see, and no more than there are.
#[test]
fn tasks() {
    loom::model(|| {
        let tasks = Arc::new(Tasks::new());
        let first = tasks.begin(3);
        let others = [1, 2].map(|moment| {
            let tasks = Arc::clone(&tasks);
            thread::spawn(move || {
                let place = tasks.begin(moment);
                let count = tasks.read(9).count;
                assert!(
                    (2..=3).contains(&count),
                    "{count} tasks of three, the first and this one among them"
                );
                tasks.end(place);
            })
        });
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(tasks.read(9).count, 1);
        tasks.end(first);
        assert_eq!(tasks.read(9).count, 0);
    });
}

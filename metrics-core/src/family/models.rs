//! Each model looks at series while others make and remove them; loom stops where the two are not in order.

use std::ptr::NonNull;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::budget::Budget;
use super::once::Once;
use super::place::Place;
use super::table::{Entry, Table};
use crate::clock::{Clock, Created};
use crate::reclaim::Domain;

/// A series. Its value is never given back, so that a mutant reads a freed one and not another one's.
struct Series {
    hash: u32,
    place: Place,
    value: &'static UnsafeCell<u32>,
}

// SAFETY: the value is looked at through shared references alone until the series is dropped, or loom is there to find
// that it is not.
unsafe impl Send for Series {}
// SAFETY: as above.
unsafe impl Sync for Series {}

impl Entry for Series {
    type Ref = Arc<Series>;
    type Shared = ();

    fn into_raw(series: Arc<Series>) -> NonNull<Series> {
        let series = Arc::into_raw(series).cast_mut();
        // SAFETY: an `Arc`'s pointer is not null.
        unsafe { NonNull::new_unchecked(series) }
    }

    unsafe fn from_raw(series: NonNull<Series>, (): ()) -> Arc<Series> {
        // SAFETY: the contract is the same.
        unsafe { Arc::from_raw(series.as_ptr()) }
    }

    fn hash(&self) -> u32 {
        self.hash
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn is_alone(&self) -> bool {
        // No model of these series asks.
        false
    }
}

impl Drop for Series {
    fn drop(&mut self) {
        // SAFETY: as above.
        self.value.with_mut(|value| unsafe { *value = 0 });
    }
}

fn series(hash: u32) -> Arc<Series> {
    Arc::new(Series { hash, place: Place::new(), value: Box::leak(Box::new(UnsafeCell::new(hash))) })
}

fn created() -> Created {
    Clock::system().created()
}

fn check(series: &Series) {
    // SAFETY: as above.
    assert_eq!(series.value.with(|value| unsafe { *value }), series.hash);
}

struct Model {
    domain: &'static Domain,
    table: Table<Series>,
}

impl Model {
    /// A family that has a series of each of these hashes.
    fn new(hashes: &[u32]) -> Arc<Model> {
        let domain: &'static Domain = Box::leak(Box::new(Domain::new()));
        let model = Model { domain, table: Table::new(domain, ()) };
        hashes.iter().for_each(|hash| model.insert(*hash));
        Arc::new(model)
    }

    fn insert(&self, hash: u32) {
        self.table.write(|table| table.insert(series(hash), created()));
    }

    fn remove(&self, hash: u32) -> bool {
        self.table.write(|table| {
            let found = table.find(hash, |series| series.hash == hash);
            // SAFETY: the lock is held.
            found.is_some_and(|found| table.remove(unsafe { found.as_ref() }))
        })
    }

    /// Whether a lookup finds the series; it looks at it.
    fn find(&self, hash: u32) -> bool {
        let guard = self.domain.adopt().enter();
        let mut found = self.table.candidates(&guard, hash).filter(|(_, series)| series.hash == hash);
        found.next().inspect(|(_, series)| check(series)).is_some()
    }

    fn spawn<R: 'static>(self: &Arc<Self>, f: impl FnOnce(&Model) -> R + 'static) -> thread::JoinHandle<R> {
        let model = Arc::clone(self);
        thread::spawn(move || f(&model))
    }
}

#[test]
fn family_insert() {
    loom::model(|| {
        let model = Model::new(&[]);
        let reader = model.spawn(|model| model.find(1));
        model.insert(1);
        reader.join().unwrap();
        assert!(model.find(1));
    });
}

#[test]
fn family_removal() {
    loom::model(|| {
        let model = Model::new(&[1]);
        let reader = model.spawn(|model| {
            let first = model.find(1);
            assert!(first || !model.find(1), "what is gone stays gone");
        });
        assert!(model.remove(1));
        assert!(!model.find(1));
        reader.join().unwrap();
    });
}

#[test]
fn family_growth() {
    loom::model(|| {
        let model = Model::new(&[1]);
        let reader = model.spawn(|model| {
            assert!(model.find(1), "it is there all the time");
            model.find(3);
        });
        model.insert(3);
        assert!(model.find(1) && model.find(3));
        reader.join().unwrap();
    });
}

#[test]
fn family_limit() {
    loom::model(|| {
        let model = Model::new(&[]);
        let budget = Arc::new(Budget::new(1));
        let create = |hash| {
            let budget = Arc::clone(&budget);
            move |model: &Model| {
                model.table.write(|table| {
                    let is_left = table.len() < 1 && budget.take();
                    if is_left {
                        table.insert(series(hash), created());
                    }
                    is_left
                })
            }
        };
        let other = model.spawn(create(1));
        let made = [create(2)(&model), other.join().unwrap()];
        assert_eq!(made.iter().filter(|made| **made).count(), 1);
        assert_eq!((model.table.len(), budget.take()), (1, false));
    });
}

#[test]
fn family_overflow() {
    loom::model(|| {
        let model = Model::new(&[]);
        let reader = model.spawn(|model| {
            let guard = model.domain.adopt().enter();
            // SAFETY: the guard is there.
            model.table.overflow(&guard).inspect(|series| check(unsafe { series.as_ref() }));
        });
        model.table.write(|table| {
            table.overflow_or_insert(created, || series(1));
        });
        model.table.write(|table| {
            table.clear();
        });
        reader.join().unwrap();
    });
}

#[test]
fn family_once() {
    loom::model(|| {
        let once = Arc::new(Once::new(None));
        let look = |once: &Once<UnsafeCell<u32>>| {
            // SAFETY: nobody writes it.
            once.get().map(|value| value.with(|value| unsafe { *value }))
        };
        let other = thread::spawn({
            let once = Arc::clone(&once);
            move || {
                once.set(UnsafeCell::new(1));
                look(&once)
            }
        });
        let first = look(&once);
        once.set(UnsafeCell::new(2));
        let (second, others) = (look(&once), other.join().unwrap());
        assert!(second == others && second.is_some() && (first.is_none() || first == second));
    });
}

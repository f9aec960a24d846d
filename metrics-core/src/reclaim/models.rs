//! Each model frees something that another thread may be looking at; loom stops where the two are not in order.

use std::ptr;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use super::domain::{Domain, Record};
use super::garbage::{Garbage, Retired};
use crate::sync::{AtomicPtr, Ordering};

/// What lookups find. Its memory is never given back, so that a mutant reads a freed thing and not another one.
struct Thing {
    value: UnsafeCell<u32>,
}

/// The table's count of a thing. Dropping it frees the thing, which loom takes for a write.
struct Owned(&'static Thing);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: nobody looks at the thing any more, or loom is there to find who does.
        self.0.value.with_mut(|value| unsafe { *value = 0 });
    }
}

impl Retired for Owned {
    fn address(&self) -> *mut () {
        ptr::from_ref(self.0).cast_mut().cast()
    }
}

/// A table with room for one thing.
struct Root {
    domain: &'static Domain,
    thing: AtomicPtr<Thing>,
    garbage: Garbage<Owned>,
}

impl Root {
    fn new(domain: &'static Domain) -> Arc<Root> {
        let thing: &'static Thing = Box::leak(Box::new(Thing { value: UnsafeCell::new(7) }));
        let thing = AtomicPtr::new(ptr::from_ref(thing).cast_mut());
        Arc::new(Root { domain, thing, garbage: Garbage::new() })
    }

    fn remove(&self) {
        // ORDERING: Relaxed, the fence in `retire` follows.
        let thing = self.thing.load(Ordering::Relaxed);
        self.thing.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: things are never given back.
        let things = unsafe { thing.as_ref() }.map(Owned);
        self.garbage.retire(self.domain, things.into_iter().collect());
    }

    /// Looks at the thing inside the lookup.
    fn look(&self, record: &Record) {
        let guard = record.enter();
        self.find().inspect(|thing| check(thing));
        drop(guard);
    }

    /// Looks at the thing when the lookup is over.
    fn hold(&self, record: &Record) {
        let guard = record.enter();
        if let Some(thing) = self.find() {
            let held = guard.hold(ptr::NonNull::from(thing)).unwrap();
            check(thing);
            drop(held);
        }
    }

    fn find(&self) -> Option<&'static Thing> {
        // ORDERING: Relaxed, what it points at was there before the threads.
        // SAFETY: things are never given back.
        unsafe { self.thing.load(Ordering::Relaxed).as_ref() }
    }
}

fn check(thing: &Thing) {
    // SAFETY: the thing is not freed, or loom is there to find that it is.
    assert_eq!(thing.value.with(|value| unsafe { *value }), 7);
}

fn leak() -> &'static Domain {
    Box::leak(Box::new(Domain::new()))
}

#[test]
fn reclaim_lookup() {
    loom::model(|| {
        let domain = leak();
        let root = Root::new(domain);
        let reader = thread::spawn({
            let root = Arc::clone(&root);
            move || {
                let record = domain.adopt();
                root.look(record);
                root.look(record);
            }
        });
        root.remove();
        root.garbage.drain(domain);
        reader.join().unwrap();
        root.garbage.drain(domain);
        assert_eq!(root.garbage.len(), 0, "what no lookup sees is freed");
    });
}

#[test]
fn reclaim_hold() {
    loom::model(|| {
        let domain = leak();
        let (first, second) = (Root::new(domain), Root::new(domain));
        let reader = thread::spawn({
            let (first, second) = (Arc::clone(&first), Arc::clone(&second));
            move || {
                let record = domain.adopt();
                first.hold(record);
                second.hold(record);
            }
        });
        first.remove();
        first.garbage.drain(domain);
        reader.join().unwrap();
        first.garbage.drain(domain);
        assert_eq!(first.garbage.len(), 0, "what nobody holds is freed");
    });
}

#[test]
fn reclaim_adoption() {
    loom::model(|| {
        let domain = leak();
        let root = Root::new(domain);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let root = Arc::clone(&root);
                thread::spawn(move || {
                    let record = domain.adopt();
                    root.look(record);
                    domain.release(record);
                })
            })
            .collect();
        root.remove();
        for thread in threads {
            thread.join().unwrap();
        }
        root.garbage.drain(domain);
        assert_eq!(root.garbage.len(), 0);
    });
}

#[test]
fn reclaim_garbage() {
    loom::model(|| {
        let domain = leak();
        let root = Root::new(domain);
        let remover = thread::spawn({
            let root = Arc::clone(&root);
            move || root.garbage.retire(domain, Vec::new())
        });
        root.remove();
        remover.join().unwrap();
        assert_eq!(root.garbage.len(), 0);
    });
}

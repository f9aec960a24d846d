//! How many references there are to something that is freed with the last one.

use std::process;

use crate::sync::{AtomicU32, Ordering, ordering};

/// A number of references, one or more until the last is taken.
///
/// It works as that of an `Arc`: adding is Relaxed, as who adds has a reference already; taking is Release, and who
/// takes the last one Acquires what all others did before they took theirs. It differs in three ways. It has 32 bits
/// and no second number for weak references, which makes a series of 24 bytes. It stands in the thing that is counted,
/// so that references can be made of a pointer to it. And what Acquires is a load rather than a fence, which the thread
/// sanitizer sees.
#[derive(Debug)]
pub(crate) struct Count(AtomicU32);

/// The most references that there can be: as with `Arc`, half of what can be counted, so that threads which add at once
/// are all told before the count wraps.
const MAX_COUNT: u32 = u32::MAX / 2;

impl Count {
    pub(crate) fn one() -> Count {
        Count(AtomicU32::new(1))
    }

    /// Adds a reference, for who has one.
    #[inline]
    pub(crate) fn add(&self) {
        // ORDERING: Relaxed, there is a reference already.
        if self.0.fetch_add(1, Ordering::Relaxed) > MAX_COUNT {
            // Only who forgets references can get here.
            process::abort();
        }
    }

    /// Adds a reference unless there are none left; the caller keeps the count itself from being freed.
    pub(crate) fn add_unless_none(&self) -> bool {
        let one_more = |count: u32| (count > 0).then_some(count + 1);
        // ORDERING: Relaxed, what has put the count before the caller has put all else before that is read of the thing.
        let added = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if added.is_ok_and(|before| before > MAX_COUNT) {
            process::abort();
        }
        added.is_ok()
    }

    /// Takes a reference; whether it was the last, so that the caller frees the thing.
    #[inline]
    #[must_use = "who takes the last reference frees what was counted"]
    pub(crate) fn take(&self) -> bool {
        // ORDERING: Release, pairs with the Acquire below: this reference was used before.
        let is_last = self.0.fetch_sub(1, ordering!(Release, "reference_count/release")) == 1;
        if is_last {
            // ORDERING: Acquire, pairs with the Release of all other references, which are gone.
            self.0.load(ordering!(Acquire, "reference_count/acquire"));
        }
        is_last
    }

    /// How many references there were a moment ago.
    pub(crate) fn now(&self) -> u32 {
        // ORDERING: Relaxed, a number by itself: others add and take while it is looked at.
        self.0.load(Ordering::Relaxed)
    }

    /// Whether the caller's reference is the only one.
    pub(crate) fn is_one(&self) -> bool {
        // ORDERING: Acquire, pairs with the Release of references that were taken: they were used before.
        self.0.load(ordering!(Acquire, "reference_count/alone")) == 1
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_all_references_is_told_so() {
        let count = Count::one();
        count.add();
        assert!(count.add_unless_none() && !count.is_one());
        assert_eq!([(); 3].map(|()| count.take()), [false, false, true]);
        assert!(!count.add_unless_none());
    }
}

#[cfg(all(test, nilometer_loom))]
mod models {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::*;

    /// Something that is counted. Loom stops where it is looked at after, or beside, its end.
    struct Thing {
        count: Count,
        value: UnsafeCell<u32>,
    }

    // SAFETY: loom is there to find that the value is written while it is read.
    unsafe impl Sync for Thing {}

    impl Thing {
        fn look(&self) {
            // SAFETY: as above.
            assert_eq!(self.value.with(|value| unsafe { *value }), 7);
        }

        fn take(&self) {
            if self.count.take() {
                // SAFETY: as above.
                self.value.with_mut(|value| unsafe { *value = 0 });
            }
        }
    }

    /// Two threads, one of which has a third reference for a while; and at the end each may be the last.
    #[test]
    fn reference_count() {
        loom::model(|| {
            let thing = Arc::new(Thing { count: Count::one(), value: UnsafeCell::new(7) });
            thing.count.add();
            let other = thread::spawn({
                let thing = Arc::clone(&thing);
                move || {
                    thing.count.add();
                    thing.take();
                    thing.look();
                    thing.take();
                }
            });
            thing.look();
            if thing.count.is_one() {
                // The other reference is gone, and what was read through it was read before.
                // SAFETY: as above.
                thing.value.with_mut(|value| unsafe { *value = 7 });
            }
            thing.take();
            other.join().unwrap();
            assert!(!thing.count.add_unless_none());
        });
    }
}

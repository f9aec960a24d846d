//! What was taken out of a table, until no lookup can still see it.

use super::domain::{Domain, Inside};
use crate::sync::Lock;

/// Something that lookups may still see.
pub(crate) trait Retired {
    /// Where it is, as a lookup that goes on using it says.
    fn address(&self) -> *mut ();
}

/// Things that were unlinked and are not freed yet.
///
/// Dropping it frees them all: whoever drops it knows that no lookup can be under way.
#[derive(Debug)]
pub(crate) struct Garbage<T> {
    batches: Lock<Vec<Batch<T>>>,
}

#[derive(Debug)]
struct Batch<T> {
    /// The lookups that may see the things: until each has moved on.
    inside: Vec<Inside>,
    things: Vec<T>,
}

impl<T: Retired> Garbage<T> {
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.batches.with(|batches| batches.iter().map(|batch| batch.things.len()).sum())
    }

    pub(crate) fn new() -> Garbage<T> {
        Garbage { batches: Lock::new("reclaim_garbage/lock", Vec::new()) }
    }

    /// Frees `things`, which the caller has unlinked, or keeps them until that can be done; and what was kept before,
    /// as far as it can be done now.
    pub(crate) fn retire(&self, domain: &Domain, things: Vec<T>) {
        if !things.is_empty() {
            let inside = domain.inside();
            self.batches.with(|batches| match batches.last_mut() {
                Some(last) if last.inside == inside => last.things.extend(things),
                _ => batches.push(Batch { inside, things }),
            });
        }
        self.drain(domain);
    }

    /// Frees what can be freed.
    pub(crate) fn drain(&self, domain: &Domain) {
        // Dropped after the lock: what a thing's own drop does is not this lock's business.
        let free = self.batches.with(|batches| {
            if batches.is_empty() {
                return Vec::new();
            }
            let mut seen = Vec::new();
            batches.retain_mut(|batch| {
                batch.inside.retain(|lookup| !lookup.has_ended());
                if batch.inside.is_empty() {
                    seen.append(&mut batch.things);
                }
                !batch.inside.is_empty()
            });
            if seen.is_empty() {
                return seen;
            }
            let held = domain.held();
            let is_held = |thing: &T| held.binary_search(&thing.address()).is_ok();
            let (kept, free) = seen.into_iter().partition(is_held);
            let kept: Vec<T> = kept;
            if !kept.is_empty() {
                batches.push(Batch { inside: Vec::new(), things: kept });
            }
            if batches.is_empty() {
                // What one removal of many has needed is not kept for the next one.
                *batches = Vec::new();
            }
            free
        });
        drop(free);
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::ptr::NonNull;
    use std::sync::Arc;

    use super::super::domain::Record;
    use super::*;

    /// Counts as freed when nobody else has it.
    struct Thing(Arc<u8>);

    impl Retired for Thing {
        fn address(&self) -> *mut () {
            Arc::as_ptr(&self.0).cast_mut().cast()
        }
    }

    fn domain() -> &'static Domain {
        Box::leak(Box::new(Domain::new()))
    }

    fn thing() -> (Arc<u8>, Thing) {
        let thing = Arc::new(7);
        (Arc::clone(&thing), Thing(thing))
    }

    fn is_freed(thing: &Arc<u8>) -> bool {
        Arc::strong_count(thing) == 1
    }

    #[test]
    fn what_nobody_can_see_is_freed_at_once() {
        let domain = domain();
        drop(domain.adopt().enter());
        let garbage = Garbage::new();
        let (kept, thing) = thing();
        garbage.retire(domain, vec![thing]);
        assert!(is_freed(&kept));
    }

    #[test]
    fn what_a_lookup_can_see_waits_for_its_end_and_not_for_later_lookups() {
        let domain = domain();
        let record = domain.adopt();
        let garbage = Garbage::new();
        let (kept, thing) = thing();
        let lookup = record.enter();
        garbage.retire(domain, vec![thing]);
        assert!(!is_freed(&kept));
        let within = record.enter();
        drop(within);
        garbage.drain(domain);
        assert!(!is_freed(&kept), "the end of a lookup within is not the end");
        drop(lookup);
        let _later = record.enter();
        garbage.drain(domain);
        assert!(is_freed(&kept));
    }

    #[test]
    fn what_is_held_waits_alone() {
        let domain = domain();
        let record = domain.adopt();
        let garbage = Garbage::new();
        let ((first, first_thing), (second, second_thing)) = (thing(), thing());
        let held = record.enter().hold(NonNull::from(&*first)).unwrap();
        garbage.retire(domain, vec![first_thing, second_thing]);
        assert!(!is_freed(&first) && is_freed(&second));
        drop(held);
        garbage.drain(domain);
        assert!(is_freed(&first) && garbage.len() == 0);
    }

    #[test]
    fn a_thread_that_holds_all_it_can_is_told_so() {
        let record = domain().adopt();
        let things = [0_u8; 100];
        let mut held = Vec::new();
        let refused = things.iter().position(|thing| match record.enter().hold(NonNull::from(thing)) {
            Ok(one_more) => {
                held.push(one_more);
                false
            }
            Err(_guard) => true,
        });
        let most = refused.unwrap();
        assert!(most >= 4, "{most} at once");
        drop(held.swap_remove(1));
        assert!(record.enter().hold(NonNull::from(&things[99])).is_ok(), "the place that became free");
    }

    #[test]
    fn things_that_wait_for_the_same_lookups_share_a_batch() {
        let domain = domain();
        let garbage = Garbage::new();
        let lookup = domain.adopt().enter();
        for _ in 0..1_000 {
            garbage.retire(domain, vec![thing().1]);
        }
        assert_eq!((garbage.len(), garbage.batches.with(|batches| batches.len())), (1_000, 1));
        drop(lookup);
        garbage.drain(domain);
        assert_eq!(garbage.len(), 0);
    }

    #[test]
    fn records_are_adopted_and_not_made_anew() {
        let domain = domain();
        for _ in 0..10 {
            let (one, two) = (domain.adopt(), domain.adopt());
            drop((one.enter(), two.enter()));
            domain.release(two);
            domain.release(one);
        }
        assert_eq!(domain.inside(), []);
        let turns: Vec<u64> = [domain.adopt(), domain.adopt(), domain.adopt()].map(Record::turns).into();
        assert_eq!(turns, [20, 20, 0], "the turns go on where the last owner was");
    }
}

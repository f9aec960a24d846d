//! The one copy of each label set that is in use.
//!
//! Services describe the same few routes, tenants or partitions in many families. A set is taken in when a series is
//! made of it, after the limits have admitted it, and leaves with its last series. What is interned is the whole set
//! rather than each value: its text then lies in the order in which a page is written and is copied in one piece,
//! where values apart would be as many cache misses.

use hashbrown::HashTable;

use super::record::{Record, Shared};
use super::set::LabelSet;
use crate::sync::Lock;

/// How many tables the sets are spread over, by their hash: registering from several threads seldom meets.
#[cfg(not(all(test, nilometer_loom)))]
const SHARDS: usize = 16;
#[cfg(all(test, nilometer_loom))]
const SHARDS: usize = 1;

/// The smallest table that is worth giving memory back for.
const SHRINK_FROM: usize = 64;

type Tables = [Lock<HashTable<Shared>>; SHARDS];

#[cfg(not(all(test, nilometer_loom)))]
static TABLES: Tables = [const { Lock::new("label_intern/table", HashTable::new()) }; SHARDS];

#[cfg(all(test, nilometer_loom))]
loom::lazy_static! {
    static ref TABLES: Tables = std::array::from_fn(|_| Lock::new("label_intern/table", HashTable::new()));
}

/// Returns the copy of `set` that is in use, or makes `set`, of which nobody else has a handle, that copy.
pub(crate) fn intern(mut set: LabelSet) -> LabelSet {
    let spread = spread(set.0.hash());
    let found = table(set.0.hash()).with(|table| {
        for shared in table.iter_hash(spread) {
            // SAFETY: it is in the interner, and the lock is held.
            let is_equal = unsafe { shared.look(|record| record.same_content(&set.0)) };
            // SAFETY: as above. One that is being freed is passed over: it takes itself out.
            if is_equal && let Some(record) = unsafe { shared.upgrade() } {
                return Some(LabelSet(record));
            }
        }
        // A set that is shared already stays out: its record cannot learn that it has to leave.
        let shared = set.0.share()?;
        // SAFETY: as above.
        table.insert_unique(spread, shared, |shared| unsafe { hash_of(*shared) });
        None
    });
    found.unwrap_or(set)
}

/// Takes a record out that is being freed.
pub(super) fn forget(record: &Record) {
    table(record.hash()).with(|table| {
        if let Ok(entry) = table.find_entry(spread(record.hash()), |shared| shared.is(record)) {
            entry.remove();
        }
        // What many sets have needed is given back when few are left.
        if table.capacity() > SHRINK_FROM && table.len() < table.capacity() / 4 {
            let room = 2 * table.len();
            // SAFETY: what is in the interner, whose lock is held, is not freed.
            table.shrink_to(room, |shared| unsafe { hash_of(*shared) });
        }
    });
}

fn table(hash: u32) -> &'static Lock<HashTable<Shared>> {
    // The table's own place comes from the hash's low bits, so the shard comes from others.
    let shard = usize::from(hash.to_be_bytes()[1]) % SHARDS;
    &TABLES[shard]
}

/// The table takes a place from the low bits and a tag from the high ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// # Safety
///
/// It is in the interner, whose lock is held.
unsafe fn hash_of(shared: Shared) -> u64 {
    // SAFETY: by this function's contract.
    unsafe { shared.look(|record| spread(record.hash())) }
}

/// How many sets are interned now, and for how many there is room.
#[cfg(all(test, not(nilometer_loom)))]
pub(crate) fn interned() -> (usize, usize) {
    let each = TABLES.iter().map(|table| table.with(|table| (table.len(), table.capacity())));
    each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_share_one_record_until_the_last_is_gone() {
        let pairs = [("interned_test", "yes")];
        let first = intern(LabelSet::from_pairs(&pairs));
        let second = intern(LabelSet::from_pairs(&pairs));
        assert!(first.0.is_same(&second.0));
        let hash = first.0.hash();
        let count = || table(hash).with(|table| table.iter_hash(spread(hash)).count());
        assert_eq!(count(), 1);
        drop(first);
        assert_eq!(count(), 1);
        drop(second);
        assert_eq!(count(), 0);
    }

    #[test]
    fn a_set_that_others_have_stays_out() {
        let pairs = [("interned_test", "shared")];
        let first = LabelSet::from_pairs(&pairs);
        let second = intern(first.clone());
        assert!(first.0.is_same(&second.0));
        assert!(!intern(LabelSet::from_pairs(&pairs)).0.is_same(&first.0));
    }

    #[test]
    fn values_that_come_and_go_from_many_threads_leave_nothing_behind() {
        let before = interned().0;
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..2_000_u32 {
                        let value = (round % 50).to_string();
                        let one = intern(LabelSet::from_pairs(&[("churn", &value)]));
                        let two = intern(LabelSet::from_pairs(&[("churn", &value)]));
                        assert_eq!(one, two);
                    }
                });
            }
        });
        // Other tests of this process may hold a few sets of their own.
        assert!(interned().0 <= before + 60, "{} sets stayed", interned().0 - before);
    }
}

#[cfg(all(test, nilometer_loom))]
mod models {
    use loom::thread;

    use super::*;

    fn set() -> LabelSet {
        LabelSet(Record::new(7, 1, "{a=\"1\"}", ""))
    }

    fn assert_nothing_is_left() {
        TABLES[0].with(|table| assert!(table.is_empty()));
    }

    #[test]
    fn label_intern() {
        loom::model(|| {
            let use_it = || {
                let set = intern(set());
                assert_eq!(set.as_prometheus(), "{a=\"1\"}");
            };
            let other = thread::spawn(use_it);
            use_it();
            other.join().unwrap();
            assert_nothing_is_left();
        });
    }
}

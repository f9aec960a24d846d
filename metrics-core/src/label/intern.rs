//! The one copy of each label set that is in use.
//!
//! Services describe the same few routes, tenants or partitions in many families. A set is taken in when a series is
//! made of it, after the limits have admitted it, and leaves with its last series. What is interned is the whole set
//! rather than each value: its text then lies in the order in which a page is written and is copied in one piece,
//! where values apart would be as many cache misses.

use std::sync::{Arc, LazyLock, Weak};

use hashbrown::HashTable;
use parking_lot::Mutex;

use super::set::{LabelSet, Record};

/// How many tables the sets are spread over, by their hash: registering from several threads seldom meets.
const SHARDS: usize = 16;

type Table = HashTable<(u32, Weak<Record>)>;

static TABLES: LazyLock<[Mutex<Table>; SHARDS]> =
    LazyLock::new(|| std::array::from_fn(|_| Mutex::new(HashTable::new())));

/// Returns the copy of `set` that is in use, or makes `set`, of which nobody else has a handle, that copy.
pub(crate) fn intern(mut set: LabelSet) -> LabelSet {
    // Declared before the guard, so dropped after it: the last reference to a record takes the table's lock.
    let mut others = Vec::new();
    let hash = set.0.hash();
    let mut table = table(hash).lock();
    for (_, weak) in table.iter_hash(spread(hash)) {
        if let Some(record) = weak.upgrade() {
            if record.same_content(&set.0) {
                return LabelSet(record);
            }
            others.push(record);
        }
    }
    // A set that is shared already stays out: its record cannot learn that it has to leave.
    if let Some(record) = Arc::get_mut(&mut set.0) {
        record.interned = true;
        table.insert_unique(spread(hash), (hash, Arc::downgrade(&set.0)), |(hash, _)| spread(*hash));
    }
    set
}

/// Takes a record out that is being dropped.
pub(super) fn forget(record: &Record) {
    let mut table = table(record.hash()).lock();
    let gone: *const Record = record;
    if let Ok(entry) = table.find_entry(spread(record.hash()), |(_, weak)| weak.as_ptr() == gone) {
        let ((_, weak), _) = entry.remove();
        drop(table);
        drop(weak);
    }
}

/// The table takes a place from the low bits and a tag from the high ones.
fn spread(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

fn table(hash: u32) -> &'static Mutex<Table> {
    // The table's own place comes from the hash's low bits, so the shard comes from others.
    let shard = usize::from(hash.to_be_bytes()[1]) % SHARDS;
    &TABLES[shard]
}

/// How many sets are interned now.
#[cfg(test)]
fn interned() -> usize {
    TABLES.iter().map(|table| table.lock().len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sets_share_one_record_until_the_last_is_gone() {
        let pairs = [("interned_test", "yes")];
        let first = intern(LabelSet::from_pairs(&pairs));
        let second = intern(LabelSet::from_pairs(&pairs));
        assert!(Arc::ptr_eq(&first.0, &second.0));
        let weak = Arc::downgrade(&first.0);
        drop((first, second));
        assert!(weak.upgrade().is_none());
        let hash = LabelSet::from_pairs(&pairs).0.hash();
        assert_eq!(table(hash).lock().iter_hash(spread(hash)).count(), 0);
    }

    #[test]
    fn values_that_come_and_go_from_many_threads_leave_nothing_behind() {
        let before = interned();
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
        assert!(interned() <= before + 20, "{} sets stayed", interned() - before);
    }
}

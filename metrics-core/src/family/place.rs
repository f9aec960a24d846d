//! Where a series stands in its table.

use crate::sync::{AtomicU32, Ordering};

/// Where a series stands in the order of its table. The table's own, under its lock.
#[derive(Debug)]
pub(crate) struct Place(AtomicU32);

impl Place {
    pub(crate) fn new() -> Place {
        Place(AtomicU32::new(0))
    }

    // ORDERING: Relaxed throughout, the table's lock orders them; and who has the last reference comes after all others.

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed) as usize
    }

    pub(super) fn set(&self, place: usize) {
        self.0.store(u32::try_from(place).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Says that the series has no place any more, and handles.
    pub(crate) fn detach(&self) {
        self.0.store(DETACHED, Ordering::Relaxed);
    }

    /// Whether it has no place any more, for who has the last reference.
    pub(crate) fn is_detached(&self) -> bool {
        self.0.load(Ordering::Relaxed) == DETACHED
    }
}

/// The place of a series that was taken out while somebody had a handle: past any that a table has.
const DETACHED: u32 = u32::MAX;

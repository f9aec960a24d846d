//! The cells of a static.

use std::time::SystemTime;

use super::local::Near;
use super::slots::{SLOTS, Slots, UNASSIGNED};
use crate::clock::{Clock, Created};
use crate::sync::{AtomicU32, Ordering, ordering};

/// A run that is given out when it is first recorded into, so that it can be part of a constant.
///
/// Its cells were never anybody else's. They are zeros in every thread's pages from the beginning, without anybody
/// having cleared them, so that the number alone is what one thread tells the others.
#[derive(Debug)]
pub(crate) struct LateRun {
    /// The first slot; [`UNASSIGNED`], which is past every thread's table of pages, until it is assigned, and then for
    /// ever the same.
    slot: AtomicU32,
    /// When it was assigned, by the system's clock; [`UNASSIGNED`] before.
    created: AtomicU32,
    len: usize,
}

impl LateRun {
    /// So many cells, at least one and at most a page.
    #[cfg(not(all(test, nilometer_loom)))]
    pub(crate) const fn new(len: usize) -> LateRun {
        LateRun { slot: AtomicU32::new(UNASSIGNED), created: AtomicU32::new(UNASSIGNED), len }
    }

    /// Loom's atomics are no constants, and models have none.
    #[cfg(all(test, nilometer_loom))]
    pub(crate) const fn new(_: usize) -> LateRun {
        unreachable!()
    }

    #[cfg(all(test, nilometer_loom))]
    pub(super) fn of_model(len: usize) -> LateRun {
        LateRun { slot: AtomicU32::new(UNASSIGNED), created: AtomicU32::new(UNASSIGNED), len }
    }

    /// The first slot, or one that no thread has a page for.
    #[inline]
    pub(crate) fn slot(&self) -> u32 {
        // ORDERING: Relaxed, here and below. The number publishes nothing: the cells are zeros for every thread, and
        // pages are found through what publishes them. Who learnt from another thread that it recorded sees the number
        // that this thread recorded with.
        self.slot.load(Ordering::Relaxed)
    }

    /// Where a thread finds the first cell.
    #[inline]
    pub(crate) fn near(&self) -> Near {
        Near::of(self.slot())
    }

    /// The first slot, if it was ever needed.
    pub(crate) fn assigned(&self) -> Option<u32> {
        Some(self.slot()).filter(|&slot| slot != UNASSIGNED)
    }

    /// When the run was assigned, which it is.
    pub(crate) fn created(&self) -> SystemTime {
        Clock::system().time_of(Created::from_number(self.created_number()))
    }

    pub(super) fn created_number(&self) -> u32 {
        // ORDERING: Acquire, pairs with the Release in `assign_from`: who finds the slot finds the time.
        self.slot.load(ordering!(Acquire, "late_run/find_time"));
        self.created.load(Ordering::Relaxed)
    }

    /// The first slot, assigned if it was not. Calls no allocator but the system's.
    #[cold]
    pub(crate) fn assign(&self) -> u32 {
        self.assigned().unwrap_or_else(|| self.assign_from(&SLOTS))
    }

    /// The first slot, which was not assigned a moment ago.
    pub(super) fn assign_from(&self, slots: &Slots) -> u32 {
        let now = Clock::system().created().number();
        let new = slots.take_unused(self.len);
        // ORDERING: Relaxed, the exchange below publishes the time. It is that of whoever is first here: all are before
        // the slot, and so before all that is recorded.
        let _ = self.created.compare_exchange(UNASSIGNED, now, Ordering::Relaxed, Ordering::Relaxed);
        // ORDERING: Release, pairs with the Acquire in `created_number`. Relaxed on failure, as in `slot`.
        let release = ordering!(Release, "late_run/assign");
        match self.slot.compare_exchange(UNASSIGNED, new, release, Ordering::Relaxed) {
            Ok(_) => new,
            Err(faster) => {
                slots.give_back(new, self.len);
                faster
            }
        }
    }
}

impl Drop for LateRun {
    /// Only what is no static is ever dropped, and then nobody records into it: what a registry shows was borrowed for
    /// ever.
    fn drop(&mut self) {
        if let Some(slot) = self.assigned() {
            SLOTS.give_back(slot, self.len);
        }
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::super::{Run, total};
    use super::*;

    #[test]
    fn what_is_dropped_gives_its_cells_back() {
        const LEN: usize = 61;
        let run = LateRun::new(LEN);
        assert_eq!(run.assigned(), None);
        let slot = run.assign();
        total::add_anywhere(slot, 7);
        assert_eq!((run.assign(), run.slot(), total::get(slot)), (slot, slot, 7));
        drop(run);
        let other = LateRun::new(LEN);
        assert_ne!(other.assign(), slot, "a static's cells were never anybody else's");
        let run = Run::new(LEN);
        assert_eq!((run.first(), total::get(slot)), (slot, 0));
        drop(LateRun::new(LEN));
    }
}

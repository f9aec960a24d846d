//! Which cells are given out.

use super::local::{Near, STORE};
use super::memory::{self, Array};
use super::page::CELLS;
use super::store::{INDEXES, Store};
use crate::sync::Lock;

/// The slot of something that has none yet.
pub(super) const UNASSIGNED: u32 = u32::MAX;

/// Consecutive cells of one page, zero when they are given out; given back when this is dropped.
///
/// The drop of a series' last handle is what drops its run, and a reference count's last decrement is Release and
/// Acquire: all that was recorded through any handle happened before the run is given back, and the lock of the list
/// puts it before the run is cleared for its next owner.
#[derive(Debug)]
pub struct Run {
    first: u32,
    /// How many cells there are to give back.
    len: u16,
    /// Where the calling thread looks for the page, worked out once: a family's handles are made of this.
    page: u16,
}

impl Run {
    /// So many cells, at least one and at most a page.
    pub(crate) fn new(len: usize) -> Run {
        let first = SLOTS.take(&STORE, len);
        Run { first, len: short(len), page: Near::of(first).place() }
    }

    /// The same for a metric that has more to do than to count: no thread finds the cells at hand, so every recording
    /// takes the slow path.
    pub(crate) fn watched(len: usize) -> Run {
        let mut run = Run::new(len);
        run.page = Near::NOWHERE;
        run
    }

    /// The run of a static, which keeps it: dropping this one does not give it back.
    pub(crate) fn lent(first: u32) -> Run {
        Run { first, len: 0, page: Near::of(first).place() }
    }

    /// The first slot.
    #[inline]
    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    /// Whether the cells are this run's own, and not a static's.
    pub(crate) fn is_own(&self) -> bool {
        self.len > 0
    }

    /// Where a thread finds the first cell, if it is to find it at hand.
    #[inline]
    pub(crate) fn near(&self) -> Near {
        Near::at(self.page, self.first)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.len > 0 {
            SLOTS.give_back(self.first, usize::from(self.len));
        }
    }
}

#[cfg(not(all(test, nilometer_loom)))]
pub(super) static SLOTS: Slots = Slots::new();
#[cfg(all(test, nilometer_loom))]
pub(super) static SLOTS: std::sync::LazyLock<Slots> = std::sync::LazyLock::new(Slots::new);

/// The cells that are free.
///
/// Cells that were given back are given out again for runs of the same length alone: a family's series come and go
/// with one length, and the memory that a length needs is what it needed at its peak.
#[derive(Debug)]
pub(super) struct Slots {
    free: Lock<Free>,
}

#[derive(Debug)]
struct Free {
    /// The first slot that was never given out.
    next: u32,
    /// Runs that were given back, by their length less one.
    runs: [Array<u32>; CELLS],
}

impl Slots {
    #[cfg(not(all(test, nilometer_loom)))]
    const fn new() -> Slots {
        Slots {
            free: Lock::new("slot_reuse/free_runs", Free { next: 0, runs: [const { Array::new() }; CELLS] }),
        }
    }

    #[cfg(all(test, nilometer_loom))]
    pub(super) fn new() -> Slots {
        let runs = std::array::from_fn(|_| Array::new());
        Slots { free: Lock::new("slot_reuse/free_runs", Free { next: 0, runs }) }
    }

    /// The first slot of a run of zeros.
    pub(super) fn take(&self, store: &Store, len: usize) -> u32 {
        self.free.with(|free| match free.runs[len - 1].pop() {
            Some(first) => {
                store.clear(first, len);
                first
            }
            None => free.take_unused(len),
        })
    }

    /// The first slot of a run that was never given out.
    pub(super) fn take_unused(&self, len: usize) -> u32 {
        self.free.with(|free| free.take_unused(len))
    }

    /// Takes a run back that nobody records into from now on.
    pub(super) fn give_back(&self, first: u32, len: usize) {
        // Where there is no memory to remember it, the run stays unused.
        self.free.with(|free| {
            let _ = free.runs[len - 1].push(first);
        });
    }
}

impl Free {
    fn take_unused(&mut self, len: usize) -> u32 {
        let left = CELLS - self.next as usize % CELLS;
        if left < len {
            // What is left of the page goes to counters, which need one cell.
            for slot in self.next..self.next + small(left) {
                let _ = self.runs[0].push(slot);
            }
            self.next += small(left);
        }
        let first = self.next;
        if first as usize / CELLS >= INDEXES {
            memory::exhausted();
        }
        self.next += small(len);
        first
    }
}

/// A length of a run.
#[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
fn short(len: usize) -> u16 {
    debug_assert!((1..=CELLS).contains(&len));
    len as u16
}

/// A length within a page.
#[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
fn small(len: usize) -> u32 {
    debug_assert!((1..=CELLS).contains(&len));
    len as u32
}

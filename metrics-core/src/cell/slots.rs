//! Which cells are given out.

use super::local::STORE;
use super::memory::{self, Array};
use super::page::CELLS;
use super::store::{INDEXES, Store};
use crate::sync::Lock;

/// The slot of something that has none yet.
pub(crate) const UNASSIGNED: u32 = u32::MAX;

/// Consecutive cells of one page, zero when they are given out; given back when this is dropped.
///
/// The drop of a series' last handle is what drops its run, and a reference count's last decrement is Release and
/// Acquire: all that was recorded through any handle happened before the run is given back, and the lock of the list
/// puts it before the run is cleared for its next owner.
#[derive(Debug)]
pub struct Run {
    first: u32,
    len: u32,
}

impl Run {
    /// So many cells, at least one and at most a page.
    pub(crate) fn new(len: usize) -> Run {
        let first = SLOTS.take(&STORE, len);
        Run { first, len: small(len) }
    }

    /// A run that is not given back, for what lives as long as the process.
    pub(super) fn leak(len: usize) -> u32 {
        let run = Run::new(len);
        std::mem::ManuallyDrop::new(run).first
    }

    /// Takes over what [`leak`](Run::leak) gave.
    pub(super) fn adopt(first: u32, len: usize) -> Run {
        Run { first, len: small(len) }
    }

    /// The first slot.
    #[inline]
    pub(crate) fn first(&self) -> u32 {
        self.first
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        SLOTS.give_back(self.first, self.len as usize);
    }
}

#[cfg(not(all(test, nilometer_loom)))]
static SLOTS: Slots = Slots::new();
#[cfg(all(test, nilometer_loom))]
static SLOTS: std::sync::LazyLock<Slots> = std::sync::LazyLock::new(Slots::new);

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
        self.free.with(|free| {
            if let Some(first) = free.runs[len - 1].pop() {
                store.clear(first, len);
                return first;
            }
            let left = CELLS - free.next as usize % CELLS;
            if left < len {
                // What is left of the page goes to counters, which need one cell.
                for slot in free.next..free.next + small(left) {
                    let _ = free.runs[0].push(slot);
                }
                free.next += small(left);
            }
            let first = free.next;
            if first as usize / CELLS >= INDEXES {
                memory::exhausted();
            }
            free.next += small(len);
            first
        })
    }

    /// Takes a run back that nobody records into from now on.
    pub(super) fn give_back(&self, first: u32, len: usize) {
        // Where there is no memory to remember it, the run stays unused.
        self.free.with(|free| {
            let _ = free.runs[len - 1].push(first);
        });
    }
}

/// A length within a page.
#[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
fn small(len: usize) -> u32 {
    debug_assert!((1..=CELLS).contains(&len));
    len as u32
}

//! A value that is set.

use std::ops::Range;
use std::ptr;

use crossbeam_utils::CachePadded;

#[cfg(not(all(test, nilometer_loom)))]
use super::memory;
use super::memory::Array;
use crate::sync::{AtomicU64, Lock, Ordering};

/// A value that any thread sets or moves: one atomic, since the last `set` must win for all. It is the bits of a number,
/// whole or floating-point, and 0 at first, which has the same bits in both.
///
/// Threads that set two values in one block slow each other down, so values have blocks of their own where there are
/// few, as [`Room`] says. Where there are many, a block for each would be most of what a series takes.
///
/// Cells are given back when this is dropped, and given out again; they are never freed.
#[derive(Debug)]
pub struct Value {
    cell: &'static AtomicU64,
}

/// How much room a value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    /// A block of its own.
    Alone,
    /// A block with others.
    Shared,
}

/// How many series of a family have a block each: as many as threads can set all the time, each its own. It takes 8 KiB
/// at most.
const ALONE: usize = 64;

impl Room {
    /// That of a series which is made when its family has so many others.
    pub(crate) fn beside(others: usize) -> Room {
        if others < ALONE { Room::Alone } else { Room::Shared }
    }
}

/// What two threads can write to without slowing each other down is two of these.
type Block = CachePadded<[AtomicU64; CELLS]>;

#[cfg(not(all(test, nilometer_loom)))]
const CELLS: usize = size_of::<CachePadded<u64>>() / size_of::<u64>();
#[cfg(all(test, nilometer_loom))]
const CELLS: usize = 2;

/// How many blocks are made at once: about a page of memory.
#[cfg(not(all(test, nilometer_loom)))]
const BLOCKS: usize = 32;
#[cfg(all(test, nilometer_loom))]
const BLOCKS: usize = 1;

/// The first cell of a block is given out alone, and the others together: a cell's address says which it is.
const FIRST: Range<usize> = 0..1;
const OTHERS: Range<usize> = 1..CELLS;

#[cfg(not(all(test, nilometer_loom)))]
static FREE: [Free; 2] = [Free::new(FIRST), Free::new(OTHERS)];
#[cfg(all(test, nilometer_loom))]
static FREE: std::sync::LazyLock<[Free; 2]> =
    std::sync::LazyLock::new(|| [Free::new(FIRST), Free::new(OTHERS)]);

/// The cells that are free.
#[derive(Debug)]
pub(super) struct Free {
    cells: Lock<Array<&'static AtomicU64>>,
    /// Which cells of each block are given out.
    used: Range<usize>,
}

impl Free {
    #[cfg(not(all(test, nilometer_loom)))]
    const fn new(used: Range<usize>) -> Free {
        Free { cells: Lock::new("value_reuse/free_cells", Array::new()), used }
    }

    #[cfg(all(test, nilometer_loom))]
    fn new(used: Range<usize>) -> Free {
        Free { cells: Lock::new("value_reuse/free_cells", Array::new()), used }
    }

    /// What a model gives out.
    #[cfg(all(test, nilometer_loom))]
    pub(super) fn of_a_model() -> Free {
        Free::new(FIRST)
    }

    pub(super) fn take(&self) -> &'static AtomicU64 {
        let cell = self.cells.with(|cells| cells.pop().unwrap_or_else(|| self.make(cells)));
        // ORDERING: Relaxed. Who used the cell before gave it back under the lock, and who uses it next learns of it from
        // this thread.
        cell.store(0, Ordering::Relaxed);
        cell
    }

    /// Makes cells, of which one is the caller's. They are given out across the blocks: what is made one after the other
    /// is in different blocks, a few dozen times.
    fn make(&self, cells: &mut Array<&'static AtomicU64>) -> &'static AtomicU64 {
        let blocks = allocate();
        let first = &blocks[0][self.used.start];
        for at in self.used.clone().rev() {
            for cell in blocks.iter().rev().map(|block| &block[at]) {
                if !ptr::eq(cell, first) {
                    // Where there is no memory to remember it, a cell stays unused.
                    let _ = cells.push(cell);
                }
            }
        }
        first
    }

    pub(super) fn give_back(&self, cell: &'static AtomicU64) {
        self.cells.with(|cells| {
            let _ = cells.push(cell);
        });
    }
}

#[cfg(not(all(test, nilometer_loom)))]
fn allocate() -> &'static [Block; BLOCKS] {
    // SAFETY: zeros are the value 0 of atomic integers.
    unsafe { memory::zeroed() }.unwrap_or_else(|| memory::exhausted())
}

#[cfg(all(test, nilometer_loom))]
fn allocate() -> &'static [Block; BLOCKS] {
    Box::leak(Box::new([CachePadded::new(std::array::from_fn(|_| AtomicU64::new(0)))]))
}

impl Value {
    /// A value of 0.
    pub(crate) fn new(room: Room) -> Value {
        Value { cell: free(room).take() }
    }

    /// Where the value is, as long as this or another owner of the cell lives: a handle reads it without a detour.
    #[inline]
    pub(crate) fn cell(&self) -> &'static AtomicU64 {
        self.cell
    }

    fn room(&self) -> Room {
        let is_first = ptr::from_ref(self.cell).addr().is_multiple_of(align_of::<Block>());
        if is_first { Room::Alone } else { Room::Shared }
    }
}

fn free(room: Room) -> &'static Free {
    match room {
        Room::Alone => &FREE[0],
        Room::Shared => &FREE[1],
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        free(self.room()).give_back(self.cell);
    }
}

// ORDERING: Relaxed in all. A gauge publishes nothing but itself, and the changes of one atomic have one order that all
// threads agree on.

#[inline]
pub(crate) fn set(cell: &AtomicU64, value: f64) {
    cell.store(value.to_bits(), Ordering::Relaxed);
}

#[inline]
pub(crate) fn add(cell: &AtomicU64, delta: f64) {
    let change = |bits| Some((f64::from_bits(bits) + delta).to_bits());
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
}

pub(crate) fn get(cell: &AtomicU64) -> f64 {
    f64::from_bits(cell.load(Ordering::Relaxed))
}

#[inline]
pub(crate) fn set_int(cell: &AtomicU64, value: i64) {
    cell.store(value.cast_unsigned(), Ordering::Relaxed);
}

/// Wraps at 2^63.
#[inline]
pub(crate) fn add_int(cell: &AtomicU64, delta: i64) {
    cell.fetch_add(delta.cast_unsigned(), Ordering::Relaxed);
}

/// Sets the bits.
#[inline]
pub(crate) fn set_bits(cell: &AtomicU64, bits: u64) {
    cell.store(bits, Ordering::Relaxed);
}

/// Turns these bits on, or off, and no others.
#[inline]
pub(crate) fn switch_bits(cell: &AtomicU64, bits: u64, on: bool) {
    if on {
        cell.fetch_or(bits, Ordering::Relaxed);
    } else {
        cell.fetch_and(!bits, Ordering::Relaxed);
    }
}

pub(crate) fn get_bits(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}

pub(crate) fn get_int(cell: &AtomicU64) -> i64 {
    cell.load(Ordering::Relaxed).cast_signed()
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    fn blocks(values: &[Value]) -> Vec<usize> {
        values.iter().map(|value| ptr::from_ref(value.cell()).addr() / align_of::<Block>()).collect()
    }

    fn distinct(mut all: Vec<usize>) -> usize {
        all.sort_unstable();
        all.dedup();
        all.len()
    }

    #[test]
    fn a_value_starts_from_zero_whoever_had_its_cell_before() {
        for room in [Room::Alone, Room::Shared] {
            let make = || -> Vec<Value> { (0..1000).map(|_| Value::new(room)).collect() };
            let values = make();
            for value in &values {
                set(value.cell(), 7.0);
            }
            drop(values);
            let values = make();
            assert!(values.iter().all(|value| get(value.cell()) == 0.0 && value.room() == room));
            let places = values.iter().map(|value| ptr::from_ref(value.cell()).addr()).collect();
            assert_eq!(distinct(places), 1000, "each has a cell of its own");
        }
    }

    #[test]
    fn few_values_have_blocks_of_their_own_and_many_share_them() {
        let values: Vec<Value> = (0..1_000).map(|others| Value::new(Room::beside(others))).collect();
        let blocks = blocks(&values);
        let (alone, shared) = blocks.split_at(ALONE);
        assert_eq!(distinct(alone.to_vec()), ALONE);
        assert!(alone.iter().all(|block| !shared.contains(block)));
        // Other tests may have taken some, and left more than one set of blocks half full.
        assert!(distinct(shared.to_vec()) <= shared.len() / (CELLS - 1) + 2 * BLOCKS);
    }
}

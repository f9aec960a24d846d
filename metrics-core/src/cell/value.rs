//! A value that is set.

use crossbeam_utils::CachePadded;

#[cfg(not(all(test, nilometer_loom)))]
use super::memory;
use super::memory::Array;
use crate::sync::{AtomicU64, Lock, Ordering};

/// A floating-point value that any thread sets or moves: one atomic, since the last `set` must win for all.
///
/// In a block of its own, so that two gauges that two threads set do not slow each other down. Blocks are given back
/// when this is dropped, and given out again; they are never freed.
#[derive(Debug)]
pub struct Value {
    block: &'static Block,
}

pub(super) type Block = CachePadded<AtomicU64>;

/// How many blocks are made at once: about a page of memory.
#[cfg(not(all(test, nilometer_loom)))]
const BLOCKS: usize = 32;
#[cfg(all(test, nilometer_loom))]
const BLOCKS: usize = 1;

#[cfg(not(all(test, nilometer_loom)))]
static FREE: Free = Free::new();
#[cfg(all(test, nilometer_loom))]
static FREE: std::sync::LazyLock<Free> = std::sync::LazyLock::new(Free::new);

/// The blocks that are free.
#[derive(Debug)]
pub(super) struct Free {
    blocks: Lock<Array<&'static Block>>,
}

impl Free {
    #[cfg(not(all(test, nilometer_loom)))]
    const fn new() -> Free {
        Free { blocks: Lock::new("value_reuse/free_blocks", Array::new()) }
    }

    #[cfg(all(test, nilometer_loom))]
    pub(super) fn new() -> Free {
        Free { blocks: Lock::new("value_reuse/free_blocks", Array::new()) }
    }

    pub(super) fn take(&self) -> &'static Block {
        let block = self.blocks.with(|blocks| {
            blocks.pop().unwrap_or_else(|| {
                let [first, rest @ ..] = allocate();
                for block in rest {
                    // Where there is no memory to remember it, a block stays unused.
                    let _ = blocks.push(block);
                }
                first
            })
        });
        // ORDERING: Relaxed. Who used the block before gave it back under the lock, and who uses it next learns of it
        // from this thread.
        block.store(0_f64.to_bits(), Ordering::Relaxed);
        block
    }

    pub(super) fn give_back(&self, block: &'static Block) {
        self.blocks.with(|blocks| {
            let _ = blocks.push(block);
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
    Box::leak(Box::new([CachePadded::new(AtomicU64::new(0))]))
}

impl Value {
    /// A value of 0.
    pub(crate) fn new() -> Value {
        Value { block: FREE.take() }
    }

    /// Where the value is, as long as this or another block's owner lives: a handle reads it without a detour.
    #[inline]
    pub(crate) fn cell(&self) -> &'static AtomicU64 {
        self.block
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        FREE.give_back(self.block);
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

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_value_starts_from_zero_whoever_had_its_block_before() {
        let values: Vec<Value> = (0..100).map(|_| Value::new()).collect();
        for value in &values {
            set(value.cell(), 7.0);
        }
        drop(values);
        let values: Vec<Value> = (0..100).map(|_| Value::new()).collect();
        assert!(values.iter().all(|value| get(value.cell()) == 0.0));
        let mut places: Vec<*const AtomicU64> =
            values.iter().map(|value| std::ptr::from_ref(value.cell())).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), 100, "each has a block of its own");
    }
}

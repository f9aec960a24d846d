//! A total of whole numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::shard::{self, SHARDS};

/// A total that threads add to without waiting for each other.
#[derive(Debug)]
pub struct Total {
    shards: Box<[CachePadded<AtomicU64>]>,
}

impl Total {
    pub(crate) fn new() -> Total {
        Total { shards: (0..*SHARDS).map(|_| CachePadded::default()).collect() }
    }

    #[inline]
    pub(crate) fn add(&self, delta: u64) {
        // ORDERING: Relaxed. Additions to one atomic are never lost, whatever their order, and no other memory is
        // published by a count.
        self.shards[shard::current(self.shards.len())].fetch_add(delta, Ordering::Relaxed);
    }

    /// The total; wraps at 2^64, as each copy does.
    pub(crate) fn get(&self) -> u64 {
        // ORDERING: Relaxed. Coherence alone makes each copy's values appear in order to one reader; joining a thread
        // makes what it added visible.
        self.shards.iter().fold(0, |sum: u64, shard| sum.wrapping_add(shard.load(Ordering::Relaxed)))
    }
}

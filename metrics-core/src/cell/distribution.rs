//! The buckets and the sum of a histogram.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use super::shard::{self, SHARDS};

/// How many words fill one padded block: 128 bytes, what `CachePadded` keeps apart on the common processors.
const BLOCK: usize = 16;

type Block = CachePadded<[AtomicU64; BLOCK]>;

/// Counts per bucket and the sum of what was observed.
///
/// Each copy is a run of blocks: word 0 is the sum, as the bits of an `f64`, and the buckets follow.
///
/// The protocol: a writer adds to the sum, then to the bucket with Release; a reader loads every bucket with Acquire,
/// then the sums. An observation whose bucket is read therefore has its value in the sum: a sum may run ahead of the
/// buckets by what is in flight, never behind. How many observations there are is computed from the buckets that were
/// read, so the count and the last cumulated bucket cannot differ.
#[derive(Debug)]
pub(crate) struct Distribution {
    blocks: Box<[Block]>,
    blocks_per_shard: usize,
    buckets: usize,
}

impl Distribution {
    /// `buckets` counts the one for `+Inf`.
    pub(crate) fn new(buckets: usize) -> Distribution {
        let blocks_per_shard = (buckets + 1).div_ceil(BLOCK);
        let blocks = (0..*SHARDS * blocks_per_shard).map(|_| CachePadded::new(Default::default())).collect();
        Distribution { blocks, blocks_per_shard, buckets }
    }

    /// Adds one observation to `bucket`, and `value`, which is finite, to the sum.
    #[inline]
    pub(crate) fn observe(&self, bucket: usize, value: f64) {
        let shard = self.shard(shard::current(self.blocks.len() / self.blocks_per_shard));
        if value != 0.0 {
            // A sum that leaves the range of `f64` stays at its end: an infinite one would turn to NaN as soon as
            // another copy's is infinite the other way.
            let change = |bits| Some((f64::from_bits(bits) + value).clamp(f64::MIN, f64::MAX).to_bits());
            // ORDERING: Relaxed, the bucket below publishes it.
            let _ = word(shard, 0).fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        }
        // ORDERING: Release, pairs with the Acquire in `read`: who sees this observation counted sees its value in the
        // sum. The read-modify-writes of other threads on the same word continue the release sequence.
        word(shard, bucket + 1).fetch_add(1, Ordering::Release);
    }

    /// Adds what is counted in each bucket to `counts`, which is cleared first, and returns the sum.
    pub(crate) fn read(&self, counts: &mut Vec<u64>) -> f64 {
        counts.clear();
        counts.resize(self.buckets, 0);
        for shard in self.blocks.chunks_exact(self.blocks_per_shard) {
            for (bucket, count) in counts.iter_mut().enumerate() {
                // ORDERING: Acquire, pairs with the Release in `observe`.
                *count = count.wrapping_add(word(shard, bucket + 1).load(Ordering::Acquire));
            }
        }
        // ORDERING: Relaxed, and after all buckets: the Acquire loads above keep these loads below them.
        let sums = self.blocks.chunks_exact(self.blocks_per_shard);
        let sum: f64 = sums.map(|shard| f64::from_bits(word(shard, 0).load(Ordering::Relaxed))).sum();
        // `Sum` starts from -0.0, which is not how an empty sum should read.
        sum.clamp(f64::MIN, f64::MAX) + 0.0
    }

    fn shard(&self, index: usize) -> &[Block] {
        &self.blocks[index * self.blocks_per_shard..][..self.blocks_per_shard]
    }
}

#[inline]
fn word(shard: &[Block], index: usize) -> &AtomicU64 {
    &shard[index / BLOCK][index % BLOCK]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_past_the_range_stays_at_its_end() {
        let distribution = Distribution::new(2);
        let mut counts = Vec::new();
        for _ in 0..3 {
            distribution.observe(1, f64::MAX);
        }
        assert_eq!(distribution.read(&mut counts).to_bits(), f64::MAX.to_bits());
        assert_eq!(counts, [0, 3]);
    }

    #[test]
    fn an_empty_distribution_sums_to_plain_zero() {
        let distribution = Distribution::new(40);
        let mut counts = Vec::new();
        assert!(distribution.read(&mut counts).is_sign_positive());
        assert_eq!(counts.len(), 40);
    }
}

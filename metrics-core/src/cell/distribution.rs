//! The buckets and the sum of a histogram, in consecutive cells: first the sum, as the bits of an `f64`, then the
//! buckets.

use super::local::{self, Near, STORE};
use super::page::{CELLS, Page};
use super::store::{Store, add_owned};
use crate::sync::{Ordering, load_own, ordering};

/// How many cells a number of buckets takes, that of `+Inf` counted.
pub(crate) const fn cells(buckets: usize) -> usize {
    buckets + 1
}

/// How many cells a distribution of so many buckets takes whose threads have turns, one for each bucket: as many as a page
/// has room for.
pub(crate) const fn cells_with_turns(buckets: usize) -> usize {
    if 2 * buckets < CELLS { cells(buckets) + buckets } else { CELLS }
}

/// In which of its cells such a distribution keeps a thread's turn for `bucket`. The last buckets have one turn together
/// where there is no room for more.
#[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
pub(crate) fn turn(buckets: usize, bucket: u32) -> u32 {
    let last = cells_with_turns(buckets) - 1;
    (cells(buckets) + bucket as usize).min(last) as u32
}

/// Adds one observation to the bucket that `bucket` finds, and `value` to the sum.
///
/// The protocol: a writer adds to the sum, then to the bucket with Release; a reader loads every bucket with Acquire,
/// then the sums. An observation whose bucket is read therefore has its value in the sum: a sum may run ahead of the
/// buckets by what is in flight, never behind. How many observations there are is computed from the buckets that were
/// read, so the count and the last cumulated bucket cannot differ.
///
/// Returns whether it could be done at the cost of two additions; where it could not, nothing has been recorded, and
/// [`observe_slowly`] has to. That is so where the thread does not have the page at hand, and where the sum would not be
/// finite: one comparison for a value that is not, and for one that is too much.
#[inline]
#[must_use]
pub(crate) fn observe(near: Near, value: f64, bucket: impl FnOnce(f64) -> u32) -> bool {
    match near.page() {
        Some(page) => observe_owned(page, near, bucket(value), value),
        None => false,
    }
}

/// Does what [`observe`] could not do. A sum that leaves the range of `f64` stays at its end: an infinite one would turn
/// to NaN as soon as another copy's is infinite the other way.
#[cold]
pub(crate) fn observe_slowly(slot: u32, bucket: u32, value: f64) {
    match local::touch(slot) {
        Some(page) => {
            let near = Near::of(slot);
            if !observe_owned(page, near, bucket, value) {
                let sum = near.cell(page);
                // ORDERING: as in `observe_owned`, which then adds nothing more to the sum, and the one to the bucket.
                sum.store(plus(load_own(sum), value), Ordering::Relaxed);
                observe_owned(page, near, bucket, 0.0);
            }
        }
        None => observe_shared(&STORE, slot, bucket, value),
    }
}

#[inline]
pub(super) fn observe_owned(page: &Page, near: Near, bucket: u32, value: f64) -> bool {
    let cell = near.cell(page);
    let sum = f64::from_bits(load_own(cell)) + value;
    // False for NaN as well.
    let in_range = sum.abs() < f64::INFINITY;
    if in_range {
        // ORDERING: Relaxed, the bucket publishes it.
        cell.store(sum.to_bits(), Ordering::Relaxed);
        // ORDERING: Release, pairs with the Acquire in `read`: who sees this observation counted sees its value in the
        // sum.
        add_owned(near.cell_after(page, 1 + bucket), 1, ordering!(Release, "sum_before_bucket/bucket_store"));
    }
    in_range
}

pub(super) fn observe_shared(store: &Store, slot: u32, bucket: u32, value: f64) {
    let page = store.base(slot as usize / CELLS);
    let change = |bits| Some(plus(bits, value));
    // ORDERING: Relaxed, the bucket publishes it, and the read-modify-writes of one cell never miss each other.
    let _ = page.cell(slot).fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    // ORDERING: as in `observe_owned`; the read-modify-writes of other threads continue the release sequence.
    page.cell(slot + 1 + bucket).fetch_add(1, ordering!(Release, "sum_before_bucket/bucket_add"));
}

/// A sum, as its bits, and `value`; a result past the range is at its end.
pub(super) fn plus(bits: u64, value: f64) -> u64 {
    (f64::from_bits(bits) + value).clamp(f64::MIN, f64::MAX).to_bits()
}

/// Reads one distribution: puts the count of each bucket into `counts`, whose length says how many there are, and
/// returns the sum.
pub(crate) fn get(slot: u32, counts: &mut [u64]) -> f64 {
    let mut sums = [0.0];
    read(&STORE, &[slot], counts.len(), counts, &mut sums);
    sums[0]
}

/// Reads many distributions of so many buckets each, a page at a time over all copies.
pub(super) fn read(store: &Store, slots: &[u32], buckets: usize, counts: &mut [u64], sums: &mut [f64]) {
    counts.fill(0);
    let (mut counts, mut sums) = (counts, sums);
    for slots in slots.chunk_by(|one, next| *one as usize / CELLS == *next as usize / CELLS) {
        let (these, later) = counts.split_at_mut(slots.len() * buckets);
        counts = later;
        let (these_sums, later) = sums.split_at_mut(slots.len());
        sums = later;
        read_page(store, slots, buckets, these, these_sums);
    }
}

fn read_page(store: &Store, slots: &[u32], buckets: usize, counts: &mut [u64], sums: &mut [f64]) {
    let index = slots[0] as usize / CELLS;
    for page in store.copies(index) {
        for (counts, &slot) in counts.chunks_exact_mut(buckets).zip(slots) {
            for (count, cell) in counts.iter_mut().zip(page.cells(slot + 1, buckets)) {
                // ORDERING: Acquire, pairs with the Release in `observe_owned` and `observe_shared`.
                *count = count.wrapping_add(cell.load(ordering!(Acquire, "sum_before_bucket/bucket_load")));
            }
        }
    }
    sums.fill(0.0);
    for page in store.copies(index) {
        for (sum, &slot) in sums.iter_mut().zip(slots) {
            // ORDERING: Relaxed, and after all buckets: the Acquire loads above keep these loads below them.
            *sum += f64::from_bits(page.cell(slot).load(Ordering::Relaxed));
        }
    }
    // Copies that are each in range can have a sum that is not.
    for sum in sums {
        *sum = sum.clamp(f64::MIN, f64::MAX);
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::super::slots::Run;
    use super::*;

    #[test]
    fn a_sum_past_the_range_stays_at_its_end() {
        let run = Run::new(cells(2));
        let mut counts = [0; 2];
        for _ in 0..3 {
            observe_slowly(run.first(), 1, f64::MAX);
        }
        std::thread::scope(|scope| scope.spawn(|| observe_slowly(run.first(), 1, f64::MAX)).join()).unwrap();
        assert_eq!(get(run.first(), &mut counts).to_bits(), f64::MAX.to_bits());
        assert_eq!(counts, [0, 4]);
    }

    #[test]
    fn turns_are_behind_the_buckets_and_within_a_page() {
        for buckets in [2, 12, 255, 256, 257] {
            let turns: Vec<u32> = (0..buckets).map(|bucket| turn(buckets as usize, bucket)).collect();
            let len = cells_with_turns(buckets as usize);
            assert!(len <= CELLS);
            assert!(turns.iter().all(|&turn| (cells(buckets as usize)..len).contains(&(turn as usize))));
            assert!(turns.is_sorted());
        }
        assert_eq!((turn(2, 0), turn(2, 1), cells_with_turns(2)), (3, 4, 5));
    }

    #[test]
    fn an_empty_distribution_sums_to_plain_zero() {
        let run = Run::new(cells(40));
        assert!(get(run.first(), &mut [1; 40]).is_sign_positive());
    }
}

//! The distribution of what is there: of what came and of what has left, two distributions that only grow, in
//! consecutive cells.

use super::distribution;
use super::local::{self, Near, STORE};
use super::page::{CELLS, Page};
use super::store::{Store, add_owned};
use crate::sync::{Ordering, load_own, ordering};

/// How many cells a number of buckets takes, that of `+Inf` counted.
pub(crate) const fn cells(buckets: usize) -> usize {
    2 * distribution::cells(buckets)
}

#[cfg(not(all(test, nilometer_loom)))]
const _: () = assert!(cells(crate::buckets::MAX_GAUGE_BOUNDS + 1) <= CELLS, "a run fits in a page");

/// Where the distribution of what has left begins in its run.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
const fn left(buckets: usize) -> u32 {
    distribution::cells(buckets) as u32
}

/// Counts in `bucket` that something with this value came; [`distribution::observe`] says what it returns. Where it
/// returns false, [`come_slowly`] has to.
///
/// The protocol: what comes and what leaves are distributions, so each has its sum before its bucket. What leaves is
/// stored with Release, the sum too; a reader loads all that left, with Acquire, before anything that came. Who takes
/// out what somebody else put in has seen that happen, so a reader that sees a value leave sees it come: otherwise it
/// would read of less than nothing, in a bucket or in a sum of what is not negative.
#[inline]
#[must_use]
pub(crate) fn come(near: Near, bucket: u32, value: f64) -> bool {
    distribution::observe(near, value, |_| bucket)
}

/// Does what [`come`] could not do.
pub(crate) fn come_slowly(slot: u32, bucket: u32, value: f64) {
    distribution::observe_slowly(slot, bucket, value);
}

/// Counts in `bucket`, of so many, that something with this value left. Where it returns false, it has done nothing, and
/// [`leave_slowly`] has to.
#[inline]
#[must_use]
pub(crate) fn leave(near: Near, buckets: usize, bucket: u32, value: f64) -> bool {
    match near.page() {
        Some(page) => leave_owned(page, near, buckets, bucket, value),
        None => false,
    }
}

/// Does what [`leave`] could not do; the sum stays in its range as that of [`distribution::observe_slowly`] does.
#[cold]
pub(crate) fn leave_slowly(slot: u32, buckets: usize, bucket: u32, value: f64) {
    match local::touch(slot) {
        Some(page) => {
            let near = Near::of(slot);
            if !leave_owned(page, near, buckets, bucket, value) {
                leave_clamped(page, near, buckets, bucket, value);
            }
        }
        None => leave_shared(&STORE, slot, buckets, bucket, value),
    }
}

#[inline]
pub(super) fn leave_owned(page: &Page, near: Near, buckets: usize, bucket: u32, value: f64) -> bool {
    let sum = f64::from_bits(load_own(near.cell_after(page, left(buckets)))) + value;
    // False for NaN as well.
    let in_range = sum.abs() < f64::INFINITY;
    if in_range {
        store_left(page, near, buckets, bucket, sum.to_bits());
    }
    in_range
}

pub(super) fn leave_clamped(page: &Page, near: Near, buckets: usize, bucket: u32, value: f64) {
    let sum = distribution::plus(load_own(near.cell_after(page, left(buckets))), value);
    store_left(page, near, buckets, bucket, sum);
}

/// Stores the sum of what left, as its bits, and counts one more in a bucket.
#[inline]
fn store_left(page: &Page, near: Near, buckets: usize, bucket: u32, sum: u64) {
    let first = left(buckets);
    // ORDERING: Release, pairs with the Acquire in `read_left`: who sees this value gone from the sum sees it come.
    near.cell_after(page, first).store(sum, ordering!(Release, "came_before_left/sum_store"));
    // ORDERING: Release, pairs with the Acquire in `read_left`: who sees this value gone from its bucket sees it
    // come, and gone from the sum.
    add_owned(
        near.cell_after(page, first + 1 + bucket),
        1,
        ordering!(Release, "came_before_left/bucket_store"),
    );
}

pub(super) fn leave_shared(store: &Store, slot: u32, buckets: usize, bucket: u32, value: f64) {
    let page = store.base(slot as usize / CELLS);
    let first = slot + left(buckets);
    let change = |bits| Some(distribution::plus(bits, value));
    // ORDERING: as in `leave_owned`; the read-modify-writes of several threads continue each other's release sequences,
    // and those of one cell never miss each other.
    let release = ordering!(Release, "came_before_left/sum_add");
    let _ = page.cell(first).fetch_update(release, Ordering::Relaxed, change);
    page.cell(first + 1 + bucket).fetch_add(1, ordering!(Release, "came_before_left/bucket_add"));
}

/// The buckets of many distributions, one after the other's, and the sum of each.
pub(super) struct Counted<'a> {
    pub(super) counts: &'a mut [u64],
    pub(super) sums: &'a mut [f64],
}

/// Reads one distribution of what is there: puts the count of each bucket into `counts`, whose length says how many
/// there are, and returns the sum.
pub(crate) fn get(slot: u32, counts: &mut [u64]) -> f64 {
    let mut left = vec![0; counts.len()];
    let (mut sums, mut left_sums) = ([0.0], [0.0]);
    read(
        &STORE,
        &[slot],
        &mut Counted { counts, sums: &mut sums },
        &mut Counted { counts: &mut left, sums: &mut left_sums },
    );
    sums[0]
}

/// Reads many distributions of what is there, of as many buckets each: into `there`, with `left` for what it takes
/// meanwhile.
pub(super) fn read(store: &Store, slots: &[u32], there: &mut Counted<'_>, left: &mut Counted<'_>) {
    let Some(buckets) = there.counts.len().checked_div(slots.len()) else { return };
    // One after the other, though a page at a time would be faster: all that comes and leaves between the two readings of
    // a series seems to be there. In the time that many series take, that can be a thousand things of which no two were.
    for (at, slot) in slots.chunks(1).enumerate() {
        let range = at * buckets..(at + 1) * buckets;
        let mut there = Counted { counts: &mut there.counts[range.clone()], sums: &mut there.sums[at..=at] };
        let mut left = Counted { counts: &mut left.counts[range], sums: &mut left.sums[at..=at] };
        read_both(store, slot, buckets, &mut there, &mut left);
        there.sums[0] = difference(there.counts, left.counts, there.sums[0], left.sums[0]);
    }
}

/// Reads what left, and then what came, each a page at a time over all copies.
pub(super) fn read_both(
    store: &Store,
    slots: &[u32],
    buckets: usize,
    came: &mut Counted<'_>,
    left: &mut Counted<'_>,
) {
    left.counts.fill(0);
    left.sums.fill(0.0);
    let (mut counts, mut sums) = (&mut *left.counts, &mut *left.sums);
    for slots in slots.chunk_by(|one, next| *one as usize / CELLS == *next as usize / CELLS) {
        let (these, later) = counts.split_at_mut(slots.len() * buckets);
        counts = later;
        let (these_sums, later) = sums.split_at_mut(slots.len());
        sums = later;
        read_left(store, slots, buckets, these, these_sums);
    }
    // The lists are gone through anew: the page where something came that was seen to leave may be younger than the
    // first walk.
    distribution::read(store, slots, buckets, came.counts, came.sums);
}

fn read_left(store: &Store, slots: &[u32], buckets: usize, counts: &mut [u64], sums: &mut [f64]) {
    let first = left(buckets);
    for page in store.copies(slots[0] as usize / CELLS) {
        for ((counts, sum), &slot) in counts.chunks_exact_mut(buckets).zip(&mut *sums).zip(slots) {
            for (count, cell) in counts.iter_mut().zip(page.cells(slot + first + 1, buckets)) {
                // ORDERING: Acquire, pairs with the Release in `leave_owned` and `leave_shared`; all that is loaded
                // below stays below: the sum of this copy, and what came.
                let left = cell.load(ordering!(Acquire, "came_before_left/bucket_load"));
                *count = count.wrapping_add(left);
            }
            // ORDERING: Acquire, as above.
            let left = page.cell(slot + first).load(ordering!(Acquire, "came_before_left/sum_load"));
            *sum += f64::from_bits(left);
        }
    }
    // Copies that are each in range can have a sum that is not.
    for sum in sums {
        *sum = sum.clamp(f64::MIN, f64::MAX);
    }
}

/// Takes what left out of what came, and returns the sum of what is there.
///
/// A bucket out of which more was taken than was put in has nothing in it. Where all buckets have nothing, the sum is 0,
/// and not what rounding has left of it. Nor is it below 0 by what rounding can have taken from a sum of values that are
/// not negative: a sum below 0 is one that some formats do not take.
fn difference(came: &mut [u64], left: &[u64], came_sum: f64, left_sum: f64) -> f64 {
    let (mut all, mut is_empty) = (0_u64, true);
    for (came, left) in came.iter_mut().zip(left) {
        all = all.wrapping_add(*came);
        *came = came.wrapping_sub(*left).cast_signed().max(0).cast_unsigned();
        is_empty &= *came == 0;
    }
    if is_empty {
        return 0.0;
    }
    let sum = (came_sum - left_sum).clamp(f64::MIN, f64::MAX);
    // Each addition can be wrong by half an epsilon of the sum, and there were as many of what left at most.
    #[expect(clippy::cast_precision_loss, reason = "a bound")]
    let rounding = all as f64 * f64::EPSILON * came_sum;
    if sum < 0.0 && -sum <= rounding { 0.0 } else { sum }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::super::slots::Run;
    use super::*;

    fn read_one(run: &Run) -> ([u64; 2], f64) {
        let mut counts = [7; 2];
        let sum = get(run.first(), &mut counts);
        (counts, sum)
    }

    #[test]
    fn what_left_is_not_there() {
        let run = Run::new(cells(2));
        assert_eq!(read_one(&run), ([0, 0], 0.0));
        for value in [3.0, 4.0] {
            come_slowly(run.first(), 1, value);
        }
        come_slowly(run.first(), 0, 1.0);
        std::thread::scope(|scope| scope.spawn(|| leave_slowly(run.first(), 2, 1, 3.0)).join()).unwrap();
        assert_eq!(read_one(&run), ([1, 1], 5.0));
    }

    #[test]
    fn of_nothing_the_sum_is_plain_zero_whatever_rounding_left() {
        let run = Run::new(cells(2));
        for value in [0.1, 0.2, 0.3] {
            come_slowly(run.first(), 0, value);
        }
        for value in [0.3, 0.2, 0.1] {
            leave_slowly(run.first(), 2, 0, value);
        }
        let (came, left) = ((0.1 + 0.2) + 0.3, (0.3 + 0.2) + 0.1);
        assert!(came - left > 0.0, "rounding leaves something");
        let (counts, sum) = read_one(&run);
        assert_eq!((counts, sum.to_bits()), ([0, 0], 0));
    }

    #[test]
    fn rounding_alone_takes_no_sum_below_zero() {
        let run = Run::new(cells(2));
        // What came sums to less than what left, and a zero is there.
        for value in [0.3, 0.2, 0.1, 0.0] {
            come_slowly(run.first(), 0, value);
        }
        for value in [0.1, 0.2, 0.3] {
            leave_slowly(run.first(), 2, 0, value);
        }
        let (counts, sum) = read_one(&run);
        assert_eq!((counts, sum.to_bits()), ([1, 0], 0));
        // What is negative stays.
        come_slowly(run.first(), 0, -2.0);
        let (counts, sum) = read_one(&run);
        assert_eq!(counts, [2, 0]);
        assert!((sum + 2.0).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_bucket_that_lacks_what_was_taken_out_has_nothing() {
        let run = Run::new(cells(2));
        come_slowly(run.first(), 0, 1.0);
        for _ in 0..2 {
            leave_slowly(run.first(), 2, 1, 5.0);
        }
        assert_eq!(read_one(&run), ([1, 0], -9.0));
        for _ in 0..3 {
            come_slowly(run.first(), 1, 5.0);
        }
        assert_eq!(read_one(&run), ([1, 1], 6.0));
    }

    #[test]
    fn sums_past_the_range_stay_at_its_end() {
        let run = Run::new(cells(2));
        come_slowly(run.first(), 1, f64::MAX);
        come_slowly(run.first(), 1, f64::MAX);
        for _ in 0..2 {
            leave_slowly(run.first(), 2, 0, f64::MIN);
        }
        assert_eq!(read_one(&run), ([0, 2], f64::MAX));
        let run = Run::new(cells(2));
        come_slowly(run.first(), 1, 0.0);
        for _ in 0..2 {
            leave_slowly(run.first(), 2, 0, -1.5e308);
        }
        assert_eq!(read_one(&run), ([0, 1], f64::MAX), "twice 1.5e308 is past the range");
    }

    #[test]
    fn distributions_on_several_pages_are_read_in_the_order_of_their_slots() {
        let runs: Vec<Run> = (0..3 * CELLS / cells(3)).map(|_| Run::new(cells(3))).collect();
        let numbers: Vec<u64> = (1..).take(runs.len()).collect();
        for (run, &number) in runs.iter().zip(&numbers) {
            (0..number + 2).for_each(|_| come_slowly(run.first(), 1, 1.0));
        }
        std::thread::scope(|scope| {
            scope.spawn(|| runs.iter().for_each(|run| leave_slowly(run.first(), 3, 1, 1.0)));
            for run in &runs {
                leave_slowly(run.first(), 3, 1, 1.0);
            }
        });
        let slots: Vec<u32> = runs.iter().map(Run::first).collect();
        let (mut counts, mut left) = (vec![9; 3 * slots.len()], vec![9; 3 * slots.len()]);
        let (mut sums, mut left_sums) = (vec![9.0; slots.len()], vec![9.0; slots.len()]);
        read(
            &STORE,
            &slots,
            &mut Counted { counts: &mut counts, sums: &mut sums },
            &mut Counted { counts: &mut left, sums: &mut left_sums },
        );
        for ((counts, sum), number) in counts.chunks(3).zip(sums).zip(numbers) {
            #[expect(clippy::cast_precision_loss, reason = "a handful")]
            let expected = number as f64;
            assert_eq!((counts, sum.to_bits()), (&[0, number, 0][..], expected.to_bits()));
        }
    }
}

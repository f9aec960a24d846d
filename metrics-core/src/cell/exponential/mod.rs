//! Exponential buckets: a distribution whose buckets are where the observations are.
//!
//! - `grid`, `roots`: which bucket a value belongs to. `head`: which buckets there are.
//! - `shape`: which cells hold what, for a family.
//! - `copy`: one thread's cells, or those that threads share. `merged`: all of them together.

mod copy;
mod grid;
mod head;
mod merged;
#[cfg(all(test, nilometer_loom))]
mod models;
mod roots;
mod shape;
#[cfg(all(test, not(nilometer_loom)))]
mod tests;

pub(crate) use grid::upper_bound;
pub(crate) use merged::Exponentials;
pub(crate) use shape::Shape;

use copy::Copy;

use super::local::{self, Near, STORE};
use super::page::{CELLS, Page};
use super::store::Store;

/// Observes a value in the cells that begin at `slot`; `bucket` is the number of the explicit bucket that it is in,
/// unless the fallback is shown. NaN is not to come here.
#[inline]
pub(crate) fn observe(slot: u32, shape: &Shape, bucket: u32, value: f64) {
    let is_done = Near::of(slot)
        .page()
        .is_some_and(|page| Copy::new(page.cells(slot, shape.cells()), shape).observe_fast(bucket, value));
    if !is_done {
        observe_slowly(slot, shape, bucket, value);
    }
}

#[cold]
fn observe_slowly(slot: u32, shape: &Shape, bucket: u32, value: f64) {
    let copy = |page: &'static Page| Copy::new(page.cells(slot, shape.cells()), shape);
    if let Some(copy) = local::touch(slot).map(copy) {
        // A page that is not at hand may have what the fast way needs.
        if !copy.observe_fast(bucket, value) {
            copy.observe(value);
        }
    } else {
        copy(STORE.base(slot as usize / CELLS)).locked(|copy| copy.observe(value));
    }
}

/// Reads the series whose cells begin at these slots: the counts of their explicit buckets into `numbers`, the sums into
/// `sums`, and their exponential buckets.
pub(super) fn read(
    store: &Store,
    slots: &[u32],
    shape: &Shape,
    (numbers, sums): (&mut [u64], &mut [f64]),
    exponentials: &mut Exponentials,
) {
    exponentials.clear();
    let explicit = numbers.chunks_exact_mut(shape.bounds().buckets());
    for ((&slot, explicit), sum) in slots.iter().zip(explicit).zip(sums) {
        *sum = exponentials.read(store.copies(slot as usize / CELLS), slot, shape, explicit);
    }
}

/// Reads one series, as [`read`] does.
pub(crate) fn get(slot: u32, shape: &Shape, explicit: &mut [u64], exponentials: &mut Exponentials) -> f64 {
    let mut sums = [0.0];
    read(&STORE, &[slot], shape, (explicit, &mut sums), exponentials);
    sums[0]
}

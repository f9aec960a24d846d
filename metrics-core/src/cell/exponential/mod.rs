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

/// Observes a value in the cells that begin at `slot`, if they are at hand, and says whether it has: where it has not,
/// [`observe_slowly`] has to.
#[inline]
#[must_use]
pub(crate) fn observe(slot: u32, shape: &Shape, value: f64) -> bool {
    if !shape.is_fallback() {
        return observe_by_bounds(slot, shape, value);
    }
    copy_at_hand(slot, shape).is_some_and(|copy| copy.observe_fast(value))
}

/// The same where there are explicit bounds as well.
#[inline(never)]
fn observe_by_bounds(slot: u32, shape: &Shape, value: f64) -> bool {
    copy_at_hand(slot, shape).is_some_and(|copy| copy.observe_by_bounds(value))
}

#[inline]
fn copy_at_hand(slot: u32, shape: &Shape) -> Option<Copy<'_>> {
    Near::of(slot).page().map(|page| Copy::new(page.cells(slot, shape.cells()), shape))
}

/// Observes any value but NaN.
#[cold]
pub(crate) fn observe_slowly(slot: u32, shape: &Shape, value: f64) {
    let copy = |page: &'static Page| Copy::new(page.cells(slot, shape.cells()), shape);
    if let Some(copy) = local::touch(slot).map(copy) {
        // A page that is not at hand may have what the fast way needs.
        let is_done =
            if shape.is_fallback() { copy.observe_fast(value) } else { copy.observe_by_bounds(value) };
        if !is_done {
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

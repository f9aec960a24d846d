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

use super::local::{self, STORE};
use super::page::{CELLS, Page};
use super::store::Store;

/// Observes a value where that is quickly done, and says whether it has: where it has not, [`observe`] has to. It is where
/// the cells, which begin at `slot`, are at hand, the value is positive, and there are no explicit bounds beside.
#[inline]
#[must_use]
pub(crate) fn observe_fast(slot: u32, shape: &Shape, value: f64) -> bool {
    shape.is_fallback() && at_hand(slot, shape).is_some_and(|copy| copy.observe_fast(value))
}

/// Observes any value but NaN.
pub(crate) fn observe(slot: u32, shape: &Shape, value: f64) {
    let is_done = at_hand(slot, shape).is_some_and(|copy| copy.observe_by_bounds(value));
    if !is_done {
        observe_slowly(slot, shape, value);
    }
}

#[inline]
fn at_hand(slot: u32, shape: &Shape) -> Option<Copy<'_>> {
    local::find(slot).map(|page| copy_in(page, slot, shape))
}

/// The copy in a page that has the slot.
#[inline]
fn copy_in<'a>(page: &'static Page, slot: u32, shape: &'a Shape) -> Copy<'a> {
    // SAFETY: the slot is that of a run of so many cells.
    Copy::new(unsafe { page.run(slot, shape.cells()) }, shape)
}

#[cold]
fn observe_slowly(slot: u32, shape: &Shape, value: f64) {
    if let Some(page) = local::touch(slot) {
        let copy = copy_in(page, slot, shape);
        // A page that is not at hand may have what the fast way needs.
        let is_done =
            if shape.is_fallback() { copy.observe_fast(value) } else { copy.observe_by_bounds(value) };
        if !is_done {
            copy.observe(value);
        }
    } else {
        copy_in(STORE.base(slot as usize / CELLS), slot, shape).locked(|copy| copy.observe(value));
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

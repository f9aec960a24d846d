//! A total of whole numbers: one cell.

use super::local::{self, Near, STORE};
use super::page::CELLS;
use super::store::{Store, add_owned};
use crate::sync::Ordering;

// ORDERING: Relaxed throughout. A total publishes nothing but itself. Each copy has one writer, or is added to with
// read-modify-writes, so nothing is lost; coherence alone makes each copy's values appear in order to one reader, so a
// total never goes down; and joining a thread makes what it added visible.

/// Adds to the total in a slot where the calling thread has the cell at hand, and says whether it has: where it has not,
/// [`add_anywhere`] has to.
#[inline]
#[must_use]
pub(crate) fn add(near: Near, delta: u64) -> bool {
    match near.page() {
        Some(page) => {
            add_owned(near.cell(page), delta, Ordering::Relaxed);
            true
        }
        None => false,
    }
}

/// Adds to the total in `slot`, wherever its cell is.
#[cold]
pub(crate) fn add_anywhere(slot: u32, delta: u64) {
    match local::touch(slot) {
        Some(page) => add_owned(page.cell(slot), delta, Ordering::Relaxed),
        None => add_shared(&STORE, slot, delta),
    }
}

pub(super) fn add_shared(store: &Store, slot: u32, delta: u64) {
    store.base(slot as usize / CELLS).cell(slot).fetch_add(delta, Ordering::Relaxed);
}

/// The total in `slot`; wraps at 2^64, as each copy does.
pub(crate) fn get(slot: u32) -> u64 {
    let mut total = [0];
    read_into(&STORE, &[slot], &mut total);
    total[0]
}

/// The totals in many slots, a page at a time over all copies: each copy is gone through once and not once for each
/// slot.
pub(super) fn read(store: &Store, slots: &[u32], totals: &mut Vec<u64>) {
    totals.resize(slots.len(), 0);
    read_into(store, slots, totals);
}

fn read_into(store: &Store, slots: &[u32], totals: &mut [u64]) {
    fold(store, slots, totals, u64::wrapping_add);
}

/// Puts what `plus` makes of all copies of each cell into `totals`, of which there are as many as slots: from zero on,
/// in the same order each time.
pub(super) fn fold(store: &Store, slots: &[u32], totals: &mut [u64], plus: impl Fn(u64, u64) -> u64) {
    totals.fill(0);
    let mut rest = totals;
    for slots in slots.chunk_by(|one, next| one / PAGE == next / PAGE) {
        let (totals, later) = rest.split_at_mut(slots.len());
        rest = later;
        for page in store.copies(slots[0] as usize / CELLS) {
            for (total, &slot) in totals.iter_mut().zip(slots) {
                *total = plus(*total, page.cell(slot).load(Ordering::Relaxed));
            }
        }
    }
}

/// Puts the totals of a whole run into `totals`, of which there are as many.
pub(super) fn read_run(store: &Store, slot: u32, totals: &mut [u64]) {
    totals.fill(0);
    let len = totals.len();
    for page in store.copies(slot as usize / CELLS) {
        for (total, cell) in totals.iter_mut().zip(page.cells(slot, len)) {
            *total = total.wrapping_add(cell.load(Ordering::Relaxed));
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
const PAGE: u32 = CELLS as u32;

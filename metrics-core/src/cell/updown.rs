//! A whole number that goes up and down: two totals that only go up, in consecutive cells.

use super::local::{self, STORE};
use super::page::CELLS;
use super::store::{Store, add_owned};
use crate::sync::{AtomicU64, Ordering, ordering};

/// How many cells it takes.
pub(crate) const CELLS_OF_UP_DOWN: usize = 2;

/// Adds to the number in `slot`.
///
/// The protocol: what goes down is stored with Release; a reader loads every cell that counts down, with Acquire,
/// before any that counts up. Who decrements what somebody else incremented has seen that happen, so a reader that sees
/// the decrement sees the increment: otherwise it would read numbers that never were, below zero where there is
/// never less than nothing.
#[inline]
pub(crate) fn add(slot: u32, delta: i64) {
    match local::owned(slot) {
        Some(page) => add_to(page.cells(slot, 2), delta),
        None => add_first(slot, delta),
    }
}

#[cold]
fn add_first(slot: u32, delta: i64) {
    match local::touch(slot) {
        Some(page) => add_to(page.cells(slot, 2), delta),
        None => add_shared(&STORE, slot, delta),
    }
}

#[inline]
pub(super) fn add_to(cells: &[AtomicU64], delta: i64) {
    if delta < 0 {
        // ORDERING: Release, pairs with the Acquire in `read_one`.
        add_owned(&cells[1], delta.unsigned_abs(), ordering!(Release, "up_before_down/down_store"));
    } else {
        // ORDERING: Relaxed, what happened before a decrement is published by it.
        add_owned(&cells[0], delta.unsigned_abs(), Ordering::Relaxed);
    }
}

pub(super) fn add_shared(store: &Store, slot: u32, delta: i64) {
    let cells = store.base(slot as usize / CELLS).cells(slot, 2);
    // ORDERING: as in `add_to`; the read-modify-writes of several threads continue each other's release sequences.
    if delta < 0 {
        cells[1].fetch_add(delta.unsigned_abs(), ordering!(Release, "up_before_down/down_add"));
    } else {
        cells[0].fetch_add(delta.unsigned_abs(), Ordering::Relaxed);
    }
}

/// The number in `slot`; wraps at 2^63.
pub(crate) fn get(slot: u32) -> i64 {
    read_one(&STORE, slot)
}

pub(super) fn read_one(store: &Store, slot: u32) -> i64 {
    let pages = || store.copies(slot as usize / CELLS);
    let down = pages().fold(0, |sum: u64, page| {
        // ORDERING: Acquire, pairs with the Release in `add_to` and `add_shared`; the loads below stay below.
        sum.wrapping_add(page.cell(slot + 1).load(ordering!(Acquire, "up_before_down/down_load")))
    });
    // The list is gone through anew: the page of an increment that a decrement has seen may be younger than the first
    // walk. ORDERING: Relaxed, see above.
    let up = pages().fold(0, |sum: u64, page| sum.wrapping_add(page.cell(slot).load(Ordering::Relaxed)));
    up.wrapping_sub(down).cast_signed()
}

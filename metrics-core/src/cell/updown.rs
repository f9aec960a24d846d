//! A whole number that goes up and down: two totals that only go up, in consecutive cells.

use super::local::{self, Near, STORE};
use super::page::{CELLS, Page};
use super::store::{Store, add_owned};
use crate::sync::{Ordering, ordering};

/// How many cells it takes.
pub(crate) const CELLS_OF_UP_DOWN: usize = 2;

/// Adds to the number in a slot where the calling thread has the cells at hand, and says whether it has: where it has
/// not, [`add_anywhere`] has to.
///
/// The protocol: what goes down is stored with Release; a reader loads every cell that counts down, with Acquire,
/// before any that counts up. Who decrements what somebody else incremented has seen that happen, so a reader that sees
/// the decrement sees the increment: otherwise it would read numbers that never were, below zero where there is
/// never less than nothing.
#[inline]
#[must_use]
pub(crate) fn add(near: Near, delta: i64) -> bool {
    match near.page() {
        Some(page) => {
            add_to(page, near, delta);
            true
        }
        None => false,
    }
}

/// Adds to the number in `slot`, wherever its cells are.
#[cold]
pub(crate) fn add_anywhere(slot: u32, delta: i64) {
    match local::touch(slot) {
        Some(page) => add_to(page, Near::of(slot), delta),
        None => add_shared(&STORE, slot, delta),
    }
}

#[inline]
pub(super) fn add_to(page: &Page, near: Near, delta: i64) {
    if delta < 0 {
        // ORDERING: Release, pairs with the Acquire in `read_page`.
        add_owned(
            near.cell_after(page, 1),
            delta.unsigned_abs(),
            ordering!(Release, "up_before_down/down_store"),
        );
    } else {
        // ORDERING: Relaxed, what happened before a decrement is published by it.
        add_owned(near.cell(page), delta.unsigned_abs(), Ordering::Relaxed);
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
    let mut number = [0];
    read(store, &[slot], &mut number);
    number[0].cast_signed()
}

/// Puts the numbers in many slots, as the bits of an `i64`, into `numbers`, of which there are as many: a page at a
/// time over all copies, so that each copy is gone through twice and not twice for each slot.
pub(super) fn read(store: &Store, slots: &[u32], numbers: &mut [u64]) {
    numbers.fill(0);
    let mut rest = numbers;
    for slots in slots.chunk_by(|one, next| *one as usize / CELLS == *next as usize / CELLS) {
        let (numbers, later) = rest.split_at_mut(slots.len());
        rest = later;
        read_page(store, slots, numbers);
    }
}

fn read_page(store: &Store, slots: &[u32], numbers: &mut [u64]) {
    let index = slots[0] as usize / CELLS;
    for page in store.copies(index) {
        for (number, &slot) in numbers.iter_mut().zip(slots) {
            // ORDERING: Acquire, pairs with the Release in `add_to` and `add_shared`; the loads below stay below.
            let down = page.cell(slot + 1).load(ordering!(Acquire, "up_before_down/down_load"));
            *number = number.wrapping_sub(down);
        }
    }
    // The list is gone through anew: the page of an increment that a decrement has seen may be younger than the first
    // walk.
    for page in store.copies(index) {
        for (number, &slot) in numbers.iter_mut().zip(slots) {
            // ORDERING: Relaxed, and after all that goes down: the Acquire loads above keep these loads below them.
            *number = number.wrapping_add(page.cell(slot).load(Ordering::Relaxed));
        }
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::super::slots::Run;
    use super::*;

    #[test]
    fn numbers_on_several_pages_are_read_in_the_order_of_their_slots() {
        let runs: Vec<Run> = (0..3 * CELLS / CELLS_OF_UP_DOWN).map(|_| Run::new(CELLS_OF_UP_DOWN)).collect();
        let numbers: Vec<i64> = (0_i64..).take(runs.len()).map(|at| 100 - at).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| runs.iter().for_each(|run| add_anywhere(run.first(), 100)));
            runs.iter().zip(0..).for_each(|(run, at)| add_anywhere(run.first(), -at));
        });
        let slots: Vec<u32> = runs.iter().map(Run::first).collect();
        let mut read_at_once = vec![7; slots.len()];
        read(&STORE, &slots, &mut read_at_once);
        assert_eq!(read_at_once.iter().map(|bits| bits.cast_signed()).collect::<Vec<_>>(), numbers);
        assert_eq!(slots.into_iter().map(get).collect::<Vec<_>>(), numbers);
    }

    #[test]
    fn a_number_wraps_like_an_i64() {
        let run = Run::new(CELLS_OF_UP_DOWN);
        for delta in [i64::MAX, 1, i64::MIN, i64::MIN, -1] {
            let before = get(run.first());
            add_anywhere(run.first(), delta);
            assert_eq!(get(run.first()), before.wrapping_add(delta));
        }
    }
}

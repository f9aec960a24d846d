//! A total of fractions that only goes up: one cell, the bits of an `f64`.

use super::local::{self, Near, STORE};
use super::page::{CELLS, Page};
use super::store::Store;
use super::total;
use crate::sync::{Ordering, load_own};

// ORDERING: Relaxed throughout, as in `total`. Nothing that is added is negative, so no copy ever goes down; copies are
// summed in one order, and rounded addition never falls when an operand grows, so neither does their sum.

/// Adds to the total in a slot, and says whether that could be done at the cost of an addition: where it could not,
/// nothing has been added, and [`add_slowly`] has to. That is so where the calling thread does not have the cell at hand,
/// where `delta` is negative or no finite number, and where the total would not be finite.
#[inline]
#[must_use]
pub(crate) fn add(near: Near, delta: f64) -> bool {
    match near.page() {
        Some(page) => add_owned(page, near, delta),
        None => false,
    }
}

/// Adds what is finite and not negative to the total in `slot`, wherever its cell is. A total that leaves the range of
/// `f64` stays at its end.
#[cold]
pub(crate) fn add_slowly(slot: u32, delta: f64) {
    match local::touch(slot) {
        Some(page) => {
            let near = Near::of(slot);
            if !add_owned(page, near, delta) {
                near.cell(page).store(f64::MAX.to_bits(), Ordering::Relaxed);
            }
        }
        None => add_shared(&STORE, slot, delta),
    }
}

#[inline]
fn add_owned(page: &Page, near: Near, delta: f64) -> bool {
    let cell = near.cell(page);
    let total = f64::from_bits(load_own(cell)) + delta;
    // False for NaN as well.
    let in_range = delta >= 0.0 && total < f64::INFINITY;
    if in_range {
        cell.store(total.to_bits(), Ordering::Relaxed);
    }
    in_range
}

fn add_shared(store: &Store, slot: u32, delta: f64) {
    let change = |bits| Some((f64::from_bits(bits) + delta).min(f64::MAX).to_bits());
    let cell = store.base(slot as usize / CELLS).cell(slot);
    let _ = cell.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
}

/// The total in `slot`.
pub(crate) fn get(slot: u32) -> f64 {
    let mut total = [0];
    read(&STORE, &[slot], &mut total);
    f64::from_bits(total[0])
}

/// Puts the totals in many slots, as the bits of an `f64`, into `totals`, of which there are as many.
pub(super) fn read(store: &Store, slots: &[u32], totals: &mut [u64]) {
    total::fold(store, slots, totals, |one, other| {
        // Copies that are each in range can have a sum that is not.
        (f64::from_bits(one) + f64::from_bits(other)).min(f64::MAX).to_bits()
    });
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::super::slots::Run;
    use super::*;

    #[test]
    fn a_total_past_the_range_stays_at_its_end() {
        let run = Run::new(1);
        for _ in 0..3 {
            add_slowly(run.first(), f64::MAX);
        }
        assert_eq!(get(run.first()).to_bits(), f64::MAX.to_bits());
        std::thread::scope(|scope| scope.spawn(|| add_slowly(run.first(), f64::MAX)).join()).unwrap();
        assert_eq!(get(run.first()).to_bits(), f64::MAX.to_bits());
        assert!(!add(Near::of(run.first()), 1e300), "which the fast way leaves to the slow one");
    }

    #[test]
    fn what_is_negative_or_no_number_is_left_to_the_slow_way() {
        let run = Run::new(1);
        add_slowly(run.first(), 1.5);
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, -f64::MIN_POSITIVE] {
            assert!(!add(Near::of(run.first()), odd), "{odd}");
        }
        assert!(add(Near::of(run.first()), -0.0) && add(Near::of(run.first()), 0.25));
        assert_eq!(get(run.first()).to_bits(), 1.75_f64.to_bits());
    }

    #[test]
    fn threads_that_share_a_cell_lose_nothing() {
        static STORE: Store = Store::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| add_shared(&STORE, 7, 0.5)));
            }
        });
        let mut total = [0];
        read(&STORE, &[7], &mut total);
        assert_eq!(f64::from_bits(total[0]).to_bits(), 20_000_f64.to_bits());
    }
}

//! How many observations were how large: buckets of one relative width, whose cells are made where something falls.

use std::ptr;

use super::local::{Near, STORE};
use super::memory;
use super::page::CELLS;
use super::slots::{SLOTS, Slots, UNASSIGNED};
use super::store::{Store, add_owned};
use super::total;
use crate::sync::{AtomicPtr, AtomicU32, Ordering, ordering};

/// How many octaves, each of which ends at twice what it begins at, have buckets: those from 2^-64 to 2^64.
#[cfg(not(all(test, nilometer_loom)))]
const OCTAVES: usize = 128;
#[cfg(all(test, nilometer_loom))]
const OCTAVES: usize = 1;

/// Where the lowest octave begins: 2^-64, as the bits of an `f64`.
const LOWEST: u64 = (1023 - 64) << MANTISSA;

/// How many bits of an `f64` say where in its octave it is.
const MANTISSA: u32 = 52;

/// Into how many buckets, all of one length, an octave is cut: this power of 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precision(u8);

impl Precision {
    /// As many buckets as a page has cells for.
    #[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
    const FINEST: u8 = CELLS.trailing_zeros() as u8;

    #[cfg(all(test, nilometer_loom))]
    pub(super) const OF_A_MODEL: Precision = Precision(0);

    /// The coarsest with which a [`value`](Precision::value) is within this relative error of all that is in its bucket;
    /// the finest where that is not fine enough.
    pub(crate) fn of_error(error: f64) -> Precision {
        let is_enough = |bits: &u8| Precision(*bits).error() < error;
        Precision((1..Precision::FINEST).find(is_enough).unwrap_or(Precision::FINEST))
    }

    /// How far, relative to what fell into a bucket, the bucket's value is from it at most.
    pub(crate) fn error(self) -> f64 {
        // That of the first bucket of an octave, which is the widest for what is in it. From `a` to `b`, the value
        // `2ab / (a + b)` is as far from the one end as from the other.
        let width = 1.0 / f64::from(1_u32 << self.0);
        width / (2.0 + width)
    }

    /// How many buckets an octave has.
    fn buckets(self) -> usize {
        1 << self.0
    }

    /// In which bucket of its octave something is, by its bits.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "a page has few cells")]
    fn bucket(self, bits: u64) -> u32 {
        ((bits & ((1 << MANTISSA) - 1)) >> (MANTISSA - u32::from(self.0))) as u32
    }

    /// The number of what is above zero, in this bucket of this octave.
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "there are few buckets")]
    fn number(self, octave: usize, bucket: usize) -> i32 {
        (octave * self.buckets() + bucket) as i32 + 1
    }

    /// What stands for all that is in a bucket.
    pub(crate) fn value(self, bucket: Bucket) -> f64 {
        let Some(number) = bucket.0.unsigned_abs().checked_sub(1) else { return 0.0 };
        let end =
            |number: u32| f64::from_bits(LOWEST + (u64::from(number) << (MANTISSA - u32::from(self.0))));
        let (low, high) = (end(number), end(number + 1));
        let value = 2.0 * low * high / (low + high);
        if bucket.0 < 0 { -value } else { value }
    }
}

/// A bucket, by a number: 0 is for zeros, the next ones are for what is above, from the smallest on, and their opposites
/// for what is below. Buckets are in the order of what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Bucket(pub(crate) i32);

impl Bucket {
    pub(crate) const ZERO: Bucket = Bucket(0);
}

/// The slots of the octaves' cells.
#[derive(Debug)]
struct Table {
    /// The first slot of each octave's run, plus 1; 0 until something falls into the octave.
    slots: [AtomicU32; OCTAVES],
    #[cfg(all(test, nilometer_loom))]
    birth: crate::sync::Birth,
}

/// The two sides of zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    Below,
}

/// How many observations fell into each bucket, all in all.
///
/// The protocol. The cells of an octave are a run, which is claimed by whoever observes something there first: it takes a
/// run of zeros, and puts its slot into the table by compare-and-swap with Release. All others load the slot with Acquire,
/// and count in their own copies of the cells: so a copy that another series had was cleared before. The table itself is
/// published in the same way. Slots stay until the sketch is dropped.
#[derive(Debug)]
pub(crate) struct Sketch {
    /// What is above zero, and what is below; null until there is something.
    tables: [AtomicPtr<Table>; 2],
    precision: Precision,
}

impl Sketch {
    pub(crate) fn new(precision: Precision) -> Sketch {
        Sketch { tables: [AtomicPtr::new(ptr::null_mut()), AtomicPtr::new(ptr::null_mut())], precision }
    }

    /// Counts what is above zero where the calling thread has the cell at hand, and says whether it has: where it has not,
    /// or for anything else, [`add_anywhere`](Sketch::add_anywhere) has to.
    #[inline]
    #[must_use]
    pub(crate) fn add(&self, value: f64) -> bool {
        // What is below the lowest octave, or has a sign, is far above the highest one then.
        let bits = value.to_bits().wrapping_sub(LOWEST);
        let Some(table) = self.table(Side::Above) else { return false };
        let Some(slot) = table.slots.get((bits >> MANTISSA) as usize) else { return false };
        // A slot that is not assigned is in no thread's pages.
        let near = Near::of(load(slot));
        match near.page() {
            Some(page) => {
                // ORDERING: Relaxed, as the counts of `total`; what counts all observations publishes it.
                add_owned(near.cell_after(page, self.precision.bucket(bits)), 1, Ordering::Relaxed);
                true
            }
            None => false,
        }
    }

    /// Counts what is no NaN, wherever its cell is; `false` for what is so near to zero that it has no cell. What is too
    /// large for the last bucket is counted there.
    #[inline(never)]
    pub(crate) fn add_anywhere(&self, value: f64) -> bool {
        let side = if value < 0.0 { Side::Below } else { Side::Above };
        let Some(bits) = value.abs().to_bits().checked_sub(LOWEST) else { return false };
        let bits = bits.min(((OCTAVES as u64) << MANTISSA) - 1);
        let slot = self.slot(&STORE, &SLOTS, side, (bits >> MANTISSA) as usize);
        let slot = slot + self.precision.bucket(bits);
        if !total::add(Near::of(slot), 1) {
            total::add_anywhere(slot, 1);
        }
        true
    }

    /// Calls `each` with every bucket that something fell into, in their order, and how much. `zeros` is how much is in
    /// the one that has no cell.
    pub(crate) fn read(&self, zeros: u64, mut each: impl FnMut(Bucket, u64)) {
        let mut counts = [0; CELLS];
        let counts = &mut counts[..self.precision.buckets()];
        for (octave, slot) in self.table(Side::Below).into_iter().flat_map(Table::assigned).rev() {
            total::read_run(&STORE, slot, counts);
            for (bucket, &count) in counts.iter().enumerate().rev().filter(|(_, count)| **count > 0) {
                each(Bucket(-self.precision.number(octave, bucket)), count);
            }
        }
        if zeros > 0 {
            each(Bucket::ZERO, zeros);
        }
        for (octave, slot) in self.table(Side::Above).into_iter().flat_map(Table::assigned) {
            total::read_run(&STORE, slot, counts);
            for (bucket, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                each(Bucket(self.precision.number(octave, bucket)), count);
            }
        }
    }

    #[inline]
    fn table(&self, side: Side) -> Option<&Table> {
        // ORDERING: Acquire, pairs with the Release in `make_table`: who finds the table finds its zeros.
        let table = self.tables[side as usize].load(ordering!(Acquire, "sketch_cells/table_load"));
        // SAFETY: it is null, or a table that is there as long as the sketch is.
        let table = unsafe { table.as_ref() };
        #[cfg(all(test, nilometer_loom))]
        if let Some(table) = table {
            table.birth.check();
        }
        table
    }

    #[cold]
    fn make_table(&self, side: Side) -> &Table {
        let new = allocate_table().unwrap_or_else(|| memory::exhausted());
        // ORDERING: Release, pairs with the Acquire in `table`; Acquire on failure, for the table of whoever was faster.
        let release = ordering!(Release, "sketch_cells/table_publish");
        let acquire = ordering!(Acquire, "sketch_cells/table_lost");
        let place = &self.tables[side as usize];
        let table = match place.compare_exchange(ptr::null_mut(), new, release, acquire) {
            Ok(_) => new,
            Err(faster) => {
                // SAFETY: it is from `allocate_table`, and nobody else has seen it.
                unsafe { free_table(new) };
                faster
            }
        };
        // SAFETY: it is a table that is there as long as the sketch is.
        let table = unsafe { &*table };
        #[cfg(all(test, nilometer_loom))]
        table.birth.check();
        table
    }

    /// The first slot of an octave's cells, which are made if they are not there. Calls no allocator but the system's.
    fn slot(&self, store: &Store, slots: &Slots, side: Side, octave: usize) -> u32 {
        let table = self.table(side).unwrap_or_else(|| self.make_table(side));
        let place = &table.slots[octave];
        let slot = load(place);
        if slot == UNASSIGNED { claim(place, store, slots, self.precision.buckets()) } else { slot }
    }

    /// The slot of the one octave that a model has, for who only reads.
    #[cfg(all(test, nilometer_loom))]
    pub(super) fn slot_found_by_a_model(&self) -> Option<u32> {
        self.table(Side::Above)?.assigned().next().map(|(_, slot)| slot)
    }

    #[cfg(all(test, nilometer_loom))]
    pub(super) fn slot_of_a_model(&self, store: &Store, slots: &Slots) -> u32 {
        self.slot(store, slots, Side::Above, 0)
    }
}

/// A slot of the table, or [`UNASSIGNED`].
#[inline]
fn load(place: &AtomicU32) -> u32 {
    // ORDERING: Acquire, pairs with the Release in `claim`: who finds the run finds that every copy of its cells was
    // cleared since another series had them.
    place.load(ordering!(Acquire, "sketch_cells/slot_load")).wrapping_sub(1)
}

/// Gives an octave its cells that had none a moment ago.
#[cold]
fn claim(place: &AtomicU32, store: &Store, slots: &Slots, len: usize) -> u32 {
    let new = slots.take(store, len);
    // ORDERING: Release, pairs with the Acquire in `load`. Relaxed on failure: whoever was faster had the lock of the free
    // runs while theirs was cleared, and it is taken after that here, to give the run back.
    let release = ordering!(Release, "sketch_cells/slot_publish");
    match place.compare_exchange(0, new + 1, release, Ordering::Relaxed) {
        Ok(_) => new,
        Err(faster) => {
            slots.give_back(new, len);
            faster - 1
        }
    }
}

impl Table {
    /// The octaves that have cells, with their first slots.
    fn assigned(&self) -> impl DoubleEndedIterator<Item = (usize, u32)> {
        self.slots.iter().map(load).enumerate().filter(|(_, slot)| *slot != UNASSIGNED)
    }
}

#[cfg(not(all(test, nilometer_loom)))]
fn allocate_table() -> Option<*mut Table> {
    // SAFETY: all zeros are the slots that a table starts with.
    unsafe { memory::zeroed::<Table>() }.map(|table| ptr::from_ref(table).cast_mut())
}

#[cfg(all(test, nilometer_loom))]
#[expect(clippy::unnecessary_wraps, reason = "the other one can fail")]
fn allocate_table() -> Option<*mut Table> {
    let slots = std::array::from_fn(|_| AtomicU32::new(0));
    Some(Box::into_raw(Box::new(Table { slots, birth: crate::sync::Birth::new() })))
}

/// # Safety
///
/// It is from [`allocate_table`], and nobody uses it from now on.
unsafe fn free_table(table: *mut Table) {
    // SAFETY: it is a table.
    let table = unsafe { &*table };
    // SAFETY: the caller keeps the contract.
    unsafe { memory::discard(table) };
}

impl Drop for Sketch {
    /// The last handle is gone, so that all that was recorded happened before; the lock of the free runs puts it before
    /// the cells are cleared for somebody else.
    fn drop(&mut self) {
        for place in &self.tables {
            // ORDERING: Relaxed, whoever had a reference has given it up before.
            let table = place.load(Ordering::Relaxed);
            // SAFETY: it is null, or a table that nobody else reaches any more.
            let Some(found) = (unsafe { table.as_ref() }) else { continue };
            for (_, slot) in found.assigned() {
                SLOTS.give_back(slot, self.precision.buckets());
            }
            // SAFETY: it is from `allocate_table`, and nobody reaches it any more.
            unsafe { free_table(table) };
        }
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    fn counts(sketch: &Sketch) -> Vec<(f64, u64)> {
        let mut counts = Vec::new();
        sketch.read(0, |bucket, count| counts.push((sketch.precision.value(bucket), count)));
        counts
    }

    #[test]
    fn the_precision_is_the_coarsest_that_is_fine_enough() {
        let cases = [(0.25, 1), (0.2, 2), (0.1, 3), (0.05, 4), (0.02, 5), (0.01, 6), (0.005, 7), (0.001, 9)];
        for (error, bits) in cases {
            let precision = Precision::of_error(error);
            assert_eq!(precision, Precision(bits), "{error}");
            assert!(precision.error() < error);
        }
    }

    #[test]
    fn what_stands_for_a_bucket_is_near_to_all_that_is_in_it() {
        for bits in 1..=Precision::FINEST {
            let precision = Precision(bits);
            // Whatever is on either side of each end of the buckets of three octaves: the lowest, the highest, and one in
            // between.
            for exponent in [-64, 0, 63] {
                let start = 2_f64.powi(exponent);
                for bucket in 0..1_u32 << bits {
                    let end = |bucket: u32| start * (1.0 + f64::from(bucket) / f64::from(1_u32 << bits));
                    let (low, high) = (end(bucket), end(bucket + 1));
                    for value in [low, high.next_down(), -low, -high.next_down()] {
                        let sketch = Sketch::new(precision);
                        assert!(sketch.add_anywhere(value));
                        let [(found, 1)] = counts(&sketch)[..] else { panic!("one observation") };
                        let error = ((found - value) / value).abs();
                        assert!(error <= precision.error() * (1.0 + 1e-9), "{value} is {found} with {bits}");
                    }
                }
            }
        }
    }

    #[test]
    fn buckets_are_in_the_order_of_what_is_in_them() {
        let sketch = Sketch::new(Precision::of_error(0.01));
        let values = [f64::NEG_INFINITY, -3.0, -2.9, -1e-3, 1e-19, 0.5, 0.75, 7.0, 1e19, f64::INFINITY];
        for value in values {
            assert!(sketch.add_anywhere(value), "{value}");
        }
        let found = counts(&sketch);
        assert!(found.is_sorted_by(|one, next| one.0 < next.0));
        // What is too large is with what is almost as large.
        let counted: Vec<u64> = found.iter().map(|(_, count)| *count).collect();
        assert_eq!(counted, [1; 10]);
        assert!(!sketch.add(0.0) && !sketch.add(-0.5) && !sketch.add(f64::NAN) && !sketch.add(f64::INFINITY));
        assert!(!sketch.add(2_f64.powi(64)) && !sketch.add(2_f64.powi(-65)));
        assert!(sketch.add(7.0));
        assert!(!sketch.add_anywhere(0.0) && !sketch.add_anywhere(-1e-20));
    }

    #[test]
    fn what_is_dropped_gives_its_cells_back_and_they_are_found_empty() {
        let precision = Precision(5);
        let slots = |sketch: &Sketch| -> Vec<u32> {
            let tables = [Side::Above, Side::Below].map(|side| sketch.table(side));
            let mut slots: Vec<u32> =
                tables.iter().flatten().flat_map(|table| table.assigned()).map(|(_, slot)| slot).collect();
            slots.sort_unstable();
            slots
        };
        let record = || {
            let sketch = Sketch::new(precision);
            for value in [1.0, 2.0, -4.0] {
                assert!(sketch.add_anywhere(value));
            }
            sketch
        };
        let sketch = record();
        std::thread::scope(|scope| scope.spawn(|| sketch.add_anywhere(1.0)).join()).unwrap();
        let before = slots(&sketch);
        drop(sketch);
        let sketch = record();
        assert_eq!((slots(&sketch), before.len()), (before, 3));
        assert_eq!(counts(&sketch).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [1; 3]);
    }
}

//! The series of labels of which all values are known, by their index.
//!
//! # The protocol
//!
//! A lookup reads in the family's handle where the row is, and there the seat of its labels, in which the handle of the
//! series itself stands: no hash, no guard, no fence. An empty seat is filled with the series that the ordinary lookup
//! finds or makes, unless that is the overflow series.
//!
//! Nobody can tell when such a lookup is over, so no handle that stands in a seat is dropped while the family is there.
//! For that to need no more than one row of memory, a family has a row until the first of its series is removed:
//!
//! 1. whoever removes a series closes the row first, under the lock under which rows are made and seats are filled: it
//!    closes every seat, and allows no other row;
//! 2. then unlinks the series.
//!
//! A lookup that comes after the removal comes after its seat was closed, so it finds it closed, and in the table that
//! the series is gone. One that found the seat taken began before the removal was over, and so may find the series that
//! was there before it. What is made later is made without a row.

use std::any::TypeId;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem::{self, MaybeUninit};
use std::ptr;

use crate::sync::{AtomicPtr, AtomicU32, Lock, Ordering, ordering};

/// The most seats in a row: 96 KiB of them.
pub(super) const MAX_SEATS: usize = 4096;

/// Where no row is, nor will be.
const CLOSED: usize = 1;

/// A seat without a handle.
const EMPTY: u32 = 0;
/// A seat with a handle that lookups find.
const TAKEN: u32 = 1;
/// A seat with a handle that only lookups still have which began before a removal was over.
const LEFT: u32 = 2;

/// A family's row of seats, if it has one.
pub(super) struct Seats<M> {
    /// The first seat of the open row. Null before the first lookup by index, and [`CLOSED`] for good from the first
    /// removal on.
    open: AtomicPtr<Seat<M>>,
    /// Whose row it is. Written before the row is published, and never again.
    schema: UnsafeCell<Schema>,
    #[cfg(all(test, nilometer_loom))]
    birth: UnsafeCell<Option<crate::sync::Birth>>,
    /// The row, open or not, until the family is dropped. Under its lock rows are made and seats are filled.
    row: Lock<Vec<Seat<M>>>,
}

/// Labels whose indexes are meant, and how many of them there are. Families of several types of labels can share their
/// series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) labels: TypeId,
    pub(super) len: usize,
}

struct Seat<M> {
    /// [`EMPTY`], [`TAKEN`] or [`LEFT`], in this order.
    state: AtomicU32,
    handle: UnsafeCell<MaybeUninit<M>>,
    #[cfg(all(test, nilometer_loom))]
    birth: crate::sync::Birth,
}

/// Where one schema has its row, open or not; null until this handle has seen it.
///
/// PERF: `enums/inc` in `benches/LEDGER.md`. It stands in the family's handle, so that the address of a seat waits for
/// one load and not for three, and schemas need not be compared.
pub(super) struct RowOf<M> {
    first: AtomicPtr<Seat<M>>,
}

// SAFETY: handles are shared and dropped by any thread; what stands in a cell is written before it is published, and
// not after.
unsafe impl<M: Send + Sync> Sync for Seats<M> {}

impl<M> RowOf<M> {
    pub(super) fn unseen() -> RowOf<M> {
        RowOf { first: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    fn get(&self) -> *mut Seat<M> {
        // ORDERING: Acquire, pairs with the Release in `fill`: who finds the row finds its seats.
        self.first.load(ordering!(Acquire, "closed_labels/find_row"))
    }

    /// The handle at `index`, if it has its seat.
    ///
    /// # Safety
    ///
    /// The row is used with these very seats and one schema alone, and the index is below that schema's length.
    #[inline]
    pub(super) unsafe fn find<'a>(&self, _seats: &'a Seats<M>, index: usize) -> Option<&'a M> {
        let first = self.get();
        if first.is_null() {
            return None;
        }
        // SAFETY: it is the row of that schema, which has as many seats as the schema is long.
        let seat = unsafe { first.add(index) };
        // SAFETY: the row is kept, and does not move, until the seats are dropped.
        let seat = unsafe { &*seat };
        #[cfg(all(test, nilometer_loom))]
        seat.birth.check();
        // ORDERING: Acquire, pairs with the Release in `fill`: who finds the seat taken finds the handle.
        if seat.state.load(ordering!(Acquire, "closed_labels/find")) != TAKEN {
            return None;
        }
        // SAFETY: nobody writes to the cell of a seat that is taken.
        let handle = unsafe { &*seat.handle.get() };
        // SAFETY: it was written before the seat was taken, and is dropped with the seats.
        Some(unsafe { handle.assume_init_ref() })
    }
}

impl<M> Clone for RowOf<M> {
    fn clone(&self) -> Self {
        RowOf { first: AtomicPtr::new(self.get()) }
    }
}

impl<M> Seats<M> {
    pub(super) fn new() -> Seats<M> {
        let nobody = Schema { labels: TypeId::of::<()>(), len: 0 };
        Seats {
            open: AtomicPtr::new(ptr::null_mut()),
            schema: UnsafeCell::new(nobody),
            #[cfg(all(test, nilometer_loom))]
            birth: UnsafeCell::new(None),
            row: Lock::new("closed_labels/row", Vec::new()),
        }
    }

    /// Whether series of this schema that have no seat can get one.
    pub(super) fn can_fill(&self, schema: Schema) -> bool {
        // ORDERING: Acquire, pairs with the Release in `fill`.
        let open = self.open.load(ordering!(Acquire, "closed_labels/can_fill"));
        // SAFETY: there is a row, and it was acquired.
        open.is_null() || open.addr() != CLOSED && unsafe { self.schema() } == schema
    }

    /// Whose row it is.
    ///
    /// # Safety
    ///
    /// The caller has acquired the open row.
    unsafe fn schema(&self) -> Schema {
        #[cfg(all(test, nilometer_loom))]
        // SAFETY: as below.
        unsafe { &*self.birth.get() }.iter().for_each(crate::sync::Birth::check);
        // SAFETY: nobody writes to the cell once there is a row, by this function's contract.
        unsafe { *self.schema.get() }
    }

    /// Gives a handle its seat, at `index` of this schema, and lets `row`, which is used with it alone, see the row; makes
    /// the row if there is none and may be one.
    #[cold]
    pub(super) fn fill(&self, row: &RowOf<M>, schema: Schema, index: usize, handle: M) {
        if !self.can_fill(schema) {
            return;
        }
        // Not under the lock: the program's allocator may look something up here too.
        // ORDERING: Relaxed, it is asked again under the lock, and is not null again once it was not.
        let seats = if self.open.load(Ordering::Relaxed).is_null() { schema.len } else { 0 };
        let mut new: Vec<_> = (0..seats).map(|_| Seat::new()).collect();
        self.row.with(|seats| {
            // ORDERING: Relaxed, rows are published and closed under the lock.
            if self.open.load(Ordering::Relaxed).is_null() {
                mem::swap(seats, &mut new);
                // SAFETY: nobody looks at the cell before there is a row, and there is none.
                unsafe { *self.schema.get() = schema };
                #[cfg(all(test, nilometer_loom))]
                // SAFETY: as above.
                unsafe {
                    *self.birth.get() = Some(crate::sync::Birth::new())
                };
                // ORDERING: Release, pairs with the Acquire in `can_fill`.
                self.open.store(seats.as_mut_ptr(), ordering!(Release, "closed_labels/open"));
            }
            if !self.can_fill(schema) {
                return;
            }
            let Some(seat) = seats.get(index) else { return };
            // ORDERING: Relaxed, seats are taken and closed under the lock.
            if seat.state.load(Ordering::Relaxed) == EMPTY {
                // SAFETY: nobody looks at the cell before the seat is taken, and the lock keeps other writers away.
                unsafe { seat.handle.get().write(MaybeUninit::new(handle)) };
                // ORDERING: Release, pairs with the Acquire in `find`.
                seat.state.store(TAKEN, ordering!(Release, "closed_labels/fill"));
            }
            // ORDERING: Release, pairs with the Acquire in `RowOf::get`.
            row.first.store(seats.as_mut_ptr(), ordering!(Release, "closed_labels/see"));
        });
    }

    /// Whether this is so of any handle in a seat.
    pub(super) fn any(&self, mut is_so: impl FnMut(&M) -> bool) -> bool {
        self.row.with(|seats| {
            // ORDERING: Relaxed, seats are taken and closed under the lock.
            let mut taken = seats.iter().filter(|seat| seat.state.load(Ordering::Relaxed) != EMPTY);
            taken.any(|seat| {
                // SAFETY: nobody writes to the cell of a seat that is taken.
                let handle = unsafe { &*seat.handle.get() };
                // SAFETY: it was written before the seat was taken, and is dropped with the seats.
                is_so(unsafe { handle.assume_init_ref() })
            })
        })
    }

    /// Closes the row for good. To be called before a series is unlinked.
    pub(super) fn close(&self) {
        self.row.with(|seats| {
            // ORDERING: Relaxed, here and below: what comes after the removal comes after these stores, and a seat that
            // was left is never taken again.
            if self.open.load(Ordering::Relaxed).addr() == CLOSED {
                return;
            }
            self.open.store(ptr::without_provenance_mut(CLOSED), Ordering::Relaxed);
            for seat in seats.iter().filter(|seat| seat.state.load(Ordering::Relaxed) == TAKEN) {
                seat.state.store(LEFT, Ordering::Relaxed);
            }
        });
    }
}

impl<M> Seat<M> {
    fn new() -> Seat<M> {
        Seat {
            state: AtomicU32::new(EMPTY),
            handle: UnsafeCell::new(MaybeUninit::uninit()),
            #[cfg(all(test, nilometer_loom))]
            birth: crate::sync::Birth::new(),
        }
    }
}

impl<M> Drop for Seat<M> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, what others did comes before the drop.
        if self.state.load(Ordering::Relaxed) != EMPTY {
            // SAFETY: it was written before the seat was taken, and nobody looks at it any more.
            unsafe { self.handle.get_mut().assume_init_drop() };
        }
    }
}

impl<M> fmt::Debug for Seats<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ORDERING: Relaxed, it is not followed.
        let is_closed = self.open.load(Ordering::Relaxed).addr() == CLOSED;
        f.debug_struct("Seats").field("is_closed", &is_closed).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// The seats of a family and its handle's row, for labels of this schema.
    struct Rows<const LEN: usize>(Seats<Arc<u32>>, RowOf<Arc<u32>>);

    impl<const LEN: usize> Rows<LEN> {
        fn new() -> Self {
            Rows(Seats::new(), RowOf::unseen())
        }

        fn schema() -> Schema {
            Schema { labels: TypeId::of::<Self>(), len: LEN }
        }

        fn fill(&self, index: usize, handle: &Arc<u32>) {
            self.0.fill(&self.1, Self::schema(), index, Arc::clone(handle));
        }

        fn all(&self) -> [Option<u32>; LEN] {
            // SAFETY: the row is used here alone.
            let find = |index| unsafe { self.1.find(&self.0, index) };
            std::array::from_fn(|index| find(index).map(|number| **number))
        }
    }

    #[test]
    fn a_handle_is_found_at_its_seat_alone() {
        let rows = Rows::<3>::new();
        assert_eq!(rows.all(), [None; 3]);
        rows.fill(1, &Arc::new(7));
        assert_eq!(rows.all(), [None, Some(7), None]);
        rows.fill(1, &Arc::new(8));
        rows.fill(3, &Arc::new(9));
        rows.fill(2, &Arc::new(10));
        assert_eq!(rows.all(), [None, Some(7), Some(10)]);
    }

    #[test]
    fn another_handle_of_the_family_sees_the_row_too() {
        let first = Rows::<2>::new();
        first.fill(0, &Arc::new(1));
        let other = Rows::<2>(first.0, RowOf::unseen());
        assert_eq!(other.all(), [None; 2], "it has not seen the row yet");
        other.fill(0, &Arc::new(3));
        assert_eq!(other.all(), [Some(1), None]);
        let clone = Rows::<2>(other.0, other.1.clone());
        clone.fill(1, &Arc::new(2));
        assert_eq!(clone.all(), [Some(1), Some(2)]);
    }

    #[test]
    fn another_schema_has_no_seats_in_the_row_of_the_first() {
        let first = Rows::<2>::new();
        first.fill(0, &Arc::new(1));
        let other = Rows::<3>(first.0, RowOf::unseen());
        other.fill(1, &Arc::new(2));
        assert_eq!(other.all(), [None; 3]);
        assert_eq!(Rows::<2>(other.0, first.1).all(), [Some(1), None]);
    }

    #[test]
    fn what_was_closed_stays_closed_and_keeps_its_handles_until_it_is_dropped() {
        let rows = Rows::<2>::new();
        let handle = Arc::new(1);
        rows.fill(0, &handle);
        rows.0.close();
        assert_eq!(rows.all(), [None; 2]);
        rows.fill(0, &handle);
        assert_eq!(rows.all(), [None; 2]);
        assert_eq!(Arc::strong_count(&handle), 2, "a lookup that began before may still see it");
        drop(rows);
        assert_eq!(Arc::strong_count(&handle), 1);

        let rows = Rows::<2>::new();
        rows.0.close();
        rows.fill(0, &handle);
        assert_eq!(rows.all(), [None; 2]);
        assert_eq!(Arc::strong_count(&handle), 1);
    }
}

#[cfg(all(test, nilometer_loom))]
mod models {
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::*;

    /// A series, whose number loom checks to be written before it is read.
    struct Series(UnsafeCell<u32>);

    // SAFETY: loom is there to find a read that does not come after the write.
    unsafe impl Sync for Series {}

    /// A family of one series, numbered by how many there were before it.
    struct Family {
        seats: Seats<Arc<Series>>,
        row: RowOf<Arc<Series>>,
        table: Lock<(u32, Option<Arc<Series>>)>,
    }

    impl Family {
        fn lookup(&self) -> u32 {
            // SAFETY: there is no other schema.
            if let Some(series) = unsafe { self.row.find(&self.seats, 0) } {
                return number(series);
            }
            let series = self.table.with(|(made, series)| {
                let new = || {
                    let series = Series(UnsafeCell::new(0));
                    *made += 1;
                    // SAFETY: nobody else knows it.
                    series.0.with_mut(|number| unsafe { *number = *made });
                    Arc::new(series)
                };
                Arc::clone(series.get_or_insert_with(new))
            });
            self.seats.fill(&self.row, schema(), 0, Arc::clone(&series));
            number(&series)
        }

        fn remove(&self) {
            self.table.with(|(_, series)| {
                if series.is_some() {
                    self.seats.close();
                }
                *series = None;
            });
        }
    }

    fn number(series: &Series) -> u32 {
        // SAFETY: loom is there to find a write at the same time.
        series.0.with(|number| unsafe { *number })
    }

    fn schema() -> Schema {
        Schema { labels: TypeId::of::<Series>(), len: 2 }
    }

    fn family() -> Arc<Family> {
        let table = Lock::new("the table's own lock has its models", (0, None));
        Arc::new(Family { seats: Seats::new(), row: RowOf::unseen(), table })
    }

    /// Two lookups and a removal: who looks after it does not find what was removed.
    #[test]
    fn closed_labels() {
        loom::model(|| {
            let family = family();
            let looker = thread::spawn({
                let family = Arc::clone(&family);
                move || family.lookup()
            });
            let remover = thread::spawn({
                let family = Arc::clone(&family);
                move || {
                    family.remove();
                    let made = family.table.with(|(made, series)| *made + u32::from(series.is_none()));
                    assert!(family.lookup() >= made, "a removed series was found again");
                }
            });
            family.lookup();
            looker.join().unwrap();
            remover.join().unwrap();
            let (made, is_linked) = family.table.with(|(made, series)| (*made, series.is_some()));
            assert!(is_linked && family.lookup() == made);
        });
    }

    /// Two lookups in a row that is there: what stands in a seat is seen whole.
    #[test]
    fn closed_labels_in_an_open_row() {
        loom::model(|| {
            let family = family();
            let other = Arc::new(Series(UnsafeCell::new(0)));
            family.seats.fill(&family.row, schema(), 1, other);
            let looker = thread::spawn({
                let family = Arc::clone(&family);
                move || family.lookup()
            });
            assert_eq!((family.lookup(), looker.join().unwrap()), (1, 1));
        });
    }
}

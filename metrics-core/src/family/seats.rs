//! The series of labels of which all values are known, by their index.
//!
//! # The protocol
//!
//! A lookup loads where the row is, and then the seat of its labels, in which the handle itself is: no hash, no guard,
//! no fence, and few loads that wait for one another. An empty seat is
//! filled with the series that the ordinary lookup finds or makes, unless that is the overflow series.
//!
//! Nobody can tell when such a lookup is over, so no handle that stands in a seat is dropped while the family is there.
//! For that to need no more than one row of memory, a family has a row until the first of its series is removed:
//!
//! 1. whoever removes a series closes the row first: it takes the row away, and allows no other one, under the lock
//!    under which rows are made;
//! 2. then unlinks the series.
//!
//! A lookup that comes after the removal comes after the row was taken away, so it does not see it, and finds in the
//! table that the series is gone. One that has the row still, and even one that fills a seat with the removed series
//! now, began before the removal was over, and so may find the series that was there before it. What is made later is
//! made without a row.

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

/// A family's row of seats, if it has one.
pub(super) struct Seats<M> {
    /// The first seat of the open row. Null before the first lookup by index, and [`CLOSED`] for good from the first
    /// removal on.
    row: AtomicPtr<Seat<M>>,
    /// What the row is. Written before the row is published, and never again.
    about: UnsafeCell<About>,
    /// The row, open or not, until the family is dropped. Under its lock rows are made and seats are filled.
    state: Lock<Option<Vec<Seat<M>>>>,
}

struct About {
    /// Whose indexes the seats have: families of several types of labels can share their series.
    schema: TypeId,
    len: usize,
    #[cfg(all(test, nilometer_loom))]
    birth: Option<crate::sync::Birth>,
}

struct Seat<M> {
    /// 1 once the handle is there.
    is_taken: AtomicU32,
    handle: UnsafeCell<MaybeUninit<M>>,
}

// SAFETY: handles are shared and dropped by any thread; what stands in cells is written before it is published, and not
// after.
unsafe impl<M: Send + Sync> Sync for Seats<M> {}

// SAFETY: as above.
unsafe impl<M: Send + Sync> Send for Seats<M> {}

impl<M> Seats<M> {
    pub(super) fn new() -> Seats<M> {
        let about = About {
            schema: TypeId::of::<()>(),
            len: 0,
            #[cfg(all(test, nilometer_loom))]
            birth: None,
        };
        Seats {
            row: AtomicPtr::new(ptr::null_mut()),
            about: UnsafeCell::new(about),
            state: Lock::new("closed_labels/state", None),
        }
    }

    /// The handle at `index` of this schema, if it has its seat.
    #[inline]
    pub(super) fn find(&self, schema: TypeId, index: usize) -> Option<&M> {
        let seat = self.seat(schema, index)?;
        // ORDERING: Acquire, pairs with the Release in `fill`: who finds the seat taken finds the handle.
        if seat.is_taken.load(ordering!(Acquire, "closed_labels/find")) == 0 {
            return None;
        }
        // SAFETY: nobody writes to the cell of a seat that is taken.
        let handle = unsafe { &*seat.handle.get() };
        // SAFETY: it was written before the seat was taken.
        Some(unsafe { handle.assume_init_ref() })
    }

    /// Gives a handle its seat, at `index` of this schema, which has so many of them; makes the row if there is none and
    /// may be one.
    #[cold]
    pub(super) fn fill(&self, schema: TypeId, cardinality: usize, index: usize, handle: M) {
        // Not under the lock: the program's allocator may look something up here too.
        let mut new = Vec::new();
        // ORDERING: Relaxed, it is not followed, and asked again under the lock.
        if self.row.load(Ordering::Relaxed).is_null() {
            new.extend((0..cardinality).map(|_| Seat::new()));
        }
        self.state.with(|row| {
            // ORDERING: Relaxed, rows are published and taken away under the lock.
            if self.row.load(Ordering::Relaxed).is_null() {
                self.open(schema, row.insert(mem::take(&mut new)));
            }
            let Some(seat) = self.seat(schema, index) else { return };
            // ORDERING: Relaxed, seats are taken under the lock.
            if seat.is_taken.load(Ordering::Relaxed) == 0 {
                // SAFETY: nobody looks at the cell before the seat is taken, and the lock keeps other writers away.
                unsafe { seat.handle.get().write(MaybeUninit::new(handle)) };
                // ORDERING: Release, pairs with the Acquire in `find`.
                seat.is_taken.store(1, ordering!(Release, "closed_labels/fill"));
            }
        });
    }

    /// Takes the row away for good. To be called before a series is unlinked.
    pub(super) fn close(&self) {
        // The lock keeps a row from being opened at the same time.
        self.state.with(|_| {
            // ORDERING: Relaxed, what comes after the removal comes after this store.
            self.row.store(ptr::without_provenance_mut(CLOSED), Ordering::Relaxed);
        });
    }

    /// Whether no series will get a seat any more.
    pub(super) fn is_closed(&self) -> bool {
        // ORDERING: Relaxed, it is not followed: who finds it open asks again under the lock.
        self.row.load(Ordering::Relaxed).addr() == CLOSED
    }

    #[inline]
    fn seat(&self, schema: TypeId, index: usize) -> Option<&Seat<M>> {
        // ORDERING: Acquire, pairs with the Release in `open`: who finds the row finds its seats, and what is about it.
        let first = self.row.load(ordering!(Acquire, "closed_labels/row"));
        if first.addr() <= CLOSED {
            return None;
        }
        // SAFETY: nobody writes to the cell once there is a row.
        let about = unsafe { &*self.about.get() };
        #[cfg(all(test, nilometer_loom))]
        about.birth.iter().for_each(crate::sync::Birth::check);
        if about.schema != schema || about.len <= index {
            return None;
        }
        // SAFETY: the row has so many seats.
        let seat = unsafe { first.add(index) };
        // SAFETY: the row is kept, and does not move, until the seats are dropped.
        Some(unsafe { &*seat })
    }

    /// Publishes a row. Under the lock, once.
    fn open(&self, schema: TypeId, row: &mut Vec<Seat<M>>) {
        let about = About {
            schema,
            len: row.len(),
            #[cfg(all(test, nilometer_loom))]
            birth: Some(crate::sync::Birth::new()),
        };
        // SAFETY: nobody looks at the cell before there is a row, and there was none.
        unsafe { *self.about.get() = about };
        // ORDERING: Release, pairs with the Acquire in `seat`.
        self.row.store(row.as_mut_ptr(), ordering!(Release, "closed_labels/open"));
    }
}

impl<M> Seat<M> {
    fn new() -> Seat<M> {
        Seat { is_taken: AtomicU32::new(0), handle: UnsafeCell::new(MaybeUninit::uninit()) }
    }
}

impl<M> Drop for Seat<M> {
    fn drop(&mut self) {
        // ORDERING: Relaxed, what others did comes before the drop.
        if self.is_taken.load(Ordering::Relaxed) == 1 {
            // SAFETY: it was written before the seat was taken, and nobody looks at it any more.
            unsafe { self.handle.get_mut().assume_init_drop() };
        }
    }
}

impl<M> fmt::Debug for Seats<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seats").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn schema() -> TypeId {
        TypeId::of::<u8>()
    }

    fn at<const N: usize>(seats: &Seats<Arc<u32>>, indexes: [usize; N]) -> [Option<u32>; N] {
        indexes.map(|index| seats.find(schema(), index).map(|number| **number))
    }

    #[test]
    fn a_handle_is_found_at_its_seat_alone() {
        let seats = Seats::new();
        assert_eq!(at(&seats, [0]), [None]);
        seats.fill(schema(), 3, 1, Arc::new(7));
        assert_eq!(at(&seats, [0, 1, 2, 3]), [None, Some(7), None, None]);
        seats.fill(schema(), 3, 1, Arc::new(8));
        seats.fill(schema(), 3, 3, Arc::new(9));
        seats.fill(schema(), 3, 2, Arc::new(10));
        assert_eq!(at(&seats, [0, 1, 2, 3]), [None, Some(7), Some(10), None]);
    }

    #[test]
    fn another_schema_has_no_seats_in_the_row_of_the_first() {
        let seats = Seats::new();
        seats.fill(schema(), 2, 0, Arc::new(1));
        let other = TypeId::of::<i8>();
        seats.fill(other, 2, 1, Arc::new(2));
        assert_eq!((seats.find(other, 0), seats.find(other, 1)), (None, None));
        assert_eq!(at(&seats, [0, 1]), [Some(1), None]);
    }

    #[test]
    fn what_was_closed_stays_closed_and_keeps_its_handles_until_it_is_dropped() {
        let seats = Seats::new();
        let handle = Arc::new(1);
        seats.fill(schema(), 2, 0, Arc::clone(&handle));
        seats.close();
        assert_eq!(at(&seats, [0]), [None]);
        seats.fill(schema(), 2, 0, Arc::clone(&handle));
        assert_eq!(at(&seats, [0]), [None]);
        assert_eq!(Arc::strong_count(&handle), 2, "a lookup that began before may still see it");
        drop(seats);
        assert_eq!(Arc::strong_count(&handle), 1);

        let seats = Seats::new();
        seats.close();
        seats.fill(schema(), 2, 0, Arc::clone(&handle));
        assert_eq!(at(&seats, [0]), [None]);
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
        table: Lock<(u32, Option<Arc<Series>>)>,
    }

    impl Family {
        fn lookup(&self) -> u32 {
            let schema = TypeId::of::<Series>();
            if let Some(series) = self.seats.find(schema, 0) {
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
            self.seats.fill(schema, 2, 0, Arc::clone(&series));
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

    fn family() -> Arc<Family> {
        let table = Lock::new("the table's own lock has its models", (0, None));
        Arc::new(Family { seats: Seats::new(), table })
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
            family.seats.fill(TypeId::of::<Series>(), 2, 1, other);
            let looker = thread::spawn({
                let family = Arc::clone(&family);
                move || family.lookup()
            });
            assert_eq!((family.lookup(), looker.join().unwrap()), (1, 1));
        });
    }
}

//! The series of a family: found without a lock, made and removed under one.

use std::fmt;
use std::mem;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use super::expiry::Expiry;
use super::order::{CursorId, Note, Order, Reading};
use super::place::Place;
use super::slots::{self, Candidates, Slots, SlotsRef, slots_for};
use crate::clock::Created;
use crate::reclaim::{Domain, Garbage, Guard, Retired};
use crate::sync::{AtomicPtr, AtomicUsize, Lock, Ordering, ordering};

/// What a table holds: a series, or what stands for one in a model.
pub(super) trait Entry: Send + Sync + Sized {
    /// A counted reference.
    type Ref: Clone + Send + Deref<Target = Self>;

    /// What the references of a table's series have alike.
    type Shared: Copy + Send + Sync;

    /// The series, with the reference.
    fn into_raw(series: Self::Ref) -> NonNull<Self>;

    /// The reference that [`into_raw`](Entry::into_raw) gave.
    ///
    /// # Safety
    ///
    /// The pointer is from `into_raw`, with a reference that is this one's from now on, and `shared` is that of the
    /// series' table.
    unsafe fn from_raw(series: NonNull<Self>, shared: Self::Shared) -> Self::Ref;

    fn hash(&self) -> u32;

    fn place(&self) -> &Place;

    /// Asks for the memory that who shows the series reads beside it.
    fn prefetch(&self) {}

    /// Whether there is one reference alone, which the caller knows of. Who had others has done with the series before.
    fn is_alone(&self) -> bool;
}

/// The most series that a table can hold, whatever a family's limit says: their places are numbered with 32 bits, gaps
/// included.
pub(super) const MAX_LEN: usize = 1 << 30;

/// Series in the order in which they were made, found through an index by hash.
///
/// The table has one reference of each series. Lookups read the index under a [`Guard`]; a series that is taken out is
/// unlinked under the lock and dropped through the [`Garbage`] after it.
pub(super) struct Table<T: Entry> {
    domain: &'static Domain,
    shared: T::Shared,
    slots: AtomicPtr<Slots<T>>,
    len: AtomicUsize,
    /// Where everything goes that has no series of its own; not counted against a limit.
    overflow: AtomicPtr<T>,
    writer: Lock<Writer<T>>,
    garbage: Garbage<Unlinked<T>>,
}

/// What only writers need.
struct Writer<T: Entry> {
    order: Order<T>,
    /// How many slots are not null.
    filled: usize,
    /// When the overflow series began, if there is one.
    overflow_created: Option<Created>,
}

impl<T: Entry> Writer<T> {
    fn new(shared: T::Shared) -> Writer<T> {
        Writer { order: Order::new(shared), filled: 0, overflow_created: None }
    }
}

/// What lookups may still see.
enum Unlinked<T: Entry> {
    Series(T::Ref),
    Slots(OwnedSlots<T>),
}

struct OwnedSlots<T>(NonNull<Slots<T>>);

// SAFETY: slots are atomics, and hold no series of their own.
unsafe impl<T: Send + Sync> Send for OwnedSlots<T> {}

impl<T> Drop for OwnedSlots<T> {
    fn drop(&mut self) {
        // SAFETY: it was unlinked, and is dropped through the garbage or with the whole table.
        unsafe { slots::free(self.0) };
    }
}

impl<T: Entry> Retired for Unlinked<T> {
    fn address(&self) -> *mut () {
        match self {
            Unlinked::Series(series) => ptr::from_ref::<T>(series).cast_mut().cast(),
            Unlinked::Slots(slots) => slots.0.as_ptr().cast(),
        }
    }
}

/// The table under its lock.
pub(super) struct Writing<'a, T: Entry> {
    table: &'a Table<T>,
    writer: &'a mut Writer<T>,
    unlinked: &'a mut Vec<Unlinked<T>>,
}

impl<T: Entry> Table<T> {
    pub(super) fn new(domain: &'static Domain, shared: T::Shared) -> Table<T> {
        let slots = slots::allocate::<T>(slots_for(0), [].into_iter());
        Table {
            domain,
            shared,
            slots: AtomicPtr::new(slots.as_ptr()),
            len: AtomicUsize::new(0),
            overflow: AtomicPtr::new(ptr::null_mut()),
            writer: Lock::new("family_limit/writer", Writer::new(shared)),
            garbage: Garbage::new(),
        }
    }

    /// How many series there are, the overflow series aside.
    pub(super) fn len(&self) -> usize {
        // ORDERING: Relaxed, a number by itself: who has to be exact asks under the lock.
        self.len.load(Ordering::Relaxed)
    }

    /// The series that may have this hash, those that do among them: valid as long as the guard is.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "every lookup is this and little else: a call would be much of it"
    )]
    pub(super) fn candidates<'a>(&'a self, _guard: &'a Guard<'_>, hash: u32) -> Candidates<'a, T> {
        // ORDERING: Acquire, pairs with the Release in `rebuild`: who finds the slots finds what is in them.
        let slots = self.slots.load(ordering!(Acquire, "family_growth/load"));
        // SAFETY: it is never null.
        let slots = unsafe { NonNull::new_unchecked(slots) };
        // SAFETY: slots are freed through the garbage, and the guard was there before they were read.
        let slots = unsafe { SlotsRef::new(slots) };
        // SAFETY: so are series.
        unsafe { slots.candidates(hash) }
    }

    /// The overflow series, if it was needed: valid as long as the guard is.
    pub(super) fn overflow(&self, _guard: &Guard<'_>) -> Option<NonNull<T>> {
        // ORDERING: Acquire, pairs with the Release in `overflow_or_insert`.
        NonNull::new(self.overflow.load(ordering!(Acquire, "family_overflow/load")))
    }

    /// Changes the table. What `change` unlinks is dropped after the lock, and after the lookups that may see it.
    pub(super) fn write<R>(&self, change: impl FnOnce(&mut Writing<'_, T>) -> R) -> R {
        let mut unlinked = Retire { table: self, unlinked: Vec::new() };
        self.writer
            .with(|writer| change(&mut Writing { table: self, writer, unlinked: &mut unlinked.unlinked }))
    }

    /// Frees what could not be freed before.
    pub(super) fn drain(&self) {
        self.garbage.drain(self.domain);
    }

    /// Lets series expire, from the beginning.
    pub(super) fn expire(&self) {
        self.writer.with(|writer| writer.order.expiry = Some(Box::new(Expiry::new())));
    }

    /// Begins to go through the series that there are now.
    pub(super) fn begin(&self, reading: Reading) -> CursorId {
        self.writer.with(|writer| writer.order.begin(reading))
    }

    /// Calls `each` with the next series: they stay valid until the next call for this cursor.
    pub(super) fn next_chunk(&self, cursor: CursorId, most: usize, each: impl FnMut(NonNull<T>, Note)) {
        // What was removed of the chunk before is dropped after the lock.
        let _removed = self.write(|table| {
            let removed = table.writer.order.next_chunk(cursor, most, each);
            table.writer.order.asleep_in_chunk(cursor).into_iter().for_each(|series| table.wake(series));
            removed
        });
    }

    /// Ends what [`begin`](Table::begin) began.
    pub(super) fn end(&self, cursor: CursorId) {
        let _removed = self.writer.with(|writer| writer.order.end(cursor));
    }
}

/// Retires what was unlinked, even when what came after has panicked.
struct Retire<'a, T: Entry> {
    table: &'a Table<T>,
    unlinked: Vec<Unlinked<T>>,
}

impl<T: Entry> Drop for Retire<'_, T> {
    fn drop(&mut self) {
        if !self.unlinked.is_empty() {
            self.table.garbage.retire(self.table.domain, mem::take(&mut self.unlinked));
        }
    }
}

impl<T: Entry> Writing<'_, T> {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    fn slots(&self) -> SlotsRef<'_, T> {
        // ORDERING: Relaxed, writers alone store it, under the lock.
        let slots = self.table.slots.load(Ordering::Relaxed);
        // SAFETY: it is never null.
        let slots = unsafe { NonNull::new_unchecked(slots) };
        // SAFETY: nobody else can unlink it while the lock is held.
        unsafe { SlotsRef::new(slots) }
    }

    /// The series of this hash that `is_match` says is the one: valid while the lock is held.
    pub(super) fn find(&self, hash: u32, is_match: impl Fn(&T) -> bool) -> Option<NonNull<T>> {
        // SAFETY: nobody else can unlink a series while the lock is held.
        let mut candidates = unsafe { self.slots().candidates(hash) };
        candidates.find(|(_, series)| is_match(series)).map(|(series, _)| series)
    }

    /// All series, the overflow series aside.
    pub(super) fn series(&self) -> impl Iterator<Item = &T> {
        // SAFETY: the order has a reference of each, which nobody else can take while the lock is held.
        self.writer.order.iter().map(|series| unsafe { series.as_ref() })
    }

    /// The overflow series, if it was needed: valid while the lock is held.
    pub(super) fn overflow(&self) -> Option<NonNull<T>> {
        // ORDERING: Relaxed, writers alone store it, under the lock.
        NonNull::new(self.table.overflow.load(Ordering::Relaxed))
    }

    /// When the overflow series began, if there is one.
    pub(super) fn overflow_created(&self) -> Option<Created> {
        self.writer.overflow_created
    }

    /// The overflow series, made if it is not there: valid while the lock is held.
    pub(super) fn overflow_or_insert(
        &mut self,
        created: impl FnOnce() -> Created,
        make: impl FnOnce() -> T::Ref,
    ) -> NonNull<T> {
        if let Some(overflow) = self.overflow() {
            return overflow;
        }
        self.writer.overflow_created = Some(created());
        let overflow = T::into_raw(make());
        // ORDERING: Release, pairs with the Acquire in `overflow`.
        self.table.overflow.store(overflow.as_ptr(), ordering!(Release, "family_overflow/publish"));
        overflow
    }

    /// Adds a series that is not there, and began then.
    pub(super) fn insert(&mut self, series: T::Ref, created: Created) {
        self.set_len(self.len() + 1);
        let series = self.writer.order.push(series, created);
        self.link(series);
    }

    /// Lets lookups find a series that has its place and that they do not find, and is counted.
    pub(super) fn link(&mut self, series: NonNull<T>) {
        // An eighth of the slots stays null.
        let is_full = (self.writer.filled + 1) * 8 > self.slots().len() * 7;
        // SAFETY: it has its place, and so a reference.
        let hash = unsafe { series.as_ref() }.hash();
        if is_full || !self.slots().fits(series) {
            // As many slots as before are enough when graves fill them.
            let slots = self.slots().len();
            self.rebuild(if self.len() > slots / 2 { 2 * slots } else { slots });
        } else if self.slots().put(hash, series) {
            self.writer.filled += 1;
        }
    }

    /// Lets lookups find a series no more; whether they did.
    pub(super) fn unlink(&mut self, series: &T) -> bool {
        let freed = self.slots().take(series);
        self.writer.filled -= freed.unwrap_or(0);
        freed.is_some()
    }

    /// Drops a reference after the lock, and after the lookups that may see the series.
    pub(super) fn retire(&mut self, series: T::Ref) {
        self.unlinked.push(Unlinked::Series(series));
    }

    pub(super) fn order(&mut self) -> &mut Order<T> {
        &mut self.writer.order
    }

    /// Takes a series out, unless it is gone already; whether it was there.
    pub(super) fn remove(&mut self, series: &T) -> bool {
        if !self.unlink(series) && !self.writer.order.has(series) {
            return false;
        }
        self.set_len(self.len() - 1);
        let series = self.writer.order.remove(series.place().get());
        self.unlinked.extend(series.map(Unlinked::Series));
        if self.writer.order.has_gaps_to_close(self.len()) {
            self.writer.order.close_gaps();
            self.rebuild(slots_for(self.len()).min(self.slots().len()));
        }
        true
    }

    /// Takes all series out, the overflow series too.
    pub(super) fn clear(&mut self) {
        let series = self.writer.order.take_all();
        self.unlinked.extend(series.map(Unlinked::Series));
        self.rebuild(slots_for(0));
        self.set_len(0);
        self.writer.overflow_created = None;
        // ORDERING: Relaxed, a fence follows before it is freed.
        let overflow = self.table.overflow.load(Ordering::Relaxed);
        self.table.overflow.store(ptr::null_mut(), Ordering::Relaxed);
        if let Some(overflow) = NonNull::new(overflow) {
            // SAFETY: the table's reference was made by `into_raw`, and is taken here alone.
            let overflow = unsafe { T::from_raw(overflow, self.table.shared) };
            self.unlinked.push(Unlinked::Series(overflow));
        }
    }

    fn set_len(&self, len: usize) {
        // ORDERING: Relaxed, as in `len`.
        self.table.len.store(len, Ordering::Relaxed);
    }

    /// Makes new slots of the series in order.
    fn rebuild(&mut self, slots: usize) {
        let new = slots::allocate(slots, self.writer.order.awake());
        self.writer.filled = self.writer.order.awake().count();
        // ORDERING: Relaxed, writers alone store it, under the lock.
        let old = self.table.slots.load(Ordering::Relaxed);
        // ORDERING: Release, pairs with the Acquire in `find`.
        self.table.slots.store(new.as_ptr(), ordering!(Release, "family_growth/publish"));
        // SAFETY: it is never null.
        let old = unsafe { NonNull::new_unchecked(old) };
        self.unlinked.push(Unlinked::Slots(OwnedSlots(old)));
    }
}

impl<T: Entry> Drop for Table<T> {
    fn drop(&mut self) {
        // Nobody can look anything up, nor go through the series: both borrow the table.
        let mut unlinked = Vec::new();
        self.writer.with(|writer| {
            // ORDERING: Relaxed, here and below: what others did comes before the drop.
            let slots = self.slots.load(Ordering::Relaxed);
            // SAFETY: it is never null.
            let slots = unsafe { NonNull::new_unchecked(slots) };
            unlinked.push(Unlinked::Slots(OwnedSlots(slots)));
            unlinked.extend(writer.order.take_all().map(Unlinked::Series));
        });
        let overflow = self.overflow.load(Ordering::Relaxed);
        if let Some(overflow) = NonNull::new(overflow) {
            // SAFETY: the table's reference was made by `into_raw`, and is taken here alone.
            let overflow = unsafe { T::from_raw(overflow, self.shared) };
            unlinked.push(Unlinked::Series(overflow));
        }
    }
}

impl<T: Entry> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::sync::{Arc, Weak};

    use super::*;
    use crate::clock::Clock;
    use crate::reclaim;

    struct Number {
        number: u32,
        place: Place,
    }

    impl Entry for Number {
        type Ref = Arc<Number>;
        type Shared = ();

        fn into_raw(number: Arc<Number>) -> NonNull<Number> {
            let number = Arc::into_raw(number).cast_mut();
            // SAFETY: an `Arc`'s pointer is not null.
            unsafe { NonNull::new_unchecked(number) }
        }

        unsafe fn from_raw(number: NonNull<Number>, (): ()) -> Arc<Number> {
            // SAFETY: the contract is the same.
            unsafe { Arc::from_raw(number.as_ptr()) }
        }

        fn hash(&self) -> u32 {
            // All kinds of collisions: of places, of tags, and of both.
            self.number % 100 * 0x0003_0001
        }

        fn place(&self) -> &Place {
            &self.place
        }

        fn is_alone(&self) -> bool {
            // SAFETY: all of them are in an `Arc`.
            let number = mem::ManuallyDrop::new(unsafe { Arc::from_raw(self) });
            Arc::strong_count(&number) == 1
        }
    }

    fn number(number: u32) -> Arc<Number> {
        Arc::new(Number { number, place: Place::new() })
    }

    struct Numbers(Table<Number>);

    impl Numbers {
        fn new(numbers: impl IntoIterator<Item = u32>) -> Numbers {
            let table = Numbers(Table::new(Box::leak(Box::new(Domain::new())), ()));
            for number in numbers {
                table.insert(number);
            }
            table
        }

        fn insert(&self, value: u32) -> Weak<Number> {
            let number = number(value);
            let weak = Arc::downgrade(&number);
            self.0.write(|table| table.insert(number, Clock::system().created()));
            weak
        }

        fn find(&self, value: u32) -> Option<u32> {
            let guard = self.0.domain.adopt().enter();
            let mut found = self.0.candidates(&guard, number(value).hash()).map(|(_, found)| found.number);
            found.find(|found| *found == value)
        }

        fn remove(&self, value: u32) -> bool {
            self.0.write(|table| {
                let found = table.find(number(value).hash(), |number| number.number == value);
                // SAFETY: the lock is held.
                found.is_some_and(|found| table.remove(unsafe { found.as_ref() }))
            })
        }

        fn chunk(&self, cursor: CursorId, most: usize) -> Vec<u32> {
            let mut chunk = Vec::new();
            // SAFETY: looked at before the next chunk.
            self.0.next_chunk(cursor, most, |number, _| chunk.push(unsafe { number.as_ref() }.number));
            chunk
        }

        fn slots(&self) -> usize {
            self.0.write(|table| table.slots().len())
        }
    }

    #[test]
    fn every_series_is_found_until_it_is_removed() {
        let table = Numbers::new(0..500);
        assert!((0..500).all(|value| table.find(value) == Some(value)));
        assert_eq!(table.find(500), None);
        for value in (0..500).filter(|value| value % 3 == 0) {
            assert!(table.remove(value) && !table.remove(value), "{value}");
        }
        for value in 0..500 {
            assert_eq!(table.find(value).is_some(), value % 3 != 0, "{value}");
        }
        for value in (0..500).rev().filter(|value| value % 3 == 0) {
            table.insert(value);
        }
        assert!((0..500).all(|value| table.find(value) == Some(value)));
        assert_eq!(table.0.len(), 500);
    }

    #[test]
    fn a_reader_goes_on_where_it_stopped_though_gaps_were_closed_meanwhile() {
        let table = Numbers::new(0..200);
        let cursor = table.0.begin(Reading::Values);
        assert_eq!(table.chunk(cursor, 50), (0..50).collect::<Vec<_>>());
        table.insert(200);
        for value in (0..200).filter(|value| value % 10 != 0) {
            assert!(table.remove(value));
        }
        let places = table.0.write(|table| table.writer.order.places());
        assert!(places < 100, "{places} places for {} series", table.0.len());
        assert_eq!(table.chunk(cursor, 100), (5..20).map(|ten| ten * 10).collect::<Vec<_>>());
        assert_eq!(table.chunk(cursor, 100), [], "what was made since it began is not shown");
        table.0.end(cursor);
        for value in (0..200).filter(|value| value % 10 == 0) {
            assert!(table.remove(value), "{value} is found after its place has moved");
        }
        assert_eq!(table.0.len(), 1);
    }

    #[test]
    fn what_is_removed_from_a_chunk_lives_until_the_next_one() {
        let table = Numbers::new([]);
        let weak: Vec<_> = (0..4).map(|value| table.insert(value)).collect();
        let is_alive = || weak.iter().map(|weak| weak.strong_count() > 0).collect::<Vec<_>>();
        let cursor = table.0.begin(Reading::Values);
        assert_eq!(table.chunk(cursor, 2), [0, 1]);
        assert!(table.remove(1) && table.remove(2));
        assert_eq!(is_alive(), [true, true, false, true]);
        table.0.write(|table| {
            table.clear();
        });
        assert_eq!(is_alive(), [true, true, false, false]);
        assert_eq!(table.chunk(cursor, 2), []);
        assert_eq!(is_alive(), [false; 4]);
        table.0.end(cursor);
    }

    #[test]
    fn series_that_come_and_go_take_no_more_room_than_their_number_warrants() {
        let table = Numbers::new(0..10);
        for value in 10..10_000 {
            assert!(table.remove(value - 10));
            table.insert(value);
        }
        let places = table.0.write(|table| table.writer.order.places());
        assert!(places < 100 && table.slots() <= 128, "{places} places, {} slots", table.slots());
        let table = Numbers::new(0..10_000);
        assert_eq!(table.slots(), 16_384);
        assert!((10..10_000).all(|value| table.remove(value)));
        assert!(table.slots() <= 128, "{} slots", table.slots());
        assert!((0..10).all(|value| table.find(value).is_some()));
    }

    #[test]
    fn series_at_odd_addresses_are_found_as_well() {
        // Tags would be in the way, so the slots are made without.
        let series: Vec<Box<Number>> =
            (0..3).map(|value| Box::new(Number { number: value, place: Place::new() })).collect();
        let pointers = || series.iter().map(|number| NonNull::from(&**number));
        let far = pointers().map(|near| near.map_addr(|address| address | (1 << (usize::BITS - 1))));
        let high = |address: usize| address >> (usize::BITS - 16);
        assert_ne!(
            high(pointers().next().unwrap().addr().get()),
            high(far.clone().next().unwrap().addr().get())
        );
        let slots = slots::allocate::<Number>(4, pointers());
        // SAFETY: it is freed below.
        let with_tags = unsafe { SlotsRef::new(slots) };
        assert!(pointers().all(|near| with_tags.fits(near)));
        assert_eq!(far.into_iter().all(|far| with_tags.fits(far)), usize::BITS < 64);
        let without_tags = slots::allocate_empty::<Number>(8, 0, 0);
        // SAFETY: it is freed below.
        let found = unsafe { SlotsRef::new(without_tags) };
        for number in pointers() {
            assert!(found.fits(number));
            // SAFETY: it is in the vector.
            found.put(unsafe { number.as_ref() }.hash(), number);
        }
        for number in &series {
            // SAFETY: they are in the vector.
            let mut same = unsafe { found.candidates(number.hash()) };
            assert!(same.any(|(other, _)| other == NonNull::from(&**number)));
        }
        for slots in [slots, without_tags] {
            // SAFETY: nobody uses it below.
            unsafe { slots::free(slots) };
        }
    }

    #[test]
    fn lookups_without_a_record_find_what_is_there() {
        let family = crate::CounterFamily::new("x_total", "X.");
        family.get_or_create(&[("v", "1")]).inc();
        let _busy = reclaim::without_record();
        assert!(reclaim::enter().is_none());
        family.with(&[("v", "1")], crate::Counter::inc);
        family.with(&[("v", "2")], crate::Counter::inc);
        assert_eq!(family.get(&[("v", "1")]).map(|counter| counter.get()), Some(2));
        assert_eq!(family.get(&[("v", "2")]).map(|counter| counter.get()), Some(1));
        family.get_or_create(&[("le", "1")]).inc();
        family.get_or_create(&[("le", "1")]).inc();
        assert_eq!(family.series().map(|counter| counter.get()).collect::<Vec<_>>(), [2, 1, 2]);
    }
}

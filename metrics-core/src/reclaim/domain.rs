//! The threads that look up.

use std::iter;
use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use crate::sync::{AtomicPtr, AtomicU64, Lock, Ordering, full_fence, ordering};

/// How many things one thread can hold at once. A lookup past it is told so.
#[cfg(not(all(test, nilometer_loom)))]
const HELD: usize = 8;
#[cfg(all(test, nilometer_loom))]
const HELD: usize = 1;

/// All threads that have looked something up, dead or alive.
#[derive(Debug)]
pub(crate) struct Domain {
    /// The records, the newest first. Only added to.
    records: AtomicPtr<Record>,
    /// The first of the records whose threads have ended, for the next ones to adopt.
    free: Lock<Option<&'static Record>>,
}

/// What one thread at a time says of its lookups.
#[derive(Debug)]
pub(crate) struct Record {
    /// Odd while a lookup reads tables. Written by the owner alone, and never goes down, whoever the owner is.
    turn: AtomicU64,
    /// The addresses of what was found and is used after its lookup; null where there is room.
    held: [AtomicPtr<()>; HELD],
    /// The next older record. Written before the record is published, and never again.
    next: AtomicPtr<Record>,
    /// The next free record, while this one is free. Under the lock of [`Domain::free`].
    next_free: AtomicPtr<Record>,
}

/// A lookup that keeps what it can see from being freed, until it is dropped.
#[derive(Debug)]
#[must_use = "what was looked up can be freed as soon as the guard is dropped"]
pub(crate) struct Guard<'a> {
    record: &'a Record,
    /// What the record's turn is when the lookup has ended: what it was, for one lookup inside another.
    end: u64,
}

/// Keeps one thing from being freed, until it is dropped.
#[derive(Debug)]
#[must_use = "what is held can be freed as soon as this is dropped"]
pub(crate) struct Held<'a> {
    place: &'a AtomicPtr<()>,
}

impl Domain {
    #[cfg(not(all(test, nilometer_loom)))]
    pub(crate) const fn new() -> Domain {
        Domain { records: AtomicPtr::new(ptr::null_mut()), free: Lock::new("reclaim_adoption/free", None) }
    }

    #[cfg(all(test, nilometer_loom))]
    pub(crate) fn new() -> Domain {
        Domain { records: AtomicPtr::new(ptr::null_mut()), free: Lock::new("reclaim_adoption/free", None) }
    }

    /// A record for a thread that has none: one whose thread has ended, or a new one.
    pub(crate) fn adopt(&self) -> &'static Record {
        let adopted = self.free.with(|free| {
            let record = free.take()?;
            // ORDERING: Relaxed, here and in `release`: the lock orders them.
            let next = record.next_free.load(Ordering::Relaxed);
            // SAFETY: records are never freed.
            *free = unsafe { next.as_ref() };
            Some(record)
        });
        adopted.unwrap_or_else(|| self.make())
    }

    /// Takes back the record of a thread that ends. The lock hands its turn on to the next owner.
    pub(crate) fn release(&self, record: &'static Record) {
        self.free.with(|free| {
            let next = free.map_or(ptr::null(), ptr::from_ref).cast_mut();
            record.next_free.store(next, Ordering::Relaxed);
            *free = Some(record);
        });
    }

    #[cold]
    fn make(&self) -> &'static Record {
        let record: &'static CachePadded<Record> = Box::leak(Box::new(CachePadded::new(Record::new())));
        let new = ptr::from_ref::<Record>(record).cast_mut();
        // ORDERING: Relaxed, the exchange below checks it and acquires what it points at.
        let mut first = self.records.load(Ordering::Relaxed);
        loop {
            // ORDERING: Relaxed, the exchange below publishes it.
            record.next.store(first, Ordering::Relaxed);
            // ORDERING: Release, pairs with the Acquire in `records`: who finds the record finds what is in it. Those
            // before it were published by exchanges of the same atomic, which this one continues. Relaxed on failure,
            // as above.
            let publish = ordering!(Release, "reclaim_adoption/publish");
            match self.records.compare_exchange_weak(first, new, publish, Ordering::Relaxed) {
                Ok(_) => return record,
                Err(other) => first = other,
            }
        }
    }

    fn records(&self) -> impl Iterator<Item = &'static Record> + use<> {
        // ORDERING: Acquire, pairs with the Release in `make`. A record that is not found was published after the
        // remover's fence, so its owner's lookups come after the fence too, and see nothing of what was unlinked.
        let first = self.records.load(ordering!(Acquire, "reclaim_adoption/records"));
        // SAFETY: records are never freed.
        iter::successors(unsafe { first.as_ref() }, |record| {
            // ORDERING: Relaxed, it was written before the record was published.
            let next = record.next.load(Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { next.as_ref() }
        })
    }

    /// The lookups that may see what the caller unlinked just now.
    pub(super) fn inside(&self) -> Vec<Inside> {
        full_fence("reclaim_lookup/fence_of_remover");
        let lookups = self.records().map(|record| Inside { record, turn: record.turn() });
        lookups.filter(|lookup| !lookup.turn.is_multiple_of(2)).collect()
    }

    /// The addresses of all that is held, sorted.
    pub(super) fn held(&self) -> Vec<*mut ()> {
        let mut held: Vec<*mut ()> = Vec::new();
        for record in self.records() {
            for place in &record.held {
                // ORDERING: Acquire, pairs with the Release with which a place is cleared: who does not find the
                // address any more frees what its holder has done with.
                let address = place.load(ordering!(Acquire, "reclaim_hold/load"));
                if !address.is_null() {
                    held.push(address);
                }
            }
        }
        held.sort_unstable();
        held
    }
}

impl Record {
    fn new() -> Record {
        Record {
            turn: AtomicU64::new(0),
            held: std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())),
            next: AtomicPtr::new(ptr::null_mut()),
            next_free: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The turn, as a test looks at it.
    #[cfg(all(test, not(nilometer_loom)))]
    pub(super) fn turns(&self) -> u64 {
        self.turn()
    }

    /// How many lookups the record's owners have begun and ended, together.
    fn turn(&self) -> u64 {
        // ORDERING: Acquire, pairs with the Release of both stores: a turn later than a lookup's own is read after all
        // that the lookup has read.
        self.turn.load(ordering!(Acquire, "reclaim_lookup/turn"))
    }

    /// Begins a lookup. Only the thread that owns the record calls it.
    #[inline]
    pub(crate) fn enter(&self) -> Guard<'_> {
        // ORDERING: Relaxed, the owner reads its own last store, or that of the owner before, whom the free list's lock
        // puts before.
        let turn = self.turn.load(Ordering::Relaxed);
        // A lookup that interrupts another one of its thread, in a signal handler, leaves the end to that one.
        let is_outermost = turn.is_multiple_of(2);
        if is_outermost {
            // ORDERING: Release, for a remover that waits for an earlier lookup and reads this store first. The fence
            // keeps it above what the lookup reads.
            self.turn.store(turn + 1, ordering!(Release, "reclaim_lookup/enter"));
        }
        full_fence("reclaim_lookup/fence_of_lookup");
        Guard { record: self, end: if is_outermost { turn + 2 } else { turn } }
    }
}

/// A lookup that was under way when something was unlinked.
#[derive(Debug)]
pub(super) struct Inside {
    record: &'static Record,
    turn: u64,
}

impl Inside {
    pub(super) fn has_ended(&self) -> bool {
        self.record.turn() != self.turn
    }
}

impl PartialEq for Inside {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self.record, other.record) && self.turn == other.turn
    }
}

impl<'a> Guard<'a> {
    /// Ends the lookup and goes on holding `thing`, which it has found; or gives the guard back, when the thread holds as
    /// much as it can.
    #[inline]
    pub(crate) fn hold<T>(self, thing: NonNull<T>) -> Result<Held<'a>, Guard<'a>> {
        let [first, others @ ..] = &self.record.held;
        let place = if is_free(first) { Some(first) } else { find_free(others) };
        let Some(place) = place else { return Err(self) };
        // ORDERING: the end of the lookup publishes it. To a remover that reads it where another address stood, this
        // lookup's fence has put what was done with that before.
        place.store(thing.as_ptr().cast(), HOLD);
        Ok(Held { place })
    }
}

#[inline]
fn is_free(place: &AtomicPtr<()>) -> bool {
    // ORDERING: Relaxed, the owner alone fills places; one that another thread has cleared, after a coroutine has moved
    // there, is free as soon as that is seen.
    place.load(Ordering::Relaxed).is_null()
}

/// Where a thread that holds something already, within which it looks up, has room.
#[cold]
fn find_free(places: &[AtomicPtr<()>]) -> Option<&AtomicPtr<()>> {
    places.iter().find(|place| is_free(place))
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        // ORDERING: Release, pairs with the Acquire in `turn`: what the lookup read, and wrote to `held`, comes before.
        self.record.turn.store(self.end, ordering!(Release, "reclaim_lookup/leave"));
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        // ORDERING: Release, pairs with the Acquire in `held`: the thing was used before.
        self.place.store(ptr::null_mut(), ordering!(Release, "reclaim_hold/clear"));
    }
}

/// See [`Guard::hold`].
#[cfg(not(nilometer_tsan))]
const HOLD: Ordering = Ordering::Relaxed;
/// The thread sanitizer knows no fences, so the store has to publish by itself.
#[cfg(nilometer_tsan)]
const HOLD: Ordering = Ordering::Release;

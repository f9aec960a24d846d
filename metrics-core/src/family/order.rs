//! The series of a table in the order in which they were made.

use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::{self, NonNull};

use super::expiry::Expiry;
use super::table::Entry;
use crate::clock::Created;
use crate::prefetch::prefetch;

/// How many gaps are not worth closing.
const GAPS: usize = 32;

/// How many series fill the processor's nearer caches: fewer are read as fast as they come.
const LARGE: usize = 4096;

/// Series in their order, and those who go through them.
///
/// What is removed leaves a gap; gaps are closed when they are more than the series that are left, which costs each
/// removal a constant amount. A reader's place moves with the series: it goes on where it stopped, and ends before what
/// was made since it began, so a series that is removed and made anew behind its back is not shown twice.
///
/// A chunk that a reader has got is borrowed from the table. Who removes a series of it gives the reader a reference of
/// its own, so that reading costs no reference count where nothing is removed.
pub(super) struct Order<T: Entry> {
    /// What the references have alike.
    shared: T::Shared,
    /// From [`Entry::into_raw`], a reference each; null for a gap.
    places: Vec<*const T>,
    /// When the series at each place began. A gap has that of the series that was there.
    created: Vec<Created>,
    /// How long each has been idle, in a family whose series expire.
    pub(super) expiry: Option<Box<Expiry<T>>>,
    cursors: Vec<Cursor<T>>,
    next_id: CursorId,
}

/// What a reader is told of a series beside its values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub(super) created: Created,
    /// That of the series' sleeps which the reader may end with its removal; 0 for none.
    pub(super) sleep: u32,
}

/// What a reader does with the series of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It reads their values.
    Values,
    /// It hands them out, so that anything can be done with them.
    Handles,
}

/// Which reader.
pub(super) type CursorId = u64;

struct Cursor<T: Entry> {
    id: CursorId,
    reading: Reading,
    /// Where the chunk begins that the reader has got, where the next one begins, and where the last one ends.
    stops: [usize; 3],
    /// What was removed from that chunk.
    removed: Vec<T::Ref>,
}

// SAFETY: the pointers are references, which are `Send`.
unsafe impl<T: Entry> Send for Order<T> {}

impl<T: Entry> Order<T> {
    pub(super) fn new(shared: T::Shared) -> Order<T> {
        let (places, created) = (Vec::new(), Vec::new());
        Order { shared, places, created, expiry: None, cursors: Vec::new(), next_id: 0 }
    }

    /// How many places there are, gaps included.
    #[cfg(all(test, not(nilometer_loom)))]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }

    /// The series, of which the order has a reference each.
    pub(super) fn iter(&self) -> impl Iterator<Item = NonNull<T>> + Clone {
        self.places.iter().filter_map(|place| NonNull::new(place.cast_mut()))
    }

    /// The series that lookups find.
    pub(super) fn awake(&self) -> impl Iterator<Item = NonNull<T>> + Clone {
        let expiry = self.expiry.as_deref();
        let is_awake = move |at: usize| expiry.is_none_or(|expiry| !expiry.is_asleep(at));
        let places = self.places.iter().enumerate();
        places.filter_map(move |(at, place)| NonNull::new(place.cast_mut()).filter(|_| is_awake(at)))
    }

    pub(super) fn push(&mut self, series: T::Ref, created: Created) -> NonNull<T> {
        if self.places.len() == self.places.capacity() {
            // By an eighth, and not to the double: most series are never removed, so most of the room would stay empty.
            let more = (self.places.len() / 8).max(4);
            self.places.reserve_exact(more);
            self.created.reserve_exact(more);
        }
        series.place().set(self.places.len());
        let series = T::into_raw(series);
        self.places.push(series.as_ptr());
        self.created.push(created);
        if let Some(expiry) = &mut self.expiry {
            expiry.push();
        }
        series
    }

    /// Whether the series has its place here, and not only a reference elsewhere.
    pub(super) fn has(&self, series: &T) -> bool {
        self.places.get(series.place().get()).is_some_and(|place| ptr::eq(*place, series))
    }

    /// Another reference of a series that has its place here.
    pub(super) fn share(&self, series: &T) -> T::Ref {
        debug_assert!(self.has(series));
        // SAFETY: the pointer was put there by `push`, with a reference that stays there.
        let own = unsafe { T::from_raw(NonNull::from(series), self.shared) };
        T::Ref::clone(&ManuallyDrop::new(own))
    }

    /// Takes out the series at `place`.
    pub(super) fn remove(&mut self, place: usize) -> Option<T::Ref> {
        let shared = self.shared;
        if let Some(expiry) = &mut self.expiry {
            expiry.forget(place, NonNull::new(self.places[place].cast_mut()));
        }
        let series = std::mem::replace(&mut self.places[place], ptr::null());
        // SAFETY: it is a reference that was put there by `push`, and is taken out once, since a null stands there now.
        let series = unsafe { own(series, shared) }?;
        for cursor in &mut self.cursors {
            if cursor.has(place) {
                cursor.removed.push(series.clone());
            }
        }
        Some(series)
    }

    pub(super) fn take_all(&mut self) -> impl Iterator<Item = T::Ref> + use<T> {
        let shared = self.shared;
        for cursor in &mut self.cursors {
            let [start, next, _] = cursor.stops;
            for series in &self.places[start..next] {
                // SAFETY: not null, it is a reference that is taken out below.
                if let Some(series) = unsafe { own(*series, shared) } {
                    cursor.removed.push(series.clone());
                    std::mem::forget(series);
                }
            }
            cursor.stops = [0; 3];
        }
        self.created = Vec::new();
        if let Some(expiry) = &mut self.expiry {
            expiry.clear();
        }
        // SAFETY: as in `remove`: nothing stands there now.
        std::mem::take(&mut self.places).into_iter().filter_map(move |series| unsafe { own(series, shared) })
    }

    pub(super) fn has_gaps_to_close(&self, len: usize) -> bool {
        self.places.len() > 2 * len + GAPS
    }

    pub(super) fn close_gaps(&mut self) {
        for cursor in &mut self.cursors {
            let rank = |stop| self.places[..stop].iter().filter(|place| !place.is_null()).count();
            cursor.stops = cursor.stops.map(rank);
        }
        retain_at(&mut self.created, |at| !self.places[at].is_null());
        if let Some(expiry) = &mut self.expiry {
            expiry.retain_at(|at| !self.places[at].is_null());
        }
        self.places.retain(|place| !place.is_null());
        self.places.shrink_to_fit();
        for (place, series) in self.iter().enumerate() {
            // SAFETY: the order has a reference of it.
            unsafe { series.as_ref() }.place().set(place);
        }
    }

    pub(super) fn begin(&mut self, reading: Reading) -> CursorId {
        let id = self.next_id;
        self.next_id += 1;
        self.cursors.push(Cursor { id, reading, stops: [0, 0, self.places.len()], removed: Vec::new() });
        id
    }

    /// Calls `each` with the next series, and returns what was removed of the chunk before.
    pub(super) fn next_chunk(
        &mut self,
        id: CursorId,
        mut most: usize,
        mut each: impl FnMut(NonNull<T>, Note),
    ) -> Vec<T::Ref> {
        let Some(cursor) = self.cursors.iter_mut().find(|cursor| cursor.id == id) else { return Vec::new() };
        let [_, start, end] = cursor.stops;
        let mut next = start;
        for place in &self.places[start..end] {
            if most == 0 {
                break;
            }
            if let Some(series) = NonNull::new(place.cast_mut()) {
                let sleep = self.expiry.as_deref().map_or(0, |expiry| expiry.sound_sleep(next, series));
                each(series, Note { created: self.created[next], sleep });
                most -= 1;
            }
            next += 1;
        }
        cursor.stops = [start, next, end];
        let removed = std::mem::take(&mut cursor.removed);
        self.prefetch(next..end, next - start);
        removed
    }

    /// Asks for what a reader needs next: the parts of the series of its next chunk, and after those the series
    /// themselves, whose parts the next call asks for.
    ///
    /// PERF: `stream/growth` in `benches/LEDGER.md`. A reader that writes what it gets would wait for memory, twice for
    /// each series; it was 1.5 times slower on a page of a million than on one of a thousand, and is 1.2 times.
    fn prefetch(&self, rest: Range<usize>, most: usize) {
        if self.places.len() < LARGE {
            return;
        }
        let rest = &self.places[rest];
        let (next, later) = rest.split_at(most.min(rest.len()));
        for series in next.iter().filter_map(|place| NonNull::new(place.cast_mut())) {
            // SAFETY: the order has a reference of it.
            unsafe { series.as_ref() }.prefetch();
        }
        later.iter().take(most).for_each(|&series| prefetch(series));
    }

    /// Whether somebody hands out the series at `place` just now.
    pub(super) fn is_handed_out(&self, place: usize) -> bool {
        self.cursors.iter().any(|cursor| cursor.reading == Reading::Handles && cursor.has(place))
    }

    /// The series of the chunk that a reader has got which lookups do not find.
    pub(super) fn asleep_in_chunk(&self, id: CursorId) -> Vec<NonNull<T>> {
        let (Some(expiry), Some(cursor)) =
            (self.expiry.as_deref(), self.cursors.iter().find(|cursor| cursor.id == id))
        else {
            return Vec::new();
        };
        let [start, next, _] = cursor.stops;
        let asleep = (start..next).filter(|at| cursor.reading == Reading::Handles && expiry.is_asleep(*at));
        asleep.filter_map(|at| NonNull::new(self.places[at].cast_mut())).collect()
    }

    /// Ends a reader, and returns what was removed of its last chunk.
    pub(super) fn end(&mut self, id: CursorId) -> Vec<T::Ref> {
        let at = self.cursors.iter().position(|cursor| cursor.id == id);
        at.map(|at| self.cursors.swap_remove(at).removed).unwrap_or_default()
    }
}

impl<T: Entry> Cursor<T> {
    /// Whether the series at `place` is in the chunk that the reader has got.
    fn has(&self, place: usize) -> bool {
        let [start, next, _] = self.stops;
        (start..next).contains(&place)
    }
}

/// Keeps what stands where `keep` says so, and the room that it needs.
pub(super) fn retain_at<E>(list: &mut Vec<E>, mut keep: impl FnMut(usize) -> bool) {
    let mut at = 0;
    list.retain(|_| {
        at += 1;
        keep(at - 1)
    });
    list.shrink_to_fit();
}

/// # Safety
///
/// Null, or from [`Entry::into_raw`], with a reference that is the caller's from now on, and `shared` is its table's.
unsafe fn own<T: Entry>(series: *const T, shared: T::Shared) -> Option<T::Ref> {
    // SAFETY: by this function's contract.
    NonNull::new(series.cast_mut()).map(|series| unsafe { T::from_raw(series, shared) })
}

//! The series of a table in the order in which they were made.

use std::ops::Range;
use std::ptr::{self, NonNull};

use super::table::Entry;
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
    cursors: Vec<Cursor<T>>,
    next_id: CursorId,
}

/// Which reader.
pub(super) type CursorId = u64;

struct Cursor<T: Entry> {
    id: CursorId,
    /// Where the chunk begins that the reader has got, where the next one begins, and where the last one ends.
    stops: [usize; 3],
    /// What was removed from that chunk.
    removed: Vec<T::Ref>,
}

// SAFETY: the pointers are references, which are `Send`.
unsafe impl<T: Entry> Send for Order<T> {}

impl<T: Entry> Order<T> {
    pub(super) fn new(shared: T::Shared) -> Order<T> {
        Order { shared, places: Vec::new(), cursors: Vec::new(), next_id: 0 }
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

    pub(super) fn push(&mut self, series: T::Ref) -> NonNull<T> {
        if self.places.len() == self.places.capacity() {
            // By an eighth, and not to the double: most series are never removed, so most of the room would stay empty.
            self.places.reserve_exact((self.places.len() / 8).max(4));
        }
        series.place().set(self.places.len());
        let series = T::into_raw(series);
        self.places.push(series.as_ptr());
        series
    }

    /// Takes out the series at `place`.
    pub(super) fn remove(&mut self, place: usize) -> Option<T::Ref> {
        let shared = self.shared;
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
        self.places.retain(|place| !place.is_null());
        self.places.shrink_to_fit();
        for (place, series) in self.iter().enumerate() {
            // SAFETY: the order has a reference of it.
            unsafe { series.as_ref() }.place().set(place);
        }
    }

    pub(super) fn begin(&mut self) -> CursorId {
        let id = self.next_id;
        self.next_id += 1;
        self.cursors.push(Cursor { id, stops: [0, 0, self.places.len()], removed: Vec::new() });
        id
    }

    /// Calls `each` with the next series, and returns what was removed of the chunk before.
    pub(super) fn next_chunk(
        &mut self,
        id: CursorId,
        mut most: usize,
        mut each: impl FnMut(NonNull<T>),
    ) -> Vec<T::Ref> {
        let Some(cursor) = self.cursors.iter_mut().find(|cursor| cursor.id == id) else { return Vec::new() };
        let [_, start, end] = cursor.stops;
        let mut next = start;
        for place in &self.places[start..end] {
            if most == 0 {
                break;
            }
            next += 1;
            if let Some(series) = NonNull::new(place.cast_mut()) {
                each(series);
                most -= 1;
            }
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

/// # Safety
///
/// Null, or from [`Entry::into_raw`], with a reference that is the caller's from now on, and `shared` is its table's.
unsafe fn own<T: Entry>(series: *const T, shared: T::Shared) -> Option<T::Ref> {
    // SAFETY: by this function's contract.
    NonNull::new(series.cast_mut()).map(|series| unsafe { T::from_raw(series, shared) })
}

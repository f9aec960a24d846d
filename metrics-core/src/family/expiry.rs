//! Series that go when nothing has changed them for a while.
//!
//! # The protocol
//!
//! Who collects a family knows the values of all its series, and when it last saw each of them change. What has been
//! idle for the family's period is taken out in two steps, since a lookup takes no lock, and could be on its way to
//! recording into a series that was idle a moment ago:
//!
//! 1. A series that is idle, and of which nobody has a handle, falls asleep: it is unlinked, so that lookups do not find
//!    it, but keeps its place, and is collected as before. A reference of it goes to the garbage, which drops it when
//!    every lookup that can have seen the series is over.
//! 2. A series that is asleep and has no reference but the table's sleeps soundly: nobody can record into it. A
//!    collection that finds it so, and then reads the value that it fell asleep with, removes it.
//!
//! Whoever wants to make a series that is asleep wakes it instead, under the table's lock: it is linked again, and is
//! what it was. So does whoever is about to hand out handles of all series. Each sleep has a number, and a collection
//! removes a series in the sleep alone that it found sound before it read the value. So nothing that is recorded is
//! lost, and no handle of a series that was there is left with one that is not.

use std::ptr::NonNull;

use hashbrown::HashTable;

use super::order::{Note, retain_at};
use super::table::{Entry, Writing};
use crate::collect::Point;

/// What a family whose series expire remembers of them, by place.
pub(super) struct Expiry<T> {
    marks: Vec<Mark>,
    /// The series that are asleep.
    asleep: HashTable<NonNull<T>>,
    last_sleep: u32,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    /// What stands for the values when they were seen last.
    values: u64,
    /// Since when they are these, in nanoseconds of the family's clock; [`UNSEEN`] before they were seen.
    since: u64,
    /// The number of its sleep; 0 while lookups find it.
    sleep: u32,
}

const UNSEEN: u64 = u64::MAX;

/// What a collection has found of one series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<T> {
    pub(super) series: NonNull<T>,
    /// What stands for its values.
    pub(super) values: u64,
    /// The sleep that was sound before they were read; 0 for none.
    pub(super) sleep: u32,
}

impl<T: Entry> Seen<T> {
    pub(super) fn new(series: &T::Ref, values: u64, note: Note) -> Seen<T> {
        Seen { series: NonNull::from(&**series), values, sleep: note.sleep }
    }
}

impl<T: Entry> Expiry<T> {
    pub(super) fn new() -> Expiry<T> {
        Expiry { marks: Vec::new(), asleep: HashTable::new(), last_sleep: 0 }
    }

    pub(super) fn push(&mut self) {
        self.marks.push(Mark { values: 0, since: UNSEEN, sleep: 0 });
    }

    pub(super) fn is_asleep(&self, place: usize) -> bool {
        self.marks[place].sleep != 0
    }

    /// The number of a sleep in which nobody can wake up the series but under the table's lock.
    pub(super) fn sound_sleep(&self, place: usize, series: NonNull<T>) -> u32 {
        let sleep = self.marks[place].sleep;
        // SAFETY: it has its place, and so a reference.
        if sleep != 0 && unsafe { series.as_ref() }.is_alone() { sleep } else { 0 }
    }

    /// Forgets the series at `place`, which is taken out.
    pub(super) fn forget(&mut self, place: usize, series: Option<NonNull<T>>) {
        if let Some(series) = series
            && self.is_asleep(place)
        {
            self.wake(place, series);
        }
    }

    pub(super) fn clear(&mut self) {
        self.marks = Vec::new();
        self.asleep.clear();
    }

    pub(super) fn retain_at(&mut self, keep: impl FnMut(usize) -> bool) {
        retain_at(&mut self.marks, keep);
    }

    fn sleep(&mut self, place: usize, series: NonNull<T>) {
        // A number that was given four thousand million sleeps ago is nobody's any more.
        self.last_sleep = self.last_sleep.checked_add(1).unwrap_or(1);
        self.marks[place].sleep = self.last_sleep;
        self.asleep.insert_unique(spread(hash(series)), series, |series| spread(hash(*series)));
    }

    fn wake(&mut self, place: usize, series: NonNull<T>) {
        self.marks[place].sleep = 0;
        if let Ok(entry) = self.asleep.find_entry(spread(hash(series)), |other| *other == series) {
            entry.remove();
        }
    }
}

fn hash<T: Entry>(series: NonNull<T>) -> u32 {
    // SAFETY: what is asleep has its place, and so a reference.
    unsafe { series.as_ref() }.hash()
}

/// The hash in all 64 bits, as the table wants it.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl<T: Entry> Writing<'_, T> {
    fn expiry(&mut self) -> Option<&mut Expiry<T>> {
        self.order().expiry.as_deref_mut()
    }

    /// The series of this hash that is asleep and that `is_match` says is the one, awake now: valid while the lock is
    /// held.
    pub(super) fn find_asleep(&mut self, hash: u32, is_match: impl Fn(&T) -> bool) -> Option<NonNull<T>> {
        let expiry = self.expiry()?;
        // SAFETY: what is asleep has its place, and so a reference.
        let is_match = |series: &NonNull<T>| is_match(unsafe { series.as_ref() });
        let series = *expiry.asleep.find(spread(hash), is_match)?;
        self.wake(series);
        Some(series)
    }

    /// Lets lookups find a series again that has its place.
    pub(super) fn wake(&mut self, series: NonNull<T>) {
        // SAFETY: it has its place, and so a reference.
        let place = unsafe { series.as_ref() }.place().get();
        if let Some(expiry) = self.expiry().filter(|expiry| expiry.is_asleep(place)) {
            expiry.wake(place, series);
            self.link(series);
        }
    }

    /// Takes note of what a collection found at `now`, and takes out what has been idle for `period`, both in
    /// nanoseconds; returns how many series are gone.
    pub(super) fn age(&mut self, seen: &[Seen<T>], now: u64, period: u64) -> usize {
        let before = self.len();
        for &Seen { series, values, sleep } in seen {
            // SAFETY: the collection has a reference, as long as it has not asked for other series.
            let entry = unsafe { series.as_ref() };
            if !self.order().has(entry) {
                continue;
            }
            let place = entry.place().get();
            let Some(expiry) = self.expiry() else { return 0 };
            let mark = expiry.marks[place];
            if mark.since == UNSEEN || mark.values != values {
                expiry.marks[place] = Mark { values, since: now, ..mark };
                self.wake(series);
                continue;
            }
            let is_due = now.saturating_sub(mark.since) >= period;
            if mark.sleep != 0 && mark.sleep == sleep {
                // Also where it is not due any more, which it was when it fell asleep.
                self.remove(entry);
            } else if mark.sleep == 0 && is_due && entry.is_alone() && !self.order().is_handed_out(place) {
                self.unlink(entry);
                let order = self.order();
                let reference = order.share(entry);
                if let Some(expiry) = &mut order.expiry {
                    expiry.sleep(place, series);
                }
                self.retire(reference);
            }
        }
        before - self.len()
    }
}

/// What stands for a point's values: others have, all but certainly, another number.
pub(super) fn fingerprint(point: &Point<'_>) -> u64 {
    let mut hash = Fingerprint(0);
    match point {
        Point::Counter(point) => hash.number(point.total()),
        Point::Gauge(point) => hash.number(point.value()),
        Point::UpDownCounter(point) => hash.number(point.value()),
        Point::Histogram(point) | Point::GaugeHistogram(point) => {
            hash.add(point.sum().to_bits());
            point.counts().iter().for_each(|&count| hash.add(count));
            if let Some(exponential) = point.exponential() {
                hash.add(exponential.count());
                hash.add(exponential.zero_count());
            }
        }
        // Quantiles move with the window, whether or not anything is observed.
        Point::Summary(point) => {
            hash.add(point.sum().to_bits());
            hash.add(point.count());
        }
        Point::Info => {}
        Point::StateSet(point) => point.states().iter().for_each(|&(_, is_on)| hash.add(u64::from(is_on))),
    }
    hash.0
}

struct Fingerprint(u64);

impl Fingerprint {
    /// Of one number alone, no two have the same result: each step can be undone.
    fn add(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn number(&mut self, number: crate::collect::Number) {
        use crate::collect::Number;
        self.add(match number {
            Number::U64(value) => value,
            Number::I64(value) => value.cast_unsigned(),
            Number::F64(value) => value.to_bits(),
        });
    }
}

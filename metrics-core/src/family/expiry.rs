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

/// What stands for a point's values, or for there being none: others have, all but certainly, another number.
pub(super) fn fingerprint(point: Option<&Point<'_>>) -> u64 {
    let mut hash = Fingerprint(0);
    let Some(point) = point else {
        hash.add(NOTHING);
        return hash.0;
    };
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

/// What stands for no values: as the bits of an `f64`, a NaN, which no gauge of a window has.
const NOTHING: u64 = u64::MAX;

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

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::time::Duration;

    use super::super::order::{CursorId, Reading};
    use super::*;
    use crate::collect::{CounterPoint, GaugePoint, HistogramPoint};
    use crate::{Counter, MetricsRegistry};

    #[test]
    fn a_collection_that_saw_another_sleep_does_not_remove_a_series() {
        let registry = MetricsRegistry::new();
        let builder = registry.family::<Counter>("x_total", "X.").with_expire_after(Duration::ZERO);
        let family = builder.register().unwrap();
        let (core, table) = (&family.core, family.core.table());
        let look = || {
            let cursor = table.begin(Reading::Values);
            let mut seen = Vec::new();
            table.next_chunk(cursor, 8, |series, note| {
                // SAFETY: the cursor keeps it.
                let values = unsafe { core.borrowed(series) }.get();
                seen.push(Seen { series, values, sleep: note.sleep });
            });
            (cursor, seen)
        };
        let end = |(cursor, seen): (CursorId, Vec<_>)| {
            table.write(|table| table.age(&seen, 0, 0));
            table.end(cursor);
        };
        family.with(&[], Counter::inc);
        end(look());
        end(look());
        let (first, second) = (look(), look());
        assert!(first.1[0].sleep != 0, "it sleeps soundly");
        family.with(&[], Counter::inc);
        // It has the value from before the second increment, and lets the series fall asleep once more.
        end(second);
        assert_eq!(table.write(|table| table.order().awake().count()), 0);
        end(first);
        assert_eq!(family.get(&[]).map(|counter| counter.get()), Some(2));
    }

    #[test]
    fn other_values_have_another_fingerprint() {
        let counts = [[1, 0], [0, 1], [1, 1]];
        let histograms = counts.iter().map(|counts| HistogramPoint::trusted(&[1.0], counts, 0.5).into());
        let others = [HistogramPoint::trusted(&[1.0], &[1, 0], 1.5).into()];
        let counters = [0, 1, 2, u64::MAX].map(|total| CounterPoint::new(total).into());
        let gauges = [-1.0, 1.5, f64::NAN].map(|value| Point::from(GaugePoint::new(value)));
        let points: Vec<Point<'_>> =
            histograms.chain(others).chain(counters).chain(gauges.iter().copied()).collect();
        for (at, point) in points.iter().enumerate() {
            let fingerprint_of_it = fingerprint(Some(point));
            let same = points.iter().filter(|other| fingerprint(Some(other)) == fingerprint_of_it).count();
            assert_eq!(same, 1, "{at}");
        }
        let shown = gauges.iter().any(|point| fingerprint(Some(point)) == fingerprint(None));
        assert!(!shown, "nothing is none of them");
    }
}

#[cfg(all(test, nilometer_loom))]
mod models {
    use std::collections::HashMap;
    use std::ops::Deref;
    use std::sync::Arc;

    use loom::cell::UnsafeCell;
    use loom::thread;

    use super::super::order::Reading;
    use super::super::place::Place;
    use super::super::table::Table;
    use super::*;
    use crate::clock::Clock;
    use crate::count::Count;
    use crate::reclaim::Domain;
    use crate::sync::{AtomicU64, Ordering};

    /// A series of one family, whose memory is never given back, so that loom finds who uses it after its end.
    struct Series {
        count: Count,
        place: Place,
        memory: &'static UnsafeCell<()>,
        value: &'static AtomicU64,
    }

    // SAFETY: loom is there to find that the memory is used after its end.
    unsafe impl Send for Series {}
    // SAFETY: as above.
    unsafe impl Sync for Series {}

    struct Ref(NonNull<Series>);

    // SAFETY: it is a counted reference of what is shared.
    unsafe impl Send for Ref {}

    impl Ref {
        fn new() -> Ref {
            let memory = Box::leak(Box::new(UnsafeCell::new(())));
            let value = Box::leak(Box::new(AtomicU64::new(0)));
            let series = Series { count: Count::one(), place: Place::new(), memory, value };
            Ref(NonNull::from(Box::leak(Box::new(series))))
        }
    }

    impl Series {
        fn record(&self) {
            self.memory.with(|_| ());
            self.value.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Deref for Ref {
        type Target = Series;

        fn deref(&self) -> &Series {
            // SAFETY: it is never given back.
            unsafe { self.0.as_ref() }
        }
    }

    impl Clone for Ref {
        fn clone(&self) -> Ref {
            self.count.add();
            Ref(self.0)
        }
    }

    impl Drop for Ref {
        fn drop(&mut self) {
            if self.count.take() {
                self.memory.with_mut(|_| ());
            }
        }
    }

    impl Entry for Series {
        type Ref = Ref;
        type Shared = ();

        fn into_raw(series: Ref) -> NonNull<Series> {
            std::mem::ManuallyDrop::new(series).0
        }

        unsafe fn from_raw(series: NonNull<Series>, (): ()) -> Ref {
            Ref(series)
        }

        fn hash(&self) -> u32 {
            1
        }

        fn place(&self) -> &Place {
            &self.place
        }

        fn is_alone(&self) -> bool {
            self.count.is_one()
        }
    }

    struct Family {
        domain: &'static Domain,
        table: Table<Series>,
    }

    impl Family {
        fn new() -> Arc<Family> {
            let domain: &'static Domain = Box::leak(Box::new(Domain::new()));
            let table = Table::new(domain, ());
            table.expire();
            Arc::new(Family { domain, table })
        }

        /// The series, made if it is not there.
        fn get_or_create(&self) -> Ref {
            self.table.write(|table| {
                let found = table.find(1, |_| true).or_else(|| table.find_asleep(1, |_| true));
                let series = found.unwrap_or_else(|| {
                    let series = Ref::new();
                    let found = series.0;
                    table.insert(series, Clock::system().created());
                    found
                });
                // SAFETY: it has its place.
                table.order().share(unsafe { series.as_ref() })
            })
        }

        /// Records without a reference, where a lookup finds the series.
        fn record(&self) {
            let guard = self.domain.adopt().enter();
            match self.table.candidates(&guard, 1).next() {
                Some((_, series)) => series.record(),
                None => {
                    drop(guard);
                    self.get_or_create().record();
                }
            }
        }

        /// Records with a reference, of which it was told by a reader of all series.
        fn record_all(&self) {
            let cursor = self.table.begin(Reading::Handles);
            let mut found = Vec::new();
            self.table.next_chunk(cursor, 8, |series, _| found.push(series));
            for series in &found {
                // SAFETY: the cursor keeps it.
                unsafe { series.as_ref() }.record();
            }
            self.table.end(cursor);
            if found.is_empty() {
                self.get_or_create().record();
            }
        }

        /// What a collection does, for which every series is idle that it finds as the one before.
        fn collect(&self, shown: &mut HashMap<*const AtomicU64, u64>) {
            self.table.drain();
            let cursor = self.table.begin(Reading::Values);
            let mut found = Vec::new();
            self.table.next_chunk(cursor, 8, |series, note| found.push((series, note)));
            let seen: Vec<_> = found
                .into_iter()
                .map(|(series, note)| {
                    // SAFETY: the cursor keeps it.
                    let entry = unsafe { series.as_ref() };
                    let values = entry.value.load(Ordering::Relaxed);
                    shown.insert(std::ptr::from_ref(entry.value), values);
                    Seen { series, values, sleep: note.sleep }
                })
                .collect();
            self.table.write(|table| table.age(&seen, 0, 0));
            self.table.end(cursor);
        }
    }

    /// Collections, while another thread records once: whatever was recorded was shown when all is over.
    fn nothing_is_lost(record: fn(&Family), before: usize) {
        loom::model(move || {
            let family = Family::new();
            let mut shown = HashMap::new();
            family.get_or_create().record();
            for _ in 0..before {
                family.collect(&mut shown);
            }
            let recorder = thread::spawn({
                let family = Arc::clone(&family);
                move || record(&family)
            });
            family.collect(&mut shown);
            family.collect(&mut shown);
            recorder.join().unwrap();
            family.collect(&mut shown);
            assert_eq!(shown.values().sum::<u64>(), 2, "one before, and one of the other thread");
        });
    }

    /// The series falls asleep and is removed while it is looked up.
    #[test]
    fn series_expiry() {
        nothing_is_lost(Family::record, 1);
    }

    /// It is asleep when it is looked up.
    #[test]
    fn series_expiry_asleep() {
        nothing_is_lost(Family::record, 2);
    }

    /// It falls asleep and is removed while all series are gone through.
    #[test]
    fn series_expiry_handed_out() {
        nothing_is_lost(Family::record_all, 1);
    }

    /// It is asleep when all series are gone through.
    #[test]
    fn series_expiry_asleep_handed_out() {
        nothing_is_lost(Family::record_all, 2);
    }
}

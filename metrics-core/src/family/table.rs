//! The series of a family, by their labels.

use std::ops::Range;

use hashbrown::HashTable;

use crate::label::Query;
use crate::metric::Metric;

/// Series in the order in which they were made, found through an index by hash.
///
/// Each series has a number that is never used again, and they stand in the order of their numbers: a reader that goes
/// through them a few at a time remembers the number where it stopped, and leaves out what was made since it began, so
/// a series that is removed and made anew behind its back is not shown twice. What is removed leaves a gap; gaps are
/// closed when they are more than the series that are left, which costs each removal a constant amount.
#[derive(Debug)]
pub(super) struct Table<M> {
    index: HashTable<Place>,
    places: Vec<Entry<M>>,
    next_number: u64,
    /// Where everything goes that has no series of its own; not counted against a limit.
    pub(super) overflow: Option<M>,
}

/// How many gaps are not worth closing.
const GAPS: usize = 32;

#[derive(Debug)]
struct Place {
    hash: u64,
    at: usize,
}

#[derive(Debug)]
struct Entry<M> {
    number: u64,
    /// `None` once the series was removed.
    metric: Option<M>,
}

impl<M: Metric> Table<M> {
    pub(super) fn new() -> Table<M> {
        Table { index: HashTable::new(), places: Vec::new(), next_number: 0, overflow: None }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The number that the next series will have: all there are now have lower ones.
    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    pub(super) fn find(&self, query: &Query<'_>) -> Option<&M> {
        let place = self.index.find(query.hash(), |place| is_match(&self.places, place, query))?;
        self.places[place.at].metric.as_ref()
    }

    pub(super) fn insert(&mut self, hash: u64, metric: M) {
        let at = self.places.len();
        self.places.push(Entry { number: self.next_number, metric: Some(metric) });
        self.next_number += 1;
        self.index.insert_unique(hash, Place { hash, at }, |place| place.hash);
    }

    /// Takes the series out that `query` asks for.
    pub(super) fn remove(&mut self, query: &Query<'_>) -> Option<M> {
        let places = &self.places;
        let found = self.index.find_entry(query.hash(), |place| is_match(places, place, query));
        let (place, _) = found.ok()?.remove();
        self.vacate(place.at)
    }

    /// Takes this very series out, unless it is gone already.
    pub(super) fn remove_series(&mut self, metric: &M) -> Option<M> {
        let places = &self.places;
        let is_same = |place: &Place| {
            places[place.at].metric.as_ref().is_some_and(|candidate| candidate.same_series(metric))
        };
        let hash = metric.series_labels().as_set().hash_value();
        let (place, _) = self.index.find_entry(hash, is_same).ok()?.remove();
        self.vacate(place.at)
    }

    /// Takes all series out, the overflow series too. Numbers go on.
    pub(super) fn take_all(&mut self) -> (Vec<M>, Option<M>) {
        self.index.clear();
        let series = self.places.drain(..).filter_map(|entry| entry.metric).collect();
        (series, self.overflow.take())
    }

    /// Copies up to `most` handles to `out`, of the series whose numbers are in `numbers`; returns the number to go on
    /// from.
    pub(super) fn copy(&self, numbers: Range<u64>, most: usize, out: &mut Vec<M>) -> u64 {
        let start = self.places.partition_point(|entry| entry.number < numbers.start);
        for entry in &self.places[start..] {
            if entry.number >= numbers.end || out.len() >= most {
                return entry.number.min(numbers.end);
            }
            out.extend(entry.metric.clone());
        }
        numbers.end
    }

    fn vacate(&mut self, at: usize) -> Option<M> {
        let metric = self.places[at].metric.take();
        if self.places.len() > 2 * self.index.len() + GAPS {
            self.close_gaps();
        }
        metric
    }

    fn close_gaps(&mut self) {
        self.places.retain(|entry| entry.metric.is_some());
        self.index.clear();
        for (at, entry) in self.places.iter().enumerate() {
            if let Some(metric) = &entry.metric {
                let hash = metric.series_labels().as_set().hash_value();
                self.index.insert_unique(hash, Place { hash, at }, |place| place.hash);
            }
        }
    }
}

fn is_match<M: Metric>(places: &[Entry<M>], place: &Place, query: &Query<'_>) -> bool {
    let metric = places[place.at].metric.as_ref();
    metric.is_some_and(|metric| metric.series_labels().as_set().matches(query))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CounterFamily;
    use crate::counter::Counter;

    fn labels(value: u32) -> String {
        value.to_string()
    }

    fn table(values: impl IntoIterator<Item = u32>) -> Table<Counter> {
        let family = CounterFamily::new("x_total", "X.");
        let mut table = Table::new();
        for value in values {
            let metric = family.get_or_create(&[("v", &labels(value))]);
            table.insert(metric.labels().as_set().hash_value(), metric);
        }
        table
    }

    fn remove(table: &mut Table<Counter>, value: u32) -> bool {
        table.remove(&Query::new(&[("v", &labels(value))]).unwrap()).is_some()
    }

    fn values(handles: &[Counter]) -> Vec<u32> {
        handles.iter().map(|handle| handle.labels().get("v").unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn a_reader_goes_on_where_it_stopped_though_gaps_were_closed_meanwhile() {
        let mut table = table(0..200);
        let below = table.next_number();
        let mut out = Vec::new();
        let from = table.copy(0..below, 50, &mut out);
        assert_eq!(values(&out), (0..50).collect::<Vec<_>>());
        for value in (0..200).filter(|value| value % 10 != 0) {
            assert!(remove(&mut table, value));
        }
        assert!(table.places.len() < 100, "{} places for {} series", table.places.len(), table.len());
        out.clear();
        assert_eq!(table.copy(from..below, 100, &mut out), below);
        assert_eq!(values(&out), (5..20).map(|ten| ten * 10).collect::<Vec<_>>());
        for value in (0..200).filter(|value| value % 10 == 0) {
            assert!(remove(&mut table, value), "{value} is found after its place has moved");
        }
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn series_that_come_and_go_take_no_more_places_than_their_number_warrants() {
        let mut table = table(0..10);
        for value in 10..1_000 {
            assert!(remove(&mut table, value - 10));
            let metric = CounterFamily::new("x_total", "X.").get_or_create(&[("v", &labels(value))]);
            table.insert(metric.labels().as_set().hash_value(), metric);
        }
        assert_eq!(table.len(), 10);
        assert!(table.places.len() <= 2 * 10 + GAPS + 1);
    }
}

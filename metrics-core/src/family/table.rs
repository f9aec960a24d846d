//! The series of a family, by their labels.

use hashbrown::HashTable;

use crate::label::Query;
use crate::metric::Metric;

/// Series in the order in which they were made, found through an index by hash.
///
/// A series keeps its place until it is removed; the next one takes a free place. Each has a number that is never
/// used again: a reader that goes through the places a few at a time skips what was made since it began, so a series
/// that is removed and made anew behind its back is not shown twice.
#[derive(Debug)]
pub(super) struct Table<M> {
    index: HashTable<Place>,
    places: Vec<Option<Entry<M>>>,
    free: Vec<usize>,
    next_number: u64,
    /// Where everything goes that has no series of its own; not counted against a limit.
    pub(super) overflow: Option<M>,
}

#[derive(Debug)]
struct Place {
    hash: u64,
    at: usize,
}

#[derive(Debug)]
struct Entry<M> {
    number: u64,
    metric: M,
}

impl<M: Metric> Table<M> {
    pub(super) fn new() -> Table<M> {
        Table {
            index: HashTable::new(),
            places: Vec::new(),
            free: Vec::new(),
            next_number: 0,
            overflow: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The number that the next series will have: all there are now have lower ones.
    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    pub(super) fn find(&self, query: &Query<'_>) -> Option<&M> {
        let place = self.index.find(query.hash(), |place| self.is_match(place, query))?;
        self.places[place.at].as_ref().map(|entry| &entry.metric)
    }

    pub(super) fn insert(&mut self, hash: u64, metric: M) {
        let entry = Some(Entry { number: self.next_number, metric });
        self.next_number += 1;
        let at = if let Some(at) = self.free.pop() {
            self.places[at] = entry;
            at
        } else {
            self.places.push(entry);
            self.places.len() - 1
        };
        self.index.insert_unique(hash, Place { hash, at }, |place| place.hash);
    }

    /// Takes the series out that `query` asks for.
    pub(super) fn remove(&mut self, query: &Query<'_>) -> Option<M> {
        let places = &self.places;
        let is_match = |place: &Place| {
            let entry = places[place.at].as_ref();
            entry.is_some_and(|entry| entry.metric.series_labels().as_set().matches(query))
        };
        let (place, _) = self.index.find_entry(query.hash(), is_match).ok()?.remove();
        self.vacate(place.at)
    }

    /// Takes this very series out, unless it is gone already.
    pub(super) fn remove_series(&mut self, metric: &M) -> Option<M> {
        let places = &self.places;
        let is_same = |place: &Place| {
            let entry = places[place.at].as_ref();
            entry.is_some_and(|entry| entry.metric.same_series(metric))
        };
        let hash = metric.series_labels().as_set().hash_value();
        let (place, _) = self.index.find_entry(hash, is_same).ok()?.remove();
        self.vacate(place.at)
    }

    /// Takes all series out, the overflow series too. Numbers go on.
    pub(super) fn take_all(&mut self) -> (Vec<M>, Option<M>) {
        self.index.clear();
        self.free.clear();
        let series = self.places.drain(..).flatten().map(|entry| entry.metric).collect();
        (series, self.overflow.take())
    }

    /// Copies up to `most` handles to `out`, from place `at` on, of series below `number`; returns where to go on.
    pub(super) fn copy(&self, mut at: usize, number: u64, most: usize, out: &mut Vec<M>) -> usize {
        while at < self.places.len() && out.len() < most {
            if let Some(entry) = &self.places[at]
                && entry.number < number
            {
                out.push(entry.metric.clone());
            }
            at += 1;
        }
        at
    }

    fn is_match(&self, place: &Place, query: &Query<'_>) -> bool {
        let entry = self.places[place.at].as_ref();
        entry.is_some_and(|entry| entry.metric.series_labels().as_set().matches(query))
    }

    fn vacate(&mut self, at: usize) -> Option<M> {
        self.free.push(at);
        self.places[at].take().map(|entry| entry.metric)
    }
}

//! What a collection reads of exemplars.

use super::store::{Kept, Store};
use crate::collect::{Exemplar, Point};

/// The exemplars of the series of one chunk, copied out, so that none is under a lock while it is shown.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    kept: Vec<Kept>,
    /// For each series that has some, its place and where its exemplars are.
    of_series: Vec<(usize, std::ops::Range<usize>)>,
}

impl Exemplars {
    /// Reads those of these series, by their addresses.
    pub(crate) fn read(&mut self, store: &Store, series: impl Iterator<Item = usize>) {
        self.kept.clear();
        self.of_series.clear();
        store.read(series, |at, of_series| {
            let start = self.kept.len();
            self.kept.extend(of_series.iter().map(|(_, kept)| kept.clone()));
            self.of_series.push((at, start..self.kept.len()));
        });
    }

    /// Whether no series of the chunk has any.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.of_series.is_empty()
    }

    /// Calls `show` with the point of the series that was the one at `at`, and its exemplars.
    pub(crate) fn with<R>(&self, at: usize, point: Point<'_>, show: impl FnOnce(Point<'_>) -> R) -> R {
        let Ok(found) = self.of_series.binary_search_by_key(&at, |(at, _)| *at) else { return show(point) };
        let kept = &self.kept[self.of_series[found].1.clone()];
        let exemplars: Vec<Exemplar<'_>> =
            kept.iter().map(|kept| Exemplar::new(&kept.labels, kept.value, kept.time)).collect();
        show(match point {
            Point::Counter(point) => Point::Counter(point.with_exemplar(exemplars.first().copied())),
            Point::Histogram(point) => Point::Histogram(point.with_exemplars(&exemplars)),
            other => other,
        })
    }
}

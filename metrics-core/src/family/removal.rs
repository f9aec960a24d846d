//! Taking series out of a family, and what becomes of their handles.

use super::chunks::Chunks;
use super::core::FamilyCore;
use super::order::Reading;
use super::table::Writing;
use crate::label::{Query, Room};
use crate::metric::Metric;
use crate::metric::sealed::Sealed;
use crate::series::Series;

type Table<'a, M> = Writing<'a, Series<<M as Sealed>::Cell>>;

impl<M: Metric> FamilyCore<M> {
    pub(super) fn remove(&self, pairs: &[(&str, &str)]) -> bool {
        self.normalized(pairs, |pairs| {
            let mut room = Room::new();
            let Ok(query) = Query::new(pairs, &mut room) else { return false };
            let probe = query.probe();
            self.take_out(|taking| {
                let is_match = |series: &Series<M::Cell>| series.labels.as_set().matches(probe.pairs);
                let found = taking.table.find(probe.hash(), is_match);
                let found = found.or_else(|| taking.table.find_asleep(probe.hash(), is_match));
                // SAFETY: it is valid while the lock is held.
                found.is_some_and(|series| taking.take(unsafe { series.as_ref() }))
            })
        })
    }

    /// Removes the series that have all of these labels; how many.
    pub(super) fn remove_matching(&self, pairs: &[(&str, &str)]) -> usize {
        self.normalized(pairs, |pairs| {
            self.remove_where(Reading::Values, |metric| {
                let labels = metric.series_labels().as_set();
                pairs.iter().all(|(name, value)| labels.get(name).unwrap_or_default() == *value)
            })
        })
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&M) -> bool) {
        self.remove_where(Reading::Handles, |metric| !keep(metric));
    }

    /// Removes the series for which `is_out` is true, which is called without a lock held; how many.
    fn remove_where(&self, reading: Reading, mut is_out: impl FnMut(&M) -> bool) -> usize {
        let mut chunks = Chunks::new(self, reading);
        let mut removed = 0;
        while let Some(handles) = chunks.next_chunk() {
            for metric in handles {
                if is_out(metric) {
                    removed += usize::from(self.take_out(|taking| taking.take(metric.series())));
                }
            }
        }
        removed
    }

    pub(super) fn clear(&self) {
        self.take_out(|taking| {
            taking.take_all();
        });
    }

    /// Removes a series that the caller has a handle of, which is not counted as one that is left behind.
    pub(super) fn remove_own(&self, metric: &M) -> bool {
        self.take_out(|taking| {
            taking.own = 1;
            taking.take(metric.series())
        })
    }

    /// Takes series out and gives them back to the registry's budget under the lock, as `attach` counts them under
    /// it: a series that it has not counted is not given back.
    fn take_out<T>(&self, take: impl FnOnce(&mut Taking<'_, '_, M>) -> T) -> T {
        self.write(|table| {
            let before = table.len();
            let taken = take(&mut Taking { core: self, table, own: 0 });
            self.give_back(before - table.len());
            taken
        })
    }
}

/// Series being taken out, under the table's lock.
struct Taking<'a, 't, M: Metric> {
    core: &'a FamilyCore<M>,
    table: &'a mut Table<'t, M>,
    /// How many references of a series are the caller's own.
    own: u32,
}

impl<M: Metric> Taking<'_, '_, M> {
    fn take(&mut self, series: &Series<M::Cell>) -> bool {
        self.core.seats().close();
        let is_left_behind = self.is_left_behind(series);
        let was_there = self.table.remove(series);
        if was_there && is_left_behind {
            series.detach(self.core.info());
        }
        was_there
    }

    fn take_all(&mut self) {
        self.core.seats().close();
        let overflow = self.table.overflow();
        // SAFETY: it is valid while the lock is held.
        let overflow = overflow.map(|series| unsafe { series.as_ref() });
        for series in self.table.series().chain(overflow) {
            if self.is_left_behind(series) {
                series.detach(self.core.info());
            }
        }
        self.table.clear();
    }

    /// Whether somebody has a handle of the series.
    ///
    /// A seat has one that nobody can use any more.
    fn is_left_behind(&self, series: &Series<M::Cell>) -> bool {
        let known = 1 + self.own;
        let references = series.references();
        references > known && {
            let seated = self.core.seats().any(|metric| std::ptr::eq(&raw const **metric.series(), series));
            references > known + u32::from(seated)
        }
    }
}

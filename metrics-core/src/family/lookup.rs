//! Finding series by their labels.

use std::ptr::NonNull;
use std::time::SystemTime;

use super::SeriesError;
use super::core::FamilyCore;
use crate::clock::Created;
use crate::label::{Arranged, Few, LabelSet, Probe, Query, Reason, Room};
use crate::metric::Metric;
use crate::metric::sealed::Sealed;
use crate::reclaim::{self, Guard, Held};
use crate::series::Series;

/// A series that was found, and what keeps it.
type Holding<M> = (NonNull<Series<<M as Sealed>::Cell>>, Held<'static>);

/// What every lookup does: pairs with the names that the family expects are put in order, hashed and looked for; nothing
/// is checked, since what a series is found by is right. A few pairs are put in order where they are written, by the
/// compiler if their names are literals. More pairs, and those that find none, are put in order by the family's names.
/// Other pairs, and those that still find none, are sorted and looked for by names and values. Only where there is still
/// none, they are checked, and a lock is taken.
impl<M: Metric> FamilyCore<M> {
    pub(super) fn len(&self) -> usize {
        self.table().len()
    }

    pub(super) fn get(&self, pairs: &[(&str, &str)]) -> Option<M> {
        self.find_expected(pairs).or_else(|| {
            self.normalized(pairs, |pairs| {
                let mut room = Room::new();
                let query = Query::new(pairs, &mut room).ok()?;
                self.find_sorted(query).or_else(|| self.awaken(query))
            })
        })
    }

    // PERF: `lookup/declared` and `lookup/any_order` in `benches/LEDGER.md`. Inlined, the names are literals to the
    // compiler, which orders them and compares the family's names with constants, and the values stay in registers.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the compiler knows more of the labels where they are written")]
    pub(super) fn with<R>(&self, pairs: &[(&str, &str)], f: impl FnOnce(&M) -> R) -> R {
        let found = match Few::new(pairs) {
            Some(few) => match self.hold(&few) {
                Some(holding) => Ok(holding),
                // As a copy: the compiler need not have those that the caller has written in memory before.
                None => self.hold_or_get(few.copy().pairs()),
            },
            None => self.hold_or_get(pairs),
        };
        match found {
            Ok((series, _held)) => {
                // SAFETY: the reference is the table's, or the garbage's, which keeps it as long as it is held.
                let borrowed = unsafe { self.borrowed(series) };
                f(&borrowed)
            }
            Err(metric) => f(&metric),
        }
    }

    /// Calls `f` with the series of these pairs in this family and in another one, which has labels of the same names: they
    /// are put in order and hashed once.
    pub(super) fn with_both<N: Metric, R>(
        &self,
        other: &FamilyCore<N>,
        pairs: &[(&str, &str)],
        f: impl FnOnce(&M, &N) -> R,
    ) -> R {
        match self.hold_both(other, pairs) {
            Some(((one, _held), (two, _other_held))) => {
                // SAFETY: as in `with`.
                let one = unsafe { self.borrowed(one) };
                // SAFETY: as above.
                let two = unsafe { other.borrowed(two) };
                f(&one, &two)
            }
            None => self.with_each(other, pairs, f),
        }
    }

    /// The same in two lookups, which make what is not there.
    #[cold]
    #[inline(never)]
    fn with_each<N: Metric, R>(
        &self,
        other: &FamilyCore<N>,
        pairs: &[(&str, &str)],
        f: impl FnOnce(&M, &N) -> R,
    ) -> R {
        self.with(pairs, |one| other.with(pairs, |two| f(one, two)))
    }

    fn hold_both<N: Metric>(
        &self,
        other: &FamilyCore<N>,
        pairs: &[(&str, &str)],
    ) -> Option<(Holding<M>, Holding<N>)> {
        let mut arranged = Arranged::new();
        // Where the other family is given something else than it knows, it expects no names.
        other.names()?;
        let probe = self.names()?.arrange(pairs, &mut arranged)?;
        let one = self.hold_probe(&probe)?;
        // SAFETY: it is held.
        let labels = unsafe { one.0.as_ref() }.labels.as_set();
        let guard = reclaim::enter()?;
        // Equal sets are one, mostly, which is seen without a look at its text.
        let (two, series) = other.table().candidates(&guard, probe.hash()).next()?;
        if series.labels.as_set() == labels { Some((one, (two, guard.hold(two).ok()?))) } else { None }
    }

    /// The series of pairs for which the short way was not enough, held or, where it cannot be, as a handle.
    #[inline(never)]
    fn hold_or_get(&self, pairs: &[(&str, &str)]) -> Result<Holding<M>, M> {
        self.hold_any(pairs).ok_or_else(|| self.get_or_overflow(pairs))
    }

    pub(super) fn get_or_overflow(&self, pairs: &[(&str, &str)]) -> M {
        self.try_get_or_create(pairs).unwrap_or_else(|error| self.overflow(&error))
    }

    /// The overflow series, for what could not get a series of its own.
    pub(super) fn overflow(&self, error: &SeriesError) -> M {
        self.info().count_overflow(match error {
            SeriesError::Labels { source, .. } => source.reason(),
            SeriesError::FamilyLimit { .. } => Reason::SeriesLimit,
            SeriesError::RegistryLimit { .. } => Reason::RegistryLimit,
        });
        self.overflow_series()
    }

    fn overflow_series(&self) -> M {
        self.existing_overflow().unwrap_or_else(|| self.make_overflow())
    }

    pub(super) fn try_get_or_create(&self, pairs: &[(&str, &str)]) -> Result<M, SeriesError> {
        match self.find_expected(pairs) {
            Some(metric) => Ok(metric),
            None if self.is_noop() => Ok(self.overflow_series()),
            None => self.normalized(pairs, |pairs| self.find_or_create(pairs)),
        }
    }

    /// The series of these pairs, as the family knows them, made if it is not there.
    pub(super) fn find_or_create(&self, pairs: &[(&str, &str)]) -> Result<M, SeriesError> {
        self.find_or_make(pairs, |labels| {
            // The time comes before the series, so that nothing is recorded before it.
            let created = self.lifetime().clock.created();
            (self.create(labels, self.len()), created)
        })
    }

    /// The series of these pairs, made around `cell` if it is not there; it began then, or now where nothing is said.
    pub(super) fn get_or_adopt(
        &self,
        pairs: &[(&str, &str)],
        created: Option<SystemTime>,
        cell: impl FnOnce() -> M::Cell,
    ) -> Result<M, SeriesError> {
        let clock = &self.lifetime().clock;
        let created = created.map_or_else(|| clock.created(), |created| clock.created_at(created));
        self.find_or_make(pairs, |labels| (self.create_around(labels, cell), created))
    }

    fn find_or_make(
        &self,
        pairs: &[(&str, &str)],
        create: impl FnOnce(LabelSet) -> (M, Created),
    ) -> Result<M, SeriesError> {
        let mut room = Room::new();
        let query = Query::new(pairs, &mut room).map_err(|source| self.refused(source))?;
        match self.names_all(pairs).then(|| self.find_sorted(query)).flatten() {
            Some(metric) => Ok(metric),
            None => self.make(query, create),
        }
    }

    /// The overflow series, if it was needed.
    pub(super) fn existing_overflow(&self) -> Option<M> {
        match reclaim::enter() {
            // SAFETY: it is valid as long as the guard is.
            Some(guard) => self.table().overflow(&guard).map(|series| unsafe { self.handle_of(series) }),
            None => self.write(|table| {
                // SAFETY: it is valid while the lock is held.
                table.overflow().map(|series| unsafe { self.handle_of(series) })
            }),
        }
    }

    /// The series of these pairs, which have the expected names, kept from being freed for as long as it is held; `None`
    /// where only another way can tell whether it is there.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "as above")]
    fn hold(&self, few: &Few<'_>) -> Option<Holding<M>> {
        let digest = self.names()?.digest(few)?;
        let guard = reclaim::enter()?;
        let (pointer, series) = self.table().candidates(&guard, digest.hash).next()?;
        let is_found = series.labels.as_set().is_common_with_values(digest, few) && !self.is_mixed();
        if is_found { Some((pointer, guard.hold(pointer).ok()?)) } else { None }
    }

    /// The same for pairs of any names, in any order.
    fn hold_any(&self, pairs: &[(&str, &str)]) -> Option<Holding<M>> {
        let mut arranged = Arranged::new();
        if let Some(probe) = self.names().and_then(|names| names.arrange(pairs, &mut arranged))
            && let Some(holding) = self.hold_probe(&probe)
        {
            return Some(holding);
        }
        if self.is_normalized() {
            // The caller makes do with what `get_or_create` finds.
            return None;
        }
        let mut room = Room::new();
        let query = self.names_all(pairs).then(|| Query::new(pairs, &mut room).ok())??;
        let probe = query.probe();
        let guard = reclaim::enter()?;
        let series = self.find_by_names(&guard, &probe)?;
        Some((series, guard.hold(series).ok()?))
    }

    /// The same for pairs that were put in order.
    #[inline]
    fn hold_probe(&self, probe: &Probe<'_>) -> Option<Holding<M>> {
        let guard = reclaim::enter()?;
        let series = self.find(&guard, probe)?;
        Some((series, guard.hold(series).ok()?))
    }

    #[inline]
    fn find_expected(&self, pairs: &[(&str, &str)]) -> Option<M> {
        let mut arranged = Arranged::new();
        let probe = self.names()?.arrange(pairs, &mut arranged)?;
        let guard = reclaim::enter()?;
        let series = self.find(&guard, &probe)?;
        // SAFETY: it is valid as long as the guard is.
        Some(unsafe { self.handle_of(series) })
    }

    /// The series of pairs that have the expected names or some of them, in their order: valid as long as the guard is.
    /// `None` if another one has the same tag and comes first, too.
    #[inline]
    fn find(&self, guard: &Guard<'_>, probe: &Probe<'_>) -> Option<NonNull<Series<M::Cell>>> {
        let (pointer, series) = self.table().candidates(guard, probe.hash()).next()?;
        let set = series.labels.as_set();
        // Where labels are absent, others could be in their place.
        let names_are_known =
            self.names().is_some_and(|names| names.len() == probe.pairs.len()) && !self.is_mixed();
        let is_found =
            if names_are_known { set.has_values(probe.digest, probe.pairs) } else { set.is_of(probe) };
        is_found.then_some(pointer)
    }

    /// The series of any probe: valid as long as the guard is.
    fn find_by_names(&self, guard: &Guard<'_>, probe: &Probe<'_>) -> Option<NonNull<Series<M::Cell>>> {
        let mut candidates = self.table().candidates(guard, probe.hash());
        candidates.find(|(_, series)| series.labels.as_set().matches(probe.pairs)).map(|(pointer, _)| pointer)
    }

    fn find_sorted(&self, query: Query<'_>) -> Option<M> {
        let probe = query.probe();
        if let Some(guard) = reclaim::enter() {
            // SAFETY: it is valid as long as the guard is.
            return self.find_by_names(&guard, &probe).map(|series| unsafe { self.handle_of(series) });
        }
        self.write(|table| {
            let found = table.find(probe.hash(), |series| series.labels.as_set().matches(probe.pairs));
            // SAFETY: it is valid while the lock is held.
            found.map(|series| unsafe { self.handle_of(series) })
        })
    }

    /// The series of a query that found none, if it is there and asleep.
    #[cold]
    fn awaken(&self, query: Query<'_>) -> Option<M> {
        self.lifetime().expire_after?;
        let probe = query.probe();
        self.write(|table| {
            let found = table.find_asleep(probe.hash(), |series| series.labels.as_set().matches(probe.pairs));
            // SAFETY: it is valid while the lock is held.
            found.map(|series| unsafe { self.handle_of(series) })
        })
    }

    /// Whether there are as many labels as the family declares, those with empty values included.
    fn names_all(&self, pairs: &[(&str, &str)]) -> bool {
        self.descriptor().label_names().is_none_or(|declared| declared.len() == pairs.len())
    }
}

//! What all handles of a family share.

use std::any::Any;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;

use super::SeriesError;
use super::budget::Budget;
use super::table::Table;
use crate::cell::Values;
use crate::collect::{SeriesLabels, Stopped, Visitor};
use crate::descriptor::Descriptor;
use crate::label::{LabelError, LabelLimits, LabelSet, Query, Reason, intern, overflow_set};
use crate::metric::{FamilyInfo, FamilyOptions, Metric};
use crate::name::check_metric_name;
use crate::registry::RegisterError;

/// How many handles a reader copies out at a time: enough to make the lock's cost small, few enough to hold it for a
/// microsecond or so.
const CHUNK: usize = 64;

/// How many series a family may have that says nothing else.
pub(crate) const SERIES_LIMIT: usize = 10_000;

/// A family's series, its limits, and its place in a registry.
pub(crate) struct FamilyCore<M: Metric> {
    info: Arc<FamilyInfo>,
    options: M::Options,
    /// Why the family can never be shown: the signature that made it cannot fail.
    defect: Option<RegisterError>,
    limits: FamilyLimits,
    attachment: OnceLock<Attachment>,
    table: RwLock<Table<M>>,
}

/// What one family may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FamilyLimits {
    pub(crate) series: usize,
    pub(crate) labels: LabelLimits,
}

impl Default for FamilyLimits {
    fn default() -> Self {
        FamilyLimits { series: SERIES_LIMIT, labels: LabelLimits::default() }
    }
}

/// What a family gets from the registry that it is registered with.
#[derive(Debug)]
struct Attachment {
    constant: LabelSet,
    budget: Arc<Budget>,
}

impl<M: Metric> FamilyCore<M> {
    pub(crate) fn new(descriptor: Descriptor, options: M::Options, limits: FamilyLimits) -> FamilyCore<M> {
        FamilyCore {
            info: FamilyInfo::new(descriptor),
            options,
            defect: None,
            limits,
            attachment: OnceLock::new(),
            table: RwLock::new(Table::new()),
        }
    }

    /// A family that no registry has checked.
    pub(super) fn standalone(descriptor: Descriptor, bounds: &[f64]) -> FamilyCore<M> {
        let name = descriptor.name();
        let bad_name = check_metric_name(name)
            .map_err(|source| RegisterError::InvalidName { name: name.to_owned(), source })
            .err();
        let (options, bad_bounds) = match M::Options::from_bounds(bounds) {
            Ok(options) => (options, None),
            Err(source) => {
                (M::Options::default(), Some(RegisterError::Bounds { name: name.to_owned(), source }))
            }
        };
        let mut core = FamilyCore::new(descriptor, options, FamilyLimits::default());
        core.defect = bad_name.or(bad_bounds);
        core
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        &self.info.descriptor
    }

    pub(super) fn len(&self) -> usize {
        self.table.read().len()
    }

    pub(super) fn get(&self, query: &Query<'_>) -> Option<M> {
        self.table.read().find(query).cloned()
    }

    pub(super) fn get_or_overflow(&self, query: Result<Query<'_>, LabelError>) -> M {
        self.try_get_or_create(query).unwrap_or_else(|error| {
            self.info.count_overflow(match &error {
                SeriesError::Labels { source, .. } => source.reason(),
                SeriesError::FamilyLimit { .. } => Reason::SeriesLimit,
                SeriesError::RegistryLimit { .. } => Reason::RegistryLimit,
            });
            self.overflow()
        })
    }

    pub(super) fn try_get_or_create(&self, query: Result<Query<'_>, LabelError>) -> Result<M, SeriesError> {
        self.try_get_or_make(query, |labels| self.create(labels))
    }

    /// The series without labels, made around `cell` if it is not there.
    pub(super) fn get_or_adopt(&self, cell: impl FnOnce(&M::Options) -> M::Cell) -> Result<M, SeriesError> {
        self.try_get_or_make(Query::new(&[]), |labels| {
            M::around(Arc::clone(&self.info), labels.into_labels(), cell(&self.options))
        })
    }

    fn try_get_or_make(
        &self,
        query: Result<Query<'_>, LabelError>,
        make: impl FnOnce(LabelSet) -> M,
    ) -> Result<M, SeriesError> {
        let query = query.map_err(|source| self.refused(source))?;
        let (found, len) = {
            let table = self.table.read();
            (table.find(&query).cloned(), table.len())
        };
        if let Some(metric) = found
            && self.names_all(&query)
        {
            return Ok(metric);
        }
        self.check(&query).map_err(|source| self.refused(source))?;
        let full = |len| len >= self.limits.series;
        if full(len) {
            // Told before the exclusive lock, for which the lookups past the limit would queue otherwise.
            return Err(self.is_full());
        }
        let mut table = self.table.write();
        if let Some(metric) = table.find(&query) {
            return Ok(metric.clone());
        }
        if full(table.len()) {
            return Err(self.is_full());
        }
        if let Some(Attachment { constant, budget }) = self.attachment.get() {
            // Once more, for a family that was attached since the first check: it cannot be while the lock is held.
            check_constant(constant, query.iter()).map_err(|source| self.refused(source))?;
            if !budget.take() {
                let family = self.descriptor().name().to_owned();
                return Err(SeriesError::RegistryLimit { family, max: budget.max() });
            }
        }
        let metric = make(intern(LabelSet::from_query(&query)));
        table.insert(query.hash(), metric.clone());
        Ok(metric)
    }

    pub(super) fn remove(&self, query: &Query<'_>) -> bool {
        self.take_out(|table| table.remove(query)).is_some()
    }

    pub(super) fn retain(&self, mut keep: impl FnMut(&M) -> bool) {
        let mut chunks = self.chunks();
        while chunks.next_chunk(self) {
            for metric in &chunks.handles {
                if !keep(metric) {
                    drop(self.take_out(|table| table.remove_series(metric)));
                }
            }
        }
    }

    pub(super) fn clear(&self) {
        drop(self.take_out(Table::take_all));
    }

    /// Takes series out and gives them back to the registry's budget under the lock, as `attach` counts them under
    /// it: a series that it has not counted is not given back. What is returned is dropped after the lock.
    fn take_out<T>(&self, take: impl FnOnce(&mut Table<M>) -> T) -> T {
        let mut table = self.table.write();
        let before = table.len();
        let taken = take(&mut table);
        self.give_back(before - table.len());
        taken
    }

    pub(super) fn series(self: &Arc<Self>) -> impl Iterator<Item = M> + use<M> {
        let core = Arc::clone(self);
        let mut chunks = core.chunks();
        let mut overflow_is_due = true;
        std::iter::from_fn(move || {
            if chunks.handles.is_empty() && chunks.next_chunk(&core) {
                chunks.handles.reverse();
            }
            if let Some(metric) = chunks.handles.pop() {
                return Some(metric);
            }
            let overflow = overflow_is_due.then(|| core.table.read().overflow.clone()).flatten();
            overflow_is_due = false;
            overflow
        })
    }

    fn chunks(&self) -> Chunks<M> {
        Chunks { numbers: 0..self.table.read().next_number(), handles: Vec::new() }
    }

    /// Whether there are as many labels as the family declares, those with empty values included.
    fn names_all(&self, query: &Query<'_>) -> bool {
        self.descriptor().label_names().is_none_or(|declared| declared.len() == query.given())
    }

    /// Checks what a series is to be made of.
    fn check(&self, query: &Query<'_>) -> Result<(), LabelError> {
        query.check(self.limits.labels)?;
        if let Some(declared) = self.descriptor().label_names() {
            query.check_declared(declared)?;
        }
        if let Some(Attachment { constant, .. }) = self.attachment.get() {
            check_constant(constant, query.iter())?;
        }
        Ok(())
    }

    /// Checks that a series with the declared labels could be made.
    fn check_declared(&self, constant: &LabelSet) -> Result<(), LabelError> {
        let declared = self.descriptor().label_names().unwrap_or_default();
        let max = self.limits.labels.max_labels();
        if declared.len() > max {
            return Err(LabelError::TooMany { count: declared.len(), max });
        }
        check_constant(constant, declared.iter().map(|name| (&**name, "")))
    }

    fn overflow(&self) -> M {
        if let Some(metric) = &self.table.read().overflow {
            return metric.clone();
        }
        self.table.write().overflow.get_or_insert_with(|| self.create(overflow_set())).clone()
    }

    fn create(&self, labels: LabelSet) -> M {
        M::create(Arc::clone(&self.info), labels.into_labels(), &self.options)
    }

    fn is_full(&self) -> SeriesError {
        SeriesError::FamilyLimit { family: self.descriptor().name().to_owned(), max: self.limits.series }
    }

    fn refused(&self, source: LabelError) -> SeriesError {
        SeriesError::Labels { family: self.descriptor().name().to_owned(), source }
    }

    fn give_back(&self, series: usize) {
        if let Some(Attachment { budget, .. }) = self.attachment.get() {
            budget.give_back(series);
        }
    }
}

impl<M: Metric> Drop for FamilyCore<M> {
    fn drop(&mut self) {
        let series = self.table.get_mut().len();
        self.give_back(series);
    }
}

impl<M: Metric> fmt::Debug for FamilyCore<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyCore").field("name", &self.descriptor().name()).finish_non_exhaustive()
    }
}

/// Handles of a family's series, a few at a time, so that no lock is held while they are looked at.
struct Chunks<M> {
    /// The numbers of the series that are still to come.
    numbers: Range<u64>,
    handles: Vec<M>,
}

impl<M: Metric> Chunks<M> {
    /// Gets the next few; `false` when there are none.
    fn next_chunk(&mut self, core: &FamilyCore<M>) -> bool {
        // Before the lock: dropping the last handle of a removed series frees it.
        self.handles.clear();
        self.numbers.start = core.table.read().copy(self.numbers.clone(), CHUNK, &mut self.handles);
        !self.handles.is_empty()
    }
}

fn check_constant<'a>(
    constant: &LabelSet,
    mut labels: impl Iterator<Item = (&'a str, &'a str)>,
) -> Result<(), LabelError> {
    match labels.find(|(name, _)| constant.get(name).is_some()) {
        Some((name, _)) => Err(LabelError::Constant { name: name.to_owned() }),
        None => Ok(()),
    }
}

/// A family of any kind, as a registry keeps it.
pub(crate) trait ErasedFamily: fmt::Debug + Send + Sync {
    fn info(&self) -> &FamilyInfo;

    /// The bounds of its buckets, empty for kinds without.
    fn bounds(&self) -> &[f64];

    /// Why it can never be shown.
    fn defect(&self) -> Option<&RegisterError>;

    /// The constant labels that its registry gave it.
    fn constant(&self) -> Option<&LabelSet>;

    /// Gives it the constant labels and the budget of a registry; once, but for the same registry again.
    fn attach(&self, constant: &LabelSet, budget: &Arc<Budget>) -> Result<(), RegisterError>;

    /// Shows every series to `visitor`, which has been shown the descriptor.
    fn visit_points(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped>;

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<M: Metric> ErasedFamily for FamilyCore<M> {
    fn info(&self) -> &FamilyInfo {
        &self.info
    }

    fn bounds(&self) -> &[f64] {
        self.options.bounds()
    }

    fn defect(&self) -> Option<&RegisterError> {
        self.defect.as_ref()
    }

    fn constant(&self) -> Option<&LabelSet> {
        self.attachment.get().map(|attachment| &attachment.constant)
    }

    fn attach(&self, constant: &LabelSet, budget: &Arc<Budget>) -> Result<(), RegisterError> {
        let family = || self.descriptor().name().to_owned();
        let refused = |source| RegisterError::Labels { name: family(), source };
        if let Some(attachment) = self.attachment.get()
            && Arc::ptr_eq(&attachment.budget, budget)
        {
            // It was unregistered and comes back: its series are counted, and have its constant labels.
            return Ok(());
        }
        self.check_declared(constant).map_err(refused)?;
        // The lock keeps new series out until they can see the attachment.
        let table = self.table.write();
        let mut handles = Vec::new();
        table.copy(0..table.next_number(), usize::MAX, &mut handles);
        for metric in &handles {
            check_constant(constant, metric.series_labels().pairs()).map_err(refused)?;
        }
        let attachment = Attachment { constant: constant.clone(), budget: Arc::clone(budget) };
        self.attachment.set(attachment).map_err(|_| RegisterError::Attached { name: family() })?;
        budget.add(table.len());
        drop(table);
        Ok(())
    }

    fn visit_points(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped> {
        let none = LabelSet::empty();
        let constant = self.constant().unwrap_or(&none);
        let mut values = Values::default();
        let mut show = |handles: &[M]| {
            M::read_all(handles, &mut values);
            handles.iter().enumerate().try_for_each(|(at, metric)| {
                let labels = SeriesLabels::with_constant(constant, metric.series_labels().as_set());
                visitor.point(labels, metric.point(at, &values))
            })
        };
        let mut chunks = self.chunks();
        while chunks.next_chunk(self) {
            show(&chunks.handles)?;
        }
        let overflow = self.table.read().overflow.clone();
        show(overflow.as_slice())
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

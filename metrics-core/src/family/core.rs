//! What all handles of a family share.

use std::fmt;
use std::iter;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::SeriesError;
use super::budget::Budget;
use super::chunks::Chunks;
use super::expiry::Seen;
use super::forms::names_of;
use super::normal::Normalizers;
use super::once::Once;
use super::order::Reading;
use super::owned::Owners;
use super::place::Place;
use super::seats::Seats;
use super::table::{Entry, MAX_LEN, Table, Writing};
use parking_lot::Mutex;

use crate::clock::{Clock, Created};
use crate::descriptor::Descriptor;
use crate::label::forms::{self, NameForms};
use crate::label::{LabelError, LabelLimits, LabelSet, Names, Query, intern, overflow_set};
use crate::metric::{FamilyInfo, InfoRef, Metric};
use crate::name::check_metric_name;
use crate::reclaim;
use crate::registry::RegisterError;
use crate::series::{InfoPtr, Series, SeriesRef};
use crate::setup::{Options, Setup};

/// How many series a family may have that says nothing else.
pub(crate) const SERIES_LIMIT: usize = 10_000;

/// A family's series, its limits, and its place in a registry.
pub(crate) struct FamilyCore<M: Metric> {
    info: InfoRef,
    /// Why the family can never be shown: the signature that made it cannot fail.
    defect: Option<RegisterError>,
    pub(super) limits: FamilyLimits,
    /// Whether the family makes no series: all that is recorded goes to one, which nobody looks at.
    pub(super) is_noop: bool,
    attachment: OnceLock<Attachment>,
    /// The names that lookups are expected to give: those that the family declares, or those of its first series.
    names: Once<Names>,
    /// Whether there are, or were, series with as many labels as `names` but other ones. Set under the table's lock,
    /// before the first such series is put in.
    is_mixed: AtomicBool,
    /// The names of all series so far, where they may hold any characters and are not declared. Used under the table's
    /// lock alone.
    pub(super) forms: Mutex<NameForms>,
    table: Table<Series<M::Cell>>,
    seats: Seats<M>,
    lifetime: Lifetime,
    owners: Owners,
}

/// How long the series of a family live, and by whose clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifetime {
    pub(crate) clock: Clock,
    /// How long a series stays that nothing changes; for ever where this says nothing.
    pub(crate) expire_after: Option<Duration>,
    pub(crate) normalizers: Normalizers,
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
    pub(crate) fn new(descriptor: Descriptor, setup: Setup, limits: FamilyLimits) -> FamilyCore<M> {
        let names =
            descriptor.label_names().and_then(|declared| Names::new(declared.iter().map(|name| &**name)));
        let info = InfoRef::new(descriptor, setup);
        FamilyCore {
            table: Table::new(reclaim::domain(), InfoPtr::of(&info)),
            info,
            defect: None,
            limits,
            is_noop: false,
            attachment: OnceLock::new(),
            names: Once::new(names),
            is_mixed: AtomicBool::new(false),
            forms: Mutex::default(),
            seats: Seats::new(),
            lifetime: Lifetime::default(),
            owners: Owners::default(),
        }
    }

    /// Says how long series live, before there are any.
    pub(crate) fn with_lifetime(mut self, lifetime: Lifetime) -> FamilyCore<M> {
        if lifetime.expire_after.is_some() {
            self.table.expire();
            // The handle of a seat would keep its series alive.
            self.seats.close();
        }
        if !lifetime.normalizers.is_empty() {
            // What lookups would compare is not what they are given: they are to leave the short way.
            self.names = Once::new(None);
        }
        self.lifetime = lifetime;
        self
    }

    /// A family that no registry has checked.
    pub(super) fn standalone(descriptor: Descriptor, options: &Options) -> FamilyCore<M> {
        let name = descriptor.name();
        let bad_name = check_metric_name(name)
            .map_err(|source| RegisterError::InvalidName { name: name.to_owned(), source })
            .err();
        let bad_name = bad_name.or_else(|| check_name_as_label::<M>(name, false).err());
        let (setup, bad_setup) = match M::setup(options) {
            Ok(setup) => (setup, None),
            Err(error) => (Setup::default(), Some(error.of_family(name))),
        };
        let mut core = FamilyCore::new(descriptor, setup, FamilyLimits::default());
        core.defect = bad_name.or(bad_setup);
        core
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        &self.info.descriptor
    }

    pub(super) fn info(&self) -> &FamilyInfo {
        &self.info
    }

    pub(super) fn lifetime(&self) -> &Lifetime {
        &self.lifetime
    }

    pub(super) fn owners(&self) -> &Owners {
        &self.owners
    }

    pub(super) fn table(&self) -> &Table<Series<M::Cell>> {
        &self.table
    }

    pub(super) fn seats(&self) -> &Seats<M> {
        &self.seats
    }

    /// Changes the table.
    ///
    /// Memory is allocated under its lock, and the program's allocator may look up a series that is there. For that it
    /// takes no lock if the thread has a record, so it is given one first.
    pub(super) fn write<R>(&self, change: impl FnOnce(&mut Writing<'_, Series<M::Cell>>) -> R) -> R {
        drop(reclaim::enter());
        self.table.write(change)
    }

    pub(super) fn series(self: &Arc<Self>) -> impl Iterator<Item = M> + use<M> {
        let core = Arc::clone(self);
        let mut chunks = Chunks::new(Arc::clone(self), Reading::Handles);
        let mut at = 0;
        let mut overflow_is_due = true;
        iter::from_fn(move || {
            if at == chunks.handles().len() {
                at = 0;
                chunks.next_chunk();
            }
            if let Some(metric) = chunks.handles().get(at) {
                at += 1;
                return Some(metric.clone());
            }
            let overflow = overflow_is_due.then(|| core.existing_overflow()).flatten();
            overflow_is_due = false;
            overflow
        })
    }

    /// Makes the series of a query that found none, or finds the one that was made meanwhile.
    #[cold]
    pub(super) fn make(
        &self,
        query: Query<'_>,
        create: impl FnOnce(LabelSet) -> (M, Created),
    ) -> Result<M, SeriesError> {
        self.check(query).map_err(|source| self.refused(source))?;
        let is_full = |len| len >= self.limits.series.min(MAX_LEN);
        if is_full(self.table.len()) && self.lifetime.expire_after.is_none() {
            // Told before the lock, for which the lookups past the limit would queue otherwise.
            return Err(self.is_full());
        }
        let probe = query.probe();
        self.write(|table| {
            let is_match = |series: &Series<M::Cell>| series.labels.as_set().matches(probe.pairs);
            let found = table.find(probe.hash(), is_match);
            if let Some(series) = found.or_else(|| table.find_asleep(probe.hash(), is_match)) {
                // SAFETY: it is valid while the lock is held.
                return Ok(unsafe { self.handle_of(series) });
            }
            if is_full(table.len()) {
                return Err(self.is_full());
            }
            self.check_forms(query, table).map_err(|source| self.refused(source))?;
            if let Some(Attachment { constant, budget }) = self.attachment.get() {
                // Once more, for a family that was attached since the first check: it cannot be while the lock is held.
                self.check_constant(constant, names_of(query)).map_err(|source| self.refused(source))?;
                if !budget.take() {
                    let family = self.descriptor().name().to_owned();
                    return Err(SeriesError::RegistryLimit { family, max: budget.max() });
                }
            }
            self.learn_forms(query);
            self.learn_names(query);
            let (metric, created) = create(intern(LabelSet::from_query(query)));
            table.insert(metric.series().clone(), created);
            Ok(metric)
        })
    }

    /// Takes note of the names of a series that is about to be put into the table, whose lock is held.
    fn learn_names(&self, query: Query<'_>) {
        let pairs = || query.pairs().iter().copied();
        if !self.lifetime.normalizers.is_empty() {
            return;
        }
        let Some(names) = self.names.get() else {
            // Where names are declared but too many to be worth knowing, lookups that give fewer have to be refused.
            let is_worth_knowing = pairs().len() > 0 && self.descriptor().label_names().is_none();
            let learned = is_worth_knowing.then(|| Names::new(pairs().map(|(name, _)| name))).flatten();
            if let Some(names) = learned {
                self.names.set(names);
            }
            return;
        };
        if pairs().len() == names.len() && !names.are_those_of(pairs()) {
            // ORDERING: Relaxed, the Release with which the series is put into its slot publishes it.
            self.is_mixed.store(true, Ordering::Relaxed);
        }
    }

    /// The names that lookups are expected to give.
    pub(super) fn names(&self) -> Option<&Names> {
        self.names.get()
    }

    /// Whether a series that was found may have other names than the expected ones, though as many.
    pub(super) fn is_mixed(&self) -> bool {
        // ORDERING: Relaxed, after the Acquire with which the series was found.
        self.is_mixed.load(Ordering::Relaxed)
    }

    /// The overflow series, made if it is not there.
    pub(super) fn make_overflow(&self) -> M {
        self.write(|table| {
            let created = || self.lifetime.clock.created();
            let series =
                table.overflow_or_insert(created, || self.create(overflow_set(), 0).series().clone());
            // SAFETY: it is valid while the lock is held.
            unsafe { self.handle_of(series) }
        })
    }

    /// Checks what a series is to be made of.
    fn check(&self, query: Query<'_>) -> Result<(), LabelError> {
        query.check(self.limits.labels)?;
        self.check_own_label(query.pairs().iter().map(|(name, _)| *name))?;
        if let Some(declared) = self.descriptor().label_names() {
            query.check_declared(declared)?;
        }
        if let Some(Attachment { constant, .. }) = self.attachment.get() {
            self.check_constant(constant, names_of(query))?;
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
        let names = declared.iter().map(|name| &**name);
        self.check_own_label(names.clone().chain(constant.iter().map(|(name, _)| name)))?;
        self.check_constant(constant, names)
    }

    /// Checks that no label has the family's name, where pages show it as a label, nor one that becomes it where names
    /// are escaped.
    fn check_own_label<'a>(&'a self, names: impl Iterator<Item = &'a str> + Clone) -> Result<(), LabelError> {
        if !M::NAME_IS_LABEL {
            return Ok(());
        }
        let own = self.descriptor().name();
        if names.clone().any(|name| name == own) {
            return Err(LabelError::DuplicateName { name: own.to_owned() });
        }
        forms::check(iter::once(own).chain(names))
    }

    /// Why it can never be shown.
    pub(super) fn defect(&self) -> Option<&RegisterError> {
        self.defect.as_ref()
    }

    /// The constant labels that its registry gave it.
    pub(super) fn constant(&self) -> Option<&LabelSet> {
        self.attachment.get().map(|attachment| &attachment.constant)
    }

    /// How many series there may be.
    pub(super) fn series_limit(&self) -> usize {
        self.limits.series
    }

    /// Gives it the constant labels and the budget of a registry; once, but for the same registry again.
    pub(super) fn attach(&self, constant: &LabelSet, budget: &Arc<Budget>) -> Result<(), RegisterError> {
        let family = || self.descriptor().name().to_owned();
        let refused = |source| RegisterError::Labels { name: family(), source };
        if let Some(attachment) = self.attachment.get()
            && Arc::ptr_eq(&attachment.budget, budget)
        {
            // Its series are counted, and have its constant labels.
            if attachment.constant == *constant {
                return Ok(());
            }
            return Err(RegisterError::Conflict {
                name: family(),
                what: "constant labels",
                existing: attachment.constant.as_prometheus().to_owned(),
                requested: constant.as_prometheus().to_owned(),
                location: self.descriptor().location(),
            });
        }
        self.check_declared(constant).map_err(refused)?;
        // The lock keeps new series out until they can see the attachment.
        self.write(|table| {
            for series in table.series() {
                let names = series.labels.pairs().map(|(name, _)| name);
                self.check_constant(constant, names).map_err(refused)?;
            }
            let attachment = Attachment { constant: constant.clone(), budget: Arc::clone(budget) };
            self.attachment.set(attachment).map_err(|_| RegisterError::Attached { name: family() })?;
            budget.add(table.len());
            Ok(())
        })
    }

    /// A new series, for a table that has so many others.
    pub(super) fn create(&self, labels: LabelSet, others: usize) -> M {
        M::create(self.info.clone(), labels.into_labels(), others)
    }

    pub(super) fn create_around(&self, labels: LabelSet, cell: impl FnOnce() -> M::Cell) -> M {
        M::around(self.info.clone(), labels.into_labels(), cell())
    }

    /// A handle that has no reference of its own, of a series that is in the table.
    ///
    /// # Safety
    ///
    /// The pointer is the table's, and the series is not freed while the handle is used.
    #[inline]
    pub(super) unsafe fn borrowed(&self, series: NonNull<Series<M::Cell>>) -> ManuallyDrop<M> {
        // SAFETY: tables have their pointers from `into_raw`, and their series are of their family. The reference stays
        // with who has it, since the handle is never dropped.
        ManuallyDrop::new(M::handle(unsafe { SeriesRef::from_raw(series, InfoPtr::of(&self.info)) }))
    }

    /// A handle of a series that is in the table.
    ///
    /// # Safety
    ///
    /// The pointer is the table's, and the series is not freed meanwhile.
    #[inline]
    pub(super) unsafe fn handle_of(&self, series: NonNull<Series<M::Cell>>) -> M {
        // SAFETY: by this function's contract.
        let borrowed = unsafe { self.borrowed(series) };
        M::clone(&borrowed)
    }

    /// Takes out what has been idle for too long, of the chunk that was shown last.
    pub(super) fn age(&self, seen: &mut Vec<Seen<Series<M::Cell>>>) {
        let Some(period) = self.lifetime.expire_after else { return };
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        let now = self.lifetime.clock.uptime();
        self.write(|table| {
            let gone = table.age(seen, now, period);
            self.give_back(gone);
        });
        seen.clear();
    }

    /// Checks that the family's limit allows so many series.
    pub(super) fn check_room(&self, series: usize) -> Result<(), SeriesError> {
        if series > self.limits.series { Err(self.is_full()) } else { Ok(()) }
    }

    fn is_full(&self) -> SeriesError {
        SeriesError::FamilyLimit { family: self.descriptor().name().to_owned(), max: self.limits.series }
    }

    pub(super) fn refused(&self, source: LabelError) -> SeriesError {
        SeriesError::Labels { family: self.descriptor().name().to_owned(), source }
    }

    pub(super) fn give_back(&self, series: usize) {
        if let Some(Attachment { budget, .. }) = self.attachment.get() {
            budget.give_back(series);
        }
    }
}

impl<M: Metric> Drop for FamilyCore<M> {
    fn drop(&mut self) {
        self.give_back(self.table.len());
    }
}

impl<M: Metric> fmt::Debug for FamilyCore<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyCore").field("name", &self.descriptor().name()).finish_non_exhaustive()
    }
}

/// Checks that a family's name can be a label's, where pages show it as one.
pub(crate) fn check_name_as_label<M: Metric>(name: &str, utf8_names: bool) -> Result<(), RegisterError> {
    if !M::NAME_IS_LABEL {
        return Ok(());
    }
    // The formats make another name of one with a colon, whatever else they take.
    let limits = LabelLimits::default().with_utf8_names(utf8_names && !name.contains(':'));
    limits.check_name(name).map_err(|source| RegisterError::Labels { name: name.to_owned(), source })
}

impl<C: Send + Sync> Entry for Series<C> {
    type Ref = SeriesRef<C>;
    type Shared = InfoPtr;

    fn into_raw(series: SeriesRef<C>) -> NonNull<Series<C>> {
        series.into_raw()
    }

    unsafe fn from_raw(series: NonNull<Series<C>>, info: InfoPtr) -> SeriesRef<C> {
        // SAFETY: the contract is the same.
        unsafe { SeriesRef::from_raw(series, info) }
    }

    fn hash(&self) -> u32 {
        self.labels.as_set().hash_value()
    }

    fn place(&self) -> &Place {
        &self.place
    }

    fn prefetch(&self) {
        self.labels.as_set().prefetch();
    }

    fn is_alone(&self) -> bool {
        self.is_alone()
    }
}

//! One name, many series.
//!
//! - `core`: what all handles of a family share: its series, its limits.
//! - `lookup`: finding series by their labels, without a lock.
//! - `table`: the series; `slots`, the index by which they are found, `order`, the order in which they were
//!   made, `place`, where in that a series stands.
//! - `once`: what lookups read that is set once.
//! - `forms`: which label names a family with UTF-8 names has, so that no two become one.
//! - `chunks`: going through the series, a few at a time.
//! - `typed`: the handle's methods for typed labels, and finding series by them; `seats`, the series of labels of which all values are known, by their index.
//! - `removal`: taking them out; `expiry`, when nothing has changed them for a while; `owned`, with their last owner.
//! - `init`: the series of all labels there can be, made at once.
//! - `noop`: families for code that runs without metrics.
//! - `normal`: label values that are made alike before they are looked up.
//! - `budget`: how many series a registry has left.
//! - `erased`: what a registry keeps of a family of any kind, and how its series are shown.
//! - `kinds`: families of the kinds that few programs need.
//! - here: [`Family`], the handle that users hold, and its methods for dynamic labels.
//!
//! `docs/lookups.md` argues through how a lookup gets by without a lock.

mod budget;
mod chunks;
mod core;
mod erased;
mod expiry;
mod forms;
mod init;
mod kinds;
mod lookup;
#[cfg(all(test, nilometer_loom))]
mod models;
mod noop;
mod normal;
mod once;
mod order;
mod owned;
mod place;
mod removal;
mod seats;
mod slots;
mod table;
mod typed;

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;
use std::time::SystemTime;

use thiserror::Error;

pub(crate) use self::budget::Budget;
pub(crate) use self::core::{FamilyCore, FamilyLimits, Lifetime, check_name_as_label};
pub(crate) use self::erased::ErasedFamily;
pub(crate) use self::init::ClosedLabels;
pub use self::kinds::{
    FloatCounterFamily, GaugeHistogramFamily, InfoFamily, IntGaugeFamily, MaxGaugeFamily, MinGaugeFamily,
    StateSetFamily, SummaryFamily,
};
pub(crate) use self::normal::Normalizers;
pub use self::owned::OwnedSeries;
pub(crate) use self::place::Place;
use self::seats::RowOf;
use crate::collect::{CollectError, Collector, Visitor};
use crate::counter::Counter;
use crate::descriptor::Descriptor;
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::label::LabelError;
use crate::metric::Metric;
use crate::setup::Options;
use crate::unit::Unit;
use crate::updown::UpDownCounter;

/// Labels that are given as pairs of strings, with each lookup.
#[derive(Debug)]
pub enum DynamicLabels {}

/// A family of counters with dynamic labels.
pub type CounterFamily = Family<DynamicLabels, Counter>;
/// A family of up-down counters with dynamic labels.
pub type UpDownCounterFamily = Family<DynamicLabels, UpDownCounter>;
/// A family of gauges with dynamic labels.
pub type GaugeFamily = Family<DynamicLabels, Gauge>;
/// A family of histograms with dynamic labels.
pub type HistogramFamily = Family<DynamicLabels, Histogram>;

/// A metric family: one name, help, kind and unit, and one series for each set of labels.
///
/// `L` says how labels are given: [`DynamicLabels`], pairs of strings, or a struct that derives
/// [`TypedLabels`](crate::label::TypedLabels). Clones share the series.
///
/// # Concurrency
///
/// Finding a series that is there takes no lock and allocates nothing, whatever other threads make and remove: it is
/// wait-free. [`with`](Family::with) is the fastest way, as [`get_or_create`](Family::get_or_create) adds to a
/// reference count that threads share, but keep the handle where you record often. Making a series and removing one
/// take a lock, which is not held while anything of the caller's runs, a `#[global_allocator]` aside, which can
/// find series there but must make none. A series that is found while it is removed is
/// found, and what is recorded into it then is not shown any more.
///
/// Labels of which all values are known, up to 4,096 of them
/// ([`CARDINALITY`](crate::label::TypedLabels::CARDINALITY)), are found by their index once they were looked up: a few loads, which is as good as a handle for most uses. The first removal of a series from
/// such a family ends that for good: it keeps the handles that it had until it is dropped, at most one for each index,
/// and finds series as other families do.
///
/// # Limits
///
/// A family has a limit on its series; past it, and for labels that are refused, a lookup returns the one overflow
/// series, `{nilometer_overflow="true"}`, and counts why in `nilometer_overflow_total`.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let requests = registry.register_counter("requests_total", "Requests.")?;
/// let get = requests.get_or_create(&[("method", "GET"), ("status", "200")]);
/// get.inc();
/// // The same labels in another order are the same series.
/// assert_eq!(requests.get_or_create(&[("status", "200"), ("method", "GET")]).get(), 1);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
pub struct Family<L, M: Metric> {
    core: Arc<FamilyCore<M>>,
    /// The row of seats of these labels, once this handle or the one that it was cloned of has seen it.
    row: RowOf<M>,
    labels: PhantomData<fn() -> L>,
}

/// Says why a series was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// The labels were refused.
    #[error("labels refused by family `{family}`")]
    Labels {
        /// The family's name.
        family: String,
        /// What is wrong with the labels.
        source: LabelError,
    },
    /// The family has as many series as it may have.
    #[error("family `{family}` has its {max} series")]
    FamilyLimit {
        /// The family's name.
        family: String,
        /// Its limit.
        max: usize,
    },
    /// The registry has as many series as it may have.
    #[error("no series left for family `{family}`: the registry has its {max}")]
    RegistryLimit {
        /// The family's name.
        family: String,
        /// The registry's limit.
        max: usize,
    },
}

impl<L, M: Metric> Family<L, M> {
    pub(crate) fn from_core(core: Arc<FamilyCore<M>>) -> Family<L, M> {
        Family { core, row: RowOf::unseen(), labels: PhantomData }
    }

    /// A family for code that runs without metrics: it records where nobody looks.
    ///
    /// It makes no series: whatever labels a lookup gives, right or wrong, it returns the family's one series, and
    /// allocates nothing. That costs about what looking a series up costs, and recording costs what it always does, a
    /// nanosecond or a few. A registry takes such a family and does not show it. A histogram has no bounds.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::CounterFamily;
    ///
    /// let requests = CounterFamily::noop();
    /// requests.get_or_create(&[("path", "/")]).inc();
    /// assert!(requests.is_empty());
    /// ```
    #[track_caller]
    #[must_use = "a family does nothing until something is recorded"]
    pub fn noop() -> Self {
        let descriptor = Descriptor::noop(M::TYPE, Location::caller());
        Family::from_core(Arc::new(FamilyCore::noop(descriptor, &Options::default())))
    }

    pub(crate) fn is_noop(&self) -> bool {
        self.core.is_noop()
    }

    /// The series with these labels, made around `cell`, which began then, or now where nothing is said, if it is not
    /// there.
    pub(crate) fn get_or_adopt(
        &self,
        labels: &[(&str, &str)],
        created: Option<SystemTime>,
        cell: impl FnOnce() -> M::Cell,
    ) -> Result<M, SeriesError> {
        self.core.get_or_adopt(labels, created, cell)
    }

    /// What a series that is made now has of its own.
    pub(crate) fn new_cell(&self) -> M::Cell {
        M::cell(self.core.info(), self.core.len())
    }

    /// The overflow series, for what could not get a series of its own.
    pub(crate) fn overflow(&self, error: &SeriesError) -> M {
        self.core.overflow(error)
    }

    /// Removes a series whose only handle the caller has, if it is there.
    pub(crate) fn remove_own(&self, metric: &M) {
        self.core.remove_own(metric);
    }

    pub(crate) fn erased(&self) -> Arc<dyn ErasedFamily> {
        // The annotation is where the type is erased.
        let core: Arc<FamilyCore<M>> = Arc::clone(&self.core);
        core
    }

    /// The family's name, help and kind.
    #[must_use]
    pub fn metadata(&self) -> &Descriptor {
        self.core.descriptor()
    }

    /// Gives help to a family that was made without, for bridges to libraries that record first and describe later.
    /// Returns whether this is the family's help now: help that is there stays.
    ///
    /// The next collection shows it, and registrations that state it are the family's from then on, as if it had been
    /// registered with it; so do its instances with other constant labels. A descriptor that was cloned before may keep
    /// what it had.
    ///
    /// # Examples
    ///
    /// ```
    /// let registry = nilometer_core::MetricsRegistry::new();
    /// let jobs = registry.register_counter("jobs_total", "")?;
    /// assert!(jobs.describe("Jobs done."));
    /// assert!(!jobs.describe("Jobs, perhaps."));
    /// assert_eq!(jobs.metadata().help(), "Jobs done.");
    /// assert!(registry.register_counter("jobs_total", "Jobs done.").is_ok());
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn describe(&self, help: &str) -> bool {
        self.core.descriptor().describe(help)
    }

    /// Gives a unit to a family that was made without and whose name ends with it, as
    /// [`describe`](Family::describe) gives help. Returns whether this is the family's unit now.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, Unit};
    ///
    /// let family = MetricsRegistry::new().register_gauge("free_bytes", "Bytes left.")?;
    /// assert!(!family.declare_unit(Unit::SECONDS));
    /// assert!(family.declare_unit(Unit::BYTES));
    /// assert_eq!(family.metadata().unit(), Some(Unit::BYTES));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn declare_unit(&self, unit: Unit) -> bool {
        self.core.descriptor().declare_unit(unit)
    }

    /// Handles of all series, in the order in which they were made, the overflow series last.
    ///
    /// Series that are made or removed while the iterator runs may be seen or not; none is seen twice.
    pub fn series(&self) -> impl Iterator<Item = M> + use<L, M> {
        self.core.series()
    }

    /// How many series there are, the overflow series aside.
    #[must_use]
    pub fn len(&self) -> usize {
        self.core.len()
    }

    /// Whether there is no series but perhaps the overflow series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes every series for which `keep` is false, the overflow series aside; their handles go on recording where
    /// nobody looks.
    ///
    /// `keep` is called without a lock held, so it can use the family.
    pub fn retain(&self, keep: impl FnMut(&M) -> bool) {
        self.core.retain(keep);
    }

    /// Removes every series that has all of these labels, in any order, and perhaps others, the overflow series aside;
    /// their handles go on recording where nobody looks.
    ///
    /// An empty value stands for no such label. Without labels, all series go. Returns how many were removed.
    ///
    /// # Concurrency
    ///
    /// All series are looked at, a few at a time. One that is made meanwhile may stay.
    ///
    /// # Examples
    ///
    /// ```
    /// let family = nilometer_core::CounterFamily::new("requests_total", "Requests.");
    /// for (tenant, method) in [("a", "GET"), ("a", "PUT"), ("b", "GET")] {
    ///     family.get_or_create(&[("tenant", tenant), ("method", method)]).inc();
    /// }
    /// assert_eq!(family.remove_matching(&[("tenant", "a")]), 2);
    /// assert_eq!(family.len(), 1);
    /// ```
    pub fn remove_matching(&self, labels: &[(&str, &str)]) -> usize {
        self.core.remove_matching(labels)
    }

    /// Removes every series, the overflow series included.
    pub fn clear(&self) {
        self.core.clear();
    }
}

impl<M: Metric> Family<DynamicLabels, M> {
    #[track_caller]
    fn standalone(name: impl Into<String>, help: impl Into<String>, options: &Options) -> Self {
        let descriptor = Descriptor::unchecked(name, help, M::TYPE, Location::caller());
        Family::from_core(Arc::new(FamilyCore::standalone(descriptor, options)))
    }

    /// The series with these labels, made at zero if it is not there.
    ///
    /// Labels come in any order; one whose value is empty counts as absent. What
    /// [`try_get_or_create`](Family::try_get_or_create) refuses goes to the overflow series.
    #[must_use = "the series stays at zero until its handle records"]
    pub fn get_or_create(&self, labels: &[(&str, &str)]) -> M {
        self.core.get_or_overflow(labels)
    }

    /// The series with these labels, made at zero if it is not there.
    ///
    /// # Errors
    ///
    /// [`SeriesError`]: the labels break a rule or a limit; nothing was made or counted.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{CounterFamily, SeriesError};
    ///
    /// let family = CounterFamily::new("requests_total", "Requests.");
    /// let error = family.try_get_or_create(&[("le", "1")]).unwrap_err();
    /// assert!(matches!(error, SeriesError::Labels { family, .. } if family == "requests_total"));
    /// ```
    pub fn try_get_or_create(&self, labels: &[(&str, &str)]) -> Result<M, SeriesError> {
        self.core.try_get_or_create(labels)
    }

    /// Calls `f` with the series that [`get_or_create`](Family::get_or_create) finds, without adding to its reference
    /// count.
    ///
    /// No lock is held while `f` runs, which can take its time, and can use the family: a series that is removed
    /// meanwhile stays until `f` has returned.
    ///
    /// # Examples
    ///
    /// ```
    /// let family = nilometer_core::CounterFamily::new("requests_total", "Requests.");
    /// family.with(&[("method", "GET")], |counter| counter.inc());
    /// ```
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the compiler knows more of the labels where they are written")]
    pub fn with<R>(&self, labels: &[(&str, &str)], f: impl FnOnce(&M) -> R) -> R {
        self.core.with(labels, f)
    }

    /// The series with these labels, if it is there.
    #[must_use]
    pub fn get(&self, labels: &[(&str, &str)]) -> Option<M> {
        self.core.get(labels)
    }

    /// Removes the series with these labels; its handles go on recording where nobody looks.
    ///
    /// Returns whether it was there.
    pub fn remove(&self, labels: &[(&str, &str)]) -> bool {
        self.core.remove(labels)
    }

    /// The series with these labels, made at zero if it is not there, for as long as it has an owner: when the last one
    /// is dropped, the series is removed.
    ///
    /// What [`try_owned`](Family::try_owned) refuses goes to the overflow series, which stays.
    pub fn owned(&self, labels: &[(&str, &str)]) -> OwnedSeries<M> {
        self.core.owned(labels)
    }

    /// The series with these labels, made at zero if it is not there, for as long as it has an owner.
    ///
    /// # Errors
    ///
    /// [`SeriesError`]: the labels break a rule or a limit; nothing was made or counted.
    pub fn try_owned(&self, labels: &[(&str, &str)]) -> Result<OwnedSeries<M>, SeriesError> {
        self.core.try_owned(labels)
    }

    /// The series without labels.
    #[must_use = "the series stays at zero until its handle records"]
    pub fn default(&self) -> M {
        self.get_or_create(&[])
    }
}

impl CounterFamily {
    /// A family of its own, outside of any registry, under the default limits.
    ///
    /// A wrong name is refused where it could reach a page: by
    /// [`MetricsRegistry::register`](crate::MetricsRegistry::register), and when the family is collected by itself.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>) -> CounterFamily {
        Family::standalone(name, help, &Options::default())
    }
}

impl UpDownCounterFamily {
    /// A family of its own, outside of any registry, under the default limits.
    ///
    /// A wrong name is refused where it could reach a page: by
    /// [`MetricsRegistry::register`](crate::MetricsRegistry::register), and when the family is collected by itself.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>) -> UpDownCounterFamily {
        Family::standalone(name, help, &Options::default())
    }
}

impl GaugeFamily {
    /// A family of its own, outside of any registry, under the default limits.
    ///
    /// A wrong name is refused where it could reach a page: by
    /// [`MetricsRegistry::register`](crate::MetricsRegistry::register), and when the family is collected by itself.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>) -> GaugeFamily {
        Family::standalone(name, help, &Options::default())
    }
}

impl HistogramFamily {
    /// A family of its own, outside of any registry, under the default limits.
    ///
    /// A wrong name and wrong bounds are refused where they could reach a page: by
    /// [`MetricsRegistry::register`](crate::MetricsRegistry::register), and when the family is collected by itself.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, bounds: &[f64]) -> HistogramFamily {
        Family::standalone(name, help, &Options::with_bounds(bounds))
    }
}

impl<L, M: Metric> Collector for Family<L, M> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        if self.is_noop() {
            return Ok(());
        }
        if let Some(defect) = self.core.defect() {
            return Err(CollectError::failed(defect.clone()));
        }
        visitor.family(self.metadata())?;
        self.core.visit_points(visitor)?;
        Ok(())
    }
}

impl<L, M: Metric> Clone for Family<L, M> {
    fn clone(&self) -> Self {
        Family { core: Arc::clone(&self.core), row: self.row.clone(), labels: PhantomData }
    }
}

impl<L, M: Metric> fmt::Debug for Family<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family")
            .field("name", &self.metadata().name())
            .field("type", &M::TYPE)
            .field("series", &self.len())
            .finish_non_exhaustive()
    }
}

//! A recorder for the facade `metrics`: what libraries record through it lands in a registry.
//!
//! The crate [`metrics`] is to metrics what `log` is to logs: libraries call its macros, and know nothing of where the
//! numbers go. With [`FacadeRecorder`] they go to a [`MetricsRegistry`], and are then on the same page as the
//! program's own metrics, and in the same pushes.
//!
//! # Examples
//!
//! ```
//! use nilometer::MetricsRegistry;
//! use nilometer::facade::FacadeRecorder;
//!
//! let registry = MetricsRegistry::new();
//! FacadeRecorder::try_new(&registry)?.install()?;
//!
//! // In some library:
//! metrics::describe_counter!("pool.checkouts", "Connections taken from the pool.");
//! metrics::counter!("pool.checkouts", "pool" => "main").increment(2);
//!
//! # #[cfg(feature = "prometheus")]
//! assert_eq!(
//!     nilometer::PrometheusRenderer::render_all(&registry),
//!     "# HELP pool_checkouts Connections taken from the pool.\n\
//!      ## TYPE pool_checkouts counter\n\
//!      pool_checkouts{pool=\"main\"} 2\n",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In a test, `metrics::with_local_recorder(&recorder, || ..)` records on one thread alone, and nothing is installed.
//!
//! # What becomes of what
//!
//! | facade | in the registry |
//! |---|---|
//! | counter, `increment` | [`Counter`], `inc_by` |
//! | counter, `absolute` | raises the counter to the value; one that is there already, or above it, stays: it never goes down |
//! | gauge, `set` | [`Gauge`], `set`; it may be NaN or infinite |
//! | gauge, `increment`, `decrement` | `add`, but for what is not finite, which is counted and does nothing |
//! | histogram, `record` | [`Histogram`], `observe`; NaN is counted and left out, as the registry has it |
//! | histogram, `record_many` | so many observations, one after the other |
//! | description | help, also where it comes after the first use |
//! | unit | the family's unit, where the name ends with it: `_seconds`, `_bytes`, `_bits_per_second`; also late |
//! | labels of a key | labels of a series |
//! | level, target, module path | nothing |
//!
//! # Names
//!
//! Names are what libraries chose, with one underscore for each character that names cannot hold: those that
//! `metrics-exporter-prometheus` writes, so that dashboards go on working. In a registry
//! [with UTF-8 names](nilometer_core::RegistryConfig::with_utf8_names) they stay as they are. Nothing is appended
//! in any format, so that a counter without `_total` is of the type `unknown` in OpenMetrics text, which knows none;
//! [`FacadeRecorderBuilder::with_suffixes`] appends unit and `_total`. The registry's namespace and a scope's prefix come
//! before every name.
//!
//! `a.b` and `a_b` become one name. The first that is used has it; the other does nothing, and is named by
//! `nilometer_facade_unsupported_total`. Two metrics in one series would be a number that neither library meant, and a
//! name that depends on who else is there would be no name; a count that says which one is missing can be alerted on.
//! [`FacadeRecorderBuilder::with_escaping`] and UTF-8 names keep them apart. The same holds for a name that is used as a
//! counter and as a gauge. A family of the program's own that is the same but for its help is shared. So it is when the
//! program registers it first; where a macro was faster, the family has the help that was described, or none, and a
//! registration that states another is the error: register before libraries record.
//!
//! # Labels
//!
//! One name can have any sets of labels. Names of labels are escaped as names are; values of labels that are one then,
//! or were from the beginning, are joined with `;` in their order, and labels without a value do not exist. So the
//! order of a key's labels does not matter, as it does not to `metrics`. What breaks the registry's rules and limits,
//! a label `le` or one series too many, goes to the [overflow series](nilometer_core::Family) and is counted there.
//! How many names there can be is [limited](FacadeRecorderBuilder::with_name_limit) too.
//!
//! # Buckets
//!
//! The facade has no way to state them. [`FacadeRecorderBuilder`] takes them for names, beginnings, ends and all others.
//! Otherwise what was described in seconds, or ends with `_seconds`, has [`LATENCY_SECONDS`], milliseconds have
//! [`LATENCY_MS`], bytes [`SIZE_BYTES`], and all others three bounds to a decade from 0.001 to 10,000. There are no
//! quantiles, which `metrics-exporter-prometheus` shows where it has no buckets.
//!
//! # Handles, and how long they stay
//!
//! The macros ask for a handle at each call. It is found by its key, whose hash is computed already, under a read lock
//! that few other threads take, or none, and nothing is allocated: the rows `facade/*` of the scoreboard. For that, there
//! are as many copies of the keys as processors, up to 16. Keeping the handle in a struct costs less: then it is the
//! registry's own operation behind one pointer.
//!
//! A key keeps its series, also where the program takes that out of its family: what is recorded then, nobody sees.
//! Where series [expire](nilometer_core::RegistryConfig::with_expire_after), collections let go of keys that were not
//! used since the last two of them and whose handles nobody holds, from which the registry's period counts. Gauges that
//! were incremented or decremented stay: one that came back would start at 0. A family that is
//! [unregistered](MetricsRegistry::unregister) does not come back.
//!
//! # What is not done
//!
//! It is counted, in `nilometer_facade_unsupported_total` with the labels `metric`, which is `(empty)` for one without a name, and `reason`:
//!
//! | reason | what has happened |
//! |---|---|
//! | `name` | the registry does not take the name; the metric does nothing |
//! | `conflict` | the name belongs to a metric of another kind or of another spelling, or to a family of the program's that differs; the metric does nothing |
//! | `refused` | the registry has refused the family otherwise; the metric does nothing |
//! | `name_limit` | there are as many names as there may be; the metric does nothing, or has no description |
//! | `dropped` | an operation of a metric that does nothing |
//! | `description` | a description differs from the one that is shown |
//! | `unit` | a unit that names are to end with came after the first use, or units differ |
//! | `change` | a gauge was incremented or decremented by what is no finite number, and stays as it was |
//!
//! # What this module does not do
//!
//! It does not make the program's own metrics go through the facade: those are cheaper and checked when they are
//! declared. It has no layers and no filters; `metrics-util` has them, around any recorder. What was recorded before a
//! recorder was installed is lost, as it is with every recorder.
//!
//! - `name`, `labels`: what families and series are called. `buckets`: which bounds histograms have.
//! - `store`: which names are taken. `cache`: handles by key; `sweep`: letting go of them. `handle`: what they do.
//! - `builder`, `error`: making a recorder. `unsupported`: what is counted.
//!
//! [`LATENCY_SECONDS`]: nilometer_core::buckets::LATENCY_SECONDS
//! [`LATENCY_MS`]: nilometer_core::buckets::LATENCY_MS
//! [`SIZE_BYTES`]: nilometer_core::buckets::SIZE_BYTES

mod buckets;
mod builder;
mod cache;
mod error;
mod handle;
mod labels;
mod name;
mod store;
mod sweep;
mod unsupported;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use metrics::{Key, KeyName, Metadata, Recorder, SharedString, Unit};
use nilometer_core::{Counter, Gauge, Histogram, MetricsRegistry, RegistrationGuard};

use self::buckets::Buckets;
pub use self::builder::FacadeRecorderBuilder;
pub use self::error::{FacadeError, InstallError};
use self::name::Naming;
use self::store::{Described, Store};
use self::unsupported::Unsupported;

/// A recorder of the facade `metrics` whose metrics are in a registry.
///
/// Clones are of one recorder, and a registry has one, its scopes together. The module's documentation tells what
/// becomes of names, labels and operations, and what is not done.
///
/// # Concurrency
///
/// Any thread can ask for handles and use them. One that was asked for before is found under a read lock; the first use of
/// a name or of labels takes a write lock, which is not held while anything of the caller's runs. What handles do is what
/// the registry's do: no lock, but for [`absolute`](metrics::Counter::absolute), which takes turns among the counters of
/// one name. Totals are exact once the threads that record have been joined.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::facade::FacadeRecorder;
///
/// let registry = MetricsRegistry::new();
/// let recorder = FacadeRecorder::try_new(&registry)?;
/// let total = metrics::with_local_recorder(&recorder, || metrics::counter!("seen"));
/// total.absolute(7);
/// total.absolute(3);
/// # #[cfg(feature = "prometheus")]
/// assert!(nilometer::PrometheusRenderer::render_all(&registry).contains("seen 7"));
/// # Ok::<(), nilometer::facade::FacadeError>(())
/// ```
#[derive(Clone)]
pub struct FacadeRecorder {
    shared: Arc<Shared>,
}

/// What the clones of a recorder share.
struct Shared {
    registry: MetricsRegistry,
    naming: Naming,
    buckets: Buckets,
    name_limit: usize,
    /// How many names are taken, of all kinds.
    names: AtomicUsize,
    /// The names of families, with the libraries' names for them.
    owners: Mutex<HashMap<Box<str>, Box<str>>>,
    unsupported: Unsupported,
    counters: Store<Counter>,
    gauges: Store<Gauge>,
    histograms: Store<Histogram>,
    /// The sweeps, where series expire: they end with the recorder.
    sweeper: OnceLock<RegistrationGuard>,
}

impl Shared {
    /// Takes one of the names that there may be.
    fn take_name(&self) -> bool {
        let more = |names| (names < self.name_limit).then_some(names + 1);
        // ORDERING: Relaxed, it is a count of its own.
        self.names.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

impl FacadeRecorder {
    /// A recorder with the defaults.
    ///
    /// # Errors
    ///
    /// As [`build`](FacadeRecorderBuilder::build).
    pub fn try_new(registry: &MetricsRegistry) -> Result<FacadeRecorder, FacadeError> {
        FacadeRecorder::builder(registry).build()
    }

    /// Starts to make a recorder for this registry, or for a [scope](MetricsRegistry::scope) of it.
    pub fn builder(registry: &MetricsRegistry) -> FacadeRecorderBuilder {
        FacadeRecorderBuilder::new(registry)
    }

    /// Makes this the recorder of the process: the macros of `metrics` record here from now on, on all threads.
    ///
    /// # Errors
    ///
    /// [`InstallError`] when the process has a recorder. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::MetricsRegistry;
    /// use nilometer::facade::{FacadeRecorder, InstallError};
    ///
    /// let recorder = FacadeRecorder::try_new(&MetricsRegistry::new())?;
    /// assert_eq!(recorder.install(), Ok(()));
    /// assert_eq!(recorder.install(), Err(InstallError::AlreadyInstalled));
    /// # Ok::<(), nilometer::facade::FacadeError>(())
    /// ```
    pub fn install(&self) -> Result<(), InstallError> {
        metrics::set_global_recorder(self.clone()).map_err(|_| InstallError::AlreadyInstalled)
    }
}

impl Recorder for FacadeRecorder {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.shared.counters.describe(name.as_str(), &Described { unit, text }, &self.shared);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.shared.gauges.describe(name.as_str(), &Described { unit, text }, &self.shared);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, text: SharedString) {
        self.shared.histograms.describe(name.as_str(), &Described { unit, text }, &self.shared);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(self.shared.counters.handle(key, &self.shared))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::from_arc(self.shared.gauges.handle(key, &self.shared))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::from_arc(self.shared.histograms.handle(key, &self.shared))
    }
}

impl fmt::Debug for FacadeRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FacadeRecorder").field("naming", &self.shared.naming).finish_non_exhaustive()
    }
}

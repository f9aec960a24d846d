//! Registering the kinds that few programs need, and callbacks.

use std::panic::Location;
use std::sync::{Arc, Weak};

use super::{Inner, MetricsRegistry, RegisterError};
use crate::callback::{
    self, Callback, CallbackGuard, CounterReading, FloatCounterReading, GaugeHistogramReading, GaugeReading,
    HistogramReading, IntGaugeReading, Read, Reading, UpDownCounterReading,
};
use crate::declare::Declaration;
use crate::extreme::{MaxGauge, MinGauge};
use crate::family::{
    DynamicLabels, Family, FloatCounterFamily, GaugeHistogramFamily, IntGaugeFamily, MaxGaugeFamily,
    MinGaugeFamily, StateSetFamily, SummaryFamily,
};
use crate::float_counter::FloatCounter;
use crate::gauge_histogram::GaugeHistogram;
use crate::info::Info;
use crate::int_gauge::IntGauge;
use crate::label::ClosedLabelValue;
use crate::long_task::{self, Families, LongTaskTimer};
use crate::state_set::StateSet;
use crate::summary::Summary;

/// A registry that may be gone.
pub(crate) struct WeakRegistry(Weak<Inner>);

impl WeakRegistry {
    pub(crate) fn upgrade(&self) -> Option<MetricsRegistry> {
        self.0.upgrade().map(|inner| MetricsRegistry { inner, scope: Arc::default() })
    }
}

impl MetricsRegistry {
    pub(crate) fn downgrade(&self) -> WeakRegistry {
        WeakRegistry(Arc::downgrade(&self.inner))
    }

    /// Registers a family of counters of fractions with dynamic labels.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter). A counter of that name is another kind, though a page
    /// calls both `counter`.
    #[track_caller]
    pub fn register_float_counter(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<FloatCounterFamily, RegisterError> {
        self.family::<FloatCounter>(name, help).register()
    }

    /// Registers a family of gauges of whole numbers with dynamic labels.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter). A gauge of that name is another kind, though a page
    /// calls both `gauge`.
    #[track_caller]
    pub fn register_int_gauge(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<IntGaugeFamily, RegisterError> {
        self.family::<IntGauge>(name, help).register()
    }

    /// Registers a family of gauges with dynamic labels that show the largest value observed lately: in windows of a
    /// minute. [`family`](MetricsRegistry::family) registers one with others.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter).
    #[track_caller]
    pub fn register_max_gauge(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<MaxGaugeFamily, RegisterError> {
        self.family::<MaxGauge>(name, help).register()
    }

    /// Registers a family of gauges with dynamic labels that show the smallest value observed lately: in windows of a
    /// minute. [`family`](MetricsRegistry::family) registers one with others.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter).
    #[track_caller]
    pub fn register_min_gauge(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<MinGaugeFamily, RegisterError> {
        self.family::<MinGauge>(name, help).register()
    }

    /// Registers a family of gauge histograms with dynamic labels and these upper bounds, `+Inf` not among them.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter), and when the bounds are not bounds or more than
    /// [`MAX_GAUGE_BOUNDS`](crate::buckets::MAX_GAUGE_BOUNDS).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, buckets};
    ///
    /// let registry = MetricsRegistry::new();
    /// let queued = registry.register_gauge_histogram("queued_bytes", "Size of what waits.", &buckets::SIZE_BYTES)?;
    /// let queued = queued.default();
    /// let item = vec![0_u8; 3000];
    /// queued.add(item.len() as f64);
    /// assert_eq!(queued.snapshot().sum(), 3000.0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_gauge_histogram(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        bounds: &[f64],
    ) -> Result<GaugeHistogramFamily, RegisterError> {
        self.family::<GaugeHistogram>(name, help).with_buckets(bounds).register()
    }

    /// Registers a family of state sets with dynamic labels, of the states of `S`.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter); [`RegisterError::States`] when the values of `S` are
    /// none, or more than 64, or not distinct; and [`RegisterError::Labels`] when the name, which is the name of the label
    /// with the state too, cannot be a label's.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, RegisterError};
    ///
    /// let registry = MetricsRegistry::new();
    /// let leader = registry.register_state_set::<bool>("leader", "Whether this one leads.")?.default();
    /// leader.set(true);
    /// let error = registry.register_state_set::<bool>("shop:leader", "A colon.").unwrap_err();
    /// assert!(matches!(error, RegisterError::Labels { .. }));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_state_set<S: ClosedLabelValue + 'static>(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<StateSetFamily<S>, RegisterError> {
        self.family::<StateSet<S>>(name, help).register()
    }

    /// Registers a family of summaries with dynamic labels: of the quantiles 0.5, 0.9 and 0.99 over 10 minutes, within 1 %.
    /// [`family`](MetricsRegistry::family) registers one with others.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter).
    #[track_caller]
    pub fn register_summary(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<SummaryFamily, RegisterError> {
        self.family::<Summary>(name, help).register()
    }

    /// Registers labels that tell something about the program. With other values of the same labels it is another series
    /// of the same family; with the same ones it is the same series.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter), [`RegisterError::Labels`] when the names of the labels
    /// break a rule, and [`RegisterError::Series`] when their values do or are past a limit. Nothing has changed then.
    #[track_caller]
    pub fn register_info(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
    ) -> Result<Info, RegisterError> {
        let mut declaration = Declaration::new::<Info>(name, help, Location::caller());
        declaration.label_names = Some(labels.iter().map(|(name, _)| (*name).to_owned()).collect());
        self.register_and(declaration, |family: Family<DynamicLabels, Info>| {
            let name = || family.metadata().name().to_owned();
            family.try_get_or_create(labels).map_err(|source| RegisterError::Series { name: name(), source })
        })
    }

    /// Registers a timer of tasks that run for long, with these labels: how many are running, for how long together, and
    /// for how long the oldest is, in three gauges: `<name>_active`, `<name>_active_seconds` and `<name>_oldest_seconds`.
    ///
    /// With other labels it is another series of each; with the same ones it is the same timer. The series stay, whatever
    /// the registry says of idle ones.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter), for any of the three names, and
    /// [`RegisterError::Series`] when the labels break a rule or are past a limit. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// let registry = nilometer_core::MetricsRegistry::new();
    /// let imports = registry.register_long_task_timer("imports", "Imports.", &[("source", "ftp")])?;
    /// let import = imports.start();
    /// assert_eq!(imports.active(), 1);
    /// drop(import);
    /// assert_eq!(imports.active(), 0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_long_task_timer(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
    ) -> Result<LongTaskTimer, RegisterError> {
        let declarations = long_task::declarations(&name.into(), &help.into(), Location::caller());
        self.register_all_and(declarations.into(), |handles| Families::take(handles).adopt(labels))
    }

    /// Registers a function that returns a counter's total, and is called at every collection: as the series with these
    /// labels of a family, which can have others, each with a callback of its own.
    ///
    /// It is for totals that are counted elsewhere, and must not go down. When they began is not known here, so its series
    /// have no created timestamp. No lock is held while it runs: it can use
    /// metrics and the registry, though it is not called from within itself. If it panics, its series alone is not on the
    /// page, and that is counted in `nilometer_collector_failures_total` with the family as the collector.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter). A family of callbacks is of another kind than one that
    /// is recorded into. [`RegisterError::Series`] when the labels break a rule or are past a limit, and
    /// [`RegisterError::Conflict`] when a callback with these labels is registered, the same or another one: functions
    /// cannot be compared. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// let registry = nilometer_core::MetricsRegistry::new();
    /// let hits = Arc::new(AtomicU64::new(0));
    /// let guard = registry.register_counter_callback("cache_hits_total", "Hits.", &[("cache", "users")], {
    ///     let hits = Arc::clone(&hits);
    ///     move || hits.load(Ordering::Relaxed)
    /// })?;
    /// # drop(guard);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_counter_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        read: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<CounterReading>(name, help, labels, &[], Arc::new(read))
    }

    /// Registers a function that returns the total of a counter of fractions, as
    /// [`register_counter_callback`](MetricsRegistry::register_counter_callback) does.
    ///
    /// A total that is negative, NaN or infinite is not on the page, and is counted in `nilometer_odd_observations_total`.
    ///
    /// # Errors
    ///
    /// As [`register_counter_callback`](MetricsRegistry::register_counter_callback).
    #[track_caller]
    pub fn register_float_counter_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<FloatCounterReading>(name, help, labels, &[], Arc::new(read))
    }

    /// Registers a function that returns an up-down counter's number, as
    /// [`register_counter_callback`](MetricsRegistry::register_counter_callback) does.
    ///
    /// # Errors
    ///
    /// As [`register_counter_callback`](MetricsRegistry::register_counter_callback).
    #[track_caller]
    pub fn register_up_down_counter_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<UpDownCounterReading>(name, help, labels, &[], Arc::new(read))
    }

    /// Registers a function that returns a gauge's value, as
    /// [`register_counter_callback`](MetricsRegistry::register_counter_callback) does.
    ///
    /// # Errors
    ///
    /// As [`register_counter_callback`](MetricsRegistry::register_counter_callback).
    #[track_caller]
    pub fn register_gauge_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        read: impl Fn() -> f64 + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<GaugeReading>(name, help, labels, &[], Arc::new(read))
    }

    /// Registers a function that returns the value of a gauge of whole numbers, as
    /// [`register_counter_callback`](MetricsRegistry::register_counter_callback) does.
    ///
    /// # Errors
    ///
    /// As [`register_counter_callback`](MetricsRegistry::register_counter_callback).
    #[track_caller]
    pub fn register_int_gauge_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<IntGaugeReading>(name, help, labels, &[], Arc::new(read))
    }

    /// Registers a function that returns a histogram's counts and sum, over buckets with these upper bounds, `+Inf` not
    /// among them, as [`register_counter_callback`](MetricsRegistry::register_counter_callback) does.
    ///
    /// What does not have one count for each bound and one for `+Inf`, or has a sum that is not finite, is not on the
    /// page, and is counted in `nilometer_collector_failures_total` as an error.
    ///
    /// # Errors
    ///
    /// As [`register_counter_callback`](MetricsRegistry::register_counter_callback), and when the bounds are not bounds.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{HistogramReading, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let pauses = || HistogramReading::new([12, 3, 0], 0.45);
    /// let guard =
    ///     registry.register_histogram_callback("gc_pause_seconds", "Pauses.", &[], &[0.01, 0.1], pauses)?;
    /// guard.keep();
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_histogram_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        bounds: &[f64],
        read: impl Fn() -> HistogramReading + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<HistogramReading>(name, help, labels, bounds, Arc::new(read))
    }

    /// Registers a function that returns the counts and the sum of what is there now, as
    /// [`register_histogram_callback`](MetricsRegistry::register_histogram_callback) does: for what changes by itself,
    /// such as the ages of open connections, where a [`GaugeHistogram`] would have to be told of each change.
    ///
    /// # Errors
    ///
    /// As [`register_histogram_callback`](MetricsRegistry::register_histogram_callback).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{HistogramReading, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let ages = || HistogramReading::new([12, 3, 1], 240.0);
    /// let guard = registry.register_gauge_histogram_callback(
    ///     "connection_age_seconds",
    ///     "Ages of open connections.",
    ///     &[],
    ///     &[10.0, 60.0],
    ///     ages,
    /// )?;
    /// guard.keep();
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_gauge_histogram_callback(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        bounds: &[f64],
        read: impl Fn() -> HistogramReading + Send + Sync + 'static,
    ) -> Result<CallbackGuard, RegisterError> {
        self.register_callback::<GaugeHistogramReading>(name, help, labels, bounds, Arc::new(read))
    }

    #[track_caller]
    fn register_callback<R: Reading>(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        labels: &[(&str, &str)],
        bounds: &[f64],
        read: Arc<Read<R>>,
    ) -> Result<CallbackGuard, RegisterError> {
        let mut declaration = Declaration::new::<Callback<R>>(name, help, Location::caller());
        declaration.options.bounds = bounds.to_vec();
        callback::register::<R>(self, declaration, labels, read)
    }
}

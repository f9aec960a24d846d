//! Families with unique names, and everything that is collected together.
//!
//! - `config`: [`RegistryConfig`]; `overrides`, bucket bounds instead of those that are declared.
//! - `scope`: prefixes and labels for what is registered through one handle.
//! - `catalog`: the families that are registered, and which names they take.
//! - `error`: [`RegisterError`].
//! - `builder`: [`FamilyBuilder`], for a family with a unit, declared labels or a limit of its own.
//! - `cardinality`: [`CardinalityReport`], where series come from.
//! - `kinds`: registering the kinds that few programs need, and callbacks.
//! - `global`: the registry that belongs to the process.
//! - `merge`: several registries on one page.
//! - `foreign`: collectors that are not this crate's families.
//! - `selfmetrics`: what a registry tells about itself.

mod builder;
mod cardinality;
mod catalog;
mod config;
mod error;
mod foreign;
mod global;
mod kinds;
mod merge;
mod overrides;
mod scope;
mod selfmetrics;

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

pub use self::builder::FamilyBuilder;
pub use self::cardinality::{CardinalityReport, FamilyCardinality, LabelCardinality};
use self::catalog::{Catalog, Entry};
pub use self::config::RegistryConfig;
pub use self::error::RegisterError;
use self::foreign::{Collectors, Foreign, Rules};
pub use self::foreign::{Registration, RegistrationGuard};
pub use self::global::{GlobalError, global, set_global};
pub use self::merge::{MergeConflict, Registries};
use self::scope::Scope;
use self::selfmetrics::SelfPage;
use crate::collect::{CollectError, Collector, Visitor};
use crate::counter::Counter;
use crate::declare::{Declaration, Handles, Slot};
use crate::family::{
    Budget, CounterFamily, DynamicLabels, Family, GaugeFamily, HistogramFamily, UpDownCounterFamily,
};
use crate::gauge::Gauge;
use crate::histogram::Histogram;
use crate::label::LabelSet;
use crate::metric::Metric;
use crate::updown::UpDownCounter;

/// A set of families with unique names, which exporters collect.
///
/// Clones are handles of one registry, and so are [scopes](MetricsRegistry::scope). Registering is all or nothing: what
/// fails changes nothing. It is idempotent: the same name, kind, unit, help, declared label names, bounds and constant labels give the same series again. A
/// name that is taken with anything else is an error that names both sides. So is one that takes what another name
/// becomes where names are escaped, in a registry [with UTF-8 names](RegistryConfig::with_utf8_names).
///
/// # Concurrency
///
/// Everything can be called from any thread. Collecting holds no lock while the visitor runs, so a slow scrape delays
/// neither recording nor registering; what is registered meanwhile is seen by the next scrape.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, RegistryConfig};
///
/// let config = RegistryConfig::new().with_namespace("shop").with_constant_labels(&[("region", "eu")]);
/// let registry = MetricsRegistry::with_config(config);
/// let orders = registry.register_counter("orders_total", "Orders placed.")?;
/// assert_eq!(orders.metadata().name(), "shop_orders_total");
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
pub struct MetricsRegistry {
    inner: Arc<Inner>,
    scope: Arc<Scope>,
}

struct Inner {
    config: RegistryConfig,
    budget: Arc<Budget>,
    catalog: RwLock<Catalog>,
    collectors: Collectors,
    /// The statics that asked to be on this registry and were refused, each once.
    refused_statics: Mutex<Vec<&'static str>>,
}

impl MetricsRegistry {
    /// An empty registry with the default configuration.
    #[must_use]
    pub fn new() -> MetricsRegistry {
        MetricsRegistry::with_config(RegistryConfig::new())
    }

    /// An empty registry.
    ///
    /// Constant labels that break a rule are an error of each registration.
    #[must_use]
    pub fn with_config(config: RegistryConfig) -> MetricsRegistry {
        let budget = Arc::new(Budget::new(config.registry_limit()));
        let inner = Inner {
            config,
            budget,
            catalog: RwLock::new(Catalog::new()),
            collectors: Collectors::default(),
            refused_statics: Mutex::default(),
        };
        MetricsRegistry { inner: Arc::new(inner), scope: Arc::default() }
    }

    /// The configuration.
    #[must_use = "reading the configuration changes nothing"]
    pub fn config(&self) -> &RegistryConfig {
        &self.inner.config
    }

    /// Registers a family of counters with dynamic labels.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: the name is invalid, or taken by something else. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, RegisterError};
    ///
    /// let registry = MetricsRegistry::new();
    /// registry.register_counter("jobs_total", "Jobs.")?;
    /// let error = registry.register_gauge("jobs_total", "Jobs.").unwrap_err();
    /// assert!(matches!(error, RegisterError::Conflict { .. }));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_counter(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<CounterFamily, RegisterError> {
        self.family::<Counter>(name, help).register()
    }

    /// Registers a family of up-down counters with dynamic labels.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter). A gauge of that name is another kind, though a page
    /// calls both `gauge`.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let connections = registry.register_up_down_counter("connections", "Connections that are open.")?;
    /// connections.get_or_create(&[("listener", "public")]).inc();
    /// assert!(registry.register_gauge("connections", "Connections that are open.").is_err());
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[track_caller]
    pub fn register_up_down_counter(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<UpDownCounterFamily, RegisterError> {
        self.family::<UpDownCounter>(name, help).register()
    }

    /// Registers a family of gauges with dynamic labels.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter).
    #[track_caller]
    pub fn register_gauge(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> Result<GaugeFamily, RegisterError> {
        self.family::<Gauge>(name, help).register()
    }

    /// Registers a family of histograms with dynamic labels and these upper bounds, `+Inf` not among them.
    ///
    /// # Errors
    ///
    /// As [`register_counter`](MetricsRegistry::register_counter), and when the bounds are not bounds.
    #[track_caller]
    pub fn register_histogram(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
        bounds: &[f64],
    ) -> Result<HistogramFamily, RegisterError> {
        self.family::<Histogram>(name, help).with_buckets(bounds).register()
    }

    /// Starts the registration of a family that has more to say than its name and help.
    #[track_caller]
    pub fn family<M: Metric>(
        &self,
        name: impl Into<String>,
        help: impl Into<String>,
    ) -> FamilyBuilder<'_, M> {
        FamilyBuilder::new(self, Declaration::new::<M>(name, help, Location::caller()))
    }

    /// Registers a family that was made elsewhere, under its own name, which is a classic one: the namespace is for names
    /// that the registry makes. Constant labels and the registry's limit on all series together apply from now on; its own limits stay the
    /// default ones.
    ///
    /// A family belongs to one registry, which takes it back after [`unregister`](MetricsRegistry::unregister). One
    /// whose name is disabled in the configuration is left out, without an error.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: the name or the bounds are invalid, the name is taken by something else, or the family
    /// belongs to another registry. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{CounterFamily, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let family = CounterFamily::new("jobs_total", "Jobs.");
    /// registry.register(&family)?;
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn register<L, M: Metric>(&self, family: &Family<L, M>) -> Result<(), RegisterError> {
        if family.is_noop() {
            return Ok(());
        }
        let erased = family.erased();
        if let Some(defect) = erased.defect() {
            return Err(defect.clone());
        }
        if self.inner.config.is_disabled(family.metadata().name()) {
            return Ok(());
        }
        let constant = self.constant_labels(&[])?;
        self.inner.catalog.write().adopt(&erased, &constant, &self.inner.budget)
    }

    /// Registers many families at once, or none: what a derived `register` calls.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for the first declaration that cannot be had. Nothing has changed then.
    pub(crate) fn register_all(
        &self,
        declarations: Vec<Declaration>,
        labels: &[(&str, &str)],
    ) -> Result<Handles, RegisterError> {
        self.register_with(declarations, labels, Ok)
    }

    /// Registers families and calls `then` with them, or with those that are there already; nothing has changed when
    /// that fails.
    ///
    /// # Errors
    ///
    /// As [`register_all`](MetricsRegistry::register_all), and what `then` returns.
    pub(crate) fn register_all_and<R>(
        &self,
        declarations: Vec<Declaration>,
        then: impl FnOnce(&mut Handles) -> Result<R, RegisterError>,
    ) -> Result<R, RegisterError> {
        self.register_with(declarations, &[], |mut handles| then(&mut handles))
    }

    fn register_with<R>(
        &self,
        declarations: Vec<Declaration>,
        labels: &[(&str, &str)],
        then: impl FnOnce(Handles) -> Result<R, RegisterError>,
    ) -> Result<R, RegisterError> {
        let constant = self.constant_labels(labels)?;
        let slots = declarations.into_iter().map(|declaration| self.slot(declaration, &constant));
        let slots = slots.collect::<Result<Vec<Slot>, RegisterError>>()?;
        self.inner.catalog.write().add_all(slots, |slots| then(Handles::new(slots)))
    }

    /// Registers one family and calls `then` with it, as [`register_all_and`](MetricsRegistry::register_all_and) does.
    ///
    /// # Errors
    ///
    /// As [`register_all_and`](MetricsRegistry::register_all_and).
    pub(crate) fn register_and<M: Metric, R>(
        &self,
        declaration: Declaration,
        then: impl FnOnce(Family<DynamicLabels, M>) -> Result<R, RegisterError>,
    ) -> Result<R, RegisterError> {
        self.register_all_and(vec![declaration], |handles| then(handles.family()))
    }

    /// Takes a family off the registry if it has no series: no other registration gives it one meanwhile.
    pub(crate) fn unregister_empty<L, M: Metric>(&self, family: &Family<L, M>) {
        let mut catalog = self.inner.catalog.write();
        // What is taken out is dropped after the lock.
        let removed = family.is_empty().then(|| catalog.remove_family(&family.erased()));
        drop(catalog);
        drop(removed);
    }

    /// A family that is not in the catalog yet.
    fn slot(&self, declaration: Declaration, constant: &LabelSet) -> Result<Slot, RegisterError> {
        let config = &self.inner.config;
        let init = declaration.init;
        let family = declaration.into_family(config, self.scope.prefix(config.namespace()).as_deref())?;
        family.attach(constant, &self.inner.budget)?;
        let enabled = !config.is_disabled(family.info().descriptor.name());
        Ok(Slot { family, enabled, init })
    }

    /// Takes the family `name`, namespace included, off the registry, with all its instances.
    ///
    /// Handles go on recording where nobody looks. Returns whether the family was there.
    #[expect(clippy::must_use_candidate, reason = "removing is for its effect; the answer is a convenience")]
    pub fn unregister(&self, name: &str) -> bool {
        let removed = self.inner.catalog.write().remove(name);
        removed.is_some()
    }

    /// Takes one instance of the family `name` off the registry: the one that was registered with these constant
    /// labels, in any order, those of the configuration and of the scope aside.
    ///
    /// Handles go on recording where nobody looks. Returns whether the instance was there.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::MetricsRegistry;
    ///
    /// let registry = MetricsRegistry::new();
    /// registry.register_counter("jobs_total", "Jobs.")?;
    /// assert!(!registry.unregister_instance("jobs_total", &[("queue", "mail")]));
    /// assert!(registry.unregister_instance("jobs_total", &[]));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[expect(clippy::must_use_candidate, reason = "removing is for its effect; the answer is a convenience")]
    pub fn unregister_instance(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        let Ok(constant) = self.constant_labels(labels) else { return false };
        let removed = self.inner.catalog.write().remove_instance(name, &constant);
        removed.is_some()
    }

    /// Registers a source of families that the registry does not make: they are read from it at every scrape.
    ///
    /// `name` is what `nilometer_collector_failures_total` calls it. What it shows is buffered, up to
    /// [`RegistryConfig::collector_buffer`] bytes, and checked before it goes on: names that are taken, series that
    /// stand twice, points of the wrong kind, and values that no metric of their kind can have, such as a negative
    /// total, are left out and counted, and so is what follows a panic or the end of the buffer. One that takes longer
    /// than [`RegistryConfig::collector_time_limit`] is left out and counted as `timeout`, until it has ended; for that,
    /// each runs on a [thread of its own](RegistryConfig::with_collector_time_limit). A collector that comes to collect
    /// this registry gets what the registry has by itself: neither that collector nor another one of the registry is
    /// asked again from within. Families that are disabled by name are left out without a count.
    ///
    /// A family with a [UTF-8 name](crate::Descriptor::has_utf8_name) is served whatever the configuration says of the
    /// registry's own. Where another family has what its name becomes when it is escaped, it is served all the same,
    /// escaped by [`values`](crate::name::EscapingScheme::Values), and counted as `escaped_name_taken`; series whose label
    /// names would become those of others in the family are left out and counted as `label_names`.
    ///
    /// # Errors
    ///
    /// [`RegisterError::CollectorExists`] when a collector of that name is registered,
    /// [`RegisterError::CollectorName`] when the name cannot be a label value, and [`RegisterError::ConstantLabels`]
    /// when those of the configuration break a rule. Nothing has changed then.
    pub fn register_collector(
        &self,
        name: impl Into<String>,
        collector: impl Collector + 'static,
    ) -> Result<Registration, RegisterError> {
        let name = name.into();
        let checked = LabelSet::try_from_pairs(&[("collector", &name)]);
        if let Err(source) = checked {
            return Err(RegisterError::CollectorName { name, source });
        }
        let constant = self.constant_labels(&[])?;
        self.inner.collectors.add(name, Box::new(collector), constant)
    }

    /// How many series each family has, and how many values each of their labels.
    ///
    /// It goes through the labels of every series, and keeps a copy of each value until it is done: it is for whoever
    /// wants to know where series come from, and not for every scrape. No lock is held for longer than it takes to list
    /// a few series. What is made or removed meanwhile is counted or not.
    ///
    /// # Examples
    ///
    /// ```
    /// let registry = nilometer_core::MetricsRegistry::new();
    /// let family = registry.register_counter("requests_total", "Requests.")?;
    /// for path in ["/", "/cart", "/orders"] {
    ///     family.get_or_create(&[("method", "GET"), ("path", path)]).inc();
    /// }
    /// let report = registry.cardinality();
    /// assert_eq!(report.families()[0].series(), 3);
    /// assert_eq!(report.families()[0].labels()[0].name(), "path");
    /// assert_eq!(report.families()[0].labels()[0].values(), 3);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    #[must_use]
    pub fn cardinality(&self) -> CardinalityReport {
        let entries = self.inner.catalog.read().all();
        CardinalityReport::new(&entries, &self.inner.budget)
    }

    /// Counts a static that could not be told why it is not shown.
    pub(crate) fn count_refused_static(&self, name: &'static str) {
        let mut refused = self.inner.refused_statics.lock();
        if !refused.contains(&name) {
            refused.push(name);
        }
    }

    /// The labels of a registration: those of the configuration, those of the scope, and `more`.
    fn constant_labels(&self, more: &[(&str, &str)]) -> Result<LabelSet, RegisterError> {
        let config = self.inner.config.constant_pairs();
        let pairs: Vec<(&str, &str)> =
            config.chain(self.scope.labels()).chain(more.iter().copied()).collect();
        LabelSet::try_with_names(&pairs, self.inner.config.utf8_names())
            .map_err(RegisterError::ConstantLabels)
    }
}

impl Inner {
    /// The labels of the configuration alone; none where they break a rule, as then there are no series.
    fn constant_labels(&self) -> LabelSet {
        let pairs: Vec<(&str, &str)> = self.config.constant_pairs().collect();
        LabelSet::try_with_names(&pairs, self.config.utf8_names()).unwrap_or_default()
    }

    /// Adds what there is to tell about this registry, where it is to be told.
    fn tell(
        &self,
        page: &mut SelfPage,
        entries: &[Arc<Entry>],
        collectors: &[Arc<Foreign>],
        with_process: bool,
    ) {
        let about = selfmetrics::About {
            entries,
            collectors,
            refused_statics: &self.refused_statics.lock().clone(),
            config: &self.config,
            constant: &self.constant_labels(),
            with_process,
        };
        if self.config.self_metrics() {
            page.add(&about);
        }
        if self.config.series_metrics() {
            page.add_series(&about);
        }
    }
}

impl Collector for MetricsRegistry {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (entries, owners) = self.inner.catalog.read().served();
        for entry in &entries {
            visitor.family(entry.descriptor())?;
            entry.visit_points(visitor)?;
        }
        let collectors = self.inner.collectors.all();
        let rules = Rules { config: &self.inner.config, owners: &[owners] };
        if let Some(_asking) = foreign::begin(&self.inner, &collectors) {
            foreign::collect_all(&collectors, &rules, visitor)?;
        }
        let mut about_self = SelfPage::default();
        self.inner.tell(&mut about_self, &entries, &collectors, true);
        about_self.collect(visitor)?;
        Ok(())
    }
}

impl Default for MetricsRegistry {
    fn default() -> Self {
        MetricsRegistry::new()
    }
}

impl fmt::Debug for MetricsRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsRegistry").field("config", &self.inner.config).finish_non_exhaustive()
    }
}

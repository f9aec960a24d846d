//! A meter provider of the crate `opentelemetry` that records into a registry.
//!
//! Libraries that are instrumented with OpenTelemetry are then on the same page as the program's own metrics, and in the
//! same pushes: there is no second pipeline and no SDK.
//!
//! # Examples
//!
//! ```
//! use nilometer::MetricsRegistry;
//! use nilometer::otel::RegistryMeterProvider;
//! use opentelemetry::{KeyValue, global};
//!
//! let registry = MetricsRegistry::new();
//! RegistryMeterProvider::try_new(&registry)?.install_global();
//!
//! // In some library:
//! let meter = global::meter("http-client");
//! let sent = meter.u64_counter("http.client.sent").with_unit("By").with_description("Bytes sent.").build();
//! sent.add(512, &[KeyValue::new("server.address", "example.org")]);
//!
//! # #[cfg(feature = "prometheus")]
//! assert_eq!(
//!     nilometer::PrometheusRenderer::render_all(&registry),
//!     "# HELP http_client_sent_bytes_total Bytes sent.\n\
//!      ## TYPE http_client_sent_bytes_total counter\n\
//!      http_client_sent_bytes_total{otel_scope_name=\"http-client\",server_address=\"example.org\"} 512\n",
//! );
//! # Ok::<(), nilometer::RegisterError>(())
//! ```
//!
//! # What becomes of what
//!
//! | instrument | in the registry |
//! |---|---|
//! | counter of `u64`, of `f64` | [`Counter`](crate::Counter), [`FloatCounter`](crate::FloatCounter) |
//! | up-down counter of `i64` | [`UpDownCounter`](crate::UpDownCounter) |
//! | up-down counter of `f64` | [`Gauge`](crate::Gauge) that is added to: pages have gauges for both, OTLP then too |
//! | gauge of `u64` or `i64`, of `f64` | [`IntGauge`](crate::IntGauge), [`Gauge`](crate::Gauge) |
//! | histogram of `u64` or `f64` | [`Histogram`](crate::Histogram), of fractions: whole numbers are exact up to 2^53 |
//! | observable counter, up-down counter, gauge | a collector named `opentelemetry`, which calls the callbacks |
//! | boundaries | upper bounds, at most 256; OpenTelemetry's default ones, from 0 to 10,000, where none are stated, in whatever unit; a single one at the largest finite number where an empty list is |
//! | description | help |
//! | unit | the end of the name, and the unit where the name ends with it |
//! | attributes, scope | labels |
//!
//! A gauge that is new can be seen at 0 before its first value. Histograms have no minimum and no maximum. Series of up-down
//! counters stay where others [expire](crate::RegistryConfig::with_expire_after): one that came back would start at 0.
//!
//! # Names
//!
//! By default, names are what OpenTelemetry's specification has for Prometheus: the unit is spelled out at the end, then
//! a counter has `_total`. `http.server.request.duration` in `s` is `http_server_request_duration_seconds`. A unit that
//! the name has among its words is not repeated, and neither are what stands in curly braces, as in `{request}`, nor
//! `1`, but that a gauge's becomes `ratio`.
//!
//! - In a registry [with UTF-8 names](crate::RegistryConfig::with_utf8_names), dots and dashes stay, in names and in
//!   attributes' keys: `http.server.request.duration_seconds`. Readers that take none but classic names get underscores.
//!   In all others, which refuse such names, every run of characters that are not classic is an underscore.
//! - [`RegistryMeterProviderBuilder::with_suffixes`] turns unit and `_total` off.
//!
//! The suffixes are not only for Prometheus: a registry's unit is what the name ends with, and without them a push over
//! OTLP would have none. With them the unit is the instrument's again, `s`, `By`, `By/s`; what stood in curly braces is
//! lost. So those who push OTLP alone to where names are looked up as the semantic conventions have them take UTF-8 names
//! and no suffixes, and no units with them. The registry's namespace and a scope's prefix come before every name.
//!
//! Two instruments that would have one name here have one family if their own names, kinds and units are the same, of
//! histograms the boundaries too, whatever their meters. Otherwise the second does nothing. Names are compared without
//! regard to case, and the first is shown. Units are compared as they are spelled out; an instrument that states none, or
//! says in curly braces what it counts, goes with any. Kinds are those of the table: counters of `u64` and of `f64` are two.
//!
//! # Labels
//!
//! Attributes come in any order; of several values of one key the last counts. Values that are not strings are written as
//! the specification says, arrays as JSON. Where keys become one name, their values are joined with `;`. In a registry with
//! UTF-8 names they do not, but it refuses names that would where they are escaped: `a.b` and `a_b` are not both labels of
//! one family. A label whose value is empty does not exist. What breaks the registry's rules and limits goes to the
//! [overflow series](crate::Family), and is counted there.
//!
//! Every series has the labels `otel_scope_name`, `otel_scope_version`, `otel_scope_schema_url` and `otel_scope_` with each
//! attribute of the scope, as far as the meter has them; attributes that would be one of the former three are left out, and
//! those that would be one label anywhere are joined. [`RegistryMeterProviderBuilder::with_scope_labels`] turns them off: the
//! same attributes are then the same series, whatever the meter.
//!
//! # Callbacks
//!
//! The callbacks of observable instruments are called at every collection, as the registry's
//! [collectors](crate::MetricsRegistry::register_collector) are: on a thread of their own, one after the other, and one
//! collection at a time, under the [time limit](crate::RegistryConfig::with_collector_time_limit) of the registry, past
//! which that scrape has none of them. Where a registry has no such limit, several collections may call them at a time, on
//! their own threads. No lock is held meanwhile: a callback can record, make instruments and collect the registry. One that
//! panics is counted, and what it had observed before is shown; the others lose nothing. Of several observations of one
//! series, by one callback or by several, the last counts. What is not observed any more is not shown.
//!
//! What is observed is the collector's. Its attributes are under the default [limits](crate::label::LabelLimits), whatever
//! the registry's. A name that one of the registry's families takes, before or after, is no `conflict`: the callbacks are
//! called, and at each collection `nilometer_collector_failures_total` counts that it is not shown.
//!
//! The API has no way to take a callback off, and dropping an instrument drops none: they stay as long as the registry,
//! or until [`RegistryMeterProvider::shutdown`]. One that keeps a handle of the registry keeps the registry until then.
//!
//! # What is not done
//!
//! It is counted, in `nilometer_otel_unsupported_total` with the labels `instrument`, which is `(empty)` for one without a name, and `reason`:
//!
//! | reason | what has happened |
//! |---|---|
//! | `instrument_name` | the name breaks the API's rules, or the registry's; the instrument does nothing |
//! | `instrument_unit` | the unit has more than 63 bytes, or others than ASCII; the instrument does nothing |
//! | `conflict` | the name belongs to an instrument of another kind, unit or boundaries, or to a family of the program's; the instrument does nothing |
//! | `boundaries` | the boundaries are not finite or not increasing, or more than 256; the instrument does nothing |
//! | `refused` | the registry has refused the family otherwise; the instrument does nothing |
//! | `shutdown` | the provider was shut down before; the instrument does nothing |
//! | `dropped` | a measurement of an instrument that does nothing |
//! | `description` | the description differs from that of an instrument of the same name, whose description is shown |
//! | `gauge_range` | a gauge was set above `i64::MAX`, which it shows instead |
//! | `change` | an up-down counter of `f64` was changed by what is no finite number, and stays as it was |
//! | `scope_attribute` | a measurement had an attribute that is a label of the scope, which is shown instead |
//! | `attributes` | an observation of a callback whose attributes cannot be labels was left out |
//! | `series_limit` | an observation of a callback past the registry's limit on a family's series was left out |
//! | `callback_panic` | a callback has panicked; what it had observed before is shown |
//!
//! Increments of counters that are negative or not finite are counted by the registry, in
//! `nilometer_odd_observations_total`, labels that are refused in `nilometer_overflow_total`, and what callbacks observe
//! that cannot be shown in `nilometer_collector_failures_total`.
//!
//! There are no views. For what they are used for most, a registry's configuration has
//! [other bounds](crate::RegistryConfig::with_buckets_for) for histograms and families that are
//! [disabled](crate::RegistryConfig::with_disabled), by the names that stand on pages. Bound instruments, an experiment of
//! the crate `opentelemetry`, record nothing.
//!
//! - `unit`, `name`: what families are called. `value`, `attribute`, `scope`: the labels of a series.
//! - `catalog`: which names are taken. `unsupported`: what is counted.
//! - `instruments`: making instruments. `sync`: those that are told what to record. `observed`: those that are asked.

mod attribute;
mod catalog;
mod instruments;
mod name;
mod observed;
mod scope;
mod sync;
mod unit;
mod unsupported;
mod value;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nilometer_core::{MetricsRegistry, RegisterError};
use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::{Meter, MeterProvider};

use self::catalog::Catalog;
use self::instruments::Instruments;
use self::name::Naming;
use self::unsupported::Unsupported;

/// What the registry calls the collector of the observable instruments.
const COLLECTOR: &str = "opentelemetry";

/// A meter provider whose instruments record into a registry.
///
/// Clones are of one provider, and a registry has one, its scopes together. The module's documentation tells what becomes of
/// instruments, names, attributes and callbacks, and what is not done.
///
/// # Concurrency
///
/// Instruments record from any thread: each measurement finds its series by its labels, without a lock. Nothing is
/// allocated for a series that is there, as long as it has no more than 24 labels and no attributes that become one label.
/// Totals are exact once the threads that record have been joined. Making an instrument takes a lock, which is not held
/// while anything of the caller's runs.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::otel::RegistryMeterProvider;
/// use opentelemetry::metrics::MeterProvider as _;
///
/// let registry = MetricsRegistry::new();
/// let provider = RegistryMeterProvider::try_new(&registry)?;
/// let meter = provider.meter("cache");
/// let entries = meter.i64_up_down_counter("cache.entries").build();
/// entries.add(3, &[]);
/// meter
///     .u64_observable_gauge("cache.memory")
///     .with_unit("By")
///     .with_callback(|observer| observer.observe(4096, &[]))
///     .build();
/// # #[cfg(feature = "prometheus")]
/// assert!(nilometer::PrometheusRenderer::render_all(&registry).contains("cache_memory_bytes"));
/// # Ok::<(), nilometer::RegisterError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry, "Metrics API", and "Prometheus and OpenMetrics Compatibility", from OTLP metric points to Prometheus.
#[derive(Clone)]
pub struct RegistryMeterProvider {
    shared: Arc<Shared>,
}

/// What the clones and meters of a provider share.
struct Shared {
    registry: MetricsRegistry,
    naming: Naming,
    has_scope_labels: bool,
    catalog: Catalog,
    unsupported: Unsupported,
    is_shut_down: AtomicBool,
}

/// How a [`RegistryMeterProvider`] is made; from [`RegistryMeterProvider::builder`].
#[derive(Debug)]
#[must_use = "there is no provider until `build` is called"]
pub struct RegistryMeterProviderBuilder {
    registry: MetricsRegistry,
    has_suffixes: bool,
    has_scope_labels: bool,
}

impl RegistryMeterProvider {
    /// A provider with the defaults: names with suffixes, labels of the scope.
    ///
    /// # Errors
    ///
    /// As [`build`](RegistryMeterProviderBuilder::build).
    pub fn try_new(registry: &MetricsRegistry) -> Result<RegistryMeterProvider, RegisterError> {
        RegistryMeterProvider::builder(registry).build()
    }

    /// Starts to make a provider that records into this registry, or into a [scope](MetricsRegistry::scope) of it.
    pub fn builder(registry: &MetricsRegistry) -> RegistryMeterProviderBuilder {
        RegistryMeterProviderBuilder {
            registry: registry.clone(),
            has_suffixes: true,
            has_scope_labels: true,
        }
    }

    /// Makes this the provider of the process, from which [`opentelemetry::global::meter`] has its meters from now on.
    /// Meters that were made before stay with the provider that they are of.
    pub fn install_global(&self) {
        opentelemetry::global::set_meter_provider(self.clone());
    }

    /// Drops all callbacks. Instruments that are there go on recording, and their series stay; those that are made from now
    /// on do nothing, which is counted.
    ///
    /// It waits for nothing: a collection that has begun may still call the callbacks.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::MetricsRegistry;
    /// use nilometer::otel::RegistryMeterProvider;
    /// use opentelemetry::metrics::MeterProvider as _;
    ///
    /// let registry = MetricsRegistry::new();
    /// let provider = RegistryMeterProvider::try_new(&registry)?;
    /// let hits = provider.meter("cache").u64_counter("hits").build();
    /// provider.shutdown();
    /// hits.add(1, &[]);
    /// # #[cfg(feature = "prometheus")]
    /// assert!(nilometer::PrometheusRenderer::render_all(&registry).contains("hits_total"));
    /// # Ok::<(), nilometer::RegisterError>(())
    /// ```
    pub fn shutdown(&self) {
        // ORDERING: Relaxed, an instrument that is made meanwhile may be made or not.
        self.shared.is_shut_down.store(true, Ordering::Relaxed);
        self.shared.catalog.observed.end();
    }
}

impl MeterProvider for RegistryMeterProvider {
    fn meter_with_scope(&self, scope: InstrumentationScope) -> Meter {
        let Shared { has_scope_labels, naming, .. } = *self.shared;
        let scope = if has_scope_labels { scope::labels(&scope, naming) } else { Box::default() };
        Meter::new(Arc::new(Instruments { shared: Arc::clone(&self.shared), scope: scope.into() }))
    }
}

impl fmt::Debug for RegistryMeterProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryMeterProvider")
            .field("naming", &self.shared.naming)
            .field("has_scope_labels", &self.shared.has_scope_labels)
            .finish_non_exhaustive()
    }
}

impl RegistryMeterProviderBuilder {
    /// Sets whether names end with the unit, and those of counters with `_total`: they do by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::otel::RegistryMeterProvider;
    /// use nilometer::{MetricsRegistry, RegistryConfig, collect::Collector};
    /// use opentelemetry::metrics::MeterProvider as _;
    ///
    /// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    /// let provider = RegistryMeterProvider::builder(&registry).with_suffixes(false).build()?;
    /// provider.meter("client").f64_histogram("http.client.request.duration").with_unit("s").build().record(0.2, &[]);
    /// assert_eq!(registry.cardinality().families()[0].name(), "http.client.request.duration");
    /// # Ok::<(), nilometer::RegisterError>(())
    /// ```
    pub fn with_suffixes(mut self, on: bool) -> Self {
        self.has_suffixes = on;
        self
    }

    /// Sets whether series have the labels of their meter's scope: they do by default.
    pub fn with_scope_labels(mut self, on: bool) -> Self {
        self.has_scope_labels = on;
        self
    }

    /// Makes the provider.
    ///
    /// # Errors
    ///
    /// [`RegisterError::CollectorExists`] when the registry has a provider, and others when the family that counts what is
    /// not done cannot be registered, or the constant labels break a rule. Nothing has changed then.
    pub fn build(self) -> Result<RegistryMeterProvider, RegisterError> {
        let RegistryMeterProviderBuilder { registry, has_suffixes, has_scope_labels } = self;
        let catalog = Catalog::default();
        let registration = registry.register_collector(COLLECTOR, Arc::clone(&catalog.observed))?;
        let unsupported = match Unsupported::register(&registry) {
            Ok(unsupported) => unsupported,
            Err(error) => {
                registration.unregister();
                return Err(error);
            }
        };
        let shared = Shared {
            naming: Naming { is_utf8: registry.config().utf8_names(), has_suffixes },
            has_scope_labels,
            catalog,
            unsupported,
            is_shut_down: AtomicBool::new(false),
            registry,
        };
        Ok(RegistryMeterProvider { shared: Arc::new(shared) })
    }
}

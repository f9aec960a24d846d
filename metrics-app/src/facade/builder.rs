//! How a recorder is made.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};

use nilometer_core::name::EscapingScheme;
use nilometer_core::{ExponentialConfig, MetricsRegistry, RegisterError};

use super::buckets::{Buckets, Fit};
use super::error::FacadeError;
use super::name::Naming;
use super::store::Store;
use super::unsupported::Unsupported;
use super::{FacadeRecorder, Shared, sweep};

/// How many names there may be.
const NAMES: usize = 10_000;

/// How a [`FacadeRecorder`] is made; from [`FacadeRecorder::builder`].
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::facade::FacadeRecorder;
///
/// let registry = MetricsRegistry::new();
/// let recorder = FacadeRecorder::builder(&registry.scope("app", &[("shard", "7")]))
///     .with_buckets_for_suffix("_seconds", &[0.1, 1.0, 10.0])
///     .with_suffixes(true)
///     .build()?;
/// metrics::with_local_recorder(&recorder, || metrics::counter!("jobs").increment(1));
/// # #[cfg(feature = "prometheus")]
/// assert!(nilometer::PrometheusRenderer::render_all(&registry).contains("app_jobs_total{shard=\"7\"} 1"));
/// # Ok::<(), nilometer::facade::FacadeError>(())
/// ```
#[derive(Debug)]
#[must_use = "there is no recorder until `build` is called"]
pub struct FacadeRecorderBuilder {
    registry: MetricsRegistry,
    escaping: Option<EscapingScheme>,
    has_suffixes: bool,
    buckets: Buckets,
    name_limit: usize,
}

impl FacadeRecorderBuilder {
    pub(super) fn new(registry: &MetricsRegistry) -> FacadeRecorderBuilder {
        FacadeRecorderBuilder {
            registry: registry.clone(),
            escaping: None,
            has_suffixes: false,
            buckets: Buckets::default(),
            name_limit: NAMES,
        }
    }

    /// Sets whether names end with the unit that was described, and those of counters with `_total`: they do not by
    /// default, as names that libraries choose are what their documentation and dashboards have. `_total` stays last.
    ///
    /// A unit has to be described before the metric is used first: a name does not change afterwards.
    pub fn with_suffixes(mut self, on: bool) -> Self {
        self.has_suffixes = on;
        self
    }

    /// Sets how characters are written that names cannot hold: by default as
    /// [`Underscores`](EscapingScheme::Underscores), and in a registry
    /// [with UTF-8 names](nilometer_core::RegistryConfig::with_utf8_names) not at all.
    ///
    /// By underscores `a.b` and `a_b` are one name, which the first of them has. By
    /// [`Values`](EscapingScheme::Values) and [`Dots`](EscapingScheme::Dots) they are two.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::facade::FacadeRecorder;
    /// use nilometer::{MetricsRegistry, name::EscapingScheme};
    ///
    /// let registry = MetricsRegistry::new();
    /// let recorder = FacadeRecorder::builder(&registry).with_escaping(EscapingScheme::Dots).build()?;
    /// metrics::with_local_recorder(&recorder, || metrics::counter!("a.b").increment(1));
    /// assert_eq!(registry.cardinality().families()[0].name(), "a_dot_b");
    /// # Ok::<(), nilometer::facade::FacadeError>(())
    /// ```
    pub fn with_escaping(mut self, scheme: EscapingScheme) -> Self {
        self.escaping = Some(scheme);
        self
    }

    /// Sets the upper bounds of all histograms that no other bounds are stated for, `+Inf` not among them.
    pub fn with_buckets(self, bounds: &[f64]) -> Self {
        self.with_fit(Fit::Others, bounds)
    }

    /// Sets the bounds of the histogram `name`: the one that stands on pages, without the registry's namespace and the
    /// scope's prefix. They come before those for a beginning or an end, and of each sort the last that were stated
    /// count. [`RegistryConfig::with_buckets_for`](nilometer_core::RegistryConfig::with_buckets_for) comes before all.
    pub fn with_buckets_for(self, name: impl Into<String>, bounds: &[f64]) -> Self {
        self.with_fit(Fit::Name(name.into()), bounds)
    }

    /// Sets the bounds of all histograms whose names begin with `prefix`.
    pub fn with_buckets_for_prefix(self, prefix: impl Into<String>, bounds: &[f64]) -> Self {
        self.with_fit(Fit::Prefix(prefix.into()), bounds)
    }

    /// Sets the bounds of all histograms whose names end with `suffix`, such as `_seconds`.
    pub fn with_buckets_for_suffix(self, suffix: impl Into<String>, bounds: &[f64]) -> Self {
        self.with_fit(Fit::Suffix(suffix.into()), bounds)
    }

    fn with_fit(mut self, fit: Fit, bounds: &[f64]) -> Self {
        self.buckets.add(fit, bounds);
        self
    }

    /// Gives all histograms exponential buckets, which Prometheus calls native, beside the explicit ones.
    pub fn with_exponential(mut self, config: ExponentialConfig) -> Self {
        self.buckets.exponential = Some(config);
        self
    }

    /// Sets how many names there may be, those that are refused among them: 10,000 by default. Metrics with others do
    /// nothing, which is counted. How many series each may have is the registry's to say.
    pub fn with_name_limit(mut self, names: usize) -> Self {
        self.name_limit = names;
        self
    }

    /// Makes the recorder.
    ///
    /// # Errors
    ///
    /// [`FacadeError`]: the registry has a recorder, bounds are not bounds, or the recorder's own metrics are refused.
    /// Nothing has changed then.
    pub fn build(self) -> Result<FacadeRecorder, FacadeError> {
        let FacadeRecorderBuilder { registry, escaping, has_suffixes, buckets, name_limit } = self;
        buckets.check()?;
        let unsupported = Unsupported::register(&registry).map_err(|error| match error {
            RegisterError::Conflict { .. } => FacadeError::RecorderExists,
            error => FacadeError::Register(error),
        })?;
        let own = if registry.config().utf8_names() {
            EscapingScheme::AllowUtf8
        } else {
            EscapingScheme::Underscores
        };
        let keys = registry.config().registry_limit();
        let shared = Arc::new(Shared {
            naming: Naming { escaping: escaping.unwrap_or(own), has_suffixes },
            buckets,
            name_limit,
            names: AtomicUsize::new(0),
            owners: Mutex::default(),
            unsupported,
            counters: Store::new(keys),
            gauges: Store::new(keys),
            histograms: Store::new(keys),
            sweeper: OnceLock::new(),
            registry,
        });
        if shared.registry.config().expire_after().is_some()
            && let Err(error) = sweep::register(&shared)
        {
            shared.registry.unregister(Unsupported::NAME);
            return Err(error.into());
        }
        Ok(FacadeRecorder { shared })
    }
}

//! How a registry names, limits and selects.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::overrides::{BucketOverrides, Fit};
use crate::clock::Clock;
use crate::exemplar::{ExemplarSource, Sampling};
use crate::family::FamilyLimits;
use crate::label::LabelLimits;

/// How long a foreign collector may take. Prometheus waits 10 seconds for a page unless it is told otherwise, and a
/// collection that meets another one waits less than twice this: more than half of the time is left for the page itself.
const COLLECTOR_TIME_LIMIT: Duration = Duration::from_secs(2);

/// The configuration of a [`MetricsRegistry`](crate::MetricsRegistry).
///
/// # Examples
///
/// ```
/// use nilometer_core::RegistryConfig;
///
/// let config = RegistryConfig::new().with_namespace("shop").with_series_limit(500);
/// assert_eq!(config.series_limit(), 500);
/// ```
#[derive(Clone)]
#[must_use = "a configuration does nothing until a registry is made with it"]
pub struct RegistryConfig {
    namespace: Option<String>,
    constant: Vec<(String, String)>,
    limits: FamilyLimits,
    registry_limit: usize,
    collector_buffer: usize,
    collector_time_limit: Option<Duration>,
    disabled: BTreeSet<String>,
    buckets: BucketOverrides,
    self_metrics: bool,
    exemplar_source: Option<Arc<dyn ExemplarSource>>,
    exemplar_interval: Duration,
    utf8_names: bool,
    series_metrics: bool,
    expire_after: Option<Duration>,
    clock: Clock,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        RegistryConfig {
            namespace: None,
            constant: Vec::new(),
            limits: FamilyLimits::default(),
            registry_limit: 1_000_000,
            collector_buffer: 1 << 20,
            collector_time_limit: Some(COLLECTOR_TIME_LIMIT),
            disabled: BTreeSet::new(),
            buckets: BucketOverrides::default(),
            self_metrics: true,
            exemplar_source: None,
            exemplar_interval: Sampling::INTERVAL,
            utf8_names: false,
            series_metrics: false,
            expire_after: None,
            clock: Clock::system(),
        }
    }
}

impl RegistryConfig {
    /// The defaults: no namespace, no constant labels, 10,000 series per family, 1,000,000 per registry, 32 labels of
    /// at most 1,024 bytes, 1 MiB and 2 seconds for each foreign collector, everything enabled, self-metrics on.
    pub fn new() -> RegistryConfig {
        RegistryConfig::default()
    }

    /// Puts `namespace` and `_` before each name that is registered. It is checked with the name.
    pub fn with_namespace(mut self, namespace: impl Into<String>) -> RegistryConfig {
        self.namespace = Some(namespace.into());
        self
    }

    /// Adds labels that every series has. They are checked with each registration.
    pub fn with_constant_labels(mut self, labels: &[(&str, &str)]) -> RegistryConfig {
        let labels = labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        self.constant.extend(labels);
        self
    }

    /// Sets how many series a family may have, its overflow series aside.
    pub fn with_series_limit(mut self, series: usize) -> RegistryConfig {
        self.limits.series = series;
        self
    }

    /// Sets how many series all families may have together.
    pub fn with_registry_limit(mut self, series: usize) -> RegistryConfig {
        self.registry_limit = series;
        self
    }

    /// Sets how many labels a series may have, and how long their values may be.
    pub fn with_label_limits(mut self, limits: LabelLimits) -> RegistryConfig {
        self.limits.labels = limits;
        self
    }

    /// Sets how many bytes one foreign collector may show in one scrape, about.
    ///
    /// Those that run on threads of their own do so side by side: a scrape then keeps what all of them show at once.
    pub fn with_collector_buffer(mut self, bytes: usize) -> RegistryConfig {
        self.collector_buffer = bytes;
        self
    }

    /// Sets how long a foreign collector may take in one scrape: 2 seconds by default, so that a page is there in the 10
    /// seconds for which Prometheus waits.
    ///
    /// One that takes longer loses its own families in that scrape. It goes on, is told to stop at the next thing that
    /// it shows, and is left out of every scrape until it has ended; each of them counts it, as `timeout`, in
    /// `nilometer_collector_failures_total`. All collectors of a scrape run side by side, so that many slow ones cost it
    /// one limit. The time is the system's, whatever the [clock](RegistryConfig::with_clock).
    ///
    /// For that, each collector has a thread, `nilometer-collect`, which is started when it is first asked and ends when
    /// it is unregistered or its registry is dropped, and has ended if it was late. So a collector does not see the
    /// thread-locals of whoever collects: a runtime's handle, for one, has to be kept in it. Where no thread can be
    /// started, it runs as without a limit. A forked child has none of these threads: a collector that its parent had
    /// asked before the fork is late there for ever, and left out.
    ///
    /// A registry that is a collector of another one's counts as a whole there: give it a shorter limit than the outer
    /// one's, so that a late collector of its own does not make it late.
    ///
    /// With `None`, collectors run one after the other on the thread that collects, which waits for each as long as it
    /// takes.
    ///
    /// # Concurrency
    ///
    /// Under a limit a collector runs once at a time. A scrape that comes while it runs for another waits for that to
    /// end, for its limit at most, and then for a run of its own, which it shares with all that came meanwhile: less
    /// than twice the limit. So what a scrape serves was never read before it began. No lock is held meanwhile that
    /// recording, registering or another scrape needs. Without a limit, a collector runs for several scrapes at a time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nilometer_core::RegistryConfig;
    ///
    /// let config = RegistryConfig::new();
    /// assert_eq!(config.collector_time_limit(), Some(Duration::from_secs(2)));
    /// let config = config.with_collector_time_limit(Duration::from_millis(500));
    /// assert_eq!(config.with_collector_time_limit(None).collector_time_limit(), None);
    /// ```
    pub fn with_collector_time_limit(mut self, limit: impl Into<Option<Duration>>) -> RegistryConfig {
        self.collector_time_limit = limit.into();
        self
    }

    /// Turns families off by their names, namespace included: they are not served, whether they are the registry's
    /// own, a foreign collector's, or of those that the registry tells about itself.
    ///
    /// Registering one still succeeds, under the rules for its name and within the same limits. An `Option` field of a
    /// derived struct is `None` then; any other handle records where nobody looks.
    pub fn with_disabled<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> RegistryConfig {
        self.disabled.extend(names.into_iter().map(Into::into));
        self
    }

    /// Replaces the bounds that the histogram `name` is declared with, wherever it is declared: for a deployment whose
    /// latencies are not those that the program's author thought of.
    ///
    /// The name is the full one, namespace and prefixes included. These bounds are part of the family's identity, the
    /// declared ones are not any more: two declarations that differ in nothing else are the same family. Bounds that
    /// break a rule are an error of the registration, [`RegisterError::BucketOverride`](crate::RegisterError). What
    /// declares no explicit bounds gets none, and static histograms and families that are made outside of the registry
    /// keep their own.
    ///
    /// Where several fit a name, this one comes before those for a [beginning](RegistryConfig::with_buckets_for_prefix)
    /// or an [end](RegistryConfig::with_buckets_for_suffix), and of each sort the last that was stated counts.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, RegistryConfig, buckets};
    ///
    /// let config = RegistryConfig::new().with_buckets_for("http_request_seconds", &[0.5, 1.0, 30.0]);
    /// let registry = MetricsRegistry::with_config(config);
    /// let family =
    ///     registry.register_histogram("http_request_seconds", "Time to answer.", &buckets::LATENCY_SECONDS)?;
    /// assert_eq!(family.default().bucket_bounds(), [0.5, 1.0, 30.0]);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn with_buckets_for(self, name: impl Into<String>, bounds: &[f64]) -> RegistryConfig {
        self.with_override(Fit::Name(name.into()), bounds)
    }

    /// Replaces the bounds of all histograms whose full names begin with `prefix`, as
    /// [`with_buckets_for`](RegistryConfig::with_buckets_for) does that of one.
    pub fn with_buckets_for_prefix(self, prefix: impl Into<String>, bounds: &[f64]) -> RegistryConfig {
        self.with_override(Fit::Prefix(prefix.into()), bounds)
    }

    /// Replaces the bounds of all histograms whose full names end with `suffix`, such as `_seconds`, as
    /// [`with_buckets_for`](RegistryConfig::with_buckets_for) does that of one.
    pub fn with_buckets_for_suffix(self, suffix: impl Into<String>, bounds: &[f64]) -> RegistryConfig {
        self.with_override(Fit::Suffix(suffix.into()), bounds)
    }

    fn with_override(mut self, fit: Fit, bounds: &[f64]) -> RegistryConfig {
        self.buckets.add(fit, bounds);
        self
    }

    /// Sets whether the registry's own `nilometer_*` families are collected.
    pub fn with_self_metrics(mut self, on: bool) -> RegistryConfig {
        self.self_metrics = on;
        self
    }

    /// Sets who names observations of counters and of histograms as examples, while they are recorded.
    ///
    /// Recording into such families takes the slower path, which is that of a thread's first recording: two or three
    /// times as long as the fast one. [`FamilyBuilder::without_exemplars`](crate::FamilyBuilder::without_exemplars)
    /// leaves a family out.
    pub fn with_exemplar_source(mut self, source: impl ExemplarSource) -> RegistryConfig {
        self.exemplar_source = Some(Arc::new(source));
        self
    }

    /// Sets how often a thread asks the source for a bucket at most, a second by default. It asks once more after the
    /// first collection that comes so long after the one before which did: without collections, it does not ask again.
    pub fn with_exemplar_interval(mut self, interval: Duration) -> RegistryConfig {
        self.exemplar_interval = interval;
        self
    }

    pub(crate) fn sampling(&self) -> Option<Sampling> {
        let source = self.exemplar_source.as_ref()?;
        Some(Sampling::new(Arc::clone(source), self.exemplar_interval))
    }

    /// Sets whether the names of metrics and labels may hold any characters but NUL, as Prometheus takes them since
    /// version 3;
    /// off by default, so that a misspelled name is an error.
    ///
    /// Readers that take none but classic names get others in their place, by an
    /// [`EscapingScheme`](crate::name::EscapingScheme). So no two names may become one: `a.b` and `a_b` are a
    /// [`RegisterError::Collision`](crate::RegisterError::Collision) as families, and a
    /// [`LabelError::Collision`](crate::label::LabelError::Collision) as labels of one family's series.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, RegisterError, RegistryConfig};
    ///
    /// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    /// let requests = registry.register_counter("http.requests", "Requests.")?;
    /// requests.get_or_create(&[("http.method", "GET")]).inc();
    /// let error = registry.register_counter("http_requests", "Requests.").unwrap_err();
    /// assert!(matches!(error, RegisterError::Collision { .. }));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn with_utf8_names(mut self, on: bool) -> RegistryConfig {
        self.utf8_names = on;
        self
    }

    /// Sets whether `nilometer_series` and `nilometer_series_limit` are collected: how many series each family has, and
    /// how many it may have. They are not by default, as a page without trouble has no line of the registry's own.
    pub fn with_series_metrics(mut self, on: bool) -> RegistryConfig {
        self.series_metrics = on;
        self
    }

    /// Removes series that nothing changes for `period`, in all families that do not say otherwise: as
    /// [`FamilyBuilder::with_expire_after`](crate::FamilyBuilder::with_expire_after). Infos and long-task timers stay, and
    /// so do families that are made elsewhere.
    pub fn with_expire_after(mut self, period: impl Into<Option<Duration>>) -> RegistryConfig {
        self.expire_after = period.into();
        self
    }

    /// Sets the clock that tells when series began and how long they are idle, when the windows of max and min gauges and of
    /// summaries end, and how long tasks run: for tests.
    pub fn with_clock(mut self, clock: impl Into<Clock>) -> RegistryConfig {
        self.clock = clock.into();
        self
    }

    /// The namespace, if there is one.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// How many series a family may have.
    #[must_use]
    pub fn series_limit(&self) -> usize {
        self.limits.series
    }

    /// How many series all families may have together.
    #[must_use]
    pub fn registry_limit(&self) -> usize {
        self.registry_limit
    }

    /// How many labels a series may have, and how long their values may be.
    #[must_use]
    pub fn label_limits(&self) -> LabelLimits {
        self.limits.labels
    }

    /// How many bytes one foreign collector may show in one scrape, about.
    #[must_use]
    pub fn collector_buffer(&self) -> usize {
        self.collector_buffer
    }

    /// How long a foreign collector may take in one scrape; as long as it wants where there is none.
    #[must_use]
    pub fn collector_time_limit(&self) -> Option<Duration> {
        self.collector_time_limit
    }

    /// Whether the registry's own families are collected.
    #[must_use]
    pub fn self_metrics(&self) -> bool {
        self.self_metrics
    }

    /// Whether the names of metrics and labels may hold any characters.
    #[must_use]
    pub fn utf8_names(&self) -> bool {
        self.utf8_names
    }

    /// Whether the numbers of series are collected.
    #[must_use]
    pub fn series_metrics(&self) -> bool {
        self.series_metrics
    }

    /// How long series stay that nothing changes; for ever by default.
    #[must_use]
    pub fn expire_after(&self) -> Option<Duration> {
        self.expire_after
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The bounds that replace those that the family `name` is declared with.
    pub(crate) fn buckets_for(&self, name: &str) -> Option<&[f64]> {
        self.buckets.of(name)
    }

    pub(crate) fn limits(&self) -> FamilyLimits {
        self.limits
    }

    pub(super) fn constant_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.constant.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the registry's own family `name` is collected.
    pub(super) fn tells(&self, name: &str) -> bool {
        self.self_metrics && !self.is_disabled(name)
    }

    pub(super) fn is_disabled(&self, name: &str) -> bool {
        self.disabled.contains(name)
    }
}

impl fmt::Debug for RegistryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RegistryConfig {
            namespace,
            constant,
            limits,
            registry_limit,
            collector_buffer,
            collector_time_limit,
            disabled,
            buckets,
            self_metrics,
            exemplar_source,
            exemplar_interval,
            utf8_names,
            series_metrics,
            expire_after,
            clock,
        } = self;
        f.debug_struct("RegistryConfig")
            .field("namespace", namespace)
            .field("constant", constant)
            .field("limits", limits)
            .field("registry_limit", registry_limit)
            .field("collector_buffer", collector_buffer)
            .field("collector_time_limit", collector_time_limit)
            .field("disabled", disabled)
            .field("buckets", buckets)
            .field("self_metrics", self_metrics)
            .field("exemplar_source", &exemplar_source.is_some())
            .field("exemplar_interval", exemplar_interval)
            .field("utf8_names", utf8_names)
            .field("series_metrics", series_metrics)
            .field("expire_after", expire_after)
            .field("clock", clock)
            .finish()
    }
}

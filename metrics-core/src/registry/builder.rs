//! A family that has more to say than its name and help.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::time::Duration;

use super::{MetricsRegistry, RegisterError};
use crate::declare::Declaration;
use crate::exponential::ExponentialConfig;
use crate::family::{ClosedLabels, DynamicLabels, Family};
use crate::label::TypedLabels;
use crate::metric::Metric;
use crate::summary::SummaryConfig;
use crate::unit::Unit;

/// Registers one family; made by [`MetricsRegistry::family`].
///
/// # Examples
///
/// ```
/// use nilometer_core::{Histogram, MetricsRegistry, Unit, buckets};
///
/// let registry = MetricsRegistry::new();
/// let family = registry
///     .family::<Histogram>("request_duration_seconds", "Time to answer.")
///     .with_unit(Unit::SECONDS)
///     .with_buckets(&buckets::LATENCY_SECONDS)
///     .with_labels(&["method"])
///     .with_series_limit(100)
///     .register()?;
/// family.get_or_create(&[("method", "GET")]).observe(0.2);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is registered until `register` is called"]
pub struct FamilyBuilder<'r, M, L = DynamicLabels> {
    registry: &'r MetricsRegistry,
    declaration: Declaration,
    kind: PhantomData<fn() -> (L, M)>,
}

impl<'r, M: Metric> FamilyBuilder<'r, M> {
    pub(super) fn new(registry: &'r MetricsRegistry, declaration: Declaration) -> FamilyBuilder<'r, M> {
        FamilyBuilder { registry, declaration, kind: PhantomData }
    }

    /// Declares the label names: a lookup with others goes to the overflow series.
    pub fn with_labels(mut self, names: &[&str]) -> Self {
        self.declaration.label_names = Some(names.iter().map(|&name| name.to_owned()).collect());
        self
    }

    /// Makes a family with typed labels of it.
    pub fn typed<L: TypedLabels>(self) -> FamilyBuilder<'r, M, L> {
        let FamilyBuilder { registry, declaration, .. } = self.with_labels(L::NAMES);
        FamilyBuilder { registry, declaration, kind: PhantomData }
    }
}

impl<M: Metric, L: TypedLabels> FamilyBuilder<'_, M, L> {
    /// Makes the series of all labels that there can be when the family is registered, as
    /// [`Family::init_all`] does.
    pub fn with_init_all(mut self) -> Self {
        self.declaration.init = Some(const { ClosedLabels::of_closed::<L>() });
        self
    }
}

impl<M: Metric, L> FamilyBuilder<'_, M, L> {
    /// States the unit, which the name ends with.
    pub fn with_unit(mut self, unit: Unit) -> Self {
        self.declaration.unit = Some(unit);
        self
    }

    /// Sets the upper bounds of a histogram or a gauge histogram, `+Inf` not among them; other kinds ignore them.
    pub fn with_buckets(mut self, bounds: &[f64]) -> Self {
        self.declaration.options.bounds = bounds.to_vec();
        self
    }

    /// Gives a histogram exponential buckets, which Prometheus calls native: beside those of
    /// [`with_buckets`](FamilyBuilder::with_buckets), or alone where there are none; other kinds ignore it.
    /// [`ExponentialConfig`] tells what they cost and what formats without them show.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{ExponentialConfig, Histogram, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let wait = registry
    ///     .family::<Histogram>("wait_seconds", "Time waited.")
    ///     .with_exponential(ExponentialConfig::new())
    ///     .register()?
    ///     .default();
    /// wait.observe(0.03);
    /// let snapshot = wait.snapshot();
    /// let median = snapshot.exponential().and_then(|buckets| buckets.quantile(0.5));
    /// assert!(median.is_some_and(|median| (0.028..0.032).contains(&median)));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn with_exponential(mut self, config: ExponentialConfig) -> Self {
        self.declaration.options.exponential = Some(config);
        self
    }

    /// Leaves the registry's [source of exemplars](crate::RegistryConfig::with_exemplar_source) aside: recording into
    /// this family costs what it costs without one.
    pub fn without_exemplars(mut self) -> Self {
        self.declaration.options.without_exemplars = true;
        self
    }

    /// Sets how long the windows of a [`MaxGauge`](crate::MaxGauge) or [`MinGauge`](crate::MinGauge) are, a minute
    /// otherwise; other kinds ignore it. [`register`](FamilyBuilder::register) refuses a length of zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nilometer_core::{MaxGauge, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let lag = registry
    ///     .family::<MaxGauge>("lag_seconds_max", "The longest lag.")
    ///     .with_window(Duration::from_secs(30))
    ///     .register()?
    ///     .default();
    /// lag.observe(0.7);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn with_window(mut self, length: Duration) -> Self {
        self.declaration.options.window = Some(length);
        self
    }

    /// Sets what a [`Summary`](crate::Summary) is like; other kinds ignore it. [`register`](FamilyBuilder::register) refuses
    /// what [`SummaryConfig::check`] refuses. Example there.
    pub fn with_summary(mut self, config: SummaryConfig) -> Self {
        self.declaration.options.summary = Some(config);
        self
    }

    /// Sets how many series this family may have, whatever the registry's default. One that is registered already keeps
    /// the limit that it was registered with. In each [scope](MetricsRegistry::scope) with labels, and for each instance
    /// of a struct, it is another family of the same name, with a limit of its own.
    pub fn with_series_limit(mut self, series: usize) -> Self {
        self.declaration.series_limit = Some(series);
        self
    }

    /// Removes series that nothing changes for `period`; `None` keeps them, whatever the registry's default.
    ///
    /// Collections decide it, from the values that they read. One that finds a series as an earlier one has found it, at
    /// least `period` before, and nobody with a handle of it, takes it out of the way of lookups. The next one removes
    /// it, if it was not looked up in between. So nothing that was recorded is lost. Several scrapers do not make the
    /// period shorter; it should be several times the interval of the slowest, which may otherwise not see a series' last
    /// value.
    ///
    /// A gauge that is set to the value that it has is idle until then, and so is whatever has changed back by the next
    /// collection. Where nobody collects, nothing is removed; the overflow series never is. A series that comes back
    /// after it was removed starts at zero, with a new created timestamp.
    ///
    /// How long series stay is no part of a family's identity: one that is registered already keeps what it was registered
    /// with.
    ///
    /// Families whose series expire keep 24 bytes more for each, and find series of closed labels by a lookup, not by
    /// their index.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use nilometer_core::{Counter, ManualClock, MetricsRegistry, RegistryConfig, collect::Collector as _};
    /// # use nilometer_core::collect::{Descriptor, Point, SeriesLabels, Stopped, Visitor};
    /// # struct Scrape;
    /// # impl Visitor for Scrape {
    /// #     fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> { Ok(()) }
    /// #     fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> { Ok(()) }
    /// # }
    ///
    /// let clock = ManualClock::new(SystemTime::now());
    /// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
    /// let builder = registry.family::<Counter>("jobs_total", "Jobs, by queue.");
    /// let jobs = builder.with_expire_after(Duration::from_secs(600)).register()?;
    ///
    /// jobs.with(&[("queue", "mail")], Counter::inc);
    /// for _ in 0..12 {
    ///     registry.collect(&mut Scrape)?;
    ///     clock.advance(Duration::from_secs(60));
    /// }
    /// assert_eq!(jobs.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_expire_after(mut self, period: impl Into<Option<Duration>>) -> Self {
        self.declaration.expire_after = Some(period.into().unwrap_or(Duration::MAX));
        self
    }

    /// Makes the values of the label `name` alike before anything is looked up: to keep the number of series down where
    /// values vary, such as paths with identifiers in them.
    ///
    /// `normalize` gets each value that a lookup or a removal gives, empty ones aside, and returns what takes its place,
    /// which is under the limits on labels and may be empty. It should return what it has returned as it is, and the same
    /// for the same value. A second one for a label gets what the first one returns. It is called without a lock held; if
    /// it panics, so does the lookup, and nothing has changed.
    ///
    /// Lookups in such a family are slower. One that is registered already keeps what it was registered with.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::borrow::Cow;
    ///
    /// use nilometer_core::{Counter, MetricsRegistry};
    ///
    /// let registry = MetricsRegistry::new();
    /// let builder = registry.family::<Counter>("requests_total", "Requests, by route.");
    /// let requests = builder
    ///     .with_normalizer("route", |path| {
    ///         let is_user = path.strip_prefix("/users/").is_some();
    ///         Cow::Borrowed(if is_user { "/users/:id" } else { path })
    ///     })
    ///     .register()?;
    /// requests.get_or_create(&[("route", "/users/7")]).inc();
    /// requests.get_or_create(&[("route", "/users/8")]).inc();
    /// assert_eq!(requests.get(&[("route", "/users/:id")]).map(|counter| counter.get()), Some(2));
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn with_normalizer(
        mut self,
        name: &str,
        normalize: impl for<'a> Fn(&'a str) -> Cow<'a, str> + Send + Sync + 'static,
    ) -> Self {
        self.declaration.normalizers.push(name, normalize);
        self
    }

    /// Registers the family.
    ///
    /// # Errors
    ///
    /// [`RegisterError`]: a name, the unit, the bounds, the exponential buckets, the window, the states or the summary are
    /// invalid, the name is taken by something else, or the series that are to be there from the beginning are past a
    /// limit. Nothing has changed then.
    pub fn register(self) -> Result<Family<L, M>, RegisterError> {
        Ok(self.registry.register_all(vec![self.declaration], &[])?.family())
    }
}

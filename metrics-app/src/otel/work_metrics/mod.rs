//! Work in spans, measured.
//!
//! - here: [`WorkMetrics`].
//! - `outcome`: the label that says how work ended.
//! - `turns`: how often exemplars are given.

mod outcome;
mod turns;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use nilometer_core::declare::{Field, Handles, MetricField, Metrics, Scope};
use nilometer_core::{Counter, Family, Histogram, MetricsRegistry, Result, Unit, buckets};
use nilometer_otel::trace::{SpanOutcome, SpanReport, SpanWork};
use opentelemetry::trace::Tracer;

use self::outcome::OutcomeLabels;
use self::turns::Turns;
use super::span::SpanIds;

/// The metrics of one kind of work: how long it took, in seconds, and how it ended.
///
/// [`span`](Self::span) runs a piece of work, sync or async, in a span, and records it here when it is over: with `Ok`,
/// with `Err`, with a panic, or because its future was dropped. So the span, the histogram and the counter say the same.
///
/// | family | what |
/// |---|---|
/// | `duration_seconds` | a histogram with the bounds [`buckets::LATENCY_SECONDS`] |
/// | `total` | counters by the label `outcome`: `ok`, `error`, `panicked`, `cancelled`, all of which are there from the beginning |
///
/// [`register_as`](Self::register_as) gives both a name in common. It is a metric set like those with
/// `#[derive(Metrics)]`, so that a field of such a struct can be one, with `#[metric(flatten, prefix = "place")]`; and
/// [`new`](Self::new) takes any histogram and any counters.
///
/// # Exemplars
///
/// Each bucket and each outcome leads to a span of its own, if that is sampled, whatever [source](super::CurrentSpan) the
/// registry has: to the first, and then to one in each second at most. So there is always a trace to look at of the
/// slowest work, and of what failed.
///
/// # Concurrency
///
/// Clones record into the same series. Recording costs an observation and an increment, and a clock where the span is
/// sampled; once a second in each bucket and outcome, what
/// [`observe_with_exemplar`](Histogram::observe_with_exemplar) costs.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::otel::{OtelConfig, OtelProvider, WorkMetrics};
/// # use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// # let exporter = InMemorySpanExporter::default();
/// # let provider = OtelProvider::with_exporter(&OtelConfig::new("shop"), exporter);
/// # #[cfg(any())]
/// let provider = OtelProvider::init(OtelConfig::new("shop"))?;
/// let tracer = provider.tracer("orders");
///
/// let registry = MetricsRegistry::new();
/// let parsing = WorkMetrics::register_as(&registry, "order_parsing")?;
/// let number = parsing.span(&tracer, "parse order").run(|| "four".parse::<u32>());
/// assert!(number.is_err());
///
/// // order_parsing_total{outcome="error"}, order_parsing_duration_seconds
/// use nilometer::otel::trace::SpanOutcome;
/// assert_eq!(parsing.outcome(SpanOutcome::Error).get(), 1);
/// assert_eq!(parsing.duration().snapshot().count(), 1);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct WorkMetrics {
    duration: Histogram,
    units_per_second: f64,
    /// In the order of [`SpanOutcome::ALL`].
    outcomes: [Counter; SpanOutcome::ALL.len()],
    /// Those of the buckets, and then those of the outcomes.
    turns: Arc<Turns>,
}

impl WorkMetrics {
    /// Registers the families `{name}_duration_seconds` and `{name}_total`, or none.
    ///
    /// # Errors
    ///
    /// [`MetricsError::Register`](nilometer_core::MetricsError::Register): the name is invalid, or one of the two is
    /// taken by something else. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::MetricsRegistry;
    /// use nilometer::otel::WorkMetrics;
    ///
    /// let registry = MetricsRegistry::new();
    /// let reading = WorkMetrics::register_as(&registry, "disk_read")?;
    /// assert_eq!(reading.duration().metadata().name(), "disk_read_duration_seconds");
    /// assert!(WorkMetrics::register_as(&registry, "no name").is_err());
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn register_as(registry: &MetricsRegistry, name: &str) -> Result<WorkMetrics> {
        WorkMetrics::register(&registry.scope(name, &[]))
    }

    /// Records into this histogram, in its unit, and into the counters that `counter` has for the outcomes, each of
    /// which it is asked for once, now.
    ///
    /// The unit is the declared one, or that which the name ends with, as
    /// [`observe_duration`](Histogram::observe_duration) has it.
    ///
    /// # Examples
    ///
    /// One family for several kinds of work, which a label tells apart:
    ///
    /// ```
    /// use nilometer::otel::WorkMetrics;
    /// use nilometer::otel::trace::SpanOutcome;
    /// use nilometer::{MetricsRegistry, buckets};
    ///
    /// let registry = MetricsRegistry::new();
    /// let took = registry.register_histogram("query_ms", "Time that queries took.", &buckets::LATENCY_MS)?;
    /// let ended = registry.register_counter("queries_total", "Queries, by table and by how they ended.")?;
    /// let orders = WorkMetrics::new(took.get_or_create(&[("table", "orders")]), |outcome| {
    ///     ended.get_or_create(&[("table", "orders"), ("outcome", outcome.as_str())])
    /// });
    /// assert_eq!(orders.outcome(SpanOutcome::Ok).labels().get("table"), Some("orders"));
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn new(duration: Histogram, mut counter: impl FnMut(SpanOutcome) -> Counter) -> WorkMetrics {
        let metadata = duration.metadata();
        let unit = metadata.unit().or_else(|| Unit::of_name(metadata.name()));
        let places = duration.bucket_bounds().len() + 1 + SpanOutcome::ALL.len();
        WorkMetrics {
            units_per_second: unit.and_then(Unit::per_second).unwrap_or(1.0),
            outcomes: std::array::from_fn(|place| counter(SpanOutcome::ALL[place])),
            turns: Arc::new(Turns::new(places)),
            duration,
        }
    }

    /// Work that runs in a span of this tracer and this name, and is recorded here.
    ///
    /// It is a [`SpanWork`], so that measured work can have what other work can: a kind, attributes, a parent from
    /// elsewhere. `run` and `run_async` run it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer::otel::{OtelConfig, OtelProvider, WorkMetrics};
    /// # use opentelemetry_sdk::trace::InMemorySpanExporter;
    /// use opentelemetry::trace::SpanKind;
    ///
    /// # let provider = OtelProvider::with_exporter(&OtelConfig::new("shop"), InMemorySpanExporter::default());
    /// # let registry = nilometer::MetricsRegistry::new();
    /// # async fn fetch() -> std::io::Result<()> { Ok(()) }
    /// let fetching = WorkMetrics::register_as(&registry, "fetch")?;
    /// let tracer = provider.tracer("shop");
    /// # let work =
    /// fetching.span(&tracer, "fetch").with_kind(SpanKind::Client).run_async(fetch()) // .await
    /// # ;
    /// # drop(work);
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn span<'a, T>(&'a self, tracer: &'a T, name: impl Into<Cow<'static, str>>) -> SpanWork<'a, T>
    where
        T: Tracer,
        T::Span: Send + Sync + 'static,
    {
        SpanWork::new(tracer, name).on_end(|report| self.record(report))
    }

    /// Records work that was started elsewhere: what [`SpanWork::on_end`] reports.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer::otel::{OtelConfig, OtelProvider, WorkMetrics};
    /// # use opentelemetry_sdk::trace::InMemorySpanExporter;
    /// use nilometer::otel::trace::{SpanOutcome, SpanWork};
    ///
    /// # let provider = OtelProvider::with_exporter(&OtelConfig::new("shop"), InMemorySpanExporter::default());
    /// # let registry = nilometer::MetricsRegistry::new();
    /// # let tracer = provider.tracer("shop");
    /// let [all, slow] = ["all", "slow"].map(|name| WorkMetrics::register_as(&registry, name));
    /// let (all, slow) = (all?, slow?);
    /// let work = SpanWork::new(&tracer, "work").on_end(|report| {
    ///     all.record(report);
    ///     if report.duration().as_secs() >= 60 {
    ///         slow.record(report);
    ///     }
    /// });
    /// work.run(|| Ok::<_, std::io::Error>(())).ok();
    /// assert_eq!((all.outcome(SpanOutcome::Ok).get(), slow.outcome(SpanOutcome::Ok).get()), (1, 0));
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn record(&self, report: &SpanReport<'_>) {
        let value = report.duration().as_secs_f64() * self.units_per_second;
        let ids = SpanIds::sampled(report.span_context()).map(|ids| (ids, Instant::now()));
        let turn = |place| ids.filter(|&(_, now)| self.turns.take(place, now)).map(|(ids, _)| ids);

        let bounds = self.duration.bucket_bounds();
        match turn(bounds.partition_point(|&bound| bound < value)) {
            Some(ids) => ids.with_labels(|labels| self.duration.observe_with_exemplar(value, labels)),
            None => self.duration.observe(value),
        }
        let outcome = report.outcome();
        match turn(bounds.len() + 1 + outcome.index()) {
            Some(ids) => ids.with_labels(|labels| self.outcome(outcome).inc_with_exemplar(labels)),
            None => self.outcome(outcome).inc(),
        }
    }

    /// The histogram of how long the work took.
    pub fn duration(&self) -> &Histogram {
        &self.duration
    }

    /// The counter of the work that ended like this.
    pub fn outcome(&self, outcome: SpanOutcome) -> &Counter {
        &self.outcomes[outcome.index()]
    }
}

impl Metrics for WorkMetrics {
    fn declare(scope: &mut Scope) {
        let duration = Field::new("duration_seconds", "How long it took.")
            .with_unit(Unit::SECONDS)
            .with_buckets(&buckets::LATENCY_SECONDS);
        <Histogram as MetricField>::declare(scope, duration);
        let outcomes = Field::new("total", "How often it was done, by how it ended.").with_init_all();
        <Family<OutcomeLabels, Counter> as MetricField>::declare(scope, outcomes);
    }

    fn build(handles: &mut Handles) -> WorkMetrics {
        let duration = <Histogram as MetricField>::build(handles);
        let outcomes = <Family<OutcomeLabels, Counter> as MetricField>::build(handles);
        WorkMetrics::new(duration, |outcome| outcomes.get_or_create(&OutcomeLabels(outcome)))
    }
}

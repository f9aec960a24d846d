//! What exporters tell about themselves.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, HistogramPoint, LabelSet, MetricType,
    Point, SeriesLabels, Stopped, Visitor,
};

use super::round::lock;
use super::stats::{BOUNDS, COLLECTIONS, LOSSES, OUTCOMES, Stats, Totals};

/// What the names of all these families begin with.
const PREFIX: &str = "nilometer_otlp_";

/// Metrics about exports: a [`Collector`] that any number of exporters share.
///
/// An exporter sends those of its own along with the rest, unless its configuration says otherwise. Who registers this
/// collector has them on the page of the same application too, and the exporter sends what the registry shows.
///
/// The label `exporter` is the name that an exporter's configuration gives it, `otlp` by default; exporters of one name
/// count together.
///
/// | family | kind | labels | what |
/// |---|---|---|---|
/// | `nilometer_otlp_requests_total` | counter | `outcome` | attempts: `success`, `partial` success, `refused` for good, `failed` for a while, `unreachable`, `timed_out` |
/// | `nilometer_otlp_request_duration_seconds` | histogram | | how long they took |
/// | `nilometer_otlp_retries_total` | counter | | requests that were made again |
/// | `nilometer_otlp_bytes_total` | counter | | bytes of the requests that were taken, before compression |
/// | `nilometer_otlp_points_total` | counter | | points that were delivered |
/// | `nilometer_otlp_points_dropped_total` | counter | `reason` | points that were not: `rejected` in a partial success, `refused`, `expired` before they could be delivered, `queue_full`, `stopped`, `left_out` since OTLP has no place for them, `too_large` for a request |
/// | `nilometer_otlp_collections_total` | counter | `result` | collections: `complete` ones, whatever became of their points, `failed`, `skipped` since the one before was under way |
/// | `nilometer_otlp_queued_points`, `nilometer_otlp_queued_bytes` | gauge | | what waits to be sent or is being sent |
/// | `nilometer_otlp_last_success_timestamp_seconds` | gauge | | when a request succeeded last, since 1970; not there before the first |
///
/// Points that were dropped are lost where they are cumulative, and with them resolution and no counts. Of differences,
/// what was dropped is in the next collection.
///
/// # Concurrency
///
/// Counting and collecting take a lock for some additions, which no I/O and no visitor is inside of.
///
/// # Examples
///
/// ```no_run
/// use nilometer_core::MetricsRegistry;
/// use nilometer_otel::Resource;
/// use nilometer_otel::export::{ExportMetrics, OtlpExporter, OtlpExporterConfig};
///
/// let (registry, exports) = (MetricsRegistry::new(), ExportMetrics::new());
/// registry.register_collector("otlp", exports.clone())?;
/// let config = OtlpExporterConfig::new(Resource::new("checkout")).with_metrics(exports);
/// let exporter = OtlpExporter::start(registry.clone(), config)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct ExportMetrics(Arc<Mutex<Vec<Arc<Stats>>>>);

impl ExportMetrics {
    /// Metrics that no exporter has yet.
    #[must_use]
    pub fn new() -> ExportMetrics {
        ExportMetrics::default()
    }

    /// Where the exporter of this name counts.
    pub(super) fn stats(&self, name: &str) -> Arc<Stats> {
        let mut all = lock(&self.0);
        if let Some(stats) = all.iter().find(|stats| stats.name() == name) {
            return Arc::clone(stats);
        }
        let stats = Arc::new(Stats::new(name));
        all.push(Arc::clone(&stats));
        stats
    }

    fn totals(&self) -> Vec<(String, Totals)> {
        let all = lock(&self.0).clone();
        all.iter().map(|stats| (stats.name().to_owned(), stats.totals())).collect()
    }
}

impl fmt::Debug for ExportMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExportMetrics").field(&self.totals()).finish()
    }
}

impl Collector for ExportMetrics {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let totals = self.totals();
        if totals.is_empty() { Ok(()) } else { Page { totals, visitor }.show() }
    }
}

/// What a collector shows, and then what one exporter tells about itself, where the collector has shown nothing of the
/// kind.
pub(super) struct WithOwn<'a> {
    pub(super) collector: &'a dyn Collector,
    pub(super) own: Option<&'a Stats>,
}

impl Collector for WithOwn<'_> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let Some(stats) = self.own else { return self.collector.collect(visitor) };
        let mut watched = Watched { visitor, has_own: false };
        self.collector.collect(&mut watched)?;
        let Watched { visitor, has_own } = watched;
        if has_own {
            return Ok(());
        }
        let totals = stats.totals();
        Page { totals: vec![(stats.name().to_owned(), totals)], visitor }.show()
    }
}

/// Notes whether families of exporters are among those that are shown.
struct Watched<'a> {
    visitor: &'a mut dyn Visitor,
    has_own: bool,
}

impl Visitor for Watched<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.has_own |= descriptor.name().starts_with(PREFIX);
        self.visitor.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.visitor.point(labels, point)
    }
}

/// Shows a family with a series for each exporter and each value of one more label, where there is one.
struct Page<'a> {
    totals: Vec<(String, Totals)>,
    visitor: &'a mut dyn Visitor,
}

impl Page<'_> {
    fn counters<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        (label, values): (&str, [&str; N]),
        of: impl Fn(&Totals) -> [u64; N],
    ) -> Result<(), CollectError> {
        self.visitor.family(&Descriptor::try_new(name, help, MetricType::Counter)?)?;
        for (exporter, totals) in &self.totals {
            for (value, count) in values.iter().zip(of(totals)) {
                let pairs: &[(&str, &str)] = &[("exporter", exporter), (label, value)];
                let labels = LabelSet::try_from_pairs(if label.is_empty() { &pairs[..1] } else { pairs })?;
                let point = CounterPoint::new(count).with_created(totals.created);
                self.visitor.point(SeriesLabels::of(&labels), point.into())?;
            }
        }
        Ok(())
    }

    fn counter(&mut self, name: &str, help: &str, of: impl Fn(&Totals) -> u64) -> Result<(), CollectError> {
        self.counters((name, help), ("", [""]), |totals| [of(totals)])
    }

    fn points<'p>(
        &'p mut self,
        (name, help, kind): (&str, &str, MetricType),
        of: impl Fn(&'p Totals) -> Option<Point<'p>>,
    ) -> Result<(), CollectError> {
        self.visitor.family(&Descriptor::try_new(name, help, kind)?)?;
        for (exporter, totals) in &self.totals {
            if let Some(point) = of(totals) {
                let labels = LabelSet::try_from_pairs(&[("exporter", exporter)])?;
                self.visitor.point(SeriesLabels::of(&labels), point)?;
            }
        }
        Ok(())
    }

    fn show(mut self) -> Result<(), CollectError> {
        let page = &mut self;
        page.counters(
            ("nilometer_otlp_requests_total", "Attempts to send a request."),
            ("outcome", OUTCOMES),
            |totals| totals.requests,
        )?;
        let name = "nilometer_otlp_request_duration_seconds";
        page.points((name, "How long attempts took.", MetricType::Histogram), |totals| {
            let point = HistogramPoint::try_new(&BOUNDS, &totals.durations, totals.duration_sum).ok()?;
            Some(point.with_created(totals.created).into())
        })?;
        page.counter("nilometer_otlp_retries_total", "Requests that were made again.", |totals| {
            totals.retries
        })?;
        let help = "Bytes of the requests that were taken, before compression.";
        page.counter("nilometer_otlp_bytes_total", help, |totals| totals.bytes)?;
        page.counter("nilometer_otlp_points_total", "Points that were delivered.", |totals| totals.points)?;
        page.counters(
            ("nilometer_otlp_points_dropped_total", "Points that were not delivered."),
            ("reason", LOSSES),
            |totals| totals.losses,
        )?;
        page.counters(
            ("nilometer_otlp_collections_total", "Collections that were to be exported."),
            ("result", COLLECTIONS),
            |totals| totals.collections,
        )?;
        let name = "nilometer_otlp_queued_points";
        page.points((name, "Points that wait to be sent.", MetricType::Gauge), |totals| {
            Some(GaugePoint::new(totals.queued_points).into())
        })?;
        let name = "nilometer_otlp_queued_bytes";
        page.points((name, "Bytes that wait to be sent.", MetricType::Gauge), |totals| {
            Some(GaugePoint::new(totals.queued_bytes).into())
        })?;
        let name = "nilometer_otlp_last_success_timestamp_seconds";
        page.points((name, "When a request succeeded last.", MetricType::Gauge), |totals| {
            let since = totals.last_success?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(GaugePoint::new(since.as_secs_f64()).into())
        })
    }
}

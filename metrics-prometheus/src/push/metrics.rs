//! What pushes tell about themselves.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, HistogramPoint, LabelSet, MetricType,
    Point, SeriesLabels, Visitor,
};

use super::PushError;
use super::reply::lock;
use crate::own::{self, Own};

/// What the names of all these families begin with.
const PREFIX: &str = "nilometer_push_";

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Refused,
    Failed,
    Unreachable,
    TimedOut,
}

const OUTCOMES: [(Outcome, &str); 5] = [
    (Outcome::Success, "success"),
    (Outcome::Refused, "refused"),
    (Outcome::Failed, "failed"),
    (Outcome::Unreachable, "unreachable"),
    (Outcome::TimedOut, "timed_out"),
];

impl Outcome {
    fn of(error: &PushError) -> Outcome {
        match error {
            PushError::TimedOut { .. } => Outcome::TimedOut,
            PushError::Status { .. } if error.is_transient() => Outcome::Failed,
            PushError::Status { .. } => Outcome::Refused,
            _ => Outcome::Unreachable,
        }
    }
}

/// What came of a collection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Collection {
    Complete,
    Failed,
    /// There was none, because the one before was not done.
    Skipped,
}

const COLLECTIONS: [&str; 3] = ["complete", "failed", "skipped"];

/// Why points were not delivered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Loss {
    /// The receiver did not take them, and would not take them later.
    Refused,
    /// They were attempted to be delivered often enough.
    Failed,
    QueueFull,
    /// The background task ended.
    Stopped,
}

const LOSSES: [&str; 4] = ["refused", "failed", "queue_full", "stopped"];

impl Loss {
    pub(super) fn of(error: &PushError) -> Loss {
        if error.is_transient() { Loss::Failed } else { Loss::Refused }
    }
}

/// The upper bounds of a request's duration, in seconds.
const BOUNDS: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// The counts of one pusher.
#[derive(Debug, Clone)]
struct Totals {
    created: SystemTime,
    requests: [u64; OUTCOMES.len()],
    collections: [u64; COLLECTIONS.len()],
    losses: [u64; LOSSES.len()],
    retries: u64,
    points: u64,
    bytes: u64,
    queued_points: u64,
    queued_bytes: u64,
    last_success: Option<SystemTime>,
    durations: [u64; BOUNDS.len() + 1],
    duration_sum: f64,
    /// Whether the last request failed.
    is_failing: bool,
}

/// Where a pusher counts.
#[derive(Debug)]
pub(super) struct Stats {
    name: String,
    totals: Mutex<Totals>,
}

/// What a request meant for the receiver's health, to be logged.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It is as it was.
    Same,
    /// It went from well to failing.
    Failing,
    /// It went from failing to well.
    Recovered,
}

impl Stats {
    fn new(name: &str) -> Stats {
        let totals = Totals {
            created: SystemTime::now(),
            requests: Default::default(),
            collections: Default::default(),
            losses: Default::default(),
            retries: 0,
            points: 0,
            bytes: 0,
            queued_points: 0,
            queued_bytes: 0,
            last_success: None,
            durations: Default::default(),
            duration_sum: 0.0,
            is_failing: false,
        };
        Stats { name: name.to_owned(), totals: Mutex::new(totals) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Counts a request, its body's length where it succeeded.
    pub(super) fn request(&self, took: Duration, result: Result<usize, &PushError>) -> Health {
        let mut totals = lock(&self.totals);
        let outcome = result.as_ref().map_or_else(|error| Outcome::of(error), |_| Outcome::Success);
        totals.requests[outcome as usize] += 1;
        let seconds = took.as_secs_f64();
        totals.durations[BOUNDS.partition_point(|&bound| bound < seconds)] += 1;
        totals.duration_sum += seconds;
        if let Ok(length) = result {
            totals.bytes += length as u64;
            totals.last_success = Some(SystemTime::now());
        }
        let was_failing = std::mem::replace(&mut totals.is_failing, outcome != Outcome::Success);
        match (was_failing, totals.is_failing) {
            (false, true) => Health::Failing,
            (true, false) => Health::Recovered,
            _ => Health::Same,
        }
    }

    pub(super) fn retry(&self) {
        lock(&self.totals).retries += 1;
    }

    pub(super) fn delivered(&self, points: u64) {
        lock(&self.totals).points += points;
    }

    pub(super) fn lost(&self, loss: Loss, points: u64) {
        lock(&self.totals).losses[loss as usize] += points;
    }

    pub(super) fn collection(&self, collection: Collection) {
        lock(&self.totals).collections[collection as usize] += 1;
    }

    /// Something came into a queue.
    pub(super) fn queued(&self, points: u64, bytes: usize) {
        let mut totals = lock(&self.totals);
        totals.queued_points += points;
        totals.queued_bytes += bytes as u64;
    }

    /// Something left a queue.
    pub(super) fn unqueued(&self, points: u64, bytes: usize) {
        let mut totals = lock(&self.totals);
        totals.queued_points -= points;
        totals.queued_bytes -= bytes as u64;
    }
}

/// What a collector shows, and then what one pusher tells about itself, where it should.
pub(super) struct WithOwn<'a, C>(pub(super) &'a C, pub(super) Option<Arc<Stats>>);

impl<C: Collector> Collector for WithOwn<'_, C> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        match self {
            WithOwn(collector, Some(stats)) => {
                let own = Own { families: &**stats, prefix: PREFIX, with_series: false };
                own::collect(*collector, &own, visitor)
            }
            WithOwn(collector, None) => collector.collect(visitor),
        }
    }
}

/// Metrics about pushes: a [`Collector`] that any number of pushers share.
///
/// What is pushed in the background has those of its pusher, unless its configuration says otherwise. Who registers this
/// collector has them on the page of the same application too.
///
/// The label `push` is the name that a pusher's configuration gives it, `remote_write` or `pushgateway` by default;
/// pushers of one name count together.
///
/// | family | kind | labels | what |
/// |---|---|---|---|
/// | `nilometer_push_requests_total` | counter | `outcome` | requests: `success`, `refused` (3xx and 4xx), `failed` (429 and 5xx), `unreachable`, `timed_out` |
/// | `nilometer_push_request_duration_seconds` | histogram | | how long they took |
/// | `nilometer_push_retries_total` | counter | | requests that were made again |
/// | `nilometer_push_bytes_total` | counter | | bytes of the bodies that were taken |
/// | `nilometer_push_points_total` | counter | | points that were delivered |
/// | `nilometer_push_points_dropped_total` | counter | `reason` | points that were not: `refused`, `failed` too often, `queue_full`, `stopped` |
/// | `nilometer_push_collections_total` | counter | `result` | collections: `complete`, `failed`, `skipped` since one was under way |
/// | `nilometer_push_queued_points`, `nilometer_push_queued_bytes` | gauge | | what waits to be sent |
/// | `nilometer_push_last_success_timestamp_seconds` | gauge | | when a request succeeded last, since 1970 |
///
/// # Concurrency
///
/// Counting and collecting take a lock for some additions, which no I/O and no visitor is inside of.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, collect::Collector};
/// use nilometer_prometheus::PrometheusRenderer;
/// use nilometer_prometheus::push::{PushEndpoint, PushMetrics, RemoteWrite, RemoteWriteConfig};
///
/// let (registry, pushes) = (MetricsRegistry::new(), PushMetrics::new());
/// registry.register_collector("push", pushes.clone())?;
///
/// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9090/api/v1/write")?;
/// let config = RemoteWriteConfig::new(endpoint).with_metrics(pushes);
/// let writer = RemoteWrite::new(registry.clone(), config);
/// assert!(PrometheusRenderer::render_all(&registry).contains("nilometer_push_retries_total{push=\"remote_write\"} 0\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct PushMetrics(Arc<Mutex<Vec<Arc<Stats>>>>);

impl PushMetrics {
    /// Metrics that no pusher has yet.
    #[must_use]
    pub fn new() -> PushMetrics {
        PushMetrics::default()
    }

    /// Where the pusher of this name counts.
    pub(super) fn stats(&self, name: &str) -> Arc<Stats> {
        let mut all = lock(&self.0);
        if let Some(stats) = all.iter().find(|stats| stats.name == name) {
            return Arc::clone(stats);
        }
        let stats = Arc::new(Stats::new(name));
        all.push(Arc::clone(&stats));
        stats
    }

    fn totals(&self) -> Vec<(String, Totals)> {
        let all = lock(&self.0).clone();
        all.iter().map(|stats| (stats.name.clone(), lock(&stats.totals).clone())).collect()
    }
}

impl fmt::Debug for PushMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PushMetrics").field(&self.totals()).finish()
    }
}

/// Shows a family with a series for each pusher and each value of one more label, where there is one.
struct Page<'a> {
    totals: Vec<(String, Totals)>,
    visitor: &'a mut dyn Visitor,
}

impl Page<'_> {
    fn family(&mut self, name: &str, help: &str, kind: MetricType) -> Result<(), CollectError> {
        Ok(self.visitor.family(&Descriptor::try_new(name, help, kind)?)?)
    }

    fn counters<const N: usize>(
        &mut self,
        (name, help): (&str, &str),
        (label, values): (&str, [&str; N]),
        of: impl Fn(&Totals) -> [u64; N],
    ) -> Result<(), CollectError> {
        self.family(name, help, MetricType::Counter)?;
        for (push, totals) in &self.totals {
            for (value, count) in values.iter().zip(of(totals)) {
                let pairs: &[(&str, &str)] = &[("push", push), (label, value)];
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
        for (push, totals) in &self.totals {
            if let Some(point) = of(totals) {
                let labels = LabelSet::try_from_pairs(&[("push", push)])?;
                self.visitor.point(SeriesLabels::of(&labels), point)?;
            }
        }
        Ok(())
    }
}

impl Collector for PushMetrics {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let totals = self.totals();
        if totals.is_empty() { Ok(()) } else { Page { totals, visitor }.show() }
    }
}

impl Collector for Stats {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        Page { totals: vec![(self.name.clone(), lock(&self.totals).clone())], visitor }.show()
    }
}

impl Page<'_> {
    fn show(mut self) -> Result<(), CollectError> {
        let page = &mut self;
        page.counters(
            ("nilometer_push_requests_total", "Requests that were made to push."),
            ("outcome", OUTCOMES.map(|(_, name)| name)),
            |totals| totals.requests,
        )?;
        let name = "nilometer_push_request_duration_seconds";
        page.points((name, "How long requests took.", MetricType::Histogram), |totals| {
            let point = HistogramPoint::try_new(&BOUNDS, &totals.durations, totals.duration_sum).ok()?;
            Some(point.with_created(totals.created).into())
        })?;
        page.counter("nilometer_push_retries_total", "Requests that were made again.", |totals| {
            totals.retries
        })?;
        page.counter("nilometer_push_bytes_total", "Bytes of the bodies that were taken.", |totals| {
            totals.bytes
        })?;
        page.counter("nilometer_push_points_total", "Points that were delivered.", |totals| totals.points)?;
        page.counters(
            ("nilometer_push_points_dropped_total", "Points that were not delivered."),
            ("reason", LOSSES),
            |totals| totals.losses,
        )?;
        page.counters(
            ("nilometer_push_collections_total", "Collections that were to be pushed."),
            ("result", COLLECTIONS),
            |totals| totals.collections,
        )?;
        let name = "nilometer_push_queued_points";
        page.points((name, "Points that wait to be sent.", MetricType::Gauge), |totals| {
            Some(GaugePoint::new(totals.queued_points).into())
        })?;
        let name = "nilometer_push_queued_bytes";
        page.points((name, "Memory of what waits to be sent.", MetricType::Gauge), |totals| {
            Some(GaugePoint::new(totals.queued_bytes).into())
        })?;
        let name = "nilometer_push_last_success_timestamp_seconds";
        page.points((name, "When a request succeeded last.", MetricType::Gauge), |totals| {
            let since = totals.last_success?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            Some(GaugePoint::new(since.as_secs_f64()).into())
        })
    }
}

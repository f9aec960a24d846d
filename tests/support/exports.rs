//! What the tests of the exporter record, to where they send it, and what they ask of it.

use std::thread;
use std::time::Duration;

use nilometer_core::{
    CounterFamily, ExponentialConfig, GaugeFamily, HistogramFamily, MetricsRegistry, RegistryConfig,
    UpDownCounterFamily,
};
use nilometer_otel::export::{OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{Protocol, Resource, TemporalityPreference};

use crate::otlp_server::OtlpServer;
use crate::prometheus::wait_for;
use crate::scrape;

/// The protocols.
pub const PROTOCOLS: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

/// What is cumulative, and what is sent as differences.
pub const TEMPORALITIES: [TemporalityPreference; 2] =
    [TemporalityPreference::Cumulative, TemporalityPreference::Delta];

/// How long a test waits for what is to succeed: longer than anything takes on a machine that does other things, too.
pub const LONG: Duration = Duration::from_mins(1);

/// Every protocol with each of both temporalities.
pub fn cases() -> impl Iterator<Item = (Protocol, TemporalityPreference)> {
    PROTOCOLS.into_iter().flat_map(|protocol| TEMPORALITIES.map(|temporality| (protocol, temporality)))
}

/// Families of every kind that a registry makes and that matters here.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// All that is collected.
    pub registry: MetricsRegistry,
    jobs: CounterFamily,
    seconds: HistogramFamily,
    sizes: HistogramFamily,
    in_flight: UpDownCounterFamily,
    depth: GaugeFamily,
}

/// How many points a collection of [`Recorded`] has.
pub const POINTS: u64 = 7;

impl Recorded {
    /// A registry in which something was recorded.
    ///
    /// # Panics
    ///
    /// Never, unless a family is refused.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test whose metric is refused has failed")]
    pub fn new() -> Recorded {
        let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
        let seconds = registry.family("job_seconds", "Seconds.").with_buckets(&[0.5, 2.0]);
        let sizes = registry.family("job_bytes", "Bytes.").with_exponential(ExponentialConfig::new());
        let recorded = Recorded {
            jobs: registry.register_counter("jobs_total", "Jobs.").expect("a counter"),
            seconds: seconds.register().expect("a histogram"),
            sizes: sizes.register().expect("an exponential histogram"),
            in_flight: registry
                .register_up_down_counter("jobs_in_flight", "Jobs.")
                .expect("an up-down counter"),
            depth: registry.register_gauge("queue_depth", "Jobs that wait.").expect("a gauge"),
            registry,
        };
        recorded.record();
        recorded
    }

    /// Records something into every series.
    pub fn record(&self) {
        for (queue, jobs) in [("mail", 1), ("print", 2), ("fax", 3)] {
            self.jobs.get_or_create(&[("queue", queue)]).inc_by(jobs);
        }
        // Sums of these are exact, in whatever parts they are added up.
        for value in [0.25, 1.0, 8.0] {
            self.seconds.default().observe(value);
            self.sizes.default().observe(value * 1024.0);
        }
        self.in_flight.default().inc();
        self.depth.default().set(4.5);
    }

    /// Adds a counter with so many series.
    ///
    /// # Panics
    ///
    /// Never, unless it is refused.
    #[expect(clippy::expect_used, reason = "a test whose metric is refused has failed")]
    pub fn add_series(&self, count: usize) {
        let pages = self.registry.register_counter("pages_total", "Pages.").expect("a counter");
        (0..count).for_each(|page| pages.get_or_create(&[("page", &format!("{page:050}"))]).inc());
    }
}

impl Default for Recorded {
    fn default() -> Self {
        Recorded::new()
    }
}

/// Sends to a receiver, collects once at the start and then on demand, comes back quickly, and sends nothing about itself.
///
/// # Panics
///
/// Never, unless a setting is refused.
#[expect(clippy::expect_used, reason = "a test whose setting is refused has failed")]
pub fn config(server: &OtlpServer) -> OtlpExporterConfig {
    OtlpExporterConfig::new(Resource::new("checkout"))
        .with_protocol(server.protocol())
        .with_own_metrics(false)
        .with_endpoint(&server.endpoint())
        .and_then(|config| config.with_interval(Duration::MAX))
        .and_then(|config| config.with_timeout(Duration::from_secs(30)))
        .and_then(|config| config.with_export_timeout(LONG))
        .and_then(|config| config.with_retry_delays(Duration::from_millis(5), Duration::from_millis(50)))
        .expect("a configuration")
}

/// Starts an exporter of what was recorded to a receiver that runs, and waits until what it collects at its start is
/// there, so that only what is asked for follows.
///
/// # Panics
///
/// When it does not start.
#[expect(clippy::expect_used, reason = "a test whose exporter does not start has failed")]
pub fn started(recorded: &Recorded, config: OtlpExporterConfig) -> OtlpExporter {
    let exporter = OtlpExporter::start(recorded.registry.clone(), config).expect("an exporter");
    let points = || dropped(&exporter, "refused") + value(&exporter, "points_total", &[]);
    wait_for("the first export", || (points() > 0.0).then_some(()));
    wait_for("the queue to be empty", || (value(&exporter, "queued_bytes", &[]) < 1.0).then_some(()));
    exporter
}

/// What an exporter tells about itself, of a family without what all of their names begin with.
///
/// # Panics
///
/// When there is no such value.
#[must_use]
#[expect(clippy::panic, reason = "a test that misses its value has failed")]
pub fn value(exporter: &OtlpExporter, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels: Vec<_> = labels.iter().copied().chain([("exporter", "otlp")]).collect();
    let name = format!("nilometer_otlp_{name}");
    scrape(exporter.metrics()).value(&name, &labels).unwrap_or_else(|| panic!("no {name}{labels:?}"))
}

/// How many attempts had this outcome.
#[must_use]
pub fn attempts(exporter: &OtlpExporter, outcome: &str) -> f64 {
    value(exporter, "requests_total", &[("outcome", outcome)])
}

/// How many points were not delivered for this reason.
#[must_use]
pub fn dropped(exporter: &OtlpExporter, reason: &str) -> f64 {
    value(exporter, "points_dropped_total", &[("reason", reason)])
}

/// Compares counts.
///
/// # Panics
///
/// Where they differ.
#[track_caller]
pub fn assert_count(found: f64, expected: u64) {
    #[expect(clippy::cast_precision_loss, reason = "tests count less")]
    let expected = expected as f64;
    assert!((found - expected).abs() < 0.5, "{found} instead of {expected}");
}

/// Runs `work` while two threads record.
pub fn while_recording<T>(recorded: &Recorded, work: impl FnOnce() -> T) -> T {
    use std::sync::atomic::{AtomicBool, Ordering};
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                // ORDERING: Relaxed, it says when to end and nothing else; the end of the scope orders the rest.
                while !is_over.load(Ordering::Relaxed) {
                    recorded.record();
                    thread::yield_now();
                }
            });
        }
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        is_over.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

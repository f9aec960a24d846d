//! What is recorded into every kind, twice, and what a receiver is to have of it.

mod exported;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer_core::{
    Counter, DynamicLabels, ExponentialConfig, Family, FloatCounter, Gauge, GaugeHistogram, Histogram,
    IntGauge, ManualClock, MetricsRegistry, RegistryConfig, StateSet, Summary, SummaryConfig, UpDownCounter,
};
use nilometer_macros::LabelValue;

pub(crate) use exported::Export;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const IDS: &[(&str, &str)] = &[("trace_id", TRACE), ("span_id", SPAN), ("user", "u1")];

/// A whole number that no floating-point number is.
const ODD: u64 = (1 << 53) + 1;

/// How many metrics an export of it has, and how many points.
pub(crate) const METRICS: usize = 12;
pub(crate) const POINTS: u64 = 16;

#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
enum Phase {
    Starting,
    Running,
}

/// A registry with a family of every kind, whose series all begin at once.
pub(crate) struct Every {
    pub(crate) registry: MetricsRegistry,
    pub(crate) created: u64,
    /// Since when count those that do not say.
    pub(crate) begun: u64,
    orders: Family<DynamicLabels, Counter>,
    cpu: Family<DynamicLabels, FloatCounter>,
    load: Family<DynamicLabels, Gauge>,
    position: Family<DynamicLabels, IntGauge>,
    in_flight: Family<DynamicLabels, UpDownCounter>,
    /// With explicit buckets, exponential ones, such that have negative observations, and both.
    histograms: [Family<DynamicLabels, Histogram>; 4],
    answer: Family<DynamicLabels, Summary>,
    phase: Family<DynamicLabels, StateSet<Phase>>,
}

impl Every {
    pub(crate) fn new() -> Every {
        // Whole seconds, which are kept exactly.
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 60;
        let clock = ManualClock::new(UNIX_EPOCH + Duration::from_secs(created));
        let config = RegistryConfig::new().with_clock(&clock).with_self_metrics(false);
        let registry = MetricsRegistry::with_config(config);
        registry.register_info("build_info", "What was built.", &[("version", "1.4.2")]).unwrap();
        // OTLP has no such kind: nothing is sent of it.
        let queued = registry.family::<GaugeHistogram>("queued_bytes", "Queued.").with_buckets(&[1.0]);
        queued.register().unwrap().default().add(0.5);
        let exponential = |scale| ExponentialConfig::new().with_scale(scale).with_zero_threshold(0.01);
        let wait = registry.family("wait_seconds", "Waited.").with_buckets(&[0.5, 1.0]);
        let sizes = registry.family("sizes_bytes", "Sizes.").with_exponential(exponential(0));
        let drift = registry.family("drift_seconds", "Drift.").with_exponential(exponential(1));
        let both = registry.family("both_seconds", "Both.").with_exponential(exponential(0));
        let both = both.with_buckets(&[1.0, 3.0]);
        let quantiles = SummaryConfig::new().with_quantiles(&[0.5, 0.99]);
        let answer = registry.family("answer_seconds", "Answered.").with_summary(quantiles);
        Every {
            orders: registry.family("orders_total", "Orders.").register().unwrap(),
            cpu: registry.family("cpu_seconds_total", "Busy.").register().unwrap(),
            load: registry.family("load_ratio", "How busy.\n\"Very\".").register().unwrap(),
            position: registry.family("position", "Where.").register().unwrap(),
            in_flight: registry.family("in_flight", "Open.").register().unwrap(),
            histograms: [wait, sizes, drift, both].map(|family| family.register().unwrap()),
            answer: answer.register().unwrap(),
            phase: registry.family("phase", "Phase.").register().unwrap(),
            registry,
            created: created * 1_000_000_000,
            begun: created * 1_000_000_000 + 7,
        }
    }

    pub(crate) fn record(&self) {
        let [wait, sizes, drift, both] = &self.histograms;
        self.orders.get_or_create(&[("zone", "größte"), ("kind", "a\"b\\c\nd")]).inc_by(ODD);
        self.orders.default().try_inc_by_with_exemplar(3, IDS).unwrap();
        self.cpu.default().inc_by_with_exemplar(1.5, &[("user", "u1")]);
        self.load.get_or_create(&[("host", "a")]).set(-0.25);
        self.load.get_or_create(&[("host", "b")]).set(f64::INFINITY);
        self.load.get_or_create(&[("host", "c")]).set(f64::NAN);
        self.position.default().set(i64::MIN);
        self.in_flight.default().sub(3);
        wait.default().observe(0.25);
        wait.default().observe_with_exemplar(0.5, IDS);
        wait.default().observe(8.0);
        for value in [0.0, 1.5, 16.0, 1.5] {
            sizes.default().observe(value);
            both.default().observe(value);
        }
        sizes.default().observe_with_exemplar(3.0, IDS);
        drift.default().observe(-3.0);
        drift.default().observe(0.5);
        for value in [0.25, 0.5, 4.0] {
            self.answer.default().observe(value);
        }
        self.phase.default().set(Phase::Starting);
    }

    /// Records again into all but a counter with an odd total.
    pub(crate) fn record_more(&self) {
        let [wait, sizes, drift, both] = &self.histograms;
        self.orders.default().try_inc_by_with_exemplar(2, IDS).unwrap();
        self.cpu.default().inc_by(0.25);
        self.load.get_or_create(&[("host", "a")]).set(12.5);
        self.position.default().set(i64::MAX);
        self.in_flight.default().inc();
        wait.default().observe_with_exemplar(0.75, IDS);
        for histogram in [sizes, both] {
            histogram.default().observe(5.0);
        }
        drift.default().observe(-4.0);
        self.answer.default().observe(4.0);
        self.phase.default().set(Phase::Running);
    }
}

//! End to end: what a real OpenTelemetry collector has of what is recorded into every kind.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer_core::collect::Collector as _;
use nilometer_core::{
    Counter, DynamicLabels, ExponentialConfig, Family, FloatCounter, Gauge, GaugeHistogram, Histogram,
    IntGauge, ManualClock, MetricsRegistry, RegistryConfig, StateSet, Summary, SummaryConfig, UpDownCounter,
};
use nilometer_macros::LabelValue;
use nilometer_otel::{HistogramAggregation, OtlpEncoder, Resource, TemporalityPreference};
use nilometer_tests::read_back::Kept;
use nilometer_tests::rotel::{
    Attributes, ReceivedBuckets, ReceivedExemplar, ReceivedMetric, ReceivedPoint, Rotel,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";
const IDS: &[(&str, &str)] = &[("trace_id", TRACE), ("span_id", SPAN), ("user", "u1")];

/// A whole number that no floating-point number is.
const ODD: u64 = (1 << 53) + 1;

/// How many metrics an export has.
const METRICS: usize = 12;

#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
enum Phase {
    Starting,
    Running,
}

/// A registry with a family of every kind, whose series all begin at once.
struct Every {
    registry: MetricsRegistry,
    created: u64,
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
    fn new() -> Every {
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
        }
    }

    fn record(&self) {
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
    fn record_more(&self) {
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

/// An export, and what was recorded by then.
struct Export<'a> {
    every: &'a Every,
    kept: Kept,
    is_delta: bool,
    is_exponential: bool,
    /// The second one.
    is_again: bool,
    /// Since when there is the exporter.
    begun: u64,
    /// Since when differences count.
    since: u64,
    time: u64,
}

impl Export<'_> {
    /// What the first one has; the second one, of totals; the second one, of differences.
    fn of<T>(&self, first: T, total: T, added: T) -> T {
        if !self.is_again {
            first
        } else if self.is_delta {
            added
        } else {
            total
        }
    }

    /// A number since then.
    fn number(&self, start: u64, labels: &[(&str, &str)], value: impl ToString + Copy) -> ReceivedPoint {
        let value = value.to_string();
        ReceivedPoint { attributes: attributes(labels), start, time: self.time, value, ..Default::default() }
    }

    fn distribution(&self, start: u64, count: u64, sum: &str) -> ReceivedPoint {
        let (count, sum) = (Some(count), sum.to_owned());
        ReceivedPoint { start, time: self.time, count, sum, ..Default::default() }
    }

    /// The exemplar of what was recorded into that family.
    fn exemplar(&self, family: &str, value: f64) -> ReceivedExemplar {
        let families = self.kept.0.iter().filter(|kept| kept.descriptor.name() == family);
        let examples = families.flat_map(|family| &family.series).flat_map(|series| &series.exemplars);
        let example =
            examples.into_iter().find(|example| example.value.to_bits() == value.to_bits()).unwrap();
        let (trace_id, span_id) = (TRACE.to_owned(), SPAN.to_owned());
        let (time, value) = (example.nanoseconds, value.to_string());
        ReceivedExemplar { trace_id, span_id, time, value, attributes: attributes(&[("user", "u1")]) }
    }

    fn metrics(&self) -> Vec<ReceivedMetric> {
        let (created, delta) = (self.every.created, if self.is_delta { "DELTA" } else { "CUMULATIVE" });
        let metric = |name: &str, description: &str, unit: &str, kind: &str, points| ReceivedMetric {
            resource: attributes(&[("service.name", "checkout"), ("zone", "a, b")]),
            scope: concat!("nilometer ", env!("CARGO_PKG_VERSION")).to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            unit: unit.to_owned(),
            kind: kind.to_owned(),
            points,
            ..ReceivedMetric::default()
        };
        let summed = |temporality: &str, metric: ReceivedMetric| ReceivedMetric {
            temporality: format!("AGGREGATION_TEMPORALITY_{temporality}"),
            ..metric
        };
        let sum = |is_monotonic: bool, temporality, metric| {
            let metric = summed(temporality, metric);
            ReceivedMetric { is_monotonic: is_monotonic.to_string(), ..metric }
        };

        let quantiles = self.every.answer.default().snapshot().quantiles().to_vec();
        let quantiles =
            quantiles.into_iter().map(|(quantile, value)| (quantile.to_string(), value.to_string()));
        let mut answer = self.distribution(created, self.of(3, 4, 4), self.of("4.75", "8.75", "8.75"));
        answer.quantiles = quantiles.collect();

        let (sum_of_both, count) = (self.of("19", "24", "5"), self.of(4, 5, 1));
        let mut both = self.distribution(self.since, count, sum_of_both);
        if self.is_exponential {
            both.exponential = ReceivedBuckets {
                scale: Some(0),
                zero: self.of(1, 1, 0),
                positive: self.of(
                    vec![(0, 2), (1, 0), (2, 0), (3, 1)],
                    vec![(0, 2), (1, 0), (2, 1), (3, 1)],
                    vec![(2, 1)],
                ),
                negative: Vec::new(),
            };
        } else {
            both.bounds = vec!["1".to_owned(), "3".to_owned()];
            both.counts = self.of(vec![1, 2, 1], vec![1, 2, 2], vec![0, 0, 1]);
        }

        let mut cpu = self.number(self.since, &[], self.of("1.5", "1.75", "0.25"));
        let without_ids =
            |exemplar| ReceivedExemplar { trace_id: String::new(), span_id: String::new(), ..exemplar };
        let exemplar = || vec![without_ids(self.exemplar("cpu_seconds_total", 1.5))];
        cpu.exemplars = self.of(exemplar(), exemplar(), Vec::new());

        // Their sum is not known where they may be negative.
        let mut drift = self.distribution(self.since, self.of(2, 3, 1), "");
        drift.exponential = ReceivedBuckets {
            scale: Some(1),
            zero: 0,
            positive: self.of(vec![(-3, 1)], vec![(-3, 1)], Vec::new()),
            negative: self.of(vec![(3, 1)], vec![(3, 2)], vec![(3, 1)]),
        };

        let load = [("a", self.of("-0.25", "12.5", "12.5")), ("b", "inf"), ("c", "NaN")];
        let load = load.map(|(host, value)| self.number(0, &[("host", host)], value)).into();

        let labels = [("kind", "a\"b\\c\nd"), ("zone", "größte")];
        let mut orders = [
            self.number(self.since, &labels, self.of(ODD, ODD, 0)),
            self.number(self.since, &[], self.of(3, 5, 2)),
        ];
        orders[1].exemplars = vec![self.exemplar("orders_total", self.of(3.0, 2.0, 2.0))];

        let (starting, running) = self.of((1, 0), (0, 1), (0, 1));
        let phase = [("starting", starting), ("running", running)];
        let phase = phase.map(|(phase, is_on)| self.number(self.begun, &[("phase", phase)], is_on)).into();

        let mut sizes = self.distribution(self.since, self.of(5, 6, 1), self.of("22", "27", "5"));
        sizes.exponential = ReceivedBuckets {
            scale: Some(0),
            zero: self.of(1, 1, 0),
            positive: self.of(
                vec![(0, 2), (1, 1), (2, 0), (3, 1)],
                vec![(0, 2), (1, 1), (2, 1), (3, 1)],
                vec![(2, 1)],
            ),
            negative: Vec::new(),
        };
        let exemplar = || vec![self.exemplar("sizes_bytes", 3.0)];
        sizes.exemplars = self.of(exemplar(), exemplar(), Vec::new());

        let mut wait = self.distribution(self.since, self.of(3, 4, 1), self.of("8.75", "9.5", "0.75"));
        wait.bounds = vec!["0.5".to_owned(), "1".to_owned()];
        wait.counts = self.of(vec![2, 0, 1], vec![2, 1, 1], vec![0, 1, 0]);
        let values: &[f64] = self.of(&[0.5], &[0.5, 0.75], &[0.75]);
        wait.exemplars = values.iter().map(|&value| self.exemplar("wait_seconds", value)).collect();

        let version = self.number(self.begun, &[("version", "1.4.2")], 1);
        let in_flight = self.number(created, &[], self.of(-3, -2, -2));
        let position = self.number(0, &[], self.of(i64::MIN, i64::MAX, i64::MAX));
        let buckets = if self.is_exponential { "ExponentialHistogram" } else { "Histogram" };
        vec![
            metric("answer_seconds", "Answered.", "s", "Summary", vec![answer]),
            summed(delta, metric("both_seconds", "Both.", "s", buckets, vec![both])),
            sum(false, "CUMULATIVE", metric("build_info", "What was built.", "", "Sum", vec![version])),
            sum(true, delta, metric("cpu_seconds_total", "Busy.", "s", "Sum", vec![cpu])),
            summed(delta, metric("drift_seconds", "Drift.", "s", "ExponentialHistogram", vec![drift])),
            sum(false, "CUMULATIVE", metric("in_flight", "Open.", "", "Sum", vec![in_flight])),
            metric("load_ratio", "How busy.\n\"Very\".", "1", "Gauge", load),
            sum(true, delta, metric("orders_total", "Orders.", "", "Sum", orders.into())),
            sum(false, "CUMULATIVE", metric("phase", "Phase.", "", "Sum", phase)),
            metric("position", "Where.", "", "Gauge", vec![position]),
            summed(delta, metric("sizes_bytes", "Sizes.", "By", "ExponentialHistogram", vec![sizes])),
            summed(delta, metric("wait_seconds", "Waited.", "s", "Histogram", vec![wait])),
        ]
    }
}

fn attributes(labels: &[(&str, &str)]) -> Attributes {
    labels.iter().map(|(name, value)| ((*name).to_owned(), format!("Str({value})"))).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

/// What the exporter was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    is_delta: bool,
    is_exponential: bool,
}

/// Records, exports, and does so again; each time, rotel has to have received all of it, and nothing else. The exporter
/// was made at `made` or later.
fn check(rotel: &Rotel, every: &Every, asked: Asked, made: u64, mut export: impl FnMut()) {
    let Asked { is_delta, is_exponential } = asked;
    let (mut seen, mut since, mut begun) = (0, every.created, None);
    for is_again in [false, true] {
        if is_again {
            every.record_more();
        } else {
            every.record();
        }
        let before = now();
        export();
        let after = now();
        let received = rotel.metrics(seen + METRICS).split_off(seen);
        seen += received.len();
        // These two are for the exporter to say, within what is true.
        let time = received[0].points[0].time;
        assert!((before..=after).contains(&time), "{asked:?}: {before} {time} {after}");
        let info = received.iter().find(|metric| metric.name == "build_info").unwrap();
        let begun = *begun.get_or_insert(info.points[0].start);
        assert!((made..=before).contains(&begun), "{asked:?}: {made} {begun} {before}");
        let mut kept = Kept::default();
        every.registry.collect(&mut kept).unwrap();
        let export = Export { every, kept, is_delta, is_exponential, is_again, begun, since, time };
        assert_eq!(received, export.metrics(), "{asked:?}");
        since = if is_delta { time } else { since };
    }
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn every_kind_arrives_as_it_was_recorded() {
    for (temporality, is_delta) in
        [(TemporalityPreference::Cumulative, false), (TemporalityPreference::Delta, true)]
    {
        for (aggregation, is_exponential) in
            [(HistogramAggregation::Explicit, false), (HistogramAggregation::Exponential, true)]
        {
            let (rotel, every, made) = (Rotel::start(), Every::new(), now());
            let resource = Resource::new("checkout").with_attribute("zone", "a, b").unwrap();
            let encoder = OtlpEncoder::new(resource, SystemTime::now()).with_temporality(temporality);
            let mut encoder = encoder.with_histogram_aggregation(aggregation);
            let url = format!("http://{}/v1/metrics", rotel.http());
            check(&rotel, &every, Asked { is_delta, is_exponential }, made, || {
                for request in encoder.encode(&every.registry, SystemTime::now()).unwrap() {
                    let post = ureq::post(&url).header("content-type", "application/x-protobuf");
                    post.send(&request.body()[..]).unwrap();
                    request.acknowledge();
                }
            });
        }
    }
}

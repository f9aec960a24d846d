//! What a real OpenTelemetry collector is to have of it.

use nilometer_tests::read_back::Kept;
use nilometer_tests::rotel::{Attributes, ReceivedBuckets, ReceivedExemplar, ReceivedMetric, ReceivedPoint};

use super::{Every, ODD, SPAN, TRACE};

/// An export, and what was recorded by then.
pub(crate) struct Export<'a> {
    pub(crate) every: &'a Every,
    pub(crate) kept: Kept,
    pub(crate) is_delta: bool,
    pub(crate) is_exponential: bool,
    /// The second one.
    pub(crate) is_again: bool,
    /// Since when differences count.
    pub(crate) since: u64,
    pub(crate) time: u64,
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

    /// The histogram with buckets of either kind.
    fn both(&self) -> ReceivedPoint {
        let mut both = self.distribution(self.since, self.of(4, 5, 1), self.of("19", "24", "5"));
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
        both
    }

    /// What rotel is to have received.
    pub(crate) fn metrics(&self) -> Vec<ReceivedMetric> {
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
        let phase =
            phase.map(|(phase, is_on)| self.number(self.every.begun, &[("phase", phase)], is_on)).into();

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

        let version = self.number(self.every.begun, &[("version", "1.4.2")], 1);
        let in_flight = self.number(created, &[], self.of(-3, -2, -2));
        let position = self.number(0, &[], self.of(i64::MIN, i64::MAX, i64::MAX));
        let buckets = if self.is_exponential { "ExponentialHistogram" } else { "Histogram" };
        vec![
            metric("answer_seconds", "Answered.", "s", "Summary", vec![answer]),
            summed(delta, metric("both_seconds", "Both.", "s", buckets, vec![self.both()])),
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

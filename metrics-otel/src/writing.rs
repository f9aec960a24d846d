//! The visitor that writes export requests.

use nilometer_core::collect::{
    CounterPoint, Descriptor, HistogramPoint, MetricType, Number, Point, SeriesLabels, StateSetPoint,
    Stopped, SummaryPoint, UpDownCounterPoint, Visitor,
};

use crate::baseline::{Baselines, Buckets, Receipts};
use crate::body::{Body, Envelope, Form, Limits, Monotony};
use crate::distribution::{Explicit, sum_of, write_exponential, write_summary};
use crate::exemplar::write_exemplars;
use crate::field::{exponential_point, histogram_point, metric, number_point, summary_point};
use crate::number::{Times, is_stale, is_total, write_number};
use crate::request::{Encoded, ExportRequest};
use crate::temporality::{HistogramAggregation, Temporality, TemporalityPreference};
use crate::time::{point_time, unix_nanos};
use crate::unit::ucum_of;
use crate::wire::{self, Started};

/// Under which key a metric says what it was, where OTLP has no kind for that.
///
/// SPEC: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", "Metric Metadata".
const PROMETHEUS_TYPE: &str = "prometheus.type";

/// What an encoder was told.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) envelope: Envelope,
    pub(crate) limits: Limits,
    pub(crate) temporality: TemporalityPreference,
    pub(crate) aggregation: HistogramAggregation,
}

/// Takes requests.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(ExportRequest) -> Result<(), Stopped>;

/// Where requests go, one after the other.
struct Output<'a> {
    options: &'a Options,
    sink: Sink<'a>,
    receipts: &'a mut Receipts,
    body: Body<'a>,
    /// How much room a request gets.
    capacity: usize,
    /// How much room the largest request took.
    largest: usize,
    encoded: Encoded,
    stopped: bool,
}

impl Output<'_> {
    /// Ends a point, in this request or in the next, and returns the number of that; `None` where there is no room in
    /// either.
    fn place(&mut self, point: Started, head: &[u8], form: Form) -> Result<Option<u32>, Stopped> {
        if let Err(point) = self.body.end_point(point) {
            let is_alone = self.body.points() == 0;
            self.flush()?;
            if is_alone || !self.body.try_add(head, form, &point) {
                self.encoded.too_large += 1;
                return Ok(None);
            }
        }
        self.encoded.points += 1;
        Ok(Some(self.receipts.next()))
    }

    /// Hands the request over and begins another, unless it has no points.
    fn flush(&mut self) -> Result<(), Stopped> {
        if self.body.points() == 0 {
            return Ok(());
        }
        let next = Body::new(&self.options.envelope, self.options.limits, self.capacity);
        let body = std::mem::replace(&mut self.body, next);
        let points = body.points();
        let bytes = body.finish();
        // The next collection has about as much.
        self.largest = self.largest.max(bytes.len() + bytes.len() / 8);
        self.encoded.requests += 1;
        let receipt = self.options.temporality.has_deltas().then(|| self.receipts.add());
        let taken = (self.sink)(ExportRequest::new(bytes, points, receipt));
        self.stopped = taken.is_err();
        taken
    }
}

/// Writes what a collector shows into requests.
pub(crate) struct Writing<'a> {
    output: Output<'a>,
    baselines: &'a mut Baselines,
    start: u64,
    now: u64,
    /// The kind of the family, where its points can be sent.
    family: Option<MetricType>,
    temporality: Temporality,
    name: String,
    /// What the family's metric has before its data.
    head: Vec<u8>,
    /// Room for differences.
    counts: Vec<u64>,
    buckets: Buckets,
}

impl<'a> Writing<'a> {
    /// Begins a request; times are in nanoseconds since 1970.
    pub(crate) fn new(
        options: &'a Options,
        (start, now): (u64, u64),
        capacity: usize,
        (baselines, receipts): (&'a mut Baselines, &'a mut Receipts),
        sink: Sink<'a>,
    ) -> Writing<'a> {
        let body = Body::new(&options.envelope, options.limits, capacity);
        let (encoded, stopped) = (Encoded::default(), false);
        Writing {
            output: Output { options, sink, receipts, body, capacity, largest: 0, encoded, stopped },
            baselines,
            start,
            now,
            family: None,
            temporality: Temporality::Cumulative,
            name: String::new(),
            head: Vec::new(),
            counts: Vec::new(),
            buckets: Buckets::default(),
        }
    }

    /// Hands over the last request; returns what there was, and how much room the largest request took.
    pub(crate) fn finish(mut self) -> Result<(Encoded, usize), Stopped> {
        if self.output.stopped {
            return Err(Stopped);
        }
        self.output.flush()?;
        Ok((self.output.encoded, self.output.largest))
    }

    fn leave_out(&mut self) {
        self.output.encoded.left_out += 1;
    }

    fn times(&self, start: u64) -> Times {
        Times { start, time: point_time(start, self.now) }
    }

    fn counter(&mut self, labels: SeriesLabels<'_>, counter: &CounterPoint<'_>) -> Result<(), Stopped> {
        let total = counter.total();
        if !is_total(total) {
            self.leave_out();
            return Ok(());
        }
        let created = counter.created().and_then(unix_nanos);
        let form = Form::Sum(self.temporality, Monotony::Monotonic);
        let (point, buffer) = self.output.body.start_point(&self.head, form);
        write_attributes(number_point::ATTRIBUTES, labels, buffer);
        let is_difference =
            self.temporality == Temporality::Delta && !matches!(total, Number::F64(total) if is_stale(total));
        let mut series = is_difference
            .then(|| self.baselines.series(labels, &buffer[point.content()..], created, self.start))
            .flatten();
        let (start, value, since) = match &mut series {
            Some(series) => {
                let value = series.number(total, created);
                (series.since(), value, series.since())
            }
            None => (created.unwrap_or(self.start), total, 0),
        };
        Times { start, time: point_time(start, self.now) }.write(buffer);
        write_number(value, buffer);
        write_exemplars(number_point::EXEMPLARS, counter.exemplar().as_ref(), since, buffer);
        let request = self.output.place(point, &self.head, form)?;
        if let (Some(series), Some(request)) = (series, request) {
            series.is_sent_in(request);
        }
        Ok(())
    }

    /// Writes a point that is never a difference; `start` is 0 for none.
    fn value(
        &mut self,
        labels: SeriesLabels<'_>,
        state: Option<&str>,
        (form, start): (Form, u64),
        value: Number,
    ) -> Result<(), Stopped> {
        let times = if start > 0 { self.times(start) } else { Times { start, time: self.now } };
        let (point, buffer) = self.output.body.start_point(&self.head, form);
        write_attributes(number_point::ATTRIBUTES, labels, buffer);
        if let Some(state) = state {
            wire::attribute(number_point::ATTRIBUTES, &self.name, state, buffer);
        }
        times.write(buffer);
        write_number(value, buffer);
        self.output.place(point, &self.head, form).map(drop)
    }

    fn up_down_counter(
        &mut self,
        labels: SeriesLabels<'_>,
        counter: &UpDownCounterPoint,
    ) -> Result<(), Stopped> {
        let start = counter.created().and_then(unix_nanos).unwrap_or(self.start);
        self.value(labels, None, (NON_MONOTONIC, start), counter.value())
    }

    /// SPEC: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", "StateSet": a point for every
    /// state. OpenMetrics 1.0, "StateSet": the label of the state has the name of the family.
    fn state_set(&mut self, labels: SeriesLabels<'_>, set: &StateSetPoint<'_>) -> Result<(), Stopped> {
        if labels.iter().any(|(name, _)| name == self.name) {
            self.leave_out();
            return Ok(());
        }
        set.states().iter().try_for_each(|&(state, is_on)| {
            let value = Number::I64(is_on.into());
            self.value(labels, Some(state), (NON_MONOTONIC, self.start), value)
        })
    }

    fn histogram(&mut self, labels: SeriesLabels<'_>, histogram: &HistogramPoint<'_>) -> Result<(), Stopped> {
        let is_preferred = self.output.options.aggregation == HistogramAggregation::Exponential;
        let exponential = histogram.exponential().filter(|_| histogram.is_exponential_only() || is_preferred);
        let (form, attributes, exemplars) = match exponential {
            None => {
                (Form::Histogram(self.temporality), histogram_point::ATTRIBUTES, histogram_point::EXEMPLARS)
            }
            Some(_) => (
                Form::ExponentialHistogram(self.temporality),
                exponential_point::ATTRIBUTES,
                exponential_point::EXEMPLARS,
            ),
        };
        let created = histogram.created().and_then(unix_nanos);
        let sum = sum_of(histogram);
        let (point, buffer) = self.output.body.start_point(&self.head, form);
        write_attributes(attributes, labels, buffer);
        let is_difference = self.temporality == Temporality::Delta && !sum.is_some_and(is_stale);
        let bounds = if is_difference { self.baselines.number_of(histogram.bounds()) } else { 0 };
        let mut series = is_difference
            .then(|| self.baselines.series(labels, &buffer[point.content()..], created, self.start))
            .flatten();
        let total = Explicit { bounds: histogram.bounds(), counts: histogram.counts(), sum };
        match (&exponential, &mut series) {
            (None, None) => total.write(buffer),
            (None, Some(series)) => series.explicit(total, bounds, created, &mut self.counts).write(buffer),
            (Some(buckets), None) => write_exponential(buckets, sum, buffer),
            (Some(buckets), Some(series)) => {
                let (added, sum) = series.exponential(buckets, sum, created, &mut self.buckets);
                write_exponential(&added.borrowed().unwrap_or(*buckets), sum, buffer);
            }
        }
        let since = series.as_ref().map(|series| series.since());
        let start = since.or(created).unwrap_or(self.start);
        Times { start, time: point_time(start, self.now) }.write(buffer);
        write_exemplars(exemplars, histogram.exemplars(), since.unwrap_or(0), buffer);
        let request = self.output.place(point, &self.head, form)?;
        if let (Some(series), Some(request)) = (series, request) {
            series.is_sent_in(request);
        }
        Ok(())
    }

    fn summary(&mut self, labels: SeriesLabels<'_>, summary: &SummaryPoint<'_>) -> Result<(), Stopped> {
        let start = summary.created().and_then(unix_nanos).unwrap_or(self.start);
        let times = self.times(start);
        let (point, buffer) = self.output.body.start_point(&self.head, Form::Summary);
        write_attributes(summary_point::ATTRIBUTES, labels, buffer);
        times.write(buffer);
        write_summary(summary, buffer);
        self.output.place(point, &self.head, Form::Summary).map(drop)
    }
}

/// SPEC: OpenTelemetry specification, "Metrics API", `UpDownCounter`; "Prometheus and OpenMetrics Compatibility",
/// "Info", "StateSet": a sum that is not monotonic.
const NON_MONOTONIC: Form = Form::Sum(Temporality::Cumulative, Monotony::NonMonotonic);

fn write_attributes(tag: u32, labels: SeriesLabels<'_>, buffer: &mut Vec<u8>) {
    for (name, value) in labels.iter() {
        wire::attribute(tag, name, value, buffer);
    }
}

impl Visitor for Writing<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        if self.output.stopped {
            return Err(Stopped);
        }
        self.output.body.close();
        // Names are whatever UTF-8 there is: nothing is escaped.
        let has_name = descriptor.has_valid_name() || descriptor.has_utf8_name();
        let kind = descriptor.metric_type();
        self.family = has_name.then_some(kind);
        self.temporality = self.output.options.temporality.of(kind);
        if self.temporality == Temporality::Delta {
            self.baselines.family(descriptor.name());
        }
        descriptor.name().clone_into(&mut self.name);
        self.head.clear();
        wire::string(metric::NAME, descriptor.name(), &mut self.head);
        if !descriptor.help().is_empty() {
            wire::string(metric::DESCRIPTION, descriptor.help(), &mut self.head);
        }
        if let Some(unit) = ucum_of(descriptor) {
            wire::string(metric::UNIT, &unit, &mut self.head);
        }
        if matches!(kind, MetricType::Info | MetricType::StateSet) {
            wire::attribute(metric::METADATA, PROMETHEUS_TYPE, kind.as_str(), &mut self.head);
        }
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, shown: Point<'_>) -> Result<(), Stopped> {
        if self.output.stopped {
            return Err(Stopped);
        }
        if self.family != Some(shown.metric_type()) {
            self.leave_out();
            return Ok(());
        }
        match shown {
            Point::Counter(counter) => self.counter(labels, &counter),
            Point::UpDownCounter(counter) => self.up_down_counter(labels, &counter),
            // SPEC: opentelemetry-proto 1.10.0, `Gauge`: a start time is ignored.
            Point::Gauge(gauge) => self.value(labels, None, (Form::Gauge, 0), gauge.value()),
            Point::Histogram(histogram) => self.histogram(labels, &histogram),
            Point::Summary(summary) => self.summary(labels, &summary),
            Point::Info => self.value(labels, None, (NON_MONOTONIC, self.start), Number::I64(1)),
            Point::StateSet(set) => self.state_set(labels, &set),
            // SPEC: OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility", "Dropped Types": OTLP has
            // no kind for counts that go down, and the collector's receiver for Prometheus drops them as well.
            Point::GaugeHistogram(_) => {
                self.leave_out();
                Ok(())
            }
        }
    }
}

//! Delimited `io.prometheus.client.MetricFamily` messages.
//!
//! - `field`: the field numbers. `wire`: fields from borrowed parts, labels, times, exemplars.
//! - `native`: exponential buckets.

mod field;
pub(crate) mod native;
pub(crate) mod wire;

use std::fmt;
use std::time::SystemTime;

use nilometer_core::collect::{
    CounterPoint, Descriptor, EscapingScheme, HistogramPoint, MetricType, Number, Point, SeriesLabels,
    StateSetPoint, Stopped, SummaryPoint, Visitor,
};
use prost::encoding::{encode_varint, encoded_len_varint, key_len};

use self::field::{bucket, counter, family, gauge, histogram, metric, metric_type, quantile, summary};
use self::native::native;
use self::wire::{
    DOUBLE_LEN, Times, bytes, delimited_len, double, exemplar, label, labels, start_delimited, varint,
};
use crate::check::{self, Places};
use crate::chunk::{ChunkBuffer, Nowhere, Output};
use crate::exemplar::{BucketExemplars, fits};
use crate::format::Exposition;

/// How long a message gets before the family goes on in another one, in bytes.
///
/// A message begins with its length, so it is held until it is complete, and a piece of the page has room for one more
/// than goes into it; Prometheus takes a family in any number of them.
const MESSAGE_SIZE: usize = 8 * 1024;

/// How many bytes a length has at most.
const LENGTH_ROOM: usize = 10;

/// Writes what a collector shows it as messages, in pieces of bounded size.
///
/// There are types for counters, gauges, summaries, histograms and gauge histograms. Up-down counters are gauges, an
/// info is a gauge of 1, and a state set a gauge for each state, which is 1 or 0, as in the text format 0.0.4.
pub(crate) struct ProtobufEncoder<O> {
    page: ChunkBuffer<Vec<u8>, O>,
    escaping: EscapingScheme,
    places: Places,
    /// What each message of the family at hand begins with: name, help, type and unit.
    header: Vec<u8>,
    state_label: String,
    /// The series of the message at hand.
    metrics: Vec<u8>,
    /// The labels of the series at hand.
    labels: Vec<u8>,
    /// The value of the series at hand.
    value: Vec<u8>,
    /// What a message inside the value is made in.
    inner: Vec<u8>,
    /// When series began.
    created: Times,
}

impl ProtobufEncoder<Nowhere> {
    /// The page of an encoder that keeps it in one piece, which nobody stops.
    pub(crate) fn into_whole_page(mut self) -> Vec<u8> {
        let _ = self.end();
        self.page.into_page()
    }
}

impl<O: Output> ProtobufEncoder<O> {
    /// An encoder that gives `output` pieces of this size, in bytes.
    pub(crate) fn of(exposition: Exposition, output: O, size: usize) -> ProtobufEncoder<O> {
        ProtobufEncoder {
            page: ChunkBuffer::new(output, size),
            escaping: exposition.escaping(),
            places: Places::default(),
            header: Vec::new(),
            state_label: String::new(),
            metrics: Vec::new(),
            labels: Vec::new(),
            value: Vec::new(),
            inner: Vec::new(),
            created: Times::default(),
        }
    }

    /// How many points were left out.
    pub(crate) fn skipped(&self) -> u64 {
        self.places.skipped()
    }

    /// Gives the output the end of the page.
    pub(crate) fn finish(mut self) -> Result<(), Stopped> {
        self.end()?;
        self.page.finish()
    }

    /// Ends the message at hand, if it has series.
    fn end(&mut self) -> Result<(), Stopped> {
        if self.metrics.is_empty() {
            return Ok(());
        }
        let len = self.header.len() + self.metrics.len();
        let page = self.page.room(LENGTH_ROOM + len)?;
        encode_varint(len as u64, page);
        page.extend_from_slice(&self.header);
        page.extend_from_slice(&self.metrics);
        self.metrics.clear();
        Ok(())
    }

    /// Adds a series whose labels and value are at hand.
    fn metric(&mut self, tag: u32) -> Result<(), Stopped> {
        let len = self.labels.len() + delimited_len(tag, self.value.len());
        start_delimited(family::METRIC, len, &mut self.metrics);
        self.metrics.extend_from_slice(&self.labels);
        bytes(tag, &self.value, &mut self.metrics);
        if self.metrics.len() < MESSAGE_SIZE { Ok(()) } else { self.end() }
    }

    fn gauge(&mut self, value: Number) -> Result<(), Stopped> {
        double(gauge::VALUE, value.as_f64(), &mut self.value);
        self.metric(metric::GAUGE)
    }

    fn counter(&mut self, point: &CounterPoint<'_>) -> Result<(), Stopped> {
        double(counter::VALUE, point.total().as_f64(), &mut self.value);
        if let Some(found) = point.exemplar().filter(|exemplar| fits(exemplar, self.escaping)) {
            exemplar(&found, self.escaping, &mut self.inner);
            bytes(counter::EXEMPLAR, &self.inner, &mut self.value);
        }
        if let Some(created) = point.created() {
            self.created.write(counter::CREATED, created, &mut self.value);
        }
        self.metric(metric::COUNTER)
    }

    fn summary(&mut self, point: &SummaryPoint<'_>) -> Result<(), Stopped> {
        let value = &mut self.value;
        varint(summary::COUNT, point.count(), value);
        double(summary::SUM, point.sum(), value);
        for &(rank, at) in point.quantiles() {
            start_delimited(summary::QUANTILE, 2 * DOUBLE_LEN, value);
            double(quantile::QUANTILE, rank, value);
            double(quantile::VALUE, at, value);
        }
        if let Some(created) = point.created() {
            self.created.write(summary::CREATED, created, value);
        }
        self.metric(metric::SUMMARY)
    }

    /// Writes the explicit buckets, the exponential ones, or both: whichever the histogram was recorded into.
    ///
    /// Where it has both, Prometheus takes the exemplars of the explicit buckets for the exponential ones too.
    fn histogram(&mut self, point: &HistogramPoint<'_>, created: Option<SystemTime>) -> Result<(), Stopped> {
        varint(histogram::COUNT, point.count(), &mut self.value);
        double(histogram::SUM, point.sum(), &mut self.value);
        if point.is_exponential_only() {
            for found in point.exemplars().iter().filter(|exemplar| fits(exemplar, self.escaping)) {
                exemplar(found, self.escaping, &mut self.inner);
                bytes(histogram::EXEMPLARS, &self.inner, &mut self.value);
            }
        } else {
            self.buckets(point);
        }
        if let Some(buckets) = point.exponential() {
            native(&buckets, &mut self.inner, &mut self.value);
        }
        if let Some(created) = created {
            self.created.write(histogram::CREATED, created, &mut self.value);
        }
        self.metric(metric::HISTOGRAM)
    }

    fn buckets(&mut self, point: &HistogramPoint<'_>) {
        let mut by_bucket = BucketExemplars::new(point.exemplars(), self.escaping);
        for (bound, count) in point.cumulative() {
            self.inner.clear();
            let found = if point.exemplars().is_empty() { None } else { by_bucket.up_to(bound) };
            let mut len = key_len(bucket::CUMULATIVE_COUNT) + encoded_len_varint(count) + DOUBLE_LEN;
            if let Some(found) = found {
                exemplar(found, self.escaping, &mut self.inner);
                len += delimited_len(bucket::EXEMPLAR, self.inner.len());
            }
            start_delimited(histogram::BUCKET, len, &mut self.value);
            varint(bucket::CUMULATIVE_COUNT, count, &mut self.value);
            double(bucket::UPPER_BOUND, bound, &mut self.value);
            if found.is_some() {
                bytes(bucket::EXEMPLAR, &self.inner, &mut self.value);
            }
        }
    }

    fn state_set(&mut self, point: StateSetPoint<'_>) -> Result<(), Stopped> {
        let own = self.labels.len();
        for (state, is_on) in point.states() {
            self.labels.truncate(own);
            let name = self.escaping.label_name(&self.state_label);
            label(metric::LABEL, &name, state, &mut self.labels);
            self.value.clear();
            self.gauge(Number::U64(u64::from(*is_on)))?;
        }
        Ok(())
    }
}

impl<O: Output> Visitor for ProtobufEncoder<O> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.page.check()?;
        self.end()?;
        self.places.family(descriptor);
        self.header.clear();
        bytes(family::NAME, descriptor.escaped_name(self.escaping).as_bytes(), &mut self.header);
        bytes(family::HELP, descriptor.help().as_bytes(), &mut self.header);
        varint(family::TYPE, metric_type(descriptor.metric_type()), &mut self.header);
        if let Some(unit) = check::unit(descriptor) {
            bytes(family::UNIT, unit.as_bytes(), &mut self.header);
        }
        self.state_label.clear();
        if descriptor.metric_type() == MetricType::StateSet {
            self.state_label = check::state_label(descriptor.name());
        }
        Ok(())
    }

    fn point(&mut self, series: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        self.page.check()?;
        if !self.places.admits(&point) {
            return Ok(());
        }
        self.labels.clear();
        self.value.clear();
        labels(metric::LABEL, series, self.escaping, &mut self.labels);
        match point {
            Point::Counter(point) => self.counter(&point),
            Point::Gauge(point) => self.gauge(point.value()),
            Point::UpDownCounter(point) => self.gauge(point.value()),
            Point::Histogram(point) => self.histogram(&point, point.created()),
            // What is there now began at no time.
            Point::GaugeHistogram(point) => self.histogram(&point, None),
            Point::Summary(point) => self.summary(&point),
            Point::Info => self.gauge(Number::U64(1)),
            Point::StateSet(point) => {
                if self.places.admits_states(series, point.states(), &self.state_label, self.escaping) {
                    self.state_set(point)
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl<O> fmt::Debug for ProtobufEncoder<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProtobufEncoder").field("skipped", &self.places.skipped()).finish_non_exhaustive()
    }
}

/// The `MetricType` of a kind.
fn metric_type(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => metric_type::COUNTER,
        MetricType::Gauge | MetricType::UpDownCounter | MetricType::Info | MetricType::StateSet => {
            metric_type::GAUGE
        }
        MetricType::Histogram => metric_type::HISTOGRAM,
        MetricType::GaugeHistogram => metric_type::GAUGE_HISTOGRAM,
        MetricType::Summary => metric_type::SUMMARY,
    }
}

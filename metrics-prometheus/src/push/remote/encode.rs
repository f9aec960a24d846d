//! Batches as requests.

use nilometer_core::collect::MetricType;

use super::batch::{Batch, Exemplar, Place, Series, Value, range};
use super::field::{
    exemplar, histogram, label, metadata, metric_metadata, request, sample, time_series, time_series_1,
    write_request,
};
use crate::protobuf::wire::{bytes, delimited_len, double, number, start_delimited, varint};

/// What a receiver is written to in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// A request of this version, with native histograms or without, and how many series are in it; `None` where there are
/// none.
pub(super) fn encode(batch: &Batch, version: Version, native: bool) -> Option<(Vec<u8>, u64)> {
    let mut encoder = Encoder { batch, version, out: Vec::new(), series: Vec::new(), inner: Vec::new() };
    let is_in = |series: &&Series| match series.place {
        Place::Everywhere => true,
        Place::WithNative => native,
        Place::WithoutNative => !native,
    };
    let series = batch.series.iter().filter(is_in);
    let count = series.clone().count() as u64;
    if count == 0 {
        return None;
    }
    match version {
        Version::One => {
            series.for_each(|series| encoder.series_1(series));
            encoder.metadata_1();
        }
        Version::Two => {
            for symbol in &batch.symbols {
                bytes(request::SYMBOLS, symbol.as_bytes(), &mut encoder.out);
            }
            series.for_each(|series| encoder.series_2(series));
        }
    }
    Some((encoder.out, count))
}

struct Encoder<'a> {
    batch: &'a Batch,
    version: Version,
    out: Vec<u8>,
    /// The series at hand.
    series: Vec<u8>,
    /// What a message inside it is made in.
    inner: Vec<u8>,
}

impl Encoder<'_> {
    fn series_2(&mut self, series: &Series) {
        self.series.clear();
        let labels = &self.batch.labels[range(&series.labels)];
        symbols(time_series::LABELS, labels, &mut self.inner, &mut self.series);
        match &series.value {
            Value::Sample(value) => self.sample(time_series::SAMPLES, *value, series.created),
            Value::Histogram(part) => {
                self.histogram(time_series::HISTOGRAMS, &self.batch.histograms[range(part)], series.created);
            }
        }
        for exemplar in &self.batch.exemplars[range(&series.exemplars)] {
            self.exemplar_2(exemplar);
        }
        if let Some(family) = self.batch.families.get(series.family as usize) {
            self.inner.clear();
            varint(metadata::TYPE, metric_type(family.kind), &mut self.inner);
            varint(metadata::HELP, family.help.into(), &mut self.inner);
            varint(metadata::UNIT, family.unit.into(), &mut self.inner);
            bytes(time_series::METADATA, &self.inner, &mut self.series);
        }
        if series.created != 0 {
            // Prometheus reads it here up to 3.7, and beside the sample's time from 3.8 on.
            varint(time_series::CREATED_TIMESTAMP, series.created.cast_unsigned(), &mut self.series);
        }
        bytes(request::TIME_SERIES, &self.series, &mut self.out);
    }

    fn series_1(&mut self, series: &Series) {
        self.series.clear();
        labels_1(
            time_series_1::LABELS,
            self.batch,
            &self.batch.labels[range(&series.labels)],
            &mut self.series,
        );
        match &series.value {
            Value::Sample(value) => self.sample(time_series_1::SAMPLES, *value, 0),
            Value::Histogram(part) => {
                self.histogram(time_series_1::HISTOGRAMS, &self.batch.histograms[range(part)], 0);
            }
        }
        for found in &self.batch.exemplars[range(&series.exemplars)] {
            self.inner.clear();
            labels_1(exemplar::LABELS, self.batch, &self.batch.labels[range(&found.labels)], &mut self.inner);
            value_and_time(found, &mut self.inner);
            bytes(time_series_1::EXEMPLARS, &self.inner, &mut self.series);
        }
        bytes(write_request::TIME_SERIES, &self.series, &mut self.out);
    }

    fn metadata_1(&mut self) {
        for family in &self.batch.families {
            self.inner.clear();
            varint(metric_metadata::TYPE, metric_type(family.kind), &mut self.inner);
            for (tag, symbol) in [
                (metric_metadata::NAME, family.name),
                (metric_metadata::HELP, family.help),
                (metric_metadata::UNIT, family.unit),
            ] {
                bytes(tag, self.batch.text(symbol).as_bytes(), &mut self.inner);
            }
            bytes(write_request::METADATA, &self.inner, &mut self.out);
        }
    }

    fn sample(&mut self, tag: u32, value: f64, created: i64) {
        self.inner.clear();
        double(sample::VALUE, value, &mut self.inner);
        varint(sample::TIMESTAMP, self.batch.time.cast_unsigned(), &mut self.inner);
        self.start(sample::START_TIMESTAMP, created);
        bytes(tag, &self.inner, &mut self.series);
    }

    fn histogram(&mut self, tag: u32, fields: &[u8], created: i64) {
        self.inner.clear();
        self.inner.extend_from_slice(fields);
        varint(histogram::TIMESTAMP, self.batch.time.cast_unsigned(), &mut self.inner);
        self.start(histogram::START_TIMESTAMP, created);
        bytes(tag, &self.inner, &mut self.series);
    }

    fn start(&mut self, tag: u32, created: i64) {
        if self.version == Version::Two && created != 0 {
            varint(tag, created.cast_unsigned(), &mut self.inner);
        }
    }

    fn exemplar_2(&mut self, found: &Exemplar) {
        let mut packed = Vec::new();
        self.inner.clear();
        symbols(exemplar::LABELS, &self.batch.labels[range(&found.labels)], &mut packed, &mut self.inner);
        value_and_time(found, &mut self.inner);
        bytes(time_series::EXEMPLARS, &self.inner, &mut self.series);
    }
}

fn value_and_time(found: &Exemplar, out: &mut Vec<u8>) {
    double(exemplar::VALUE, found.value, out);
    varint(exemplar::TIMESTAMP, found.time.cast_unsigned(), out);
}

/// Writes symbols in one field. `scratch` is overwritten.
fn symbols(tag: u32, symbols: &[u32], scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
    scratch.clear();
    for &symbol in symbols {
        number(symbol.into(), scratch);
    }
    if !scratch.is_empty() {
        bytes(tag, scratch, out);
    }
}

/// Writes `Label` messages.
fn labels_1(tag: u32, batch: &Batch, labels: &[u32], out: &mut Vec<u8>) {
    for pair in labels.chunks_exact(2) {
        let [name, value] = [pair[0], pair[1]].map(|symbol| batch.text(symbol).as_bytes());
        let len = delimited_len(label::NAME, name.len()) + delimited_len(label::VALUE, value.len());
        start_delimited(tag, len, out);
        bytes(label::NAME, name, out);
        bytes(label::VALUE, value, out);
    }
}

/// The `MetricType` of a kind, which both versions number alike.
fn metric_type(kind: MetricType) -> u64 {
    match kind {
        MetricType::Counter => 1,
        MetricType::Gauge | MetricType::UpDownCounter => 2,
        MetricType::Histogram => 3,
        MetricType::GaugeHistogram => 4,
        MetricType::Summary => 5,
        MetricType::Info => 6,
        MetricType::StateSet => 7,
    }
}

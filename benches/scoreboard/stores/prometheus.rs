//! `prometheus`.

use std::io::{self, Write as _};

use prometheus::{
    Encoder as _, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder,
};

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED_SECONDS, Sink, Store};
use crate::labels::{Labels, NAMES};
use crate::rows::BOUNDS;

struct Prometheus {
    registry: Registry,
    counters: IntCounterVec,
    histograms: HistogramVec,
    gauges: GaugeVec,
}

pub(super) fn make(_: usize) -> Box<dyn Store> {
    let registry = Registry::new();
    let counters = IntCounterVec::new(Opts::new(COUNTER.0, COUNTER.1), &NAMES).expect("the names are names");
    let options = HistogramOpts::new(HISTOGRAM.0, HISTOGRAM.1).buckets(BOUNDS.to_vec());
    let histograms = HistogramVec::new(options, &NAMES).expect("the names are names");
    let gauges = GaugeVec::new(Opts::new(GAUGE.0, GAUGE.1), &NAMES).expect("the names are names");
    registry.register(Box::new(counters.clone())).expect("the name is free");
    registry.register(Box::new(histograms.clone())).expect("the name is free");
    registry.register(Box::new(gauges.clone())).expect("the name is free");
    Box::new(Prometheus { registry, counters, histograms, gauges })
}

impl Store for Prometheus {
    fn count(&self, labels: &Labels) {
        self.counters.with_label_values(&labels.values()).inc();
    }

    fn observe(&self, labels: &Labels) {
        let histogram = self.histograms.with_label_values(&labels.values());
        for value in OBSERVED_SECONDS {
            histogram.observe(value);
        }
    }

    fn set(&self, labels: &Labels) {
        self.gauges.with_label_values(&labels.values()).set(1.0);
    }

    fn page(&self) -> String {
        let page = TextEncoder::new().encode_to_string(&self.registry.gather());
        page.expect("writing to a string does not fail")
    }

    fn stream(&self, sink: &mut Sink) -> io::Result<bool> {
        let mut buffered = sink.buffered();
        TextEncoder::new().encode(&self.registry.gather(), &mut buffered.0).map_err(io::Error::other)?;
        buffered.0.flush()?;
        Ok(true)
    }
}

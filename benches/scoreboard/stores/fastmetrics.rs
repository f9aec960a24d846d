//! `fastmetrics`.

use std::io::{self, Write as _};

use fastmetrics::format::protobuf::{self, ProtobufProfile};
use fastmetrics::format::text::{EscapingScheme, TextProfile, encode};
use fastmetrics::metrics::counter::Counter;
use fastmetrics::metrics::family::Family;
use fastmetrics::metrics::gauge::Gauge;
use fastmetrics::metrics::histogram::Histogram;
use fastmetrics::registry::Registry;

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED_SECONDS, Sink, Store};
use crate::labels::{Labels, Owned};
use crate::rows::BOUNDS;

struct Fastmetrics {
    registry: Registry,
    counters: Family<Owned, Counter>,
    histograms: Family<Owned, Histogram>,
    gauges: Family<Owned, Gauge<f64>>,
}

pub(super) fn make(_: usize) -> Box<dyn Store> {
    let mut registry = Registry::default();
    let counters = Family::default();
    let histograms = Family::new(|| Histogram::new(BOUNDS));
    let gauges = Family::default();
    registry.register(COUNTER.0, COUNTER.1, counters.clone()).expect("the name is free");
    registry.register(HISTOGRAM.0, HISTOGRAM.1, histograms.clone()).expect("the name is free");
    registry.register(GAUGE.0, GAUGE.1, gauges.clone()).expect("the name is free");
    Box::new(Fastmetrics { registry, counters, histograms, gauges })
}

impl Store for Fastmetrics {
    fn count(&self, labels: &Labels) {
        self.counters.with_or_new(&labels.owned(), Counter::inc);
    }

    fn observe(&self, labels: &Labels) {
        self.histograms.with_or_new(&labels.owned(), |histogram| {
            for value in OBSERVED_SECONDS {
                histogram.observe(value);
            }
        });
    }

    fn set(&self, labels: &Labels) {
        self.gauges.with_or_new(&labels.owned(), |gauge| gauge.set(1.0));
    }

    fn page(&self) -> String {
        let mut page = String::new();
        let written = encode(&mut page, &self.registry, TextProfile::PrometheusV0_0_4);
        written.expect("writing to a string does not fail");
        page
    }

    fn stream(&self, sink: &mut Sink) -> io::Result<bool> {
        let mut buffered = sink.buffered();
        encode(&mut buffered, &self.registry, TextProfile::PrometheusV0_0_4).map_err(io::Error::other)?;
        buffered.0.flush()?;
        Ok(true)
    }

    fn open_metrics(&self) -> Option<Vec<u8>> {
        let mut page = String::new();
        let profile = TextProfile::OpenMetricsV1_0_0 { escaping_scheme: EscapingScheme::Underscores };
        encode(&mut page, &self.registry, profile).expect("writing to a string does not fail");
        Some(page.into_bytes())
    }

    fn protobuf(&self) -> Option<Vec<u8>> {
        let mut page = Vec::new();
        let written = protobuf::encode(&mut page, &self.registry, ProtobufProfile::Prometheus);
        written.expect("writing to memory does not fail");
        Some(page)
    }
}

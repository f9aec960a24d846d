//! `prometheus-client`.

use std::io::{self, Write as _};

use prometheus_client::encoding::prometheus_protobuf::encode_to_vec;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED_SECONDS, Sink, Store};
use crate::labels::{Labels, Owned};
use crate::rows::BOUNDS;

/// It takes a gauge of fractions in this form.
type FloatGauge = Gauge<f64, std::sync::atomic::AtomicU64>;

struct PrometheusClient {
    registry: Registry,
    counters: Family<Owned, Counter>,
    histograms: Family<Owned, Histogram, fn() -> Histogram>,
    gauges: Family<Owned, FloatGauge>,
}

pub(super) fn make(_: usize) -> Box<dyn Store> {
    let mut registry = Registry::default();
    let counters = Family::default();
    let construct: fn() -> Histogram = || Histogram::new(BOUNDS);
    let histograms = Family::new_with_constructor(construct);
    let gauges = Family::default();
    // It appends `_total` and a full stop itself.
    registry.register(COUNTER.0.trim_end_matches("_total"), "A counter", counters.clone());
    registry.register(HISTOGRAM.0, "A histogram", histograms.clone());
    registry.register(GAUGE.0, "A gauge", gauges.clone());
    Box::new(PrometheusClient { registry, counters, histograms, gauges })
}

impl Store for PrometheusClient {
    fn count(&self, labels: &Labels) {
        self.counters.get_or_create(&labels.owned()).inc();
    }

    fn observe(&self, labels: &Labels) {
        let histogram = self.histograms.get_or_create(&labels.owned());
        for value in OBSERVED_SECONDS {
            histogram.observe(value);
        }
    }

    fn set(&self, labels: &Labels) {
        self.gauges.get_or_create(&labels.owned()).set(1.0);
    }

    fn page(&self) -> String {
        let mut page = String::new();
        encode(&mut page, &self.registry).expect("writing to a string does not fail");
        page
    }

    fn stream(&self, sink: &mut Sink) -> io::Result<bool> {
        let mut buffered = sink.buffered();
        encode(&mut buffered, &self.registry).map_err(io::Error::other)?;
        buffered.0.flush()?;
        Ok(true)
    }

    /// It has no other text.
    fn open_metrics(&self) -> Option<Vec<u8>> {
        Some(self.page().into_bytes())
    }

    fn protobuf(&self) -> Option<Vec<u8>> {
        Some(encode_to_vec(&self.registry).expect("all of it can be encoded"))
    }
}

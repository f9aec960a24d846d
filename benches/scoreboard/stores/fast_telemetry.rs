//! `fast-telemetry`.

use std::io;

use fast_telemetry::{DynamicCounter, DynamicGauge, DynamicHistogram, PrometheusExport as _};

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED, Sink, Store};
use crate::labels::Labels;
use crate::rows::{WHOLE_BOUNDS, shards};

struct FastTelemetry {
    counters: DynamicCounter,
    histograms: DynamicHistogram,
    gauges: DynamicGauge,
}

pub(super) fn make(series: usize) -> Box<dyn Store> {
    Box::new(FastTelemetry {
        counters: DynamicCounter::with_max_series(shards(), series + 1),
        histograms: DynamicHistogram::with_limits(&WHOLE_BOUNDS, shards(), series + 1),
        gauges: DynamicGauge::with_max_series(shards(), series + 1),
    })
}

impl Store for FastTelemetry {
    fn count(&self, labels: &Labels) {
        self.counters.inc(&labels.pairs());
    }

    fn observe(&self, labels: &Labels) {
        for value in OBSERVED {
            self.histograms.record(&labels.pairs(), value);
        }
    }

    fn set(&self, labels: &Labels) {
        self.gauges.set(&labels.pairs(), 1.0);
    }

    fn page(&self) -> String {
        let mut page = String::new();
        self.counters.export_prometheus(&mut page, COUNTER.0, COUNTER.1);
        self.histograms.export_prometheus(&mut page, HISTOGRAM.0, HISTOGRAM.1);
        self.gauges.export_prometheus(&mut page, GAUGE.0, GAUGE.1);
        page
    }

    /// It writes to strings and to nothing else.
    fn stream(&self, _: &mut Sink) -> io::Result<bool> {
        Ok(false)
    }
}

//! Nilometer.

use std::io::{self, Write as _};

use http::Request;
use http_body_util::{BodyExt as _, Empty};
use nilometer_core::collect::{Collector as _, Stopped};
use nilometer_core::{Counter, CounterFamily, Gauge, GaugeFamily, Histogram, HistogramFamily};
use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_prometheus::{
    Exposition, Format, MetricsService, PrometheusRenderer, ServerConfig, TextEncoder,
};
use tokio::runtime::Builder;
use tower_service::Service as _;

use super::{COUNTER, GAUGE, HISTOGRAM, OBSERVED_SECONDS, Sink, Store};
use crate::labels::{Labels, NAMES};
use crate::rows::BOUNDS;

struct Nilometer {
    registry: MetricsRegistry,
    counters: CounterFamily,
    histograms: HistogramFamily,
    gauges: GaugeFamily,
}

impl Nilometer {
    fn page_as(&self, format: Format) -> Vec<u8> {
        let page = PrometheusRenderer::render_as(&self.registry, Exposition::new(format));
        page.expect("the registry has no points out of place")
    }
}

pub(super) fn make(series: usize) -> Box<dyn Store> {
    let config = RegistryConfig::new().with_series_limit(series + 1).with_registry_limit(3 * (series + 1));
    let registry = MetricsRegistry::with_config(config);
    let counters = registry.family::<Counter>(COUNTER.0, COUNTER.1).with_labels(&NAMES).register();
    let histograms = registry.family::<Histogram>(HISTOGRAM.0, HISTOGRAM.1).with_buckets(&BOUNDS);
    let histograms = histograms.with_labels(&NAMES).register().expect("the name is free");
    let gauges = registry.family::<Gauge>(GAUGE.0, GAUGE.1).with_labels(&NAMES).register();
    let counters = counters.expect("the name is free");
    let gauges = gauges.expect("the name is free");
    Box::new(Nilometer { registry, counters, histograms, gauges })
}

impl Store for Nilometer {
    fn count(&self, labels: &Labels) {
        self.counters.with(&labels.pairs(), Counter::inc);
    }

    fn observe(&self, labels: &Labels) {
        self.histograms.with(&labels.pairs(), |histogram| {
            for value in OBSERVED_SECONDS {
                histogram.observe(value);
            }
        });
    }

    fn set(&self, labels: &Labels) {
        self.gauges.with(&labels.pairs(), |gauge| gauge.set(1.0));
    }

    fn page(&self) -> String {
        PrometheusRenderer::render_all(&self.registry)
    }

    fn stream(&self, sink: &mut Sink) -> io::Result<bool> {
        let mut encoder = TextEncoder::new(|piece: Vec<u8>| sink.write_all(&piece).map_err(|_| Stopped));
        self.registry.collect(&mut encoder).map_err(io::Error::other)?;
        encoder.finish().map_err(io::Error::other)?;
        Ok(true)
    }

    fn open_metrics(&self) -> Option<Vec<u8>> {
        Some(self.page_as(Format::OpenMetrics))
    }

    fn protobuf(&self) -> Option<Vec<u8>> {
        Some(self.page_as(Format::Protobuf))
    }

    fn gzip(&self, output: &mut dyn io::Write) -> io::Result<bool> {
        // Made anew each time, so that its threads run where the thread that is measured does, and are served as that is.
        Builder::new_current_thread().enable_time().build()?.block_on(async {
            let request = Request::get("/metrics").header("accept-encoding", "gzip");
            let request = request.body(Empty::<&[u8]>::new()).map_err(io::Error::other)?;
            // The page has what the others' pages have, and nothing about the service itself.
            let config = ServerConfig::new().with_own_metrics(false);
            let service = MetricsService::try_new(self.registry.clone(), &config);
            let response = service.map_err(io::Error::other)?.call(request).await;
            let mut body = response.map_err(io::Error::other)?.into_body();
            while let Some(frame) = body.frame().await {
                let frame = frame.map_err(io::Error::other)?;
                output.write_all(frame.data_ref().map_or(&[], |bytes| bytes))?;
            }
            Ok(true)
        })
    }
}

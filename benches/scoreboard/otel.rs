//! OpenTelemetry, with an exporter that keeps nothing but the totals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::metrics::{Meter, MeterProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::{
    AggregatedMetrics, HistogramDataPoint, MetricData, ResourceMetrics, ScopeMetrics, SumDataPoint,
};
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};

/// A provider, and what it exported last.
#[derive(Clone)]
pub(crate) struct OpenTelemetry {
    provider: SdkMeterProvider,
    total: Arc<AtomicU64>,
}

impl OpenTelemetry {
    pub(crate) fn new() -> OpenTelemetry {
        let total = Arc::new(AtomicU64::new(0));
        // Nothing is exported but on demand.
        let reader = PeriodicReader::builder(Totals(Arc::clone(&total)))
            .with_interval(Duration::from_hours(24))
            .build();
        OpenTelemetry { provider: SdkMeterProvider::builder().with_reader(reader).build(), total }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.provider.meter("scoreboard")
    }

    /// The sum of all counters, and the count of all histograms.
    pub(crate) fn total(&self) -> u64 {
        self.provider.force_flush().expect("the exporter does not fail");
        self.total.load(Ordering::SeqCst)
    }
}

struct Totals(Arc<AtomicU64>);

impl PushMetricExporter for Totals {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let metrics = metrics.scope_metrics().flat_map(ScopeMetrics::metrics);
        let total = metrics.map(|metric| match metric.data() {
            AggregatedMetrics::U64(MetricData::Sum(sum)) => sum.data_points().map(SumDataPoint::value).sum(),
            AggregatedMetrics::F64(MetricData::Histogram(histogram)) => {
                histogram.data_points().map(HistogramDataPoint::count).sum()
            }
            _ => 0,
        });
        self.0.store(total.sum(), Ordering::SeqCst);
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

//! What a provider tells about its spans.

use std::fmt;
use std::sync::Arc;

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};

use super::export::Tally;

/// Metrics about the spans of an [`OtelProvider`](super::OtelProvider): a [`Collector`] that
/// [`OtelProvider::metrics`](super::OtelProvider::metrics) gives.
///
/// | family | kind | what |
/// |---|---|---|
/// | `nilometer_otel_spans_ended_total` | counter | sampled spans that have ended |
/// | `nilometer_otel_spans_sent_total` | counter | those that the receiver took |
/// | `nilometer_otel_spans_failed_total` | counter | those that it did not take, after all retries: they are lost |
///
/// What is ended and neither sent nor failed waits for its turn, or was dropped because the queue was full; a difference
/// that stays is what was dropped. The sum of sent and failed is never above ended.
///
/// Clones show the same. They do not keep the provider alive, and show its last values when it is gone. The families have
/// no labels: a registry takes the metrics of one provider.
///
/// # Concurrency
///
/// Collecting takes no lock.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_otel::{OtelConfig, OtelProvider};
/// use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// let registry = MetricsRegistry::new();
/// let exporter = InMemorySpanExporter::default();
/// let provider = OtelProvider::with_exporter(&OtelConfig::new("checkout"), exporter);
/// registry.register_collector("otel_spans", provider.metrics())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SpanMetrics(Arc<Tally>);

impl SpanMetrics {
    pub(super) fn new(tally: Arc<Tally>) -> SpanMetrics {
        SpanMetrics(tally)
    }
}

impl fmt::Debug for SpanMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SpanMetrics").field(&self.0.stats()).finish()
    }
}

impl Collector for SpanMetrics {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (stats, labels) = (self.0.stats(), LabelSet::empty());
        for (name, help, total) in [
            ("nilometer_otel_spans_ended_total", "Sampled spans that have ended.", stats.ended()),
            ("nilometer_otel_spans_sent_total", "Spans that the receiver took.", stats.sent()),
            ("nilometer_otel_spans_failed_total", "Spans that the receiver did not take.", stats.failed()),
        ] {
            visitor.family(&Descriptor::try_new(name, help, MetricType::Counter)?)?;
            let point = CounterPoint::new(total).with_created(self.0.created());
            visitor.point(SeriesLabels::of(&labels), point.into())?;
        }
        Ok(())
    }
}

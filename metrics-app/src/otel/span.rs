//! Exemplars that lead to spans.

use nilometer_core::label::ValueBuffer;
use nilometer_core::{ExemplarSource, LabelSet};
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceId};

/// Names observations by the span that they are made in: the labels `trace_id` and `span_id` of the current
/// OpenTelemetry span, if it is sampled.
///
/// The current span is that of `opentelemetry::Context::current()` on the thread that records: inside of
/// [`SpanWork`](super::trace::SpanWork), of `Tracer::in_span`, of a context that is attached, or of a future
/// `with_context`, on whatever thread it is polled. Inside of an entered span of the crate `tracing`, it is that one, where
/// a subscriber has [`OtelProvider::layer`](super::OtelProvider), for which there is the feature `otel-tracing`, and
/// nobody has turned the layer's context activation off.
///
/// A context from elsewhere that is attached as it arrived names the sender's span, which is the current one then. A span
/// that has ended names observations as long as it is current: it was sampled, and what is looked up is there. A span that
/// is not sampled, and ids that are not valid, name nothing.
///
/// Of a thread's observations in a bucket, the first after a collection is named, or is not: where one span in a hundred
/// is sampled, most collections find no new exemplar. [`WorkMetrics`](super::WorkMetrics) does not depend on that.
///
/// # Concurrency
///
/// It reads what is the thread's own: there is nothing to wait for, and no span is locked. What destructors record at a
/// thread's end, when its context is gone, has no exemplar; where the thread never asked before, on some systems perhaps
/// always, that is by a panic, which the registry catches.
///
/// # Examples
///
/// ```
/// use nilometer::otel::trace::SpanWork;
/// use nilometer::otel::{CurrentSpan, OtelConfig, OtelProvider};
/// use nilometer::{MetricsRegistry, RegistryConfig};
/// # use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// # let exporter = InMemorySpanExporter::default();
/// # let provider = OtelProvider::with_exporter(&OtelConfig::new("shop"), exporter);
/// # #[cfg(any())]
/// let provider = OtelProvider::init(OtelConfig::new("shop"))?;
/// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(CurrentSpan));
/// let size = registry.register_histogram("order_bytes", "Size of orders.", &[1e3, 1e6])?.default();
/// SpanWork::new(&provider.tracer("shop"), "place").run(|| {
///     size.observe(2048.0); // Its bucket leads to this span now.
///     Ok::<_, std::io::Error>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry metrics SDK, "Exemplar filter", `TraceBased`; OpenTelemetry specification, "Prometheus and OpenMetrics
/// Compatibility", "Exemplars": the names of the labels, which become fields in OTLP.
#[derive(Debug, Clone, Copy, Default)]
pub struct CurrentSpan;

impl ExemplarSource for CurrentSpan {
    fn exemplar(&self) -> Option<LabelSet> {
        // Copied out: nothing is made while the thread's context is borrowed.
        let current = || Context::map_current(|context| SpanIds::sampled(context.span().span_context()));
        let ids = HAS_CONTEXT.try_with(|_| current()).ok()??;
        ids.with_labels(|labels| LabelSet::try_from_pairs(labels).ok())
    }
}

thread_local! {
    /// As long as it is there, so is the thread's context, which cannot be asked for afterwards without a panic: it is
    /// made after that, and a thread drops first what it made last.
    static HAS_CONTEXT: HasContext = {
        Context::map_current(|_| ());
        HasContext
    };
}

struct HasContext;

/// There is nothing to do, but without it a thread would not tell that it is gone.
impl Drop for HasContext {
    fn drop(&mut self) {}
}

/// The ids of a sampled span.
#[derive(Debug, Clone, Copy)]
pub(super) struct SpanIds {
    trace: TraceId,
    span: SpanId,
}

impl SpanIds {
    /// Those of this span, if it is sampled and they are valid.
    pub(super) fn sampled(context: &SpanContext) -> Option<SpanIds> {
        let named = context.is_sampled() && context.is_valid();
        named.then(|| SpanIds { trace: context.trace_id(), span: context.span_id() })
    }

    /// Calls `f` with the labels of an exemplar.
    pub(super) fn with_labels<R>(self, f: impl FnOnce(&[(&str, &str)]) -> R) -> R {
        let (mut trace, mut span) = (ValueBuffer::new(), ValueBuffer::new());
        // 32 and 16 digits: they fit.
        let trace = trace.format(self.trace).unwrap_or_default();
        let span = span.format(self.span).unwrap_or_default();
        f(&[("trace_id", trace), ("span_id", span)])
    }
}

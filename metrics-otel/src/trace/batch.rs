//! The span of a batch.

use std::collections::HashSet;

use opentelemetry::Context;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, Tracer};

/// Starts the span of a processed batch, of kind consumer, with a link to the span of each of its messages.
///
/// It is a child of the current span, if there is one, and of none of its messages' spans: those may be many. A message
/// without context has no link; messages of one span share one. The SDK keeps 128 links unless it is told otherwise.
///
/// # Examples
///
/// ```
/// use nilometer_otel::propagation::Propagator;
/// use nilometer_otel::trace::start_batch_span;
/// use nilometer_otel::{OtelConfig, OtelProvider};
/// use opentelemetry::trace::Span;
/// use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// let exporter = InMemorySpanExporter::default();
/// let provider = OtelProvider::with_exporter(&OtelConfig::new("billing"), exporter.clone());
/// let propagator = Propagator::new();
/// let messages = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
/// let contexts = messages.map(|header| propagator.extract_pairs([header]));
///
/// start_batch_span(&provider.tracer("billing"), "bill", &contexts).end();
/// provider.flush_blocking(std::time::Duration::from_secs(5))?;
/// assert_eq!(exporter.get_finished_spans().unwrap()[0].links.len(), 1);
/// # Ok::<(), nilometer_otel::trace::OtelFlushError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry semantic conventions, "Messaging spans", "Batch receiving".
pub fn start_batch_span<'a, T: Tracer>(
    tracer: &T,
    name: &str,
    messages: impl IntoIterator<Item = &'a Context>,
) -> T::Span {
    let mut known = HashSet::new();
    let contexts = messages.into_iter().map(|message| message.span().span_context().clone());
    let links = contexts
        .filter(|context| context.is_valid() && known.insert((context.trace_id(), context.span_id())))
        .map(Link::with_context)
        .collect();
    tracer.build(tracer.span_builder(name.to_owned()).with_kind(SpanKind::Consumer).with_links(links))
}

//! The span of a batch.

use nilometer_otel::propagation::Propagator;
use nilometer_otel::trace::start_batch_span;
use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanKind, TraceContextExt, Tracer};

use super::Kept;

#[test]
fn a_batch_links_to_the_spans_of_its_messages_once_each() {
    let test = Kept::new();
    let propagator = Propagator::new();
    let tracer = test.provider.tracer("test");
    let messages: Vec<Context> = (0..3)
        .map(|_| {
            let sent = Context::new().with_span(tracer.start_with_context("send", &Context::new()));
            let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
            propagator.inject_pairs(&sent, &mut headers);
            propagator.extract_pairs(headers)
        })
        .collect();
    // One twice, and one without any context.
    let batch = [messages.as_slice(), &[messages[0].clone(), Context::new()]].concat();
    start_batch_span(&tracer, "process", &batch).end();

    let spans = test.spans();
    let span = spans.last().unwrap();
    let linked = span.links.iter().map(|link| link.span_context.span_id()).collect::<Vec<_>>();
    let sent = spans[..3].iter().map(|span| span.span_context.span_id()).collect::<Vec<_>>();
    assert_eq!(linked, sent);
    assert_eq!((&*span.name, &span.span_kind), ("process", &SpanKind::Consumer));
    assert!(spans[..3].iter().all(|sent| sent.span_context.trace_id() != span.span_context.trace_id()));
}

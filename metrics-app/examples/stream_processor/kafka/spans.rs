//! Spans of what is sent and worked on, and their context in the headers of messages.

use nilometer::Observability;
use nilometer::otel::propagation::Propagator;
use nilometer::otel::trace::{SdkTracer, start_batch_span};
use opentelemetry::Context;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};
use rdkafka::message::{Message, OwnedHeaders, OwnedMessage};

/// Makes spans; where none are sent, it makes none, and context goes through all the same.
#[derive(Debug, Clone)]
pub(crate) struct Spans {
    tracer: SdkTracer,
    propagator: Propagator,
}

impl Spans {
    pub(crate) fn of(observability: &Observability) -> Spans {
        let (tracer, propagator) =
            (observability.tracer("stream_processor"), observability.propagator().clone());
        Spans { tracer, propagator }
    }

    /// Sends messages in a span of their own, with the headers that lead to it.
    pub(crate) fn sending<R>(&self, send: impl FnOnce(&OwnedHeaders) -> R) -> R {
        let span = self.tracer.span_builder("send flights").with_kind(SpanKind::Producer).start(&self.tracer);
        let context = Context::current_with_span(span);
        let headers = self.propagator.inject_kafka(&context, OwnedHeaders::new());
        let result = {
            let _current = context.clone().attach();
            send(&headers)
        };
        context.span().end();
        result
    }

    /// A span for these messages, which is linked to those in which they were sent.
    pub(crate) fn batch(&self, messages: &[OwnedMessage]) -> BatchSpan {
        let headers = messages.iter().filter_map(Message::headers);
        let contexts: Vec<Context> = headers.map(|headers| self.propagator.extract_kafka(headers)).collect();
        let span = start_batch_span(&self.tracer, "process flights", &contexts);
        BatchSpan(Context::current_with_span(span))
    }
}

/// The span of a batch; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct BatchSpan(Context);

impl BatchSpan {
    /// Does a part of the work on the batch.
    pub(crate) fn inside<R>(&self, work: impl FnOnce() -> R) -> R {
        let _current = self.0.clone().attach();
        work()
    }
}

impl Drop for BatchSpan {
    fn drop(&mut self) {
        self.0.span().end();
    }
}

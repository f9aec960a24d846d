//! The propagator.

use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;

use super::fields::{BAGGAGE, Fields, TRACE_PARENT, TRACE_STATE};
use super::stats::Counters;
use super::{PropagationMetrics, PropagationStats, baggage, trace_context};

/// Puts W3C trace context and baggage into what is sent, and takes them out of what arrives.
///
/// Clones count together.
///
/// # Examples
///
/// ```
/// use nilometer_otel::propagation::Propagator;
///
/// let propagator = Propagator::new();
/// propagator.extract_pairs([("traceparent", "00-0000-01")]);
/// assert_eq!(propagator.stats().malformed_trace_parents(), 1);
/// ```
///
/// # Specification
///
/// W3C Trace Context, level 1; W3C Baggage.
#[derive(Debug, Clone, Default)]
pub struct Propagator {
    counters: Arc<Counters>,
}

impl Propagator {
    /// A propagator whose counters are at zero.
    #[must_use]
    pub fn new() -> Propagator {
        Propagator::default()
    }

    /// What it has ignored so far.
    #[must_use]
    pub fn stats(&self) -> PropagationStats {
        self.counters.stats()
    }

    /// The same as metrics.
    #[must_use]
    pub fn metrics(&self) -> PropagationMetrics {
        PropagationMetrics::new(Arc::clone(&self.counters))
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What the fields say, on top of another context.
    pub(super) fn read(&self, fields: &Fields, context: &Context) -> Context {
        let span = trace_context::read(fields, &self.counters);
        let members = fields.baggage.as_deref().and_then(|field| baggage::read(field, &self.counters));
        let context = span.map_or_else(|| context.clone(), |span| context.with_remote_span_context(span));
        match members.filter(|members| !members.is_empty()) {
            Some(members) => context.with_baggage(members),
            None => context,
        }
    }

    /// The fields of a context.
    pub(super) fn write(&self, context: &Context) -> Written {
        let span = context.span().span_context().clone();
        let trace = span.is_valid().then(|| trace_context::write(&span));
        Written { trace, baggage: baggage::write(context.baggage(), &self.counters) }
    }
}

/// The fields of a context.
#[derive(Debug)]
pub(super) struct Written {
    /// The trace parent and the trace state.
    trace: Option<(String, Option<String>)>,
    baggage: Option<String>,
}

impl Written {
    /// Whether a field that a carrier has is to go: an old trace state is not that of a new span.
    pub(super) fn replaces(&self, name: &str) -> bool {
        if name == BAGGAGE { self.baggage.is_some() } else { self.trace.is_some() }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let trace = self.trace.as_ref();
        let parent = trace.map(|(parent, _)| (TRACE_PARENT, parent.as_str()));
        let state = trace.and_then(|(_, state)| state.as_deref()).map(|state| (TRACE_STATE, state));
        let baggage = self.baggage.as_deref().map(|baggage| (BAGGAGE, baggage));
        parent.into_iter().chain(state).chain(baggage)
    }
}

//! What is put in comes out again, and garbage does no harm.

use std::collections::BTreeMap;

use nilometer_otel::propagation::Propagator;
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt, KeyValueMetadata};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use proptest::prelude::*;

/// Values of every kind of text, those that mean something in a header among them.
fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[ -~]{0,20}", "\\PC{0,8}", "[ ,;=%\"\\\\\t\r\n]{0,8}"]
}

fn span() -> impl Strategy<Value = SpanContext> {
    let state = prop::collection::btree_map("[a-z][a-z0-9]{0,8}", "[!-+\\--<>-~]{1,20}", 0..5);
    (1..u128::MAX, 1..u64::MAX, any::<bool>(), state).prop_map(|(trace, span, sampled, state)| {
        let flags = TraceFlags::default().with_sampled(sampled);
        let state = TraceState::from_key_value(state).unwrap();
        SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, true, state)
    })
}

fn shown(baggage: &Baggage) -> BTreeMap<String, (String, String)> {
    let pairs = baggage.iter().map(|(name, (value, properties))| {
        (name.to_string(), (value.to_string(), properties.as_str().to_owned()))
    });
    pairs.collect()
}

proptest! {
    #[test]
    fn a_context_that_goes_in_comes_out(
        span in span(),
        members in prop::collection::vec(("[!#$%&'*+.^_`|~0-9a-zA-Z-]{1,10}", text(), "([a-z]{1,5}=[a-z]{1,5})?"), 0..20),
    ) {
        let mut baggage = Baggage::new();
        for (name, value, properties) in members {
            let _ = baggage.insert_with_metadata(name, value, properties);
        }
        let expected = shown(&baggage);
        let members = baggage.iter().map(|(name, (value, properties))| {
            KeyValueMetadata::new(name.clone(), value.clone(), properties.clone())
        });
        let context = Context::new().with_remote_span_context(span.clone()).with_baggage(members);
        let propagator = Propagator::new();
        let mut headers: Vec<(Vec<u8>, Vec<u8>)> = vec![(b"id".to_vec(), b"7".to_vec())];
        propagator.inject_pairs(&context, &mut headers);
        let far = propagator.extract_pairs(headers.clone());
        prop_assert_eq!(&far.span().span_context().clone(), &span);
        prop_assert_eq!(shown(far.baggage()), expected.clone());
        // And the same again, from there.
        let mut again: Vec<(Vec<u8>, Vec<u8>)> = headers.clone();
        propagator.inject_pairs(&far, &mut again);
        let farther = propagator.extract_pairs(again);
        prop_assert_eq!(&farther.span().span_context().clone(), &span);
        prop_assert_eq!(shown(farther.baggage()), expected);
        prop_assert_eq!(propagator.stats().total(), 0);
        // All of it may stand in a header of HTTP.
        let visible = |value: &Vec<u8>| value.iter().all(|byte| (0x20..0x7f).contains(byte));
        prop_assert!(headers.iter().all(|(_, value)| visible(value)), "{:?}", headers);
    }

    #[test]
    fn garbage_never_panics_and_never_makes_a_header_that_is_malformed(
        headers in prop::collection::vec(
            (
                prop::sample::select(vec!["traceparent", "tracestate", "baggage", "BAGGAGE", "other"]),
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..100),
                    "\\PC{0,40}".prop_map(String::into_bytes),
                    "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}".prop_map(String::into_bytes),
                    "([a-z%0-9]{0,3}=[ -~]{0,5}[,;]){0,90}".prop_map(String::into_bytes),
                ],
            ),
            0..6,
        ),
    ) {
        let propagator = Propagator::new();
        let context = propagator.extract_pairs(headers.iter().map(|(name, value)| (*name, value)));
        let ignored = propagator.stats();
        let mut again: Vec<(String, Vec<u8>)> = Vec::new();
        propagator.inject_pairs(&context, &mut again);
        let far = propagator.extract_pairs(again);
        let (far, near) = (far.span().span_context().clone(), context.span().span_context().clone());
        prop_assert_eq!(far, near);
        // What was taken is well formed when it goes on; at the very limit the encoding may be longer than what came.
        let now = propagator.stats();
        prop_assert_eq!(now.malformed_baggage(), ignored.malformed_baggage());
        prop_assert_eq!(now.malformed_trace_parents(), ignored.malformed_trace_parents());
        prop_assert_eq!(now.malformed_trace_states(), ignored.malformed_trace_states());
    }
}

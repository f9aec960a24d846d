//! Spans of the crate `tracing`.

use opentelemetry::trace::TraceContextExt;
use tracing::info_span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;

use nilometer_otel::propagation::Propagator;

use super::Kept;

#[test]
fn spans_of_tracing_are_parents_and_children_across_headers() {
    let test = Kept::new();
    let subscriber = tracing_subscriber::registry().with(test.provider.layer("app"));
    let propagator = Propagator::new();
    tracing::subscriber::with_default(subscriber, || {
        let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
        info_span!("outer").in_scope(|| {
            info_span!("inner", key = "value").in_scope(|| {
                tracing::info!("an event");
                let context = tracing::Span::current().context();
                assert!(context.has_active_span());
                propagator.inject_pairs(&context, &mut headers);
            });
        });
        let far = info_span!("far");
        far.set_parent(propagator.extract_pairs(headers)).unwrap();
        far.in_scope(|| ());
    });
    let spans = test.spans();
    let [inner, outer, far] = &*spans else { unreachable!("{spans:?}") };
    assert_eq!([&*inner.name, &*outer.name, &*far.name], ["inner", "outer", "far"]);
    assert_eq!(inner.parent_span_id, outer.span_context.span_id());
    assert_eq!(far.parent_span_id, inner.span_context.span_id());
    assert_eq!(far.span_context.trace_id(), outer.span_context.trace_id());
    assert_eq!(inner.events[0].name, "an event");
    assert!(inner.attributes.iter().any(|pair| pair.key.as_str() == "key"));
}

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

/// What the client libraries trace would be sent with the next request, which they would trace, and so on.
#[test]
#[cfg(feature = "trace-grpc")]
fn what_the_exporter_does_is_not_traced() {
    use std::net::TcpListener;
    use std::time::Duration;

    use nilometer_otel::trace::Protocol;
    use nilometer_otel::{OtelConfig, OtelProvider};
    use opentelemetry::trace::Tracer;

    use super::DEADLINE;

    let test = Kept::new();
    // For the exporter's thread, too.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(test.provider.layer("app")))
        .unwrap();
    // It takes connections, which is enough for HTTP/2 to begin.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = OtelConfig::new("test")
        .with_protocol(Protocol::Grpc)
        .with_endpoint(&format!("http://{}", listener.local_addr().unwrap()))
        .unwrap()
        .with_timeout(Duration::from_millis(300))
        .unwrap();
    let provider = OtelProvider::init(config).unwrap();
    provider.tracer("test").in_span("work", |_| ());
    provider.flush_blocking(DEADLINE).unwrap_err();
    info_span!("mine").in_scope(|| ());
    let names = test.spans().into_iter().map(|span| span.name).collect::<Vec<_>>();
    assert_eq!(names, ["mine"]);
}

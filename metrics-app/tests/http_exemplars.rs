//! Durations that lead to the spans of their requests, though they are recorded when those layers have long returned.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod http_support;

use axum::Router;
use axum::routing::get;
use http_body_util::BodyExt as _;
use nilometer::http::{HttpServerLayer, HttpServerMetrics};
use nilometer::otel::{CurrentSpan, OtelConfig, OtelProvider};
use nilometer::prometheus::{Exposition, Format};
use nilometer::{MetricsRegistry, PrometheusRenderer, RegistryConfig};
use opentelemetry::Context;
use opentelemetry::trace::{FutureExt as _, TraceContextExt as _, Tracer as _};
use opentelemetry_sdk::trace::InMemorySpanExporter;
use tower::ServiceExt as _;

use self::http_support::{get as request, until};

#[tokio::test]
async fn the_span_that_a_request_came_in_is_named_when_its_body_has_ended() {
    let provider = OtelProvider::with_exporter(&OtelConfig::new("shop"), InMemorySpanExporter::default());
    let tracer = provider.tracer("shop");
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(CurrentSpan));
    let metrics = HttpServerMetrics::new(&registry).unwrap();
    let app = Router::new().route("/", get("home")).layer(HttpServerLayer::axum(metrics.clone()));

    let context = Context::current_with_span(tracer.start("request"));
    let trace = context.span().span_context().trace_id();
    // The context is gone with the future; the body is read outside of it.
    let response = app.oneshot(request("/")).with_context(context).await.unwrap();
    assert!(!Context::current().has_active_span());
    response.into_body().collect().await.unwrap();
    until("it is over", || http_support::active(&metrics) == 0).await;
    // Nor does anything stay current.
    assert!(!Context::current().has_active_span());

    let page = PrometheusRenderer::render_as(&registry, Exposition::new(Format::OpenMetrics)).unwrap();
    let page = String::from_utf8(page).unwrap();
    let named = |family: &str| {
        let lines = page.lines().filter(|line| line.starts_with(family) && line.contains("_bucket"));
        lines.filter(|line| line.contains(&format!(r#"trace_id="{trace}""#))).count()
    };
    assert_eq!(
        [named("http_server_request_duration_seconds"), named("http_server_response_body_size_bytes")],
        [1, 1],
        "{page}"
    );
}

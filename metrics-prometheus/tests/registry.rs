//! Registries and families of core, rendered and served.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::http::{ask, local, serving, start};
use common::{GATED, gated};
use http::Request;
use http_body_util::BodyExt as _;
use nilometer_core::{CounterFamily, MetricsRegistry, RegistryConfig};
use nilometer_prometheus::{MetricsServer, PrometheusRenderer};
use tokio::time::timeout;
use tower::ServiceExt as _;

fn registry() -> MetricsRegistry {
    let config = RegistryConfig::new()
        .with_namespace("app")
        .with_constant_labels(&[("region", "eu \"west\""), ("az", "1")]);
    let registry = MetricsRegistry::with_config(config);
    let requests = registry.register_counter("requests_total", "Requests.").unwrap();
    requests.default().inc_by(7);
    requests.get_or_create(&[("method", "GET"), ("code", "200")]).inc();
    registry.register_gauge("depth", "Depth.").unwrap().default().set(2.5);
    let waits = registry.register_histogram("wait_seconds", "Waiting.", &[0.5, 1.0]).unwrap();
    waits.get_or_create(&[("queue", "a")]).observe(0.75);
    waits.default().observe(3.0);
    registry.register_counter("unused_total", "Without a series.").unwrap();
    registry
}

const PAGE: &str = r#"# HELP app_depth Depth.
# TYPE app_depth gauge
app_depth{az="1",region="eu \"west\""} 2.5
# HELP app_requests_total Requests.
# TYPE app_requests_total counter
app_requests_total{az="1",region="eu \"west\""} 7
app_requests_total{az="1",region="eu \"west\"",code="200",method="GET"} 1
# HELP app_wait_seconds Waiting.
# TYPE app_wait_seconds histogram
app_wait_seconds_bucket{az="1",region="eu \"west\"",queue="a",le="0.5"} 0
app_wait_seconds_bucket{az="1",region="eu \"west\"",queue="a",le="1.0"} 1
app_wait_seconds_bucket{az="1",region="eu \"west\"",queue="a",le="+Inf"} 1
app_wait_seconds_sum{az="1",region="eu \"west\"",queue="a"} 0.75
app_wait_seconds_count{az="1",region="eu \"west\"",queue="a"} 1
app_wait_seconds_bucket{az="1",region="eu \"west\"",le="0.5"} 0
app_wait_seconds_bucket{az="1",region="eu \"west\"",le="1.0"} 0
app_wait_seconds_bucket{az="1",region="eu \"west\"",le="+Inf"} 1
app_wait_seconds_sum{az="1",region="eu \"west\""} 3
app_wait_seconds_count{az="1",region="eu \"west\""} 1
"#;

#[test]
fn a_registry_is_rendered_with_its_constant_labels() {
    assert_eq!(PrometheusRenderer::try_render_all(&registry()).unwrap(), PAGE);
    assert_eq!(PrometheusRenderer::render_all(&Arc::new(registry())), PAGE);
}

#[test]
fn a_family_is_rendered_alone() {
    let family = CounterFamily::new("requests_total", "Requests.");
    family.get_or_create(&[("method", "GET")]).inc();
    let mut output = String::new();
    PrometheusRenderer::render_counter_family(&mut output, &family).unwrap();
    assert_eq!(
        output,
        "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{method=\"GET\"} 1\n"
    );
}

#[tokio::test]
async fn a_shared_registry_is_served_as_it_goes_on_counting() {
    let registry = Arc::new(registry());
    let depth = registry.register_gauge("depth", "Depth.").unwrap().default();
    let service = serving(Arc::clone(&registry));
    for value in [2.5, 3.0] {
        depth.set(value);
        let request = Request::builder().uri("/metrics").body(()).unwrap();
        let body = service.clone().oneshot(request).await.unwrap().into_body();
        let page = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let line = format!("app_depth{{az=\"1\",region=\"eu \\\"west\\\"\"}} {value}\n");
        assert_eq!(page, PAGE.replace("app_depth{az=\"1\",region=\"eu \\\"west\\\"\"} 2.5\n", &line));
    }
    let config = local();
    let server = MetricsServer::new(registry, config).bind().await.unwrap();
    server.serve_until(std::future::ready(())).await.unwrap();
}

#[tokio::test]
async fn a_scrape_with_a_collector_that_hangs_is_answered_in_time_and_whole_again_when_it_ends() {
    let config = RegistryConfig::new().with_collector_time_limit(Duration::from_millis(50));
    let registry = MetricsRegistry::with_config(config);
    registry.register_gauge("depth", "Depth.").unwrap().default().set(2.5);
    let (collector, gate, _waits) = gated();
    registry.register_collector("gated", collector).unwrap();
    let (address, stop, running) = start(registry, local()).await;
    let own = "# HELP depth Depth.\n# TYPE depth gauge\ndepth 2.5\n";
    let failures = "# HELP nilometer_collector_failures_total What foreign collectors and callbacks showed or should have \
                    shown and is not served, or under another escaped name.\n\
                    # TYPE nilometer_collector_failures_total counter\n\
                    nilometer_collector_failures_total{collector=\"gated\",reason=\"timeout\"} ";
    for count in 1..=2 {
        let page = timeout(Duration::from_secs(10), ask(address, "GET", "/metrics")).await.unwrap();
        assert!(page.0.starts_with("HTTP/1.1 200 OK\r\n"), "{page:?}");
        assert_eq!(page.1, format!("{own}{failures}{count}\n"));
    }
    gate.open();
    let again =
        async { while !ask(address, "GET", "/metrics").await.1.starts_with(&format!("{own}{GATED}")) {} };
    timeout(Duration::from_secs(10), again).await.unwrap();
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

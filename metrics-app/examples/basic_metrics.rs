//! A counter, a gauge and a histogram of a small server, and the page that Prometheus would read.
//!
//! ```sh
//! cargo run -p nilometer --example basic_metrics
//! ```

use std::io::{self, Write};
use std::time::Duration;

use nilometer::{
    Counter, Family, Gauge, Histogram, LabelValue, Metrics, MetricsRegistry, PrometheusRenderer, TypedLabels,
    buckets,
};

/// Every value that the label `method` can have.
#[derive(Debug, Clone, Copy, LabelValue)]
#[label(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Post,
}

/// What requests are told apart by.
#[derive(Debug, Clone, Copy, TypedLabels)]
struct RequestLabels {
    method: Method,
    status: u16,
}

/// The doc comments of the fields are the help that Prometheus shows.
#[derive(Debug, Metrics)]
#[metrics(prefix = "http_server")]
struct ServerMetrics {
    /// Requests answered.
    requests_total: Family<RequestLabels, Counter>,
    /// Connections that are open.
    open_connections: Gauge,
    /// Time from a request's first byte to its answer's last.
    #[metric(buckets = buckets::LATENCY_SECONDS)]
    request_duration_seconds: Histogram,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = MetricsRegistry::new();
    let metrics = ServerMetrics::register(&registry)?;

    // Resolved once; from here on, counting is one cheap operation.
    let found = metrics.requests_total.get_or_create(&RequestLabels { method: Method::Get, status: 200 });
    let created = metrics.requests_total.get_or_create(&RequestLabels { method: Method::Post, status: 201 });

    metrics.open_connections.set(2.0);
    for milliseconds in [3, 12, 48, 7, 230] {
        found.inc();
        metrics.request_duration_seconds.observe_duration(Duration::from_millis(milliseconds));
    }
    created.inc();
    metrics.open_connections.dec();

    io::stdout().write_all(PrometheusRenderer::render_all(&registry).as_bytes())?;
    Ok(())
}

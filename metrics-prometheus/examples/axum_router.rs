//! The page and `/health` beside the routes of an application on axum.
//!
//! ```text
//! cargo run -p nilometer-prometheus --features axum --example axum_router
//! curl http://127.0.0.1:9464/internal/metrics
//! ```

use std::error::Error;

use axum::Router;
use axum::routing::get;
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::{MetricsService, ServerConfig, ServerError};
use tokio::net::TcpListener;

/// In place of an application's registry.
struct Uptime;

impl Collector for Uptime {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("up", "Whether it runs.", MetricType::Gauge)?)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(1.0).into())?)
    }
}

fn app() -> Result<Router, ServerError> {
    let config = ServerConfig::new().with_path("/internal/metrics").with_scrape_limit(2);
    let metrics = MetricsService::try_new(Uptime, &config)?;
    Ok(Router::new().route("/", get(async || "hello\n")).merge(metrics.into_router()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:9464").await?;
    Ok(axum::serve(listener, app()?).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn the_page_stands_beside_the_application() -> Result<(), Box<dyn Error>> {
        for (path, expected) in [
            ("/", "hello\n"),
            ("/health", "OK"),
            ("/internal/metrics", "# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n"),
        ] {
            let response = app()?.oneshot(http::Request::get(path).body(Body::empty())?).await?;
            assert_eq!(response.status(), 200, "{path}");
            let body = to_bytes(response.into_body(), 100_000).await?;
            // The page goes on with the metrics of the service itself.
            assert!(body.starts_with(expected.as_bytes()), "{path}: {body:?}");
        }
        Ok(())
    }
}

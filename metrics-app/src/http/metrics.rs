//! The families.

use nilometer_core::{Family, Histogram, UpDownCounter, buckets};
use nilometer_macros::Metrics;

use super::labels::{
    ClientLabels, ClientRequestLabels, ServerActiveLabels, ServerLabels, ServerRequestLabels,
};

/// Upper bounds of durations, in seconds.
///
/// SPEC: OpenTelemetry semantic conventions 1.44.0, "HTTP metrics": the boundaries that are advised for
/// `http.server.request.duration` and `http.client.request.duration`.
pub const DURATION_SECONDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The metrics of an HTTP server, which a [`HttpServerLayer`](super::HttpServerLayer) keeps.
///
/// [The module's page](super) says what each of them counts, and when.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{HttpServerLayer, HttpServerMetrics};
///
/// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
/// let layer = HttpServerLayer::new(metrics.clone());
/// assert_eq!(metrics.request_duration_seconds.metadata().name(), "http_server_request_duration_seconds");
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry semantic conventions 1.44.0, "HTTP metrics", "HTTP server".
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "http_server")]
pub struct HttpServerMetrics {
    /// Duration of HTTP server requests.
    #[metric(unit = "seconds", buckets = DURATION_SECONDS)]
    pub request_duration_seconds: Family<ServerLabels<'static>, Histogram>,
    /// Number of active HTTP server requests.
    pub active_requests: Family<ServerActiveLabels, UpDownCounter>,
    /// Size of HTTP server request bodies.
    #[metric(unit = "bytes", buckets = buckets::SIZE_BYTES)]
    pub request_body_size_bytes: Family<ServerRequestLabels<'static>, Histogram>,
    /// Size of HTTP server response bodies.
    #[metric(unit = "bytes", buckets = buckets::SIZE_BYTES)]
    pub response_body_size_bytes: Family<ServerLabels<'static>, Histogram>,
}

/// The metrics of an HTTP client, which a [`HttpClientLayer`](super::HttpClientLayer) keeps.
///
/// [The module's page](super) says what each of them counts, and when.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{HttpClientLayer, HttpClientMetrics};
///
/// let metrics = HttpClientMetrics::new(&MetricsRegistry::new())?;
/// let layer = HttpClientLayer::new(metrics.clone());
/// assert_eq!(metrics.request_duration_seconds.metadata().name(), "http_client_request_duration_seconds");
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry semantic conventions 1.44.0, "HTTP metrics", "HTTP client".
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "http_client")]
pub struct HttpClientMetrics {
    /// Duration of HTTP client requests.
    #[metric(unit = "seconds", buckets = DURATION_SECONDS)]
    pub request_duration_seconds: Family<ClientLabels<'static>, Histogram>,
    /// Number of active HTTP requests.
    pub active_requests: Family<ClientRequestLabels<'static>, UpDownCounter>,
    /// Size of HTTP client request bodies.
    #[metric(unit = "bytes", buckets = buckets::SIZE_BYTES)]
    pub request_body_size_bytes: Family<ClientRequestLabels<'static>, Histogram>,
    /// Size of HTTP client response bodies.
    #[metric(unit = "bytes", buckets = buckets::SIZE_BYTES)]
    pub response_body_size_bytes: Family<ClientLabels<'static>, Histogram>,
}

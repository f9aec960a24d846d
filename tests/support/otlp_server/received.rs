//! What came in.

use std::time::Instant;

use http::{HeaderMap, request::Parts};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::Metric;

use super::Answer;
use super::series::points;

/// A request that came in whole.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its number among all that came in, from 0 on.
    pub number: usize,
    /// The target in the request line, or in `:path`.
    pub path: String,
    /// Its headers, or its metadata.
    pub headers: HeaderMap,
    /// When its head was there.
    pub at: Instant,
    /// What was done with it.
    pub answer: Answer,
    /// What it says.
    pub request: ExportMetricsServiceRequest,
}

impl Received {
    /// The header of this name; where it is not text, nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How the body was compressed.
    #[must_use]
    pub fn compression(&self) -> Option<&str> {
        let name =
            if self.path.starts_with("/opentelemetry.") { "grpc-encoding" } else { "content-encoding" };
        self.header(name).filter(|&name| name != "identity")
    }

    /// Its metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        metrics(&self.request)
    }

    /// How many points it has.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.metrics().map(|metric| points(metric) as u64).sum()
    }
}

/// The metrics of a request.
pub(super) fn metrics(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics)
}

/// What a request had before its body.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) at: Instant,
    pub(super) answer: Answer,
}

impl Head {
    pub(super) fn new(parts: &Parts, answer: Answer) -> Head {
        let (path, headers) = (parts.uri.path().to_owned(), parts.headers.clone());
        Head { path, headers, at: Instant::now(), answer }
    }
}

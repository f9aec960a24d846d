//! Tracing: what the configuration says, what is sent, what goes through, and what a span of work holds.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod batch;
mod config;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "tracing")]
mod layer;
mod metrics;
#[cfg(feature = "trace-http")]
mod over_http;
mod propagation;
mod provider;
mod round_trip;
#[cfg(any(feature = "trace-grpc", feature = "trace-http"))]
mod sending;
#[cfg(all(feature = "trace-grpc", feature = "trace-http", feature = "tls"))]
mod tls;
mod work;

use std::time::Duration;

use nilometer_otel::{OtelConfig, OtelProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};

/// How long anything may take before a test gives up on it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A provider whose spans are kept in memory.
struct Kept {
    provider: OtelProvider,
    exporter: InMemorySpanExporter,
}

impl Kept {
    fn new() -> Kept {
        Kept::with(&OtelConfig::new("test"))
    }

    fn with(config: &OtelConfig) -> Kept {
        let exporter = InMemorySpanExporter::default();
        Kept { provider: OtelProvider::with_exporter(config, exporter.clone()), exporter }
    }

    /// The spans that have ended, in the order in which they did.
    fn spans(&self) -> Vec<SpanData> {
        self.provider.flush_blocking(DEADLINE).unwrap();
        self.exporter.get_finished_spans().unwrap()
    }
}

//! Metrics that are sent over OTLP: at every interval, on demand, and for the last time.
//!
//! [`OtlpExporter`] collects, encodes with [`OtlpEncoder`](crate::OtlpEncoder), and sends by gRPC (feature
//! `metrics-grpc`) or by HTTP as protobuf (`metrics-http`).
//!
//! - `exporter`: [`OtlpExporter`], its thread. `config`, `environment`: [`OtlpExporterConfig`].
//! - `work`: collections. `round`: what became of one. `queue`: what waits to be sent. `sender`, `retry`: who sends.
//! - `transport`, `grpc`, `http`, `quiet`: how. `answer`: what receivers answer. `error`, `report`: what came of it.
//! - `stats`, `metrics`: what exporters tell about themselves.

mod answer;
mod config;
mod environment;
mod error;
mod exporter;
#[cfg(feature = "metrics-grpc")]
mod grpc;
#[cfg(feature = "metrics-http")]
mod http;
mod metrics;
mod queue;
mod quiet;
mod report;
mod retry;
mod round;
mod sender;
mod stats;
mod transport;
mod work;

pub use self::config::OtlpExporterConfig;
pub use self::error::ExportError;
pub use self::exporter::OtlpExporter;
pub use self::metrics::ExportMetrics;
pub use self::report::ExportReport;

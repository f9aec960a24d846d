//! Metrics that are sent over OTLP: at every interval, on demand, and for the last time.
//!
//! [`OtlpExporter`] collects, encodes with [`OtlpEncoder`](crate::OtlpEncoder), and sends by gRPC (feature
//! `metrics-grpc`) or by HTTP as protobuf (`metrics-http`).
//!
//! - `exporter`: [`OtlpExporter`], its thread. `config`, `environment`: [`OtlpExporterConfig`].
//! - `work`: collections. `round`: what became of one. `queue`: what waits to be sent. `sender`, `retry`: who sends.
//! - `transport`, `grpc`, `heard`, `http`, `quiet`: how. `answer`: what receivers answer. `error`, `report`: what came of it.
//! - `stats`, `metrics`: what exporters tell about themselves.
//!
//! # Decisions
//!
//! - **A thread with a runtime of its own** sends, and collections run on threads beside it. Whoever waits for a flush may
//!   be the only thread of a runtime, or have none: nothing that is waited for needs that thread.
//! - **One collection at a time, one request at a time.** A receiver sees the points of a series in the order of their
//!   times. While it is slow, the collection waits in the middle, so that memory holds the queue and no more.
//! - **A time for the export, not a number of attempts.** `OTEL_METRIC_EXPORT_TIMEOUT` is how long a request is worth
//!   sending, from its collection on; `OTEL_EXPORTER_OTLP_TIMEOUT` is how long one attempt may take.
//! - **Differences are settled first.** A collection of differences begins when it is known what became of the last one:
//!   what is given up is in the next one. An attempt without an answer may have arrived: sent again, or with the next
//!   collection, it counts twice. OTLP cannot tell, so that only cumulative totals are exact after such a failure.
//! - **The status decides.** A success whose body is malformed, too long or never ends is a success: what is taken twice is
//!   worse than a warning that is not read.
//! - **A new connection after an attempt without an answer.** Over HTTP/2 all requests share one connection, which may
//!   lead nowhere for a quarter of an hour before the system says so. Pings would tell, but receivers close connections
//!   that ping more often than every five minutes.
//! - **No `grpc-timeout`.** An attempt that is cancelled resets its stream, which says the same.

mod answer;
mod config;
mod environment;
mod error;
mod exporter;
#[cfg(feature = "metrics-grpc")]
mod grpc;
#[cfg(feature = "metrics-grpc")]
mod heard;
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

//! What nilometer's tests share. Only [`scrape()`], [`shown`], [`kinds`], [`push`],
//! [`read_back`] and [`otlp`] are built on nilometer; the parsers that judge it are not.
//!
//! - [`page`]: a strict parser of the Prometheus text format 0.0.4, written from the specification alone.
//! - [`lexer`]: the lines of that format.
//! - [`openmetrics`]: the same of OpenMetrics text. [`protobuf`]: of delimited protobuf. [`samples`]: what all of them
//!   are read as, to be compared.
//! - [`shown`]: families of every kind that a test makes up.
//! - [`kinds`]: one series of every kind.
//! - [`read_back`]: a page in any format, judged by what was shown.
//! - [`scrape()`]: a registry's page, rendered and read back.
//! - [`heap`]: what a test allocates.
//! - [`example`]: the examples, built, and `stream_processor`, run.
//! - [`prometheus`]: a real Prometheus, started and asked over its HTTP API.
//! - [`pushgateway`]: a real Pushgateway. [`receiver`]: a receiver of pushes that does as a test says. [`remote_write`]:
//!   what a remote write request says.
//! - [`otlp`]: what OTLP requests have to say of a collection. [`rotel`]: a real OpenTelemetry collector.
//! - `spans`: with the feature `otel`, a provider whose spans are kept, and the exemplars that lead to them.
//! - `otlp_server`: with the feature `otel`, a receiver of OTLP metrics that does as a test says. `exports`: what tests
//!   export to it.
//! - [`push`]: what tests push. `tls`: with the feature `server`, certificates, and receivers that have some.
//! - [`promtool`]: what `promtool check metrics` remarks on a page.

pub mod example;
#[cfg(feature = "otel")]
pub mod exports;
pub mod heap;
pub mod kinds;
pub mod lexer;
pub mod openmetrics;
pub mod otlp;
#[cfg(feature = "otel")]
pub mod otlp_server;
pub mod page;
pub mod prometheus;
pub mod promtool;
pub mod protobuf;
pub mod push;
pub mod pushgateway;
pub mod read_back;
pub mod receiver;
pub mod remote_write;
pub mod rotel;
pub mod samples;
mod scrape;
pub mod shown;
#[cfg(feature = "otel")]
pub mod spans;
#[cfg(feature = "server")]
pub mod tls;

pub use scrape::scrape;

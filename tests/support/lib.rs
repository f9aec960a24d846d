//! What nilometer's tests share. Only [`scrape()`] and [`shown`] are built on nilometer; what judges it is not.
//!
//! - [`page`]: a strict parser of the Prometheus text format 0.0.4, written from the specification alone.
//! - [`lexer`]: the lines of that format.
//! - [`openmetrics`]: the same of OpenMetrics text. [`protobuf`]: of delimited protobuf. [`samples`]: what all of them
//!   are read as, to be compared.
//! - [`shown`]: families of every kind that a test makes up.
//! - [`scrape()`]: a registry's page, rendered and read back.
//! - [`example`]: the example `stream_processor`, built and run.
//! - [`prometheus`]: a real Prometheus, started and asked over its HTTP API.
//! - [`promtool`]: what `promtool check metrics` remarks on a page.

pub mod example;
pub mod lexer;
pub mod openmetrics;
pub mod page;
pub mod prometheus;
pub mod promtool;
pub mod protobuf;
pub mod samples;
mod scrape;
pub mod shown;

pub use scrape::scrape;

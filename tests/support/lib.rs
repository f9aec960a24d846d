//! What nilometer's tests share. Only [`scrape()`] is built on nilometer; what judges it is not.
//!
//! - [`page`]: a strict parser of the Prometheus text format 0.0.4, written from the specification alone.
//! - [`lexer`]: the lines of that format.
//! - [`scrape()`]: a registry's page, rendered and read back.
//! - [`example`]: the example `stream_processor`, built and run.
//! - [`prometheus`]: a real Prometheus, started and asked over its HTTP API.
//! - [`promtool`]: what `promtool check metrics` remarks on a page.

pub mod example;
pub mod lexer;
pub mod page;
pub mod prometheus;
pub mod promtool;
mod scrape;

pub use scrape::scrape;

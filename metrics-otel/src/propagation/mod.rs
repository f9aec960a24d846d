//! Context that travels with messages: W3C trace context and baggage.
//!
//! A [`Propagator`] puts the context of the current span into the headers of what is sent, and takes it out of what
//! arrives: any list of byte pairs, such as the headers of Kafka messages; and with a feature each, the headers of
//! `rdkafka`'s messages (`kafka`), `http::HeaderMap` (`http`) and the metadata of `tonic` (`tonic`).
//!
//! What arrives is written by others. What is malformed or too large is ignored and counted, and never an error;
//! [`PropagationMetrics`] shows the counts.

mod baggage;
mod carrier;
mod fields;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod metrics;
mod propagator;
mod stats;
#[cfg(feature = "tonic")]
mod tonic;
mod trace_context;

pub use metrics::PropagationMetrics;
pub use propagator::Propagator;
pub use stats::PropagationStats;

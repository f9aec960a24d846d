//! Spans: the provider, its configuration, and spans around work.
//!
//! [`OtelProvider`] sends what the tracers of the crate `opentelemetry` record over OTLP. [`SpanWork`] runs a piece of
//! work in a span, and [`start_batch_span`] starts the span of a batch that links to those of its messages.
//! [`SpanMetrics`] shows what becomes of the spans.

mod batch;
mod config;
mod environment;
mod error;
mod export;
#[cfg(feature = "tracing")]
mod layer;
mod metrics;
mod provider;
mod sampling;
#[cfg(feature = "_trace-export")]
mod transport;
mod work;

#[doc(no_inline)]
pub use crate::receiver::{Compression, IgnoredVariable, OtelConfigError, OtelInitError, Protocol};
pub use batch::start_batch_span;
pub use config::OtelConfig;
pub use error::OtelFlushError;
pub use export::ExportStats;
pub use metrics::SpanMetrics;
#[doc(no_inline)]
pub use opentelemetry_sdk::trace::SdkTracer;
pub use provider::OtelProvider;
pub use sampling::Sampling;
pub use work::{SpanOutcome, SpanReport, SpanWork};

//! OpenTelemetry: what `nilometer-otel` has, and what joins it with the metrics of a registry.
//!
//! - [`CurrentSpan`] names observations by the span that they are made in.
//! - [`WorkMetrics`] runs pieces of work in spans, and records how long they took and how they ended.
//! - [`RegistryMeterProvider`], with the module [`meter`], records what libraries measure with the crate `opentelemetry`.

pub mod meter;
mod span;
mod work_metrics;

#[doc(inline)]
pub use nilometer_otel::*;

pub use self::meter::{RegistryMeterProvider, RegistryMeterProviderBuilder};
pub use self::span::CurrentSpan;
pub use self::work_metrics::WorkMetrics;

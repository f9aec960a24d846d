//! OpenTelemetry: what `nilometer-otel` has, and what joins it with the metrics of a registry.
//!
//! - [`CurrentSpan`] names observations by the span that they are made in.
//! - [`WorkMetrics`] runs pieces of work in spans, and records how long they took and how they ended.

mod span;
mod work;

pub mod meter;

pub use self::meter::{RegistryMeterProvider, RegistryMeterProviderBuilder};
#[doc(inline)]
pub use nilometer_otel::*;

pub use self::span::CurrentSpan;
pub use self::work::WorkMetrics;

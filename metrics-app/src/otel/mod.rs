//! OpenTelemetry: what `nilometer-otel` has, and what joins it with the metrics of a registry.

#[doc(inline)]
pub use nilometer_otel::*;

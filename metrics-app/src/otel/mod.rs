//! OpenTelemetry: what `nilometer-otel` has, and what joins it with the metrics of a registry.
//!
//! - [`CurrentSpan`] names observations by the span that they are made in.

mod span;

#[doc(inline)]
pub use nilometer_otel::*;

pub use self::span::CurrentSpan;

//! OpenTelemetry: what `nilometer-otel` has, and what joins it with the metrics of a registry.

pub mod meter;

pub use self::meter::{RegistryMeterProvider, RegistryMeterProviderBuilder};
#[doc(inline)]
pub use nilometer_otel::*;

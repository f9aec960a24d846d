//! What stands for OTLP where the feature `otel` is off: nothing is sent.

use std::time::Duration;

use nilometer_core::{MetricsRegistry, RegistryConfig};

use super::error::PartError;
use super::{ObservabilityConfig, ObservabilityConfigError, ObservabilityError, plan};

pub(super) struct OtlpPlan;

#[derive(Debug)]
pub(super) struct Otlp;

impl OtlpPlan {
    pub(super) fn of(config: &ObservabilityConfig) -> Result<OtlpPlan, ObservabilityConfigError> {
        plan::refuse(config, "otlp", "otel")?;
        Ok(OtlpPlan)
    }

    #[expect(clippy::unused_self, reason = "with the feature there is something")]
    pub(super) fn with_exemplars(&self, registry: RegistryConfig) -> RegistryConfig {
        registry
    }

    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "with the feature there is something")]
    pub(super) fn start(
        self,
        _: &MetricsRegistry,
        _: &ObservabilityConfig,
    ) -> Result<Otlp, ObservabilityError> {
        Ok(Otlp)
    }
}

#[expect(clippy::unused_self, reason = "with the feature there is something")]
impl Otlp {
    pub(super) fn sends_metrics(&self) -> bool {
        false
    }

    pub(super) fn sends_traces(&self) -> bool {
        false
    }

    #[expect(clippy::unused_async, reason = "with the feature there is something to wait for")]
    pub(super) async fn flush(&self, _: Duration) -> Vec<PartError> {
        Vec::new()
    }

    pub(super) fn stop(&mut self, _: Duration) -> Vec<PartError> {
        Vec::new()
    }

    pub(super) fn install_global(&self) {}
}

//! What stands for credentials where the feature `auth` is off.

use nilometer_prometheus::{ServerConfig, ServerError};

use super::{ObservabilityConfig, ObservabilityConfigError, plan};

pub(super) fn add(
    config: &ObservabilityConfig,
    server: ServerConfig,
) -> Result<ServerConfig, ObservabilityConfigError> {
    plan::refuse(config, "prometheus.auth", "auth")?;
    Ok(server)
}

pub(super) fn is_at_fault(_: &ServerError) -> bool {
    false
}

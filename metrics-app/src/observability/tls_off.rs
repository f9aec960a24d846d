//! What stands for the page's certificates where the feature `tls` is off.

use nilometer_prometheus::{ServerConfig, ServerError};

use super::{ObservabilityConfig, ObservabilityConfigError, plan};

pub(super) fn add(
    config: &ObservabilityConfig,
    server: ServerConfig,
) -> Result<ServerConfig, ObservabilityConfigError> {
    plan::refuse(config, "prometheus.tls", "tls")?;
    Ok(server)
}

pub(super) fn is_at_fault(_: &ServerError) -> bool {
    false
}

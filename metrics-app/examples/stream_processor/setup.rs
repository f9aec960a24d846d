//! What is observed, and where it goes.

use nilometer::{ObservabilityConfig, ObservabilityConfigError};

use crate::args::Args;

/// The example's own, under what the environment says, under what the command line says.
///
/// # Errors
///
/// The environment says something that there is not.
pub(crate) fn config(args: &Args) -> Result<ObservabilityConfig, ObservabilityConfigError> {
    let config = ObservabilityConfig::new("stream_processor").with_env()?;
    let config = config.with_prometheus_address(args.listen.ip().to_string(), args.listen.port());
    Ok(match &args.otlp {
        Some(endpoint) => config.with_otlp_endpoint(endpoint),
        None => config,
    })
}

//! The certificates of the page, with the feature `tls`.

use nilometer_prometheus::{ServerConfig, ServerError, TlsConfig};

use super::{ObservabilityConfig, ObservabilityConfigError};

#[expect(clippy::unnecessary_wraps, reason = "without the feature there is something that fails")]
pub(super) fn add(
    config: &ObservabilityConfig,
    server: ServerConfig,
) -> Result<ServerConfig, ObservabilityConfigError> {
    let said = &config.sections.prometheus.tls;
    let (Some(certificate), Some(key)) = (&said.certificate, &said.key) else { return Ok(server) };
    let mut tls = TlsConfig::new(&certificate.0, &key.0);
    if let Some(certificates) = &said.client_ca {
        tls = tls.with_client_ca(&certificates.0);
    }
    Ok(server.with_tls(tls))
}

pub(super) fn is_at_fault(error: &ServerError) -> bool {
    matches!(error, ServerError::Tls(_))
}

//! Who may see the page, with the feature `auth`.

use nilometer_prometheus::{AuthConfig, ServerConfig, ServerError};

use super::{ObservabilityConfig, ObservabilityConfigError};

#[expect(clippy::unnecessary_wraps, reason = "without the feature there is something that fails")]
pub(super) fn add(
    config: &ObservabilityConfig,
    server: ServerConfig,
) -> Result<ServerConfig, ObservabilityConfigError> {
    let said = &config.sections.prometheus.auth;
    if said.users.is_none() && said.tokens.is_none() {
        return Ok(server);
    }
    let mut auth = AuthConfig::new();
    for (name, hash) in said.users.iter().flat_map(|users| &users.0) {
        auth = auth.with_user(name, hash);
    }
    for token in said.tokens.iter().flat_map(|tokens| &tokens.0) {
        auth = auth.with_bearer_token(&token.0);
    }
    Ok(server.with_auth(auth))
}

pub(super) fn is_at_fault(error: &ServerError) -> bool {
    matches!(error, ServerError::Auth(_))
}

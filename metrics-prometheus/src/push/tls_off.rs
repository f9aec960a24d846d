//! What stands for TLS where the feature is off: a type without values.

use hyper_util::client::legacy::connect::HttpConnector;

use super::EndpointError;

/// No TLS.
#[derive(Debug, Clone)]
pub(super) enum Tls {}

impl Tls {
    /// Says which feature would be needed.
    pub(super) fn try_default(url: &str) -> Result<Tls, EndpointError> {
        Err(EndpointError::MissingFeature { url: url.to_owned(), feature: "tls" })
    }

    pub(super) fn connector(&self, _: HttpConnector) -> HttpConnector {
        match *self {}
    }
}

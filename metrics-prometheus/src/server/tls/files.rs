//! What the certificates' files hold.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;

use super::{TlsConfig, TlsError};
use crate::tls::{certificates, key, read, roots};

/// In the order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The bytes of the files.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    certificates: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    pub(super) fn read(config: &TlsConfig) -> Result<Files, TlsError> {
        Ok(Files {
            certificates: read(&config.certificates)?,
            key: read(&config.key)?,
            client_ca: config.client_ca.as_deref().map(read).transpose()?,
        })
    }

    /// What a session is set up with.
    pub(super) fn setup(&self, config: &TlsConfig) -> Result<Arc<rustls::ServerConfig>, TlsError> {
        let pair = |source| TlsError::Pair {
            certificates: config.certificates.clone(),
            key: config.key.clone(),
            source,
        };
        let provider = Arc::new(ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(pair)?;
        let builder = match (&self.client_ca, &config.client_ca) {
            (Some(bytes), Some(path)) => builder.with_client_cert_verifier(verifier(bytes, path, provider)?),
            _ => builder.with_no_client_auth(),
        };
        let chain = certificates(&self.certificates, &config.certificates)?;
        let key = key(&self.key, &config.key)?;
        let mut setup = builder.with_single_cert(chain, key).map_err(pair)?;
        setup.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(setup))
    }
}

/// What checks the certificates of clients.
fn verifier(
    bytes: &[u8],
    path: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = roots(certificates(bytes, path)?)
        .map_err(|source| TlsError::ClientCa { path: path.to_owned(), source: source.into() })?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|source| TlsError::ClientCa { path: path.to_owned(), source: source.into() })
}

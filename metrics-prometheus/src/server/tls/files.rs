//! What the certificates' files hold.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{self, RootCertStore};

use super::{TlsConfig, TlsError};

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
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|source| match source {
            pem::Error::NoItemsFound => TlsError::NoKey { path: config.key.clone() },
            source => TlsError::Pem { path: config.key.clone(), source },
        })?;
        let mut setup = builder.with_single_cert(chain, key).map_err(pair)?;
        setup.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Arc::new(setup))
    }
}

fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, TlsError> {
    let path = path.as_ref();
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

/// All certificates, of which there is at least one.
fn certificates(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let parsed = parsed.map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if parsed.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(parsed)
}

/// What checks the certificates of clients.
fn verifier(
    bytes: &[u8],
    path: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(bytes, path)? {
        roots
            .add(certificate)
            .map_err(|source| TlsError::ClientCa { path: path.to_owned(), source: source.into() })?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|source| TlsError::ClientCa { path: path.to_owned(), source: source.into() })
}

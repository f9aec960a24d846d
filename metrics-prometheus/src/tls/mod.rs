//! What PEM files hold, for the server's TLS and for that of pushes.
//!
//! - here: certificates and keys. `error`: [`TlsError`].

mod error;

use std::fs;
use std::path::Path;

use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, RootCertStore};

pub use self::error::TlsError;

/// The bytes of a file.
pub(crate) fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, TlsError> {
    let path = path.as_ref();
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

/// All certificates, of which there is at least one.
pub(crate) fn certificates(bytes: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let parsed = parsed.map_err(|source| TlsError::Pem { path: path.to_owned(), source })?;
    if parsed.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(parsed)
}

/// The first private key.
pub(crate) fn key(bytes: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|source| match source {
        pem::Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        source => TlsError::Pem { path: path.to_owned(), source },
    })
}

/// What others are checked against: each of these certificates.
pub(crate) fn roots(certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate)?;
    }
    Ok(roots)
}

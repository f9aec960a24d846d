//! TLS for endpoints of `https`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, RootCertStore};

use super::EndpointError;
use crate::tls::{TlsError, certificates, key, read, roots};

/// Which receivers to trust, and what to show them. The feature `tls` turns it on.
///
/// By default those are trusted whose certificates lead to the system's roots, which
/// [rustls-native-certs](https://docs.rs/rustls-native-certs) finds: where OpenSSL looks for them, at `SSL_CERT_FILE` and
/// `SSL_CERT_DIR` first, or in the store of macOS and Windows. The checks themselves are those of rustls, the same on every
/// system, with nothing to set up; what a system checks besides, such as revocation, is left out.
///
/// The files, and the system's roots, are read once, when the endpoint is made.
///
/// # Examples
///
/// ```no_run
/// use nilometer_prometheus::push::{PushEndpoint, PushTlsConfig};
///
/// let tls = PushTlsConfig::new()
///     .with_roots("/etc/tls/ca.crt")
///     .with_certificate("/etc/tls/tls.crt", "/etc/tls/tls.key");
/// let endpoint = PushEndpoint::try_new_with_tls("https://prometheus.example:9090/api/v1/write", &tls)?;
/// # Ok::<(), nilometer_prometheus::push::EndpointError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PushTlsConfig {
    roots: Option<PathBuf>,
    pair: Option<Pair>,
}

/// A certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    certificates: PathBuf,
    key: PathBuf,
}

impl PushTlsConfig {
    /// Trusts the system's roots, and shows no certificate.
    #[must_use]
    pub fn new() -> PushTlsConfig {
        PushTlsConfig::default()
    }

    /// Trusts the certificates in this PEM file in place of the system's roots.
    #[must_use]
    pub fn with_roots(mut self, certificates: impl Into<PathBuf>) -> Self {
        self.roots = Some(certificates.into());
        self
    }

    /// Shows a certificate to receivers that ask for one. Both are PEM files; the own certificate comes first, then those
    /// that lead to its root.
    #[must_use]
    pub fn with_certificate(mut self, certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.pair = Some(Pair { certificates: certificates.into(), key: key.into() });
        self
    }

    /// What connections are set up with.
    fn setup(&self) -> Result<rustls::ClientConfig, TlsError> {
        let roots = match &self.roots {
            Some(path) => roots_in(path)?,
            None => roots_of_the_system()?,
        };
        let builder = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Setup { source })?
            .with_root_certificates(roots);
        let Some(Pair { certificates: path, key: key_path }) = &self.pair else {
            return Ok(builder.with_no_client_auth());
        };
        let chain = certificates(&read(path)?, path)?;
        let key = key(&read(key_path)?, key_path)?;
        let pair = |source| TlsError::Pair { certificates: path.clone(), key: key_path.clone(), source };
        builder.with_client_auth_cert(chain, key).map_err(pair)
    }
}

fn roots_in(path: &Path) -> Result<RootCertStore, TlsError> {
    let certificates = certificates(&read(path)?, path)?;
    roots(certificates).map_err(|source| TlsError::Roots { path: path.to_owned(), source })
}

/// Those that can be read and understood, which not all have to be.
fn roots_of_the_system() -> Result<RootCertStore, TlsError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let source = found.errors.into_iter().next().map(Into::into);
        return Err(TlsError::NoSystemRoots { source });
    }
    Ok(roots)
}

/// What connections to one endpoint are set up with; clones share the sessions that can be resumed.
#[derive(Clone)]
pub(super) struct Tls {
    config: PushTlsConfig,
    setup: Arc<rustls::ClientConfig>,
}

impl Tls {
    /// Reads the files.
    pub(super) fn try_new(config: &PushTlsConfig) -> Result<Tls, EndpointError> {
        Ok(Tls { config: config.clone(), setup: Arc::new(config.setup()?) })
    }

    /// That of an endpoint for which nothing is configured.
    pub(super) fn try_default(_: &str) -> Result<Tls, EndpointError> {
        Tls::try_new(&PushTlsConfig::new())
    }

    /// Speaks TLS on the connections that `http` makes.
    pub(super) fn connector(&self, mut http: HttpConnector) -> HttpsConnector<HttpConnector> {
        http.enforce_http(false);
        (http, Arc::clone(&self.setup)).into()
    }
}

impl fmt::Debug for Tls {
    /// Says what is configured.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.config.fmt(f)
    }
}

//! The files that connections of `https` need.

use std::path::PathBuf;

/// Makes connections of HTTP/1.1, with TLS where the URL says so.
#[cfg(all(feature = "tls", any(feature = "trace-http", feature = "metrics-http")))]
pub(crate) type Connector = hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>;

/// PEM files: whom to trust, and what to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificates to trust, in place of the machine's roots.
    pub(crate) roots: Option<PathBuf>,
    /// A certificate with what leads to its root, and its key.
    pub(crate) pair: Option<(PathBuf, PathBuf)>,
}

#[cfg(feature = "tls")]
mod built {
    use std::error::Error;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

    use super::TlsFiles;
    use crate::receiver::OtelInitError;

    fn unusable(path: &Path, source: impl Into<Box<dyn Error + Send + Sync>>) -> OtelInitError {
        OtelInitError::TlsFile { path: path.to_owned(), source: source.into() }
    }

    fn read(path: &Path) -> Result<Vec<u8>, OtelInitError> {
        fs::read(path).map_err(|source| unusable(path, source))
    }

    /// All certificates, of which there is at least one.
    fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, OtelInitError> {
        let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let parsed = parsed.map_err(|source| unusable(path, source))?;
        if parsed.is_empty() { Err(unusable(path, "it holds no certificate")) } else { Ok(parsed) }
    }

    fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, OtelInitError> {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|source| OtelInitError::Exporter { source: source.into() })
    }

    /// What makes no connection that is secured.
    #[cfg(any(feature = "trace-http", feature = "metrics-http"))]
    fn nothing_trusted() -> Result<ClientConfig, OtelInitError> {
        Ok(builder()?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
    }

    impl TlsFiles {
        /// What connections are set up with. Reads the files.
        fn setup(&self) -> Result<ClientConfig, OtelInitError> {
            let builder = builder()?.with_root_certificates(self.trusted()?);
            let Some((path, key_path)) = &self.pair else { return Ok(builder.with_no_client_auth()) };
            let chain = certificates(&read(path)?, path)?;
            let key = PrivateKeyDer::from_pem_slice(&read(key_path)?)
                .map_err(|source| unusable(key_path, source))?;
            builder.with_client_auth_cert(chain, key).map_err(|source| unusable(key_path, source))
        }

        fn trusted(&self) -> Result<RootCertStore, OtelInitError> {
            let mut roots = RootCertStore::empty();
            if let Some(path) = &self.roots {
                for certificate in certificates(&read(path)?, path)? {
                    roots.add(certificate).map_err(|source| unusable(path, source))?;
                }
                return Ok(roots);
            }
            // Those that can be read and understood, which not all have to be.
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                let source = found.errors.into_iter().next().map(Into::into);
                return Err(OtelInitError::NoRoots { source });
            }
            Ok(roots)
        }

        /// What makes connections; the files are read where there is something to secure.
        #[cfg(any(feature = "trace-http", feature = "metrics-http"))]
        pub(crate) fn connector(
            &self,
            is_https: bool,
            timeout: std::time::Duration,
        ) -> Result<super::Connector, OtelInitError> {
            let files = if is_https { self.setup()? } else { nothing_trusted()? };
            let mut http = hyper_util::client::legacy::connect::HttpConnector::new();
            http.set_connect_timeout(Some(timeout));
            http.set_nodelay(true);
            http.enforce_http(false);
            Ok((http, Arc::new(files)).into())
        }

        /// The same in tonic's terms.
        #[cfg(any(feature = "trace-grpc", feature = "metrics-grpc"))]
        pub(crate) fn tonic(&self) -> Result<tonic::transport::ClientTlsConfig, OtelInitError> {
            use tonic::transport::{Certificate, ClientTlsConfig, Identity};

            // tonic does not say which file is wrong.
            self.setup()?;
            let config = match &self.roots {
                Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            Ok(match &self.pair {
                Some((path, key)) => config.identity(Identity::from_pem(read(path)?, read(key)?)),
                None => config,
            })
        }
    }
}

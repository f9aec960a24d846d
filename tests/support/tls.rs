//! TLS for tests: who signs certificates, the files that they are in, and receivers that speak it.

use std::fs;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::receiver::{Reaction, Receiver, Request, Wire};

/// Whoever signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// One of this name that nobody trusts yet. Two of one name would be taken for each other, until signatures differ.
    ///
    /// # Panics
    ///
    /// Where there are no keys to be had.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without keys has failed")]
    pub fn new(name: &str) -> Authority {
        let made = || {
            let mut params = CertificateParams::new(Vec::new())?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            CertifiedIssuer::self_signed(params, KeyPair::generate()?)
        };
        Authority { issuer: made().unwrap_or_else(|error: rcgen::Error| panic!("{error}")) }
    }

    /// Its own certificate, as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Signs a certificate for a host's name or address.
    ///
    /// # Panics
    ///
    /// Where the name is none.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without keys has failed")]
    pub fn issue(&self, name: &str) -> Pair {
        let made = || {
            let key = KeyPair::generate()?;
            let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, &self.issuer)?;
            Ok(Pair { certificate: certificate.pem(), key: key.serialize_pem() })
        };
        made().unwrap_or_else(|error: rcgen::Error| panic!("{name}: {error}"))
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// What a receiver sets up connections with: its certificate, and who signs those of its clients, where it asks for one.
///
/// # Panics
///
/// Where the certificate cannot be used.
#[must_use]
#[expect(clippy::panic, reason = "a test without certificates has failed")]
pub fn setup(own: &Pair, clients: Option<&Authority>) -> Arc<ServerConfig> {
    let made = || -> Result<ServerConfig, Box<dyn std::error::Error>> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes())?)?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build()?)
            }
        };
        let chain = vec![CertificateDer::from_pem_slice(own.certificate.as_bytes())?];
        Ok(builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(own.key.as_bytes())?)?)
    };
    Arc::new(made().unwrap_or_else(|error| panic!("{error}")))
}

/// A folder of files, removed when dropped.
#[derive(Debug)]
pub struct Files {
    folder: TempDir,
}

impl Files {
    /// An empty one.
    ///
    /// # Panics
    ///
    /// Where there is no room for it.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without files has failed")]
    pub fn new() -> Files {
        let folder = TempDir::with_prefix("nilometer-tls-").unwrap_or_else(|error| panic!("{error}"));
        Files { folder }
    }

    /// Where a file is, or would be.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and says where it is.
    ///
    /// # Panics
    ///
    /// Where it cannot be written.
    #[must_use]
    #[expect(clippy::panic, reason = "a test without files has failed")]
    pub fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }
}

impl Default for Files {
    fn default() -> Files {
        Files::new()
    }
}

impl Receiver {
    /// The same as [`start`](Self::start) over TLS; [`setup`] has what it needs.
    ///
    /// # Panics
    ///
    /// Where there is no port.
    #[must_use]
    pub fn start_tls(
        setup: Arc<ServerConfig>,
        script: impl Fn(usize, &Request) -> Reaction + Send + Sync + 'static,
    ) -> Receiver {
        let accept = move |stream| accept(stream, Arc::clone(&setup));
        Receiver::listen("127.0.0.1:0", 0, Arc::new(accept), Arc::new(script))
    }
}

/// A client that trusts an authority alone, and gives up after 10 seconds.
///
/// # Panics
///
/// Never, unless the authority's certificate is none.
#[must_use]
#[expect(clippy::panic, reason = "a test without certificates has failed")]
pub fn agent(authority: &Authority) -> ureq::Agent {
    let root = Certificate::from_pem(authority.pem().as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
    let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(10)));
    config.tls_config(tls.build()).build().into()
}

impl Wire for StreamOwned<ServerConnection, TcpStream> {
    fn shut(&self) -> io::Result<()> {
        self.sock.shutdown(Shutdown::Both)
    }
}

/// Begins a session with a client. One that is refused has time to read why: its end is waited for, since a connection
/// that is closed with something unread takes back what was sent last.
fn accept(mut stream: TcpStream, setup: Arc<ServerConfig>) -> io::Result<Box<dyn Wire>> {
    let mut session = ServerConnection::new(setup).map_err(io::Error::other)?;
    while session.is_handshaking() {
        if let Err(error) = session.complete_io(&mut stream) {
            stream.shutdown(Shutdown::Write)?;
            io::copy(&mut stream, &mut io::sink())?;
            return Err(error);
        }
    }
    Ok(Box::new(StreamOwned::new(session, stream)))
}

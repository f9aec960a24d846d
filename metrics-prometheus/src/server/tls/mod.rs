//! TLS with certificates from files.
//!
//! - here: [`TlsConfig`], and the certificates that are in use.
//! - `files`: what the files hold.

mod files;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls;
use tokio_rustls::server::TlsStream;

use self::files::Files;
use super::{ServerError, ServerStats};
use crate::causes::Causes;
use crate::tls::TlsError;

/// Where a server's certificates are.
///
/// TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1 by ALPN. The files are read again at each
/// [`reload_interval`](Self::with_reload_interval); new connections get what they hold then, open ones go on. Files that
/// cannot be used, such as a certificate whose key is not written yet, leave the ones before in place and are
/// [counted](crate::ServerStats::failed_certificate_reloads).
///
/// # Examples
///
/// ```no_run
/// use nilometer_prometheus::{ServerConfig, TlsConfig};
///
/// let tls = TlsConfig::new("/etc/tls/tls.crt", "/etc/tls/tls.key").with_client_ca("/etc/tls/ca.crt");
/// let config = ServerConfig::new().with_tls(tls);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    certificates: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
    reload_interval: Duration,
}

impl TlsConfig {
    /// Certificates and their private key in PEM files; the server's own certificate comes first, then those that lead to
    /// its root.
    #[must_use]
    pub fn new(certificates: impl Into<PathBuf>, key: impl Into<PathBuf>) -> TlsConfig {
        TlsConfig {
            certificates: certificates.into(),
            key: key.into(),
            client_ca: None,
            reload_interval: Duration::from_secs(10),
        }
    }

    /// Demands of clients a certificate that one of those in this PEM file has signed. By default they need none.
    #[must_use]
    pub fn with_client_ca(mut self, certificates: impl Into<PathBuf>) -> Self {
        self.client_ca = Some(certificates.into());
        self
    }

    /// Sets how often the files are read to see whether they have changed, at least 10 milliseconds apart. The default is
    /// 10 seconds.
    #[must_use]
    pub fn with_reload_interval(mut self, interval: Duration) -> Self {
        self.reload_interval = interval.max(Duration::from_millis(10));
        self
    }
}

/// The certificates in use, which change when their files do.
#[derive(Clone)]
pub(in crate::server) struct Certificates {
    config: Arc<TlsConfig>,
    current: Arc<RwLock<Current>>,
}

/// What new connections get.
struct Current {
    /// What the files held.
    files: Files,
    setup: Arc<rustls::ServerConfig>,
}

impl Certificates {
    /// Reads the files.
    pub(in crate::server) async fn load(config: &TlsConfig) -> Result<Certificates, ServerError> {
        let config = Arc::new(config.clone());
        let of = Arc::clone(&config);
        let current = unblocked(move || {
            let files = Files::read(&of)?;
            let setup = files.setup(&of)?;
            Ok(Current { files, setup })
        })
        .await?;
        Ok(Certificates { config, current: Arc::new(RwLock::new(current)) })
    }

    /// Begins a session.
    pub(in crate::server) async fn accept<S>(&self, stream: S) -> io::Result<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let setup = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).setup);
        TlsAcceptor::from(setup).accept(stream).await
    }

    /// Takes what the files hold, again and again.
    pub(in crate::server) async fn watch(self, stats: ServerStats) {
        loop {
            sleep(self.config.reload_interval).await;
            let here = self.clone();
            match unblocked(move || here.reload()).await {
                Ok(true) => {
                    tracing::info!("changed certificates were taken");
                    stats.reloaded(true);
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = %Causes(&error), "changed certificates could not be taken");
                    stats.reloaded(false);
                }
            }
        }
    }

    /// Takes what the files hold; tells whether it is something else than before.
    fn reload(&self) -> Result<bool, TlsError> {
        let files = Files::read(&self.config)?;
        if files == self.current.read().unwrap_or_else(PoisonError::into_inner).files {
            return Ok(false);
        }
        let setup = files.setup(&self.config)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { files, setup };
        Ok(true)
    }
}

/// Runs what reads files where it may wait for them.
async fn unblocked<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TlsError> + Send + 'static,
) -> Result<T, TlsError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(TlsError::Ended { source: error.into() }),
    }
}

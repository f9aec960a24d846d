//! Sockets and connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use nilometer_core::collect::Collector;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::activity::Activity;
use super::connection::Terms;
use super::listen::Listen;
use super::places::Places;
use super::stats::Closed;
use super::tls::Certificates;
use super::{MetricsService, ServerConfig, ServerError, ServerStats};

/// For how long nothing is accepted after the system has refused to accept: it is out of descriptors, and has them
/// again when a connection closes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a collector's metrics over HTTP/1.1 and HTTP/2, with TLS where [`ServerConfig`] says so; without, HTTP/2 by
/// prior knowledge.
///
/// [`MetricsService`] says what it answers.
///
/// # Examples
///
/// ```
/// # use nilometer_core::collect::*;
/// # struct Nothing;
/// # impl Collector for Nothing {
/// #     fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> { Ok(()) }
/// # }
/// # let registry = Nothing;
/// use nilometer_prometheus::{MetricsServer, ServerConfig};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
/// let server = MetricsServer::new(registry, config).bind().await?;
/// println!("http://{}/metrics", server.local_addr());
/// let shutdown = async { /* or `tokio::signal::ctrl_c()` itself */ };
/// server.serve_until(shutdown).await
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MetricsServer<C> {
    collector: C,
    config: ServerConfig,
}

impl<C: Collector + 'static> MetricsServer<C> {
    /// A server of what `collector` shows: a registry, a family, an `Arc` of either.
    #[must_use]
    pub fn new(collector: C, config: ServerConfig) -> MetricsServer<C> {
        MetricsServer { collector, config }
    }

    /// Starts to listen. Connections wait until [`BoundServer::serve`].
    ///
    /// # Errors
    ///
    /// [`ServerError::InvalidPath`], [`ServerError::Bind`] and, where they are configured, what is wrong with certificates
    /// and credentials, as they say.
    pub async fn bind(self) -> Result<BoundServer<C>, ServerError> {
        self.listening(async |config: &ServerConfig| {
            TcpListener::bind((config.host(), config.port()))
                .await
                .map_err(|source| ServerError::Bind { address: config.address(), source })
        })
        .await
    }

    /// For how long a shutdown waits for connections.
    pub(super) fn shutdown_timeout(&self) -> Duration {
        self.config.shutdown_timeout()
    }

    /// Checks the configuration, then listens.
    pub(super) async fn listening<L>(
        self,
        listen: impl AsyncFnOnce(&ServerConfig) -> Result<L, ServerError>,
    ) -> Result<BoundServer<C, L>, ServerError> {
        let MetricsServer { collector, config } = self;
        let service = MetricsService::try_new(collector, &config)?;
        let certificates = match config.tls() {
            Some(tls) => Some(Certificates::load(tls).await?),
            None => None,
        };
        let listener = listen(&config).await?;
        Ok(BoundServer { listener, terms: Terms { service, config, certificates } })
    }

    /// Binds and serves until the future is dropped.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub async fn serve(self) -> Result<(), ServerError> {
        self.bind().await?.serve().await
    }
}

impl<C> fmt::Debug for MetricsServer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsServer").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A server that listens, on a TCP port or on what else `L` is.
#[must_use = "connections wait until it serves"]
pub struct BoundServer<C, L = TcpListener> {
    listener: L,
    terms: Terms<C>,
}

impl<C> BoundServer<C, TcpListener> {
    /// The address it listens on, with the port that the system chose where 0 was configured.
    ///
    /// # Panics
    ///
    /// When the system does not know the address of a socket that it has bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.listener.local_addr().expect("a socket that is bound has an address")
    }
}

impl<C: Collector + 'static, L> BoundServer<C, L> {
    #[cfg(unix)]
    pub(super) fn listener(&self) -> &L {
        &self.listener
    }

    /// What it does, also while it serves.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.terms.service.stats()
    }
}

#[expect(private_bounds, reason = "what can be listened on is for this crate to say")]
impl<C: Collector + 'static, L: Listen> BoundServer<C, L> {
    /// Serves until the future is dropped, which cuts all connections.
    ///
    /// A connection that cannot be accepted does not end it.
    ///
    /// # Errors
    ///
    /// None at present.
    pub async fn serve(self) -> Result<(), ServerError> {
        self.serve_until(std::future::pending::<()>()).await
    }

    /// Serves until `shutdown` is ready, whatever it gives, then gracefully stops: nothing more is accepted, idle
    /// connections close, and scrapes that are under way are finished.
    ///
    /// # Errors
    ///
    /// [`ServerError::ShutdownTimeout`] when connections were still open after
    /// [`ServerConfig::with_shutdown_timeout`]; they were cut then.
    pub async fn serve_until(self, shutdown: impl Future) -> Result<(), ServerError> {
        let limit = self.terms.config.shutdown_timeout();
        let shutdown = async {
            shutdown.await;
            limit
        };
        self.serve_until_within(shutdown).await
    }

    /// As [`serve_until`](Self::serve_until); `shutdown` gives the time for which connections are waited for.
    pub(super) async fn serve_until_within(
        self,
        shutdown: impl Future<Output = Duration>,
    ) -> Result<(), ServerError> {
        let BoundServer { listener, terms } = self;
        let stats = terms.service.stats();
        let terms = Arc::new(terms);
        let (stop, stopping) = watch::channel(());
        let mut places = Places::new(terms.config.connection_limit());
        // Ends with this future.
        let mut background = JoinSet::new();
        if let Some(certificates) = &terms.certificates {
            background.spawn(certificates.clone().watch(stats.clone()));
        }
        let mut shutdown = pin!(shutdown);
        let limit = loop {
            let accepted = tokio::select! {
                limit = &mut shutdown => break limit,
                Some(()) = places.ended() => continue,
                accepted = listener.next() => accepted,
            };
            match accepted {
                Ok(stream) => {
                    stats.accepted();
                    let place = tokio::select! {
                        limit = &mut shutdown => break limit,
                        place = places.take(|| stats.closed(Closed::Displaced)) => place,
                    };
                    let activity = Arc::new(Activity::new());
                    let serving = Arc::clone(&terms).serve(stream, Arc::clone(&activity), stopping.clone());
                    places.fill(place, activity, serving);
                }
                // The client went away before it was accepted; the next one may be there already.
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => tokio::select! {
                    limit = &mut shutdown => break limit,
                    () = sleep(ACCEPT_PAUSE) => {}
                },
            }
        };
        drop(listener);
        stop.send_replace(());
        let ended = async { while places.ended().await.is_some() {} };
        if timeout(limit, ended).await.is_ok() {
            return Ok(());
        }
        let open = places.len();
        places.clear().await;
        Err(ServerError::ShutdownTimeout { connections: open, timeout: limit })
    }
}

impl<C, L: fmt::Debug> fmt::Debug for BoundServer<C, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundServer")
            .field("listener", &self.listener)
            .field("config", &self.terms.config)
            .finish_non_exhaustive()
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

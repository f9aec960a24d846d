//! Sockets and connections.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nilometer_core::collect::Collector;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::stall::StallGuard;
use super::{MetricsService, ServerConfig, ServerError};

/// For how long a connection may take over a request's head, and stay idle between two requests.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How much of a request's head, and of a response, a connection holds, in bytes.
const CONNECTION_BUFFER: usize = 64 * 1024;

/// For how long nothing is accepted after the system has refused to accept: it is out of descriptors, and has them
/// again when a connection closes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a collector's metrics over HTTP/1.1.
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
    /// [`ServerError::InvalidPath`] and [`ServerError::Bind`], as they say.
    pub async fn bind(self) -> Result<BoundServer<C>, ServerError> {
        let MetricsServer { collector, config } = self;
        let service = MetricsService::try_new(collector, &config)?;
        let failed = |source| ServerError::Bind { address: config.address(), source };
        let listener = TcpListener::bind((config.host(), config.port())).await.map_err(failed)?;
        let local_addr = listener.local_addr().map_err(failed)?;
        Ok(BoundServer { listener, local_addr, service, config })
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

/// A server that listens.
#[must_use = "connections wait until it serves"]
pub struct BoundServer<C> {
    listener: TcpListener,
    local_addr: SocketAddr,
    service: MetricsService<C>,
    config: ServerConfig,
}

impl<C: Collector + 'static> BoundServer<C> {
    /// The address it listens on, with the port that the system chose where 0 was configured.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

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

    /// Serves until `shutdown` is ready, whatever it gives, then gracefully stops: nothing more is accepted, idle connections close,
    /// and scrapes that are under way are finished.
    ///
    /// # Errors
    ///
    /// [`ServerError::ShutdownTimeout`] when connections were still open after
    /// [`ServerConfig::shutdown_timeout`]; they were cut then.
    pub async fn serve_until(self, shutdown: impl Future) -> Result<(), ServerError> {
        let BoundServer { listener, service, config, .. } = self;
        let permits = config.connection_limit().min(Semaphore::MAX_PERMITS);
        let free = Arc::new(Semaphore::new(permits));
        let stall_timeout = config.stall_timeout();
        let (stop, stopping) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = tokio::select! {
                _ = &mut shutdown => break,
                Some(_) = connections.join_next() => continue,
                accepted = accept(&listener, &free) => accepted,
            };
            match accepted {
                Ok((stream, permit)) => {
                    let (service, stopping) = (service.clone(), stopping.clone());
                    connections.spawn(async move {
                        serve_connection(stream, stall_timeout, service, stopping).await;
                        drop(permit);
                    });
                }
                // The client went away before it was accepted; the next one may be there already.
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => tokio::select! {
                    _ = &mut shutdown => break,
                    () = sleep(ACCEPT_PAUSE) => {}
                },
            }
        }
        drop(listener);
        stop.send_replace(());
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(config.shutdown_timeout(), ended).await.is_ok() {
            return Ok(());
        }
        let open = connections.len();
        connections.shutdown().await;
        Err(ServerError::ShutdownTimeout { connections: open, timeout: config.shutdown_timeout() })
    }
}

impl<C> fmt::Debug for BoundServer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundServer")
            .field("local_addr", &self.local_addr)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Accepts a connection, once there is room for one.
async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(free).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Serves one connection to its end. What goes wrong on it concerns its client alone, who sees it.
async fn serve_connection<C: Collector + 'static>(
    stream: TcpStream,
    stall_timeout: Duration,
    service: MetricsService<C>,
    mut stopping: watch::Receiver<()>,
) {
    // Without it, a response waits for the acknowledgement of the one before; a system that refuses is only slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| service.clone().call(request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(CONNECTION_BUFFER)
        .serve_connection(TokioIo::new(StallGuard::new(stream, stall_timeout)), service);
    let mut connection = pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

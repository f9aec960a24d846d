//! A server on a thread of its own.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nilometer_core::collect::Collector;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{MetricsServer, ServerError, ServerStats};

/// A server that runs on a thread of its own; it stops when this is dropped, without being waited for.
#[must_use = "the server stops when it is dropped"]
#[derive(Debug)]
pub struct ServerThread {
    local_addr: SocketAddr,
    stats: ServerStats,
    /// Stops the server when it is sent to or dropped. A time is how long connections are waited for, in place of the
    /// configuration's.
    stop: oneshot::Sender<Option<Duration>>,
    thread: JoinHandle<Result<(), ServerError>>,
}

impl<C: Collector + 'static> MetricsServer<C> {
    /// Binds and serves on a new thread with a runtime of its own: an application whose runtime is blocked, or that has
    /// none, can still be scraped.
    ///
    /// It returns once the server listens. Pages are collected on further threads, which the runtime starts when they are
    /// needed.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind), and [`ServerError::Thread`].
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
    /// let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
    /// let server = MetricsServer::new(registry, config).serve_on_thread()?;
    /// println!("http://{}/metrics", server.local_addr());
    /// server.shutdown()?;
    /// # Ok::<(), nilometer_prometheus::ServerError>(())
    /// ```
    pub fn serve_on_thread(self) -> Result<ServerThread, ServerError> {
        let (stop, stopped) = oneshot::channel::<Option<Duration>>();
        let configured = self.shutdown_timeout();
        let stopped = async move { stopped.await.ok().flatten().unwrap_or(configured) };
        let (tell, told) = mpsc::channel();
        let serve = move || {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|source| ServerError::Thread { source })?;
            let result = runtime.block_on(async {
                let server = self.bind().await?;
                // Whoever asked is waiting for it.
                let _ = tell.send((server.local_addr(), server.stats()));
                server.serve_until_within(stopped).await
            });
            // A collection that does not end would be waited for otherwise.
            runtime.shutdown_background();
            result
        };
        let thread = thread::Builder::new()
            .name("nilometer-server".to_owned())
            .spawn(serve)
            .map_err(|source| ServerError::Thread { source })?;
        match told.recv() {
            Ok((local_addr, stats)) => Ok(ServerThread { local_addr, stats, stop, thread }),
            // The thread ends without a word when the server cannot be bound, or panics.
            Err(mpsc::RecvError) => match thread.join() {
                Ok(Err(error)) => Err(error),
                Ok(Ok(())) | Err(_) => Err(ServerError::Panicked),
            },
        }
    }
}

impl ServerThread {
    /// The address it listens on, with the port that the system chose where 0 was configured.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What it does.
    #[must_use]
    pub fn stats(&self) -> ServerStats {
        self.stats.clone()
    }

    /// Stops it gracefully, and blocks until it has ended: at most for
    /// [`ServerConfig::with_shutdown_timeout`](crate::ServerConfig::with_shutdown_timeout).
    ///
    /// # Errors
    ///
    /// As [`BoundServer::serve_until`](crate::BoundServer::serve_until), and [`ServerError::Panicked`].
    pub fn shutdown(self) -> Result<(), ServerError> {
        self.stop(None)
    }

    /// As [`shutdown`](Self::shutdown), at most for this long, whatever the configuration says. Connections that are open
    /// then are cut.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
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
    /// use std::time::Duration;
    ///
    /// use nilometer_prometheus::{MetricsServer, ServerConfig};
    ///
    /// let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
    /// let server = MetricsServer::new(registry, config).serve_on_thread()?;
    /// server.shutdown_within(Duration::from_millis(500))?;
    /// # Ok::<(), nilometer_prometheus::ServerError>(())
    /// ```
    pub fn shutdown_within(self, timeout: Duration) -> Result<(), ServerError> {
        self.stop(Some(timeout))
    }

    fn stop(self, timeout: Option<Duration>) -> Result<(), ServerError> {
        let ServerThread { stop, thread, .. } = self;
        // One that has ended listens no more.
        let _ = stop.send(timeout);
        thread.join().unwrap_or(Err(ServerError::Panicked))
    }
}

//! Unix sockets.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use nilometer_core::collect::Collector;
use tokio::net::{UnixListener, UnixStream};

use super::listen::Listen;
use super::{BoundServer, MetricsServer, ServerError};

/// A Unix socket that a [`BoundServer`] listens on; its file goes with it.
#[derive(Debug)]
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl UnixSocket {
    fn bind(path: PathBuf) -> io::Result<UnixSocket> {
        let listener = match UnixListener::bind(&path) {
            // Its process ended without removing it.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(&path) => {
                fs::remove_file(&path)?;
                UnixListener::bind(&path)?
            }
            listener => listener?,
        };
        Ok(UnixSocket { listener, path })
    }
}

/// Whether there is a socket that nobody listens on.
fn is_abandoned(path: &Path) -> bool {
    let socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    socket && std::os::unix::net::UnixStream::connect(path).is_err_and(refused)
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // One that is gone already is what is wanted.
        let _ = fs::remove_file(&self.path);
    }
}

impl Listen for UnixSocket {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl<C: Collector + 'static> MetricsServer<C> {
    /// Starts to listen on a Unix socket in place of host and port. Connections wait until
    /// [`BoundServer::serve`].
    ///
    /// The file's permissions are those that the process' umask leaves; who may connect is best said by the permissions of
    /// its folder. A socket that is left of a process that has ended is replaced. The file is removed when the server
    /// stops.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind); [`ServerError::Bind`] when there is a file that is no socket, or another process listens.
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
    /// let path = std::env::temp_dir().join(format!("metrics-{}.socket", std::process::id()));
    /// let server = MetricsServer::new(registry, ServerConfig::new()).bind_unix(&path).await?;
    /// assert!(path.exists());
    /// server.serve_until(async {}).await?;
    /// assert!(!path.exists());
    /// # Ok::<(), nilometer_prometheus::ServerError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn bind_unix(
        self,
        path: impl Into<PathBuf>,
    ) -> Result<BoundServer<C, UnixSocket>, ServerError> {
        let path = path.into();
        self.listening(async move |_| {
            let address = path.display().to_string();
            UnixSocket::bind(path).map_err(|source| ServerError::Bind { address, source })
        })
        .await
    }
}

impl<C: Collector + 'static> BoundServer<C, UnixSocket> {
    /// The socket's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.listener().path
    }
}

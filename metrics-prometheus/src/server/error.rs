//! What can go wrong with the server.

use std::io;
use std::time::Duration;

use thiserror::Error;

/// Says why the server does not serve.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The configured path cannot be the path of a request, or is `/health`, which is taken.
    #[error(
        "invalid path `{path}`: it starts with `/`, is made of what a URL's path may hold, and is not `/health`"
    )]
    InvalidPath {
        /// The path as configured.
        path: String,
    },
    /// The address cannot be listened on: the port is in use, or the host is none of this machine's.
    #[error("cannot listen on `{address}`")]
    Bind {
        /// The host and the port as configured.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] crate::TlsError),
    /// The credentials cannot be used.
    #[cfg(feature = "auth")]
    #[error(transparent)]
    Auth(#[from] super::AuthError),
    /// The server's own thread, or the runtime on it, could not be started.
    #[error("cannot start the server's thread")]
    Thread {
        /// What the system said.
        source: io::Error,
    },
    /// The server's own thread panicked.
    #[error("the server's thread panicked")]
    Panicked,
    /// Connections were still open when the time for a graceful shutdown was over; they were cut.
    #[error("{connections} connections were still open {timeout:?} after the shutdown began, and were cut")]
    ShutdownTimeout {
        /// How many there were.
        connections: usize,
        /// How long was waited for them.
        timeout: Duration,
    },
}

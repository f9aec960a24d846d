//! Where connections come from.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// Takes connections.
pub(super) trait Listen {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    /// The next connection. A call that is dropped loses none.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // Without it, a response waits for the acknowledgement of the one before; a system that refuses is only slower.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

//! Where connections come from.

use std::io;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// How much of what is sent the system takes before its reader has, in bytes; Linux takes twice as much, for what it
/// notes beside it.
///
/// Without a bound it takes some megabytes, and has room again when a third of them is gone: a reader of 100 kB a second
/// would seem to have stalled meanwhile.
const SEND_BUFFER: usize = 128 * 1024;

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
        let _ = SockRef::from(&stream).set_send_buffer_size(SEND_BUFFER);
        Ok(stream)
    }
}

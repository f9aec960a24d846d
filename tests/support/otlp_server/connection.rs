//! Connections: what is read of them, and how they are cut.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nilometer_otel::Protocol;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::received::Head;
use super::state::State;
use super::{Answer, grpc, over_http};

/// The body of an answer.
pub(super) type Body = tonic::body::Body;

/// Resets a connection.
#[derive(Debug, Default)]
pub(super) struct Cut {
    wanted: Notify,
}

impl Cut {
    /// Resets the connection; what awaits it never goes on.
    pub(super) async fn now(&self) {
        self.wanted.notify_one();
        std::future::pending::<()>().await;
    }
}

/// Answers what comes in on a connection until it ends.
pub(super) async fn serve(stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    // A second descriptor: the first is given away, and how the connection ends is a matter of the socket.
    let socket = stream.try_clone()?;
    let cut = Arc::new(Cut::default());
    let wire = Wire {
        stream: TcpStream::from_std(stream)?,
        cut: Arc::clone(&cut),
        state: Arc::clone(&state),
        // Over HTTP/2, a connection begins before there is a request, and clients make another where it breaks then.
        is_begun: state.protocol != Protocol::Http,
        is_cut: false,
    };
    let protocol = state.protocol;
    let service = {
        let cut = Arc::clone(&cut);
        service_fn(move |request| handle(request, Arc::clone(&cut), Arc::clone(&state)))
    };
    let served = async {
        let wire = TokioIo::new(wire);
        match protocol {
            Protocol::Http => http1::Builder::new().serve_connection(wire, service).await,
            _ => http2::Builder::new(TokioExecutor::new()).serve_connection(wire, service).await,
        }
    };
    tokio::select! {
        // That it broke is the other side's affair.
        _ = served => {}
        () = cut.wanted.notified() => {
            // What was sent and not read is lost, and the other side is told with a reset instead of an end.
            SockRef::from(&socket).set_linger(Some(Duration::ZERO))?;
        }
    }
    Ok(())
}

async fn handle(
    request: Request<Incoming>,
    cut: Arc<Cut>,
    state: Arc<State>,
) -> Result<Response<Body>, Infallible> {
    let answer = state.next_answer();
    let (parts, mut body) = request.into_parts();
    match answer {
        Answer::ResetUnread => cut.now().await,
        Answer::ResetInBody => {
            let _ = body.frame().await;
            cut.now().await;
        }
        Answer::Hang => {
            while let Some(Ok(_)) = body.frame().await {}
            // Made before the request counts as one that hangs, so that a release in between is heard.
            let released = state.released.notified();
            let _hanging = Hanging::new(&state);
            released.await;
            return Ok(match state.protocol {
                Protocol::Http => over_http::failure(503, None),
                _ => grpc::failure(tonic::Code::Unavailable, None),
            });
        }
        _ => {}
    }
    let head = Head::new(&parts, answer);
    let request = Request::from_parts(parts, body);
    Ok(match state.protocol {
        Protocol::Http => over_http::answer(request, head, &cut, &state).await,
        _ => grpc::answer(request, head, cut, state).await,
    })
}

/// Counts a request that is not answered for as long as the other side waits.
struct Hanging<'a>(&'a State);

impl Hanging<'_> {
    fn new(state: &State) -> Hanging<'_> {
        state.change(|inner| inner.hanging += 1);
        Hanging(state)
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.change(|inner| inner.hanging -= 1);
    }
}

/// A connection; over HTTP, its first byte can be its end.
struct Wire {
    stream: TcpStream,
    cut: Arc<Cut>,
    state: Arc<State>,
    is_begun: bool,
    is_cut: bool,
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut {
            // Nothing comes between the first byte and the end.
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if !self.is_begun && buffer.filled().len() > before {
            self.is_begun = true;
            if self.state.is_reset_at_once() {
                self.is_cut = true;
                self.cut.wanted.notify_one();
                buffer.set_filled(before);
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use nilometer_core::collect::Collector;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service as _;

use super::activity::{Activity, InFlight, Patience, Watchdog};
use super::body::{MetricsBody, TruncatedPage};
use super::stall::StallGuard;
use super::stats::Closed;
use super::tls::Certificates;
use super::{MetricsFuture, MetricsService, ServerConfig};

/// How many bytes a connection of HTTP/2 holds of requests' bodies, which nobody reads.
///
/// SPEC: RFC 9113, section 6.9.2: no less than what every connection begins with.
const RECEIVE_WINDOW: u32 = 65_535;

/// How much of each response a connection of HTTP/2 holds, in bytes; as much as a piece of a page.
const SEND_BUFFER: usize = 64 * 1024;

/// How much of a response a stream of HTTP/2 takes at once, in bytes. It takes a piece as soon as its client gives room for
/// a byte, so this is what each stream holds of a client that gives no more.
const STREAM_PIECE: usize = 16 * 1024;

/// What all connections of a server have in common.
pub(super) struct Terms<C> {
    pub(super) service: MetricsService<C>,
    pub(super) config: ServerConfig,
    pub(super) certificates: Option<Certificates>,
}

impl<C: Collector + 'static> Terms<C> {
    /// Serves a connection to its end, or until it may close once something is `stopping`. What goes wrong on it concerns
    /// its client alone, who sees it.
    pub(super) async fn serve<S>(
        self: Arc<Self>,
        stream: S,
        activity: Arc<Activity>,
        mut stopping: watch::Receiver<()>,
    ) where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let stream = StallGuard::new(stream, self.config.stall_timeout(), Arc::clone(&activity));
        let Some(certificates) = &self.certificates else {
            return self.converse(stream, activity, stopping).await;
        };
        let session = tokio::select! {
            session = timeout(self.config.header_timeout(), certificates.accept(stream)) => session,
            _ = stopping.changed() => return,
        };
        match session {
            Ok(Ok(stream)) => self.converse(stream, activity, stopping).await,
            Ok(Err(_)) => self.service.stats().closed(Closed::Handshake),
            Err(_) => self.service.stats().closed(Closed::Timeout),
        }
    }

    /// Answers the requests of a connection.
    async fn converse<S>(&self, stream: S, activity: Arc<Activity>, mut stopping: watch::Receiver<()>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let config = &self.config;
        let patience = Patience {
            header: config.header_timeout(),
            idle: config.idle_timeout(),
            response: config.response_timeout(),
        };
        let mut watchdog = pin!(Watchdog::new(Arc::clone(&activity), patience));
        let service = service_fn(|request: Request<Incoming>| {
            let multiplexed = request.version() == Version::HTTP_2;
            let in_flight = activity.begin(multiplexed);
            let piece = if multiplexed { STREAM_PIECE } else { usize::MAX };
            let answer = self.service.clone().call(request);
            let mut answering = Answering { answer, activity: Arc::clone(&activity) };
            async move {
                let response = (&mut answering.answer).await?;
                let outgoing = |body: MetricsBody| Outgoing { body: body.in_pieces_of(piece), in_flight };
                Ok::<_, Infallible>(response.map(outgoing))
            }
        });
        let builder = builder(config);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut stopped = false;
        loop {
            // In this order: the watchdog looks at what the connection has just done.
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                () = watchdog.as_mut() => {
                    activity.give_up();
                    return self.service.stats().closed(Closed::Timeout);
                }
                _ = stopping.changed(), if !stopped => {
                    stopped = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

fn builder(config: &ServerConfig) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // The watchdog has a limit for heads and another one for what is between two requests.
        .header_read_timeout(None)
        .max_buf_size(usize::try_from(config.header_limit()).unwrap_or(usize::MAX));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.stream_limit())
        .max_header_list_size(config.header_limit())
        .initial_connection_window_size(RECEIVE_WINDOW)
        .initial_stream_window_size(RECEIVE_WINDOW)
        .max_send_buf_size(SEND_BUFFER);
    builder
}

/// A response that is not there yet.
struct Answering {
    answer: MetricsFuture,
    activity: Arc<Activity>,
}

impl Drop for Answering {
    fn drop(&mut self) {
        if self.activity.is_given_up() {
            self.answer.give_up();
        }
    }
}

/// A response's body, whose request is in flight until it is sent.
struct Outgoing {
    body: MetricsBody,
    in_flight: InFlight,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = TruncatedPage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TruncatedPage>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        if self.in_flight.is_given_up() {
            self.body.give_up();
        }
    }
}

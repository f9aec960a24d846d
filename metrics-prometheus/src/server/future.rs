//! An answer that is on its way.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::ServerStats;
use super::answer::{describe, plain};
use super::body::MetricsBody;
use super::decision::{Deciding, Decision};
use super::scrape::Piece;
use crate::compress::Coding;
use crate::format::Exposition;

/// How long the page took to render, in whole milliseconds; on pages that fit the first buffer.
const RENDER_DURATION: HeaderName = HeaderName::from_static("x-render-duration-ms");

/// The answer of a [`MetricsService`](crate::MetricsService); dropping it stops the collection behind it.
#[must_use = "a future does nothing unless it is polled"]
pub struct MetricsFuture {
    pub(super) state: State,
    pub(super) stats: ServerStats,
}

pub(super) enum State {
    Checking { decision: Deciding, then: Option<Then> },
    Scraping { pieces: mpsc::Receiver<Piece>, response: Scrape, place: Option<OwnedSemaphorePermit> },
    Ready(Option<Response<MetricsBody>>),
}

/// What follows a check.
pub(super) type Then = Box<dyn FnOnce(Decision) -> State + Send>;

/// What the response to a scrape is like.
#[derive(Clone, Copy)]
pub(super) struct Scrape {
    pub(super) exposition: Exposition,
    pub(super) coding: Option<&'static Coding>,
    /// Another `Accept-Encoding` might have got another response.
    pub(super) compressible: bool,
    pub(super) head: bool,
    pub(super) framed: bool,
}

impl State {
    pub(super) fn ready(status: StatusCode, text: impl Into<Bytes>, head: bool) -> State {
        State::Ready(Some(short(status, text, head)))
    }
}

impl Future for MetricsFuture {
    type Output = Result<Response<MetricsBody>, Infallible>;

    /// # Panics
    ///
    /// When it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let next = match &mut self.state {
                State::Checking { decision, then } => {
                    let decision = ready!(decision.as_mut().poll(context));
                    let then = then.take().expect("a future is not polled after it was ready");
                    then(decision)
                }
                State::Scraping { pieces, response, place } => {
                    let (first, response) = (ready!(pieces.poll_recv(context)), *response);
                    let (_, closed) = mpsc::channel(1);
                    let (pieces, place) = (std::mem::replace(pieces, closed), place.take());
                    let response = page(first, pieces, response);
                    State::Ready(Some(match place {
                        Some(place) => response.map(|body| body.holding(place)),
                        None => response,
                    }))
                }
                State::Ready(response) => {
                    let response = response.take().expect("a future is not polled after it was ready");
                    self.stats.answered(response.status());
                    return Poll::Ready(Ok(response));
                }
            };
            self.state = next;
        }
    }
}

impl fmt::Debug for MetricsFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Checking { .. } => "checking",
            State::Ready(_) => "ready",
            State::Scraping { .. } => "scraping",
        };
        f.debug_tuple("MetricsFuture").field(&state).finish()
    }
}

/// The response to a scrape whose first piece is there.
fn page(first: Option<Piece>, pieces: mpsc::Receiver<Piece>, scrape: Scrape) -> Response<MetricsBody> {
    let Scrape { exposition, coding, compressible, head, framed } = scrape;
    let mut response = match first {
        None => return short(StatusCode::INTERNAL_SERVER_ERROR, "the collector failed\n", head),
        Some(Piece::Last { rest, took }) => {
            let length = rest.len();
            let body = if head { MetricsBody::whole("") } else { MetricsBody::whole(rest) };
            let mut response = Response::new(body);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            response.headers_mut().insert(RENDER_DURATION, HeaderValue::from(milliseconds));
            response
        }
        Some(Piece::More(_)) if head => Response::new(MetricsBody::unsent()),
        Some(Piece::More(first)) => Response::new(MetricsBody::streamed(first, pieces, framed)),
    };
    describe(response.headers_mut(), exposition, coding, compressible);
    response
}

/// A short text as a body of the service's.
pub(super) fn short(status: StatusCode, text: impl Into<Bytes>, head: bool) -> Response<MetricsBody> {
    plain(status, text, head).map(MetricsBody::whole)
}

/// The answer to a request beyond a limit.
pub(super) fn busy(text: &'static str, head: bool) -> State {
    let mut response = short(StatusCode::SERVICE_UNAVAILABLE, text, head);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    State::Ready(Some(response))
}

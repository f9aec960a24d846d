//! An answer that is on its way.

use std::convert::Infallible;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::account::Account;
use super::answer::{describe, plain};
use super::body::{MetricsBody, length};
use super::decision::{Deciding, Decision};
use super::scrape::Encoded;
use super::{ScrapeStatus, ServerStats};
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
    Scraping(Scraping),
    Ready(Option<Response<MetricsBody>>),
}

/// A scrape that waits for its page.
pub(super) struct Scraping {
    pub(super) coming: Coming,
    pub(super) response: Scrape,
    pub(super) place: Option<OwnedSemaphorePermit>,
    pub(super) account: Account,
}

/// A page on its way; without one, the collection failed.
pub(super) enum Coming {
    /// From a collection of one's own.
    Own(oneshot::Receiver<Encoded>),
    /// From wherever it may be.
    Any(Pin<Box<dyn Future<Output = Option<Encoded>> + Send>>),
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

impl MetricsFuture {
    /// The server does not wait for the page any longer.
    pub(super) fn give_up(&mut self) {
        if let State::Scraping(scraping) = &mut self.state {
            scraping.account.ended(ScrapeStatus::BrokenOff);
        }
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
                State::Scraping(scraping) => ready!(scraping.poll(context)),
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
            State::Scraping(_) => "scraping",
        };
        f.debug_tuple("MetricsFuture").field(&state).finish()
    }
}

impl Scraping {
    /// What comes of it.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<State> {
        let encoded = match &mut self.coming {
            Coming::Own(encoded) => ready!(Pin::new(encoded).poll(context)).ok(),
            Coming::Any(encoded) => ready!(encoded.as_mut().poll(context)),
        };
        if let Some(Encoded::Busy | Encoded::Alone) = encoded {
            self.account.ended(ScrapeStatus::Busy);
            return Poll::Ready(busy("too many scrapes at a time\n", self.response.head));
        }
        let response = mem::take(&mut self.account).follow(page(encoded, self.response));
        Poll::Ready(State::Ready(Some(match self.place.take() {
            Some(place) => response.map(|body| body.holding(place)),
            None => response,
        })))
    }
}

/// The response to a scrape; without a page, it has failed.
fn page(encoded: Option<Encoded>, scrape: Scrape) -> Response<MetricsBody> {
    let Scrape { exposition, coding, compressible, head, framed } = scrape;
    let mut response = match encoded {
        None | Some(Encoded::Alone | Encoded::Busy) => {
            return short(StatusCode::INTERNAL_SERVER_ERROR, "the collector failed\n", head);
        }
        Some(Encoded::Whole(page)) => {
            let length = length(&page.pieces);
            let body = if head { MetricsBody::whole("") } else { MetricsBody::shared(page.pieces) };
            let mut response = Response::new(body);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
            let milliseconds = u64::try_from(page.took.as_millis()).unwrap_or(u64::MAX);
            response.headers_mut().insert(RENDER_DURATION, HeaderValue::from(milliseconds));
            response
        }
        Some(Encoded::Streamed(_)) if head => Response::new(MetricsBody::unsent()),
        Some(Encoded::Streamed(pieces)) => Response::new(MetricsBody::streamed(pieces, framed)),
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

//! What answers a request.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, RETRY_AFTER, VARY,
};
use http::{Method, Request, Response, StatusCode, Version};
use nilometer_core::collect::{CollectError, Collector, Visitor};
use tokio::sync::{Semaphore, mpsc};
use tower_service::Service;

use super::body::MetricsBody;
use super::config::HEALTH_PATH;
use super::scrape::{self, Piece, Rendition};
use super::{ServerConfig, ServerError};
use crate::compress::CODINGS;
use crate::format::{Exposition, Format};
use crate::negotiate::negotiate_coding;

/// How long the page took to render, in whole milliseconds; on pages that fit the first buffer.
const RENDER_DURATION: HeaderName = HeaderName::from_static("x-render-duration-ms");

/// Answers scrapes: a [tower](https://docs.rs/tower) service that mounts anywhere.
///
/// | request | answer |
/// |---|---|
/// | GET of the configured path | 200, the page, in the format and with the compression that `Accept` and `Accept-Encoding` ask for |
/// | GET of `/health` | 200, `OK` |
/// | HEAD of either | the same without the body; the page is begun, so that the status is true |
/// | another method | 405 with `Allow` |
/// | another path | 404 |
/// | a scrape beyond the limit | 503 with `Retry-After` |
/// | a collector that fails or panics before 64 KiB are written | 500 |
///
/// [`Exposition::negotiate`] says which format that is; whatever the headers hold, there is a page. Compression is gzip,
/// and zstd with the feature of that name; [`ServerConfig::with_compression`] turns it off.
///
/// A page of up to 64 KiB, or compressed to up to 32 KiB, has `Content-Length` and `X-Render-Duration-Ms`. A larger one is streamed while it is
/// collected; one that breaks off after that ends with an error, which HTTP shows to the client as an incomplete
/// response, and under HTTP/1.0, which cannot, with a line that makes the page invalid; under HTTP/1.0, pages are
/// always text. Collecting happens on tokio's blocking pool, and stops when the reader goes away.
///
/// Clones share the collector and the limit. The path is compared with that of the request as the service sees it:
/// under axum's `route_service` that is the whole path, under `nest_service` what follows the prefix.
///
/// # Panics
///
/// A call outside a tokio runtime, or in one without timers, panics.
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
/// use nilometer_prometheus::MetricsService;
///
/// let app: axum::Router = axum::Router::new().route_service("/metrics", MetricsService::new(registry));
/// ```
pub struct MetricsService<C> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    collector: C,
    path: String,
    scrapes: Arc<Semaphore>,
    stall_timeout: Duration,
    compression: bool,
    created_lines: bool,
}

/// Lets a scrape keep the collector alive.
struct SharedCollector<C>(Arc<Shared<C>>);

impl<C: Collector> Collector for SharedCollector<C> {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.0.collector.collect(visitor)
    }
}

impl<C: Collector + 'static> MetricsService<C> {
    /// A service with the default path and limits.
    #[must_use]
    pub fn new(collector: C) -> MetricsService<C> {
        MetricsService::unchecked(collector, &ServerConfig::default())
    }

    /// A service with the path and the limits on scrapes of `config`; host, port and connections are not its business.
    ///
    /// # Errors
    ///
    /// [`ServerError::InvalidPath`] when no request can have the path, or it is `/health`.
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
    /// use nilometer_prometheus::{MetricsService, ServerConfig};
    ///
    /// let error = MetricsService::try_new(registry, &ServerConfig::new().with_path("metrics")).unwrap_err();
    /// assert!(error.to_string().starts_with("invalid path `metrics`"));
    /// ```
    pub fn try_new(collector: C, config: &ServerConfig) -> Result<MetricsService<C>, ServerError> {
        config.checked_path()?;
        Ok(MetricsService::unchecked(collector, config))
    }

    fn unchecked(collector: C, config: &ServerConfig) -> MetricsService<C> {
        let permits = config.scrape_limit().min(Semaphore::MAX_PERMITS);
        MetricsService {
            shared: Arc::new(Shared {
                collector,
                path: config.path().to_owned(),
                scrapes: Arc::new(Semaphore::new(permits)),
                stall_timeout: config.stall_timeout(),
                compression: config.compression(),
                created_lines: config.created_lines(),
            }),
        }
    }

    fn answer<B>(&self, request: &Request<B>) -> State {
        let path = request.uri().path();
        let head = request.method() == Method::HEAD;
        if path != self.shared.path && path != HEALTH_PATH {
            return State::ready(StatusCode::NOT_FOUND, "not found\n", head);
        }
        if !head && request.method() != Method::GET {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n", false);
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return State::Ready(Some(response));
        }
        if path == HEALTH_PATH {
            return State::ready(StatusCode::OK, "OK", head);
        }
        let Ok(permit) = Arc::clone(&self.shared.scrapes).try_acquire_owned() else {
            let mut response = plain(StatusCode::SERVICE_UNAVAILABLE, "too many scrapes at a time\n", head);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            return State::Ready(Some(response));
        };
        let collector = SharedCollector(Arc::clone(&self.shared));
        // SPEC: RFC 9112, section 6.3: a response without a length that is not chunked ends where its connection does,
        // whether or not it is complete.
        let framed = request.version() > Version::HTTP_10;
        let rendition = self.rendition(request.headers(), framed);
        let pieces = scrape::start(collector, rendition, permit, self.shared.stall_timeout);
        let response = Scrape { rendition, compressible: self.shared.compression, head, framed };
        State::Scraping { pieces, response }
    }

    /// What the page is written as that is asked for with these headers.
    fn rendition(&self, headers: &HeaderMap, framed: bool) -> Rendition {
        let lines = |name| headers.get_all(name).into_iter().map(HeaderValue::as_bytes);
        let exposition = match Exposition::negotiate(lines(ACCEPT)) {
            // Where there are no frames, a page that breaks off gets a line that is invalid as text.
            exposition if exposition.format() == Format::Protobuf && !framed => Exposition::default(),
            exposition => exposition.with_created(self.shared.created_lines),
        };
        let codings = if self.shared.compression { CODINGS.as_slice() } else { &[] };
        Rendition { exposition, coding: negotiate_coding(lines(ACCEPT_ENCODING), codings) }
    }
}

impl<C> Clone for MetricsService<C> {
    fn clone(&self) -> Self {
        MetricsService { shared: Arc::clone(&self.shared) }
    }
}

impl<C> fmt::Debug for MetricsService<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsService").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

impl<C: Collector + 'static, B> Service<Request<B>> for MetricsService<C> {
    type Response = Response<MetricsBody>;
    type Error = Infallible;
    type Future = MetricsFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> MetricsFuture {
        MetricsFuture(self.answer(&request))
    }
}

/// The answer of a [`MetricsService`]; dropping it stops the collection behind it.
#[must_use = "a future does nothing unless it is polled"]
pub struct MetricsFuture(State);

enum State {
    Ready(Option<Response<MetricsBody>>),
    Scraping { pieces: mpsc::Receiver<Piece>, response: Scrape },
}

/// What the response to a scrape is like.
#[derive(Clone, Copy)]
struct Scrape {
    rendition: Rendition,
    /// Another `Accept-Encoding` might have got another response.
    compressible: bool,
    head: bool,
    framed: bool,
}

impl State {
    fn ready(status: StatusCode, text: &'static str, head: bool) -> State {
        State::Ready(Some(plain(status, text, head)))
    }
}

impl Future for MetricsFuture {
    type Output = Result<Response<MetricsBody>, Infallible>;

    /// # Panics
    ///
    /// When it is polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match &mut self.0 {
            State::Ready(response) => response.take(),
            State::Scraping { pieces, response } => {
                let (first, response) = (ready!(pieces.poll_recv(context)), *response);
                let State::Scraping { pieces, .. } = std::mem::replace(&mut self.0, State::Ready(None))
                else {
                    unreachable!("the state was matched above");
                };
                Some(page(first, pieces, response))
            }
        };
        Poll::Ready(Ok(response.expect("a future is not polled after it was ready")))
    }
}

impl fmt::Debug for MetricsFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Ready(_) => "ready",
            State::Scraping { .. } => "scraping",
        };
        f.debug_tuple("MetricsFuture").field(&state).finish()
    }
}

/// The response to a scrape whose first piece is there.
fn page(first: Option<Piece>, pieces: mpsc::Receiver<Piece>, scrape: Scrape) -> Response<MetricsBody> {
    let Scrape { rendition, compressible, head, framed } = scrape;
    let mut response = match first {
        None => return plain(StatusCode::INTERNAL_SERVER_ERROR, "the collector failed\n", head),
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
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(rendition.exposition.content_type()));
    if let Some(coding) = rendition.coding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    // SPEC: RFC 9110, section 12.5.5.
    let vary = if compressible { "accept, accept-encoding" } else { "accept" };
    headers.insert(VARY, HeaderValue::from_static(vary));
    response
}

/// A short text.
fn plain(status: StatusCode, text: &'static str, head: bool) -> Response<MetricsBody> {
    let mut response = Response::new(MetricsBody::whole(if head { "" } else { text }));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(text.len()));
    response
}

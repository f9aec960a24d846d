//! A request, from its head to the end of its response: what both layers follow.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode, request, response};
use http_body::Body;
use nilometer_core::label::TypedLabels;
use nilometer_core::{Family, Histogram, InFlightGuard};

use super::grpc::GrpcStatus;
use super::labels::Method;
use super::route::Route;
use super::span::Span;
use super::target::Target;

/// What a layer has for all of its requests, and where it records them.
pub(super) trait Side: fmt::Debug + Send + Sync + 'static {
    fn rules(&self) -> Rules;

    /// What there is to know of a request with this head.
    fn about(&self, head: &request::Parts) -> About;

    /// A request begins.
    fn begin(&self, about: &About) -> InFlightGuard;

    /// A request's body is over.
    fn request_body(&self, about: &About, bytes: u64);

    /// A request is over.
    fn end(&self, about: &About, end: &End);
}

/// How a layer looks at responses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whether a response whose body is dropped before its end has failed.
    pub(super) needs_whole_body: bool,
    /// Whether to look for a status of gRPC.
    pub(super) grpc: bool,
}

/// What is known of a request from its head on.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) method: Method,
    pub(super) route: Route,
    /// Whom a client asks.
    pub(super) target: Target,
}

/// How a request ended.
#[derive(Debug)]
pub(super) struct End {
    pub(super) duration: Duration,
    pub(super) failure: Option<Failure>,
    /// Of the response, if there was one: its status, and how much there was of its body.
    pub(super) response: Option<(StatusCode, u64)>,
    pub(super) grpc: Option<GrpcStatus>,
}

impl End {
    /// Records how long the request took, and how large the response was if there was one.
    #[expect(clippy::cast_precision_loss, reason = "bodies are far below 2^52 bytes")]
    pub(super) fn record<L: TypedLabels, Q: TypedLabels<Schema = L::Schema>>(
        &self,
        durations: &Family<L, Histogram>,
        sizes: &Family<L, Histogram>,
        labels: &Q,
    ) {
        let seconds = self.duration.as_secs_f64();
        // PERF: `instructions/http/measured` in `benches/LEDGER.md`. Looking up by so many labels is most of what a request
        // takes.
        match self.response {
            Some((_, bytes)) => durations.with_both(sizes, labels, |duration, size| {
                duration.observe(seconds);
                size.observe(bytes as f64);
            }),
            None => durations.with(labels, |duration| duration.observe(seconds)),
        }
    }
}

/// Why there was no whole response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The future, or the response's body, was dropped.
    Aborted,
    /// The service panicked, or the response's body.
    Panicked,
    /// The service failed.
    Service,
    /// The response's body failed.
    Body,
}

impl Failure {
    pub(super) fn name(self) -> &'static str {
        match self {
            Failure::Aborted => "aborted",
            Failure::Panicked => "panicked",
            Failure::Service => "service_error",
            Failure::Body => "body_error",
        }
    }
}

/// A request that is being answered. It is recorded once, when it ends: at the latest when this is dropped, whoever drops
/// it.
pub(super) struct Exchange {
    side: Arc<dyn Side>,
    rules: Rules,
    about: About,
    span: Span,
    start: Instant,
    /// None once the request is recorded.
    in_flight: Option<InFlightGuard>,
    /// Whether the code that is measured runs: where it does and this is dropped, it panics.
    is_running: bool,
    /// Whether the response's body has said that there is no more: who asks may drop it then, and never poll it again.
    is_over: AtomicBool,
    status: Option<StatusCode>,
    grpc: Option<GrpcStatus>,
    /// How much there was of the response's body.
    bytes: u64,
    /// How much there will be, if the head says so; nothing where no body is sent, whatever it would have been.
    length: Option<u64>,
}

impl Exchange {
    pub(super) fn begin(side: Arc<dyn Side>, about: About) -> Exchange {
        Exchange {
            start: Instant::now(),
            in_flight: Some(side.begin(&about)),
            rules: side.rules(),
            side,
            about,
            span: Span::current(),
            is_running: false,
            is_over: AtomicBool::new(false),
            status: None,
            grpc: None,
            bytes: 0,
            length: None,
        }
    }

    /// Runs the code that is measured.
    pub(super) fn run<R>(&mut self, code: impl FnOnce() -> R) -> R {
        self.is_running = true;
        let result = code();
        self.is_running = false;
        result
    }

    /// The response's head has come.
    pub(super) fn head<B: Body>(&mut self, head: &response::Parts, body: &B) {
        self.status = Some(head.status);
        if self.rules.grpc {
            self.grpc = GrpcStatus::of(&head.headers);
        }
        self.length = if has_no_body(self.about.method, head.status) {
            Some(0)
        } else {
            body.size_hint().exact().or_else(|| content_length(&head.headers))
        };
        if body.is_end_stream() {
            self.end(None);
        }
    }

    /// So much of the response's body has come.
    pub(super) fn data(&mut self, bytes: usize) {
        // An address is not longer.
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// What comes after the response's body has come.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        if self.rules.grpc {
            self.grpc = GrpcStatus::of(trailers).or(self.grpc);
        }
        self.end(None);
    }

    /// The response's body has said that there is no more.
    pub(super) fn over(&self) {
        // ORDERING: Relaxed, who drops it has it alone.
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Records it, unless that was done.
    pub(super) fn end(&mut self, failure: Option<Failure>) {
        let Some(in_flight) = self.in_flight.take() else { return };
        let end = End {
            duration: self.start.elapsed(),
            failure,
            response: self.status.map(|status| (status, self.bytes)),
            grpc: self.grpc,
        };
        self.span.within(|| self.side.end(&self.about, &end));
        // Last: whoever sees that nothing is in flight sees all that was.
        drop(in_flight);
    }

    /// What it means that nobody waits for it any more.
    fn failure_of_drop(&mut self) -> Option<Failure> {
        let is_whole = *self.is_over.get_mut() || self.length.is_some_and(|length| self.bytes >= length);
        if self.is_running {
            Some(Failure::Panicked)
        } else if self.status.is_some() && (is_whole || !self.rules.needs_whole_body) {
            None
        } else {
            Some(Failure::Aborted)
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let failure = self.failure_of_drop();
        self.end(failure);
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("about", &self.about)
            .field("status", &self.status)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Whether a response has no body on the wire, whatever its body is: servers drop that unread.
///
/// SPEC: RFC 9112, section 6.3, rules 1 and 2.
fn has_no_body(method: Method, status: StatusCode) -> bool {
    method == Method::Head
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || method == Method::Connect && status.is_success()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

//! Requests, and what receivers make of them.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::client::legacy::{Client as Http, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout_at};

use super::metrics::{Health, Stats};
use super::reply::lock;
use super::retry::retry_after;
use super::{PushEndpoint, PushError};
use crate::causes::Causes;

/// How much of an answer's body an error shows, in bytes.
const MESSAGE_LENGTH: usize = 512;

/// What is sent, any number of times.
pub(super) struct Message {
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// What this message has in its head besides what the endpoint has.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How long to go on with a message that fails for a while.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// As often as the policy says.
    Attempts,
    /// Until it is dropped.
    Endless,
}

/// Sends a request, whatever connections are made of.
type Sending = Box<dyn Fn(Request<Full<Bytes>>) -> ResponseFuture + Send + Sync>;

/// Sends on the connections that `connector` makes, as often as each of them can be used.
fn over(connector: impl Connect + Clone + Send + Sync + 'static) -> Sending {
    let http = Http::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
    Box::new(move |request| http.request(request))
}

/// What the last request met, with its causes, where it failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// What to say of a deadline that has passed.
    pub(super) fn within(&self, deadline: Duration) -> PushError {
        PushError::Deadline { deadline, trouble: lock(&self.0).clone() }
    }

    fn set(&self, error: Option<&PushError>) {
        *lock(&self.0) = error.map(|error| Causes(error).to_string());
    }
}

/// Sends to one endpoint, from the runtime in which it was made.
pub(super) struct Client {
    http: Sending,
    endpoint: PushEndpoint,
    stats: Arc<Stats>,
    trouble: Trouble,
}

impl Client {
    pub(super) fn new(endpoint: PushEndpoint, stats: Arc<Stats>) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(endpoint.connect_timeout()));
        connector.set_nodelay(true);
        let http = match endpoint.tls() {
            None => over(connector),
            Some(tls) => over(tls.connector(connector)),
        };
        Client { http, endpoint, stats, trouble: Trouble::default() }
    }

    pub(super) fn trouble(&self) -> &Trouble {
        &self.trouble
    }

    pub(super) fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// Sends a message, again and again where it fails for a while; `failed` is called each time before it waits. What
    /// `hurry` notifies cuts a delay short, unless the receiver has asked for it.
    pub(super) async fn deliver(
        &self,
        message: &Message,
        patience: Patience,
        hurry: &Notify,
        failed: impl Fn(),
    ) -> Result<HeaderMap, PushError> {
        let policy = self.endpoint.retries();
        let mut failures = 0_u32;
        loop {
            let error = match self.send(message).await {
                Ok(headers) => return Ok(headers),
                Err(error) => error,
            };
            failures = failures.saturating_add(1);
            let asked = error.retry_after();
            let is_enough = match patience {
                Patience::Attempts => {
                    failures >= policy.attempts()
                        || asked.is_some_and(|asked| asked > policy.max_retry_after())
                }
                Patience::Endless => false,
            };
            if is_enough || !error.is_transient() {
                return Err(error);
            }
            failed();
            let delay = policy.delay(failures);
            if let Some(asked) = asked {
                sleep(asked.min(policy.max_retry_after()).max(delay)).await;
            } else {
                tokio::select! {
                    () = sleep(delay) => {}
                    () = hurry.notified() => {}
                }
            }
            self.stats.retry();
        }
    }

    /// Sends a message once, and gives the head of an answer of 2xx.
    pub(super) async fn send(&self, message: &Message) -> Result<HeaderMap, PushError> {
        let start = Instant::now();
        let url = || message.uri.to_string();
        let result = self.exchange(message).await;
        self.trouble.set(result.as_ref().err());
        let health = self.stats.request(start.elapsed(), result.as_ref().map(|_| message.body.len()));
        let push = self.stats.name();
        match (&result, health) {
            (Err(error), Health::Failing) => {
                tracing::warn!(push, error = %Causes(error), "a push failed");
            }
            (Err(error), _) => tracing::debug!(push, error = %Causes(error), "a push failed again"),
            (Ok(_), Health::Recovered) => tracing::info!(push, url = url(), "pushes succeed again"),
            (Ok(_), _) => tracing::trace!(push, bytes = message.body.len(), "pushed"),
        }
        result
    }

    async fn exchange(&self, message: &Message) -> Result<HeaderMap, PushError> {
        let url = || message.uri.to_string();
        let mut request = Request::new(Full::new(message.body.clone()));
        *request.method_mut() = message.method.clone();
        *request.uri_mut() = message.uri.clone();
        *request.headers_mut() = self.endpoint.headers().clone();
        request.headers_mut().extend(message.headers.clone());
        let after = self.endpoint.timeout();
        let until = tokio::time::Instant::now() + after;
        let answer = timeout_at(until, (self.http)(request)).await;
        let response = answer
            .map_err(|_| PushError::TimedOut { url: url(), after })?
            .map_err(|source| PushError::Unreachable { url: url(), source: source.into() })?;
        let retry_after = retry_after(response.headers(), SystemTime::now());
        let (head, message) = read(response, until).await;
        if head.status.is_success() {
            return Ok(head.headers);
        }
        let written = written(&head.headers);
        Err(PushError::Status { url: url(), status: head.status.as_u16(), message, retry_after, written })
    }
}

/// What a receiver of remote write 2.0 says that it has stored: samples, histograms, exemplars.
///
/// SPEC: Remote-Write 2.0, "Required `Written` Response Headers".
const WRITTEN: [HeaderName; 3] = [
    HeaderName::from_static("x-prometheus-remote-write-samples-written"),
    HeaderName::from_static("x-prometheus-remote-write-histograms-written"),
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written"),
];

/// Whether the receiver says what it has stored, be it nothing.
pub(super) fn says_what_is_written(headers: &HeaderMap) -> bool {
    WRITTEN.iter().any(|name| headers.contains_key(name))
}

/// How many samples and histograms the receiver says that it has stored.
fn written(headers: &HeaderMap) -> Option<u64> {
    let count = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let [samples, histograms, _] = WRITTEN.each_ref().map(count);
    samples.or(histograms).map(|_| samples.unwrap_or(0).saturating_add(histograms.unwrap_or(0)))
}

/// Reads an answer to its end, so that its connection can be used again, or to the end of what an error shows, or of its
/// time. How a body ends changes nothing: what the receiver made of the push is in the head.
async fn read(response: Response<Incoming>, until: tokio::time::Instant) -> (http::response::Parts, String) {
    let (head, mut body) = response.into_parts();
    let mut text = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
        if let Ok(data) = frame.into_data() {
            text.extend_from_slice(&data[..data.len().min(MESSAGE_LENGTH - text.len())]);
        }
        if text.len() == MESSAGE_LENGTH {
            break;
        }
    }
    let line = String::from_utf8_lossy(&text);
    let words: Vec<&str> =
        line.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    (head, words.join(" "))
}

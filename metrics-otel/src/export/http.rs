//! OTLP over HTTP/1.1, as protobuf.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT as AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioTimer;
use prost::bytes::Bytes;
use tokio::time::{Instant, timeout_at};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::ExportError;
use super::answer::{Accepted, message};
use super::quiet::{Quiet, Tasks};
use super::transport::USER_AGENT;
use crate::receiver::{Compression, OtelInitError, Receiver};

const PROTOBUF: &str = "application/x-protobuf";

/// How much of an answer is read, in bytes: it is a number and a message.
const MAX_ANSWER: usize = 1 << 20;

#[cfg(feature = "tls")]
type Connector = hyper_rustls::HttpsConnector<hyper_util::client::legacy::connect::HttpConnector>;
#[cfg(not(feature = "tls"))]
type Connector = hyper_util::client::legacy::connect::HttpConnector;

/// How long a connection is kept that nothing is sent on. Receivers close such connections, Go's of the collector after a
/// minute, which is just when the next interval's request would be on its way: nobody could tell whether it was taken.
const IDLE: Duration = Duration::from_secs(30);

/// Sends on connections that are kept for a while.
pub(super) struct Http {
    client: Client<Connector, Full<Bytes>>,
    tasks: Tasks,
    connector: Connector,
    uri: Uri,
    /// For errors and logs.
    url: String,
    headers: HeaderMap,
    compression: Option<Compression>,
}

impl Http {
    pub(super) fn try_new(receiver: &Receiver) -> Result<Http, OtelInitError> {
        let uri = receiver
            .url()
            .parse::<Uri>()
            .map_err(|source| OtelInitError::Exporter { source: source.into() })?;
        let mut headers = receiver.headers.clone();
        headers.entry(AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        if let Some(compression) = receiver.compression {
            let name = match compression {
                Compression::Gzip => "gzip",
                Compression::Zstd => "zstd",
            };
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
        }
        let connector = connector(receiver)?;
        let (client, tasks) = client(&connector);
        let (url, compression) = (receiver.shown_url(), receiver.compression);
        Ok(Http { client, tasks, connector, uri, url, headers, compression })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn compressed(&self, body: &Bytes) -> Bytes {
        match self.compression {
            None => body.clone(),
            Some(Compression::Gzip) => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
                let written = encoder.write_all(body).and_then(|()| encoder.finish());
                written.expect("memory takes all").into()
            }
            Some(Compression::Zstd) => zstd(body),
        }
    }

    /// Sends it once: nothing where there is no answer until then.
    pub(super) async fn send(
        &mut self,
        body: Bytes,
        until: Instant,
    ) -> Option<Result<Accepted, ExportError>> {
        let answer = self.exchange(body, until).await;
        if Instant::now() >= until {
            // What is left of it is given up.
            (self.client, self.tasks) = client(&self.connector);
        }
        answer
    }

    async fn exchange(&self, body: Bytes, until: Instant) -> Option<Result<Accepted, ExportError>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let sending = timeout_at(until, self.client.request(request));
        let answer = match sending.with_subscriber(NoSubscriber::default()).await.ok()? {
            Ok(answer) => answer,
            Err(source) => return Some(Err(self.unreachable(source))),
        };
        let (head, body) = answer.into_parts();
        // The status decides; what does not come of the rest, or too much of it, changes nothing.
        let body = read(body, until).with_subscriber(NoSubscriber::default()).await;
        if head.status.is_success() {
            return Some(Ok(Accepted::read(body)));
        }
        let kind = head.headers.get(CONTENT_TYPE);
        let is_protobuf = kind.is_some_and(|kind| kind.as_bytes().starts_with(PROTOBUF.as_bytes()));
        Some(Err(ExportError::Status {
            url: self.url.clone(),
            status: head.status.as_str().to_owned(),
            message: message(&body, is_protobuf),
            retry_after: retry_after(&head.headers, SystemTime::now()),
            is_transient: is_transient(head.status),
        }))
    }

    fn unreachable(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> ExportError {
        ExportError::Unreachable { url: self.url.clone(), source: source.into().into() }
    }
}

fn client(connector: &Connector) -> (Client<Connector, Full<Bytes>>, Tasks) {
    let (quiet, tasks) = Quiet::new();
    let mut client = Client::builder(quiet);
    client.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE);
    (client.build(connector.clone()), tasks)
}

/// Reads a body as far as it goes until then.
async fn read(body: Incoming, until: Instant) -> Bytes {
    let mut body = std::pin::pin!(Limited::new(body, MAX_ANSWER));
    let mut read = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
    }
    read.into()
}

#[cfg(feature = "tls")]
fn connector(receiver: &Receiver) -> Result<Connector, OtelInitError> {
    receiver.connector()
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "with TLS there is something that fails")]
fn connector(receiver: &Receiver) -> Result<Connector, OtelInitError> {
    let mut connector = Connector::new();
    connector.set_connect_timeout(Some(receiver.timeout));
    connector.set_nodelay(true);
    Ok(connector)
}

#[cfg(feature = "zstd")]
fn zstd(body: &Bytes) -> Bytes {
    zstd::encode_all(&**body, zstd::DEFAULT_COMPRESSION_LEVEL).expect("memory takes all").into()
}

#[cfg(not(feature = "zstd"))]
fn zstd(body: &Bytes) -> Bytes {
    // The configuration is refused before it comes to that.
    body.clone()
}

/// SPEC: OTLP 1.10.0, "Retryable Response Codes".
fn is_transient(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// For how long the receiver wants to be left alone.
///
/// SPEC: RFC 9110, section 10.2.3: seconds, or a date.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

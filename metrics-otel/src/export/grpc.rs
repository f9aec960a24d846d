//! OTLP over gRPC.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::HeaderValue;
use http::uri::PathAndQuery;
use prost::bytes::{Buf, BufMut, Bytes};
use tokio::time::{Instant, timeout_at};
use tonic::client::Grpc as Client;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use super::ExportError;
use super::answer::{Accepted, retry_info, shortened};
use super::heard::Heard;
use super::quiet::{Quiet, Tasks};
use super::transport::USER_AGENT;
use crate::causes::Causes;
use crate::receiver::{Compression, OtelInitError, Receiver};

/// SPEC: opentelemetry-proto 1.10.0, `collector/metrics/v1/metrics_service.proto`.
const METHOD: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// How long an answer may be, in bytes: it is a number and a message.
const MAX_ANSWER: usize = 1 << 20;

/// Sends over one connection, which is made when it is needed.
pub(super) struct Grpc {
    endpoint: Endpoint,
    channel: Channel,
    tasks: Tasks,
    metadata: MetadataMap,
    compression: Option<CompressionEncoding>,
    url: String,
}

fn not_built(source: tonic::transport::Error) -> OtelInitError {
    OtelInitError::Exporter { source: source.into() }
}

impl Grpc {
    pub(super) fn try_new(receiver: &Receiver) -> Result<Grpc, OtelInitError> {
        let url = receiver.shown_url();
        let endpoint = Endpoint::from_shared(url.clone()).map_err(not_built)?;
        let endpoint = secured(endpoint, receiver)?.connect_timeout(receiver.timeout);
        let mut headers = receiver.headers.clone();
        headers.entry(http::header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
        let compression = receiver.compression.map(|compression| match compression {
            Compression::Gzip => CompressionEncoding::Gzip,
            // The configuration is refused before it comes to that where it is not built.
            #[cfg(not(feature = "zstd"))]
            Compression::Zstd => CompressionEncoding::Gzip,
            #[cfg(feature = "zstd")]
            Compression::Zstd => CompressionEncoding::Zstd,
        });
        let (channel, tasks) = connect(&endpoint);
        Ok(Grpc { endpoint, channel, tasks, metadata: MetadataMap::from_headers(headers), compression, url })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sends it once: nothing where there is no answer until then.
    pub(super) async fn send(
        &mut self,
        body: Bytes,
        until: Instant,
    ) -> Option<Result<Accepted, ExportError>> {
        let answer = timeout_at(until, self.exchange(body)).await.ok();
        if answer.is_none() {
            // The connection may be one that leads nowhere any more, and nobody would say so for a quarter of an hour.
            (self.channel, self.tasks) = connect(&self.endpoint);
        }
        answer
    }

    async fn exchange(&self, body: Bytes) -> Result<Accepted, ExportError> {
        let is_told = Arc::new(AtomicBool::new(false));
        let heard = Heard { channel: self.channel.clone(), is_told: Arc::clone(&is_told) };
        let mut client = Client::new(heard).max_decoding_message_size(MAX_ANSWER);
        if let Some(encoding) = self.compression {
            client = client.send_compressed(encoding);
        }
        let mut request = Request::new(body);
        *request.metadata_mut() = self.metadata.clone();
        let sending = async {
            client.ready().await.map_err(|error| self.unreachable(&error))?;
            let path = PathAndQuery::from_static(METHOD);
            match client.unary(request, path, Plain).await {
                Ok(answer) => Ok(answer.into_inner()),
                // The answer to what was taken is longer than anybody reads: not the receiver has said so, but the
                // client, with a code that means something else when a receiver says it.
                Err(status) if status.code() == Code::OutOfRange && !is_told.load(Ordering::Relaxed) => {
                    Ok(Accepted::default())
                }
                Err(status) => Err(self.failure(&status)),
            }
        };
        sending.with_subscriber(NoSubscriber::default()).await
    }

    /// What has kept it from an answer. tonic's own words show all that is behind them already, and twice.
    fn unreachable(&self, error: &(dyn Error + 'static)) -> ExportError {
        let source: Box<dyn Error + Send + Sync> = Causes(error).to_string().into();
        ExportError::Unreachable { url: self.url.clone(), source: source.into() }
    }

    fn failure(&self, status: &Status) -> ExportError {
        // What did not come from the receiver has a cause on this side.
        if let Some(cause) = status.source() {
            return self.unreachable(cause);
        }
        let retry_after = retry_info(status.details());
        ExportError::Status {
            url: self.url.clone(),
            status: name(status.code()).to_owned(),
            message: shortened(status.message()),
            retry_after,
            is_transient: is_transient(status.code(), retry_after.is_some()),
        }
    }
}

/// A connection that is made when it is needed.
fn connect(endpoint: &Endpoint) -> (Channel, Tasks) {
    let (quiet, tasks) = Quiet::new();
    (endpoint.clone().executor(quiet).connect_lazy(), tasks)
}

#[cfg(feature = "tls")]
fn secured(endpoint: Endpoint, receiver: &Receiver) -> Result<Endpoint, OtelInitError> {
    if receiver.is_https() {
        endpoint.tls_config(receiver.tls.tonic()?).map_err(not_built)
    } else {
        Ok(endpoint)
    }
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unnecessary_wraps, reason = "with TLS there is something that fails")]
fn secured(endpoint: Endpoint, _: &Receiver) -> Result<Endpoint, OtelInitError> {
    Ok(endpoint)
}

/// SPEC: OTLP 1.10.0, "Failures": the table of codes that are retried; of what is exhausted, the receiver has to say that
/// it recovers.
fn is_transient(code: Code, has_retry_info: bool) -> bool {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => has_retry_info,
        _ => false,
    }
}

/// SPEC: gRPC, "Status codes and their use in gRPC".
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// Sends bytes as they are, and reads answers.
#[derive(Debug, Clone, Copy)]
struct Plain;

impl Codec for Plain {
    type Encode = Bytes;
    type Decode = Accepted;
    type Encoder = Plain;
    type Decoder = Plain;

    fn encoder(&mut self) -> Plain {
        Plain
    }

    fn decoder(&mut self) -> Plain {
        Plain
    }
}

impl Encoder for Plain {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Plain {
    type Item = Accepted;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Accepted>, Status> {
        let length = buffer.remaining();
        Ok(Some(Accepted::read(buffer.copy_to_bytes(length))))
    }
}

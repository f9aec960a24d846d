//! What receivers answer.

#[cfg(feature = "metrics-grpc")]
use std::time::Duration;

use prost::Message;

/// How much of a receiver's message an error shows, in bytes.
const MESSAGE_LENGTH: usize = 512;

/// What a receiver says that takes a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Accepted {
    /// How many points of it were not taken.
    pub(super) rejected: u64,
    /// Why, or a warning where all were taken.
    pub(super) message: String,
}

impl Accepted {
    /// Reads the body of a success. One that is malformed takes nothing back.
    ///
    /// SPEC: OTLP 1.10.0, "Partial Success".
    pub(super) fn read(body: impl prost::bytes::Buf) -> Accepted {
        let partial = Response::decode(body).unwrap_or_default().partial_success.unwrap_or_default();
        let rejected = u64::try_from(partial.rejected_data_points).unwrap_or_default();
        Accepted { rejected, message: shortened(&partial.error_message) }
    }
}

/// As much of a message as an error shows.
pub(super) fn shortened(message: &str) -> String {
    let message = message.trim();
    let end = (0..=MESSAGE_LENGTH.min(message.len())).rev().find(|&end| message.is_char_boundary(end));
    message[..end.unwrap_or_default()].to_owned()
}

/// What an error of HTTP says in its body, a `Status` or else text.
#[cfg(feature = "metrics-http")]
pub(super) fn message(body: &[u8], is_protobuf: bool) -> String {
    if is_protobuf && let Ok(status) = Status::decode(body) {
        return shortened(&status.message);
    }
    shortened(&String::from_utf8_lossy(body))
}

/// For how long the details of an error of gRPC ask to be left alone.
///
/// SPEC: OTLP 1.10.0, "OTLP/gRPC Throttling"; googleapis, `google/rpc/error_details.proto`.
#[cfg(feature = "metrics-grpc")]
pub(super) fn retry_info(details: &[u8]) -> Option<Duration> {
    let status = Status::decode(details).ok()?;
    let is_info = |detail: &&Any| detail.type_url.rsplit('/').next() == Some("google.rpc.RetryInfo");
    let info = status.details.iter().find(is_info)?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay.unwrap_or_default();
    let (seconds, nanos) = (u64::try_from(delay.seconds), u32::try_from(delay.nanos));
    // A negative delay is none.
    Some(Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default().min(999_999_999)))
}

/// `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceResponse`.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_data_points: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[cfg(feature = "metrics-grpc")]
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtoDuration>,
}

#[cfg(feature = "metrics-grpc")]
#[derive(Clone, Copy, PartialEq, Message)]
struct ProtoDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

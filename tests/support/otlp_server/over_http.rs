//! Answers over HTTP.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message as _;
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic_types::pb;

use super::connection::Cut;
use super::endless::Endless;
use super::received::Head;
use super::state::State;
use super::{Answer, RetryAfter};

const PROTOBUF: &str = "application/x-protobuf";

/// Answers a request.
pub(super) async fn answer(
    request: Request<Incoming>,
    head: Head,
    cut: &Cut,
    state: &State,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // SPEC: OTLP 1.10.0, "OTLP/HTTP Request": a POST, and the content type of its encoding.
    if parts.method != Method::POST {
        return failure(405, None);
    }
    if parts.uri.path() != "/v1/metrics" {
        return failure(404, None);
    }
    if parts.headers.get(CONTENT_TYPE).is_none_or(|value| value != PROTOBUF) {
        return failure(415, None);
    }
    let Ok(body) = body.collect().await else { return failure(400, None) };
    let encoding = parts.headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    let Some(body) = decompressed(body.to_bytes(), encoding) else { return failure(400, None) };
    let Ok(request) = ExportMetricsServiceRequest::decode(body) else { return failure(400, None) };
    let answer = head.answer.clone();
    state.take(head, request, cut).await;

    let success = |body: Body| {
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
        response
    };
    match answer {
        Answer::Http(status, after) => failure(status, after),
        Answer::EndlessFailure(status) => {
            let mut response = success(Body::new(Endless::default()));
            *response.status_mut() = code(status);
            response
        }
        Answer::Garbage => success(full(b"\xff\xff\xff\xffgarbage".to_vec())),
        Answer::Endless => success(Body::new(Endless::default())),
        answer => success(full(message(&answer).encode_to_vec())),
    }
}

/// What says that a request was not taken.
pub(super) fn failure(status: u16, after: Option<RetryAfter>) -> Response<Body> {
    // SPEC: OTLP 1.10.0, "OTLP/HTTP Response", "Failures": the body is a `Status`.
    let said = pb::Status { code: 0, message: format!("said to be {status}"), details: Vec::new() };
    let mut response = Response::new(full(said.encode_to_vec()));
    *response.status_mut() = code(status);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    if let Some(after) = after.and_then(|after| after.value().parse().ok()) {
        headers.insert(RETRY_AFTER, after);
    }
    response
}

/// The message of a success.
pub(super) fn message(answer: &Answer) -> ExportMetricsServiceResponse {
    let partial_success = match answer {
        Answer::Partial(rejected, message) => Some(ExportMetricsPartialSuccess {
            rejected_data_points: i64::try_from(*rejected).unwrap_or(i64::MAX),
            error_message: message.clone(),
        }),
        _ => None,
    };
    ExportMetricsServiceResponse { partial_success }
}

#[expect(clippy::panic, reason = "a script with a status that does not exist is the test's mistake")]
fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or_else(|error| panic!("{status}: {error}"))
}

fn full(body: Vec<u8>) -> Body {
    Body::new(Full::new(Bytes::from(body)))
}

fn decompressed(body: Bytes, encoding: Option<&[u8]>) -> Option<Bytes> {
    match encoding {
        None => Some(body),
        Some(b"gzip") => {
            let mut plain = Vec::new();
            MultiGzDecoder::new(&body[..]).read_to_end(&mut plain).ok()?;
            Some(plain.into())
        }
        Some(b"zstd") => zstd::decode_all(&body[..]).ok().map(Bytes::from),
        Some(_) => None,
    }
}

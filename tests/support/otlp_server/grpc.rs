//! Answers over gRPC, by `tonic` and the service that is generated.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::Answer;
use super::connection::Cut;
use super::endless::Endless;
use super::over_http::{failure as http_failure, message};
use super::received::Head;
use super::state::State;

/// Takes one request.
struct One {
    head: Head,
    cut: Arc<Cut>,
    state: Arc<State>,
}

#[tonic::async_trait]
impl MetricsService for One {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, Status> {
        let answer = self.head.answer.clone();
        self.state.take(self.head.clone(), request.into_inner(), &self.cut).await;
        match answer {
            Answer::Grpc(code, after) => Err(status(code, after)),
            answer => Ok(tonic::Response::new(message(&answer))),
        }
    }
}

/// Answers a request.
pub(super) async fn answer(
    request: Request<Incoming>,
    head: Head,
    cut: Arc<Cut>,
    state: Arc<State>,
) -> Response<Body> {
    let answer = head.answer.clone();
    let service = MetricsServiceServer::new(One { head, cut, state })
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .max_decoding_message_size(usize::MAX);
    let response: Result<_, Infallible> = TowerToHyperService::new(service).call(request).await;
    let response = response.unwrap_or_else(|never| match never {});
    let (parts, body) = response.into_parts();
    // A request that is none has its status in its head, and nothing takes its place.
    if parts.headers.contains_key("grpc-status") && !matches!(answer, Answer::Grpc(..)) {
        return Response::from_parts(parts, body);
    }
    match answer {
        Answer::Http(code, after) => {
            let mut response = http_failure(code, after);
            *response.body_mut() = Body::default();
            response.headers_mut().remove(CONTENT_TYPE);
            response
        }
        Answer::EndlessFailure(code) => {
            let mut response = http_failure(code, None);
            *response.body_mut() = Body::new(Endless::default());
            response
        }
        Answer::Garbage => {
            // A whole frame, and what is in it is no message; the status of the success follows.
            let frame = Full::new(Bytes::from_static(b"\0\0\0\0\x0b\xff\xff\xff\xffgarbage"));
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            Response::from_parts(
                parts,
                Body::new(frame.with_trailers(std::future::ready(Some(Ok(trailers))))),
            )
        }
        Answer::Undecodable(code, is_late) => {
            let mut response = failure(code, None);
            let details = http::HeaderValue::from_static("%not base64%");
            response.headers_mut().insert("grpc-status-details-bin", details);
            if is_late {
                let trailers = std::mem::take(response.headers_mut());
                let (head, ()) = Response::new(()).into_parts();
                let body = Full::new(Bytes::new()).with_trailers(std::future::ready(Some(Ok(trailers))));
                response = Response::from_parts(head, Body::new(body));
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, http::HeaderValue::from_static("application/grpc"));
            }
            response
        }
        Answer::Endless => {
            // SPEC: gRPC over HTTP/2, "Length-Prefixed-Message": uncompressed, and as long as can be said.
            let frame = Bytes::from_static(b"\0\xff\xff\xff\xff");
            Response::from_parts(parts, Body::new(Endless::after(frame)))
        }
        _ => Response::from_parts(parts, body),
    }
}

/// What says that a request was not taken.
pub(super) fn failure(code: Code, after: Option<Duration>) -> Response<Body> {
    status(code, after).into_http()
}

fn status(code: Code, after: Option<Duration>) -> Status {
    let said = format!("said to be {code:?}");
    match after {
        Some(_) => Status::with_error_details(code, said, ErrorDetails::with_retry_info(after)),
        None => Status::new(code, said),
    }
}

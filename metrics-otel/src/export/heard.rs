//! What a receiver has said of a request over gRPC, and what was made of its answer on this side.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Request, Response, StatusCode};
use hyper::body::Frame;
use prost::bytes::Bytes;
use tonic::Status;
use tonic::body::Body;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Error};
use tower_service::Service;

/// SPEC: gRPC over HTTP/2, "Responses": it is in the trailers, or in the head of an answer that has nothing else.
const STATUS: &str = "grpc-status";

/// Sends one request, and notes whether the answer says a status of gRPC.
pub(super) struct Heard {
    pub(super) channel: Channel,
    pub(super) is_told: Arc<AtomicBool>,
}

impl Service<Request<Body>> for Heard {
    type Response = Response<Answer>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Answer>, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (answer, is_told) = (self.channel.call(request), Arc::clone(&self.is_told));
        Box::pin(async move {
            let (mut head, body) = answer.await?.into_parts();
            note(&mut head.headers, &is_told);
            // SPEC: gRPC, "HTTP to gRPC Status Code Mapping": what does not come from a receiver of gRPC, but from a proxy
            // in front of one, is known by its status alone. Its page is no message.
            let is_page = head.status != StatusCode::OK && !head.headers.contains_key(STATUS);
            let body = if is_page { Body::empty() } else { body };
            Ok(Response::from_parts(head, Answer { body, is_told }))
        })
    }
}

/// Details without which the status says enough, and at which tonic panics where they are no base64.
const DETAILS: &str = "grpc-status-details-bin";

fn note(headers: &mut HeaderMap, is_told: &AtomicBool) {
    if headers.contains_key(STATUS) {
        // ORDERING: Relaxed, the task that reads it is the one that reads the answer.
        is_told.store(true, Ordering::Relaxed);
    }
    if headers.contains_key(DETAILS) {
        let all = MetadataMap::from_headers(headers.clone());
        if all.get_bin(DETAILS).is_none_or(|details| details.to_bytes().is_err()) {
            headers.remove(DETAILS);
        }
    }
}

/// The body of an answer, whose trailers are looked at.
pub(super) struct Answer {
    body: Body,
    is_told: Arc<AtomicBool>,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(trailers) = frame.as_mut().and_then(|frame| frame.as_mut().ok()?.trailers_mut()) {
            note(trailers, &self.is_told);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
}

//! Requests to a service that does nothing: what a layer around it takes is all that there is.

use std::convert::Infallible;
use std::future::{Future as _, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpServerLayer, HttpServerMetrics, Route};
use tower_service::Service;

/// It answers at once.
#[derive(Debug, Clone, Copy)]
pub struct Answer;

impl<B> Service<Request<B>> for Answer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"an order")))))
    }
}

/// The layer for HTTP servers, with one route for all requests.
///
/// # Errors
///
/// None: the names of its metrics are free in a registry of its own.
pub fn server_layer() -> Result<HttpServerLayer, nilometer::MetricsError> {
    let route: Arc<str> = "/orders/{id}".into();
    let layer = HttpServerLayer::new(HttpServerMetrics::new(&MetricsRegistry::new())?);
    Ok(layer.with_routes(move |_: &Parts| Route::from(Arc::clone(&route))))
}

/// Sends one request through the service, and reads the response.
#[inline]
pub fn ask<S, B>(service: &mut S)
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let mut context = Context::from_waker(Waker::noop());
    let future = pin!(service.call(Request::new(Full::default())));
    if let Poll::Ready(Ok(response)) = future.poll(&mut context) {
        let mut body = pin!(response.into_body());
        let _ = black_box(body.as_mut().poll_frame(&mut context));
    }
}

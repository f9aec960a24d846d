//! The layer without a network.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future as _, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use axum::body::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::Full;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpServerLayer, HttpServerMetrics, Route};
use tower::{Layer as _, Service};

const REQUESTS: u32 = 200_000;
const ROUNDS: usize = 9;

/// It answers at once.
#[derive(Clone)]
struct Answer;

impl<B> Service<Request<B>> for Answer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Full<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        drop(black_box(request));
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"an order")))))
    }
}

/// Nanoseconds that the layer adds to a request: the least of a few rounds with it, less the least without.
pub(crate) fn nanoseconds() -> Result<f64, Box<dyn Error>> {
    let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
    let route: Arc<str> = "/orders/{id}".into();
    let layer = HttpServerLayer::new(metrics)
        .with_routes(move |_: &http::request::Parts| Route::from(Arc::clone(&route)));
    let least = |rounds: [f64; ROUNDS]| rounds.into_iter().fold(f64::INFINITY, f64::min);
    let bare = least([(); ROUNDS].map(|()| round(Answer)));
    let measured = least([(); ROUNDS].map(|()| round(layer.layer(Answer))));
    Ok(measured - bare)
}

fn round<S, B>(mut service: S) -> f64
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let start = Instant::now();
    for _ in 0..REQUESTS {
        let mut context = Context::from_waker(Waker::noop());
        let future = pin!(service.call(Request::new(Full::default())));
        if let std::task::Poll::Ready(Ok(response)) = future.poll(&mut context) {
            let mut body = pin!(response.into_body());
            let _ = black_box(body.as_mut().poll_frame(&mut context));
        }
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(REQUESTS)
}

//! What a request takes of the heap that goes through the layer for HTTP servers: nothing.

use std::convert::Infallible;
use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{Request, Response};
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Bytes;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpServerLayer, HttpServerMetrics, RequestBody, Route};
use nilometer_tests::heap::{CountingAllocator, Measured};
use tower::{Layer as _, Service as _, service_fn};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn a_request_allocates_nothing_once_its_series_are_there() {
    const REQUESTS: usize = 10_000;
    let metrics = HttpServerMetrics::new(&MetricsRegistry::new()).unwrap();
    let route: Arc<str> = "/orders/{id}".into();
    let layer = HttpServerLayer::new(metrics.clone())
        .with_routes(move |_: &http::request::Parts| Route::from(Arc::clone(&route)));
    let mut service = layer.layer(service_fn(|request: Request<RequestBody<Full<Bytes>>>| {
        // A request's body lives as long as the service wants; this one reads it.
        let mut body = pin!(request.into_body());
        let _ = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop()));
        ready(Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"an order")))))
    }));
    let mut ask = || {
        let mut context = Context::from_waker(Waker::noop());
        let request = Request::new(Full::new(Bytes::from_static(b"what is it?")));
        let Poll::Ready(Ok(response)) = pin!(service.call(request)).poll(&mut context) else {
            unreachable!("it is ready")
        };
        let mut body = pin!(response.into_body());
        assert!(matches!(body.as_mut().poll_frame(&mut context), Poll::Ready(Some(Ok(_)))));
    };
    // The series, and what a thread has of its own; meanwhile the test's harness has said what it runs.
    for _ in 0..REQUESTS {
        ask();
    }
    let measured = Measured::start();
    for _ in 0..REQUESTS {
        ask();
    }
    assert_eq!((measured.allocations(), measured.held()), (0, 0));
    let counted: u64 =
        metrics.request_duration_seconds.series().map(|series| series.snapshot().count()).sum();
    assert_eq!(counted, 2 * REQUESTS as u64);
}

//! How requests end, and how large their bodies were: without a network, by hand where the order matters.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod http_support;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, pending};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{any, get, post};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpServerLayer, HttpServerMetrics};
use tokio::sync::mpsc::unbounded_channel;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use self::http_support::{Channel, active, ask, chunks, count, get as request, server_metrics, shown_of};

type AnError = Box<dyn std::error::Error + Send + Sync>;

/// A service behind a layer that knows nothing of axum.
fn behind<F, R>(metrics: &HttpServerMetrics, answer: impl Fn(Request<()>) -> F + Clone) -> impl AnyService<R>
where
    F: Future<Output = Result<Response<R>, AnError>>,
    R: http_body::Body,
{
    let service = service_fn(move |request: Request<_>| {
        answer(request.map(|_: nilometer::http::RequestBody<Body>| ()))
    });
    HttpServerLayer::new(metrics.clone()).layer(service)
}

trait AnyService<R>:
    Service<Request<Body>, Response = Response<nilometer::http::ResponseBody<R>>, Error = AnError> + Clone
{
}
impl<S, R> AnyService<R> for S where
    S: Service<Request<Body>, Response = Response<nilometer::http::ResponseBody<R>>, Error = AnError> + Clone
{
}

fn sizes(registry: &MetricsRegistry, of: &str) -> Vec<String> {
    shown_of(registry, &format!("{of}_body_size_bytes_"))
        .into_iter()
        .map(|line| {
            // What was measured and how much it was.
            let (name, value) = (line.split('{').next().unwrap(), line.rsplit(' ').next().unwrap());
            format!("{name} {value}")
        })
        .collect()
}

#[tokio::test]
async fn the_bytes_of_both_bodies_are_counted_as_they_go_by() {
    for is_length_known in [true, false] {
        let (registry, metrics) = server_metrics();
        let echo = async |body: Bytes| chunks(&[b"you sent ", if body.len() == 6 { b"6" } else { b"?" }]);
        let app = Router::new().route("/", post(echo)).layer(HttpServerLayer::axum(metrics));
        let body = if is_length_known { Body::from("orders") } else { chunks(&[b"ord", b"ers"]) };
        assert_eq!(ask(&app, Request::post("/").body(body).unwrap()).await.body(), "you sent 6");
        assert_eq!(sizes(&registry, "request"), ["sum 6", "count 1"]);
        assert_eq!(sizes(&registry, "response"), ["sum 10", "count 1"]);
    }
}

#[tokio::test]
async fn a_wrong_length_in_the_head_is_not_believed() {
    let (registry, metrics) = server_metrics();
    let app = Router::new()
        .route("/", post(async |_: Bytes| ([("content-length", "1000")], chunks(&[b"short"]))))
        .layer(HttpServerLayer::axum(metrics.clone()));
    ask(&app, Request::post("/").header("content-length", "9999").body(Body::from("orders")).unwrap()).await;
    assert_eq!(sizes(&registry, "request"), ["sum 6", "count 1"]);
    assert_eq!(sizes(&registry, "response"), ["sum 5", "count 1"]);
}

#[tokio::test]
async fn of_a_body_that_is_not_read_nothing_is_counted() {
    let (registry, metrics) = server_metrics();
    let app = Router::new().route("/", post("unread")).layer(HttpServerLayer::axum(metrics));
    ask(&app, Request::post("/").body(Body::from("orders")).unwrap()).await;
    assert_eq!(sizes(&registry, "request"), ["sum 0", "count 1"]);
}

#[tokio::test]
async fn a_request_is_active_until_its_responses_body_has_ended() {
    let (_registry, metrics) = server_metrics();
    let (sender, receiver) = unbounded_channel();
    let body = Arc::new(Mutex::new(Some(Channel(receiver))));
    let app = behind(&metrics, move |_| {
        let response = Response::new(body.lock().unwrap().take().unwrap());
        async { Ok(response) }
    });
    let mut body = app.oneshot(request("/")).await.unwrap().into_body();
    sender.send(Ok::<_, Infallible>(&b"some"[..])).unwrap();
    assert!(body.frame().await.is_some());
    assert_eq!((active(&metrics), count(&metrics, "")), (1, 0));
    drop(sender);
    assert!(body.frame().await.is_none());
    // Though the body is still there.
    assert_eq!((active(&metrics), count(&metrics, "error_type"), count(&metrics, "")), (0, 0, 1));
    drop(body);
    assert_eq!(count(&metrics, ""), 1);
}

#[tokio::test]
async fn a_body_that_is_dropped_before_its_end_was_aborted_and_what_came_of_it_is_counted() {
    let (registry, metrics) = server_metrics();
    let app = behind(&metrics, async |_| Ok(Response::new(chunks(&[b"one", b"two"]))));
    let mut body = app.oneshot(request("/")).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(
        count(&metrics, r#"error_type="aborted",http_request_method="GET",http_response_status_class="2xx""#),
        1
    );
    assert_eq!((active(&metrics), count(&metrics, "")), (0, 1));
    assert_eq!(sizes(&registry, "response"), ["sum 3", "count 1"]);
}

#[test]
fn a_future_that_is_dropped_before_the_response_was_aborted() {
    let (registry, metrics) = server_metrics();
    let app = behind(&metrics, |_| pending::<Result<Response<Body>, AnError>>());
    for polls in 0..3 {
        let mut future = Box::pin(app.clone().oneshot(request("/")));
        for _ in 0..polls {
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(active(&metrics), i64::from(polls > 0));
        drop(future);
        assert_eq!(active(&metrics), 0);
    }
    // The first was not even begun.
    assert_eq!((count(&metrics, r#"error_type="aborted""#), count(&metrics, "")), (2, 2));
    assert_eq!(count(&metrics, "status_class"), 0);
    assert_eq!(sizes(&registry, "response"), [""; 0]);
}

#[tokio::test]
async fn what_is_dropped_when_all_of_it_was_taken_was_not_aborted() {
    // As servers do that stop at the length, and never ask whether there is more.
    for (head, body) in [
        ("", Body::from("whole")),
        ("5", chunks(&[b"whole"])),
        // What is not sent is not taken either.
        ("no content", Body::from("whole")),
        ("not modified", chunks(&[b"whole"])),
        ("head", Body::from("whole")),
        ("upgrade", chunks(&[b"whole"])),
    ] {
        let (registry, metrics) = server_metrics();
        let body = Arc::new(Mutex::new(Some(body)));
        let app = behind(&metrics, move |_| {
            let mut response = Response::new(body.lock().unwrap().take().unwrap());
            match head {
                "5" => drop(response.headers_mut().insert("content-length", "5".parse().unwrap())),
                "no content" => *response.status_mut() = StatusCode::NO_CONTENT,
                "not modified" => *response.status_mut() = StatusCode::NOT_MODIFIED,
                "upgrade" => *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS,
                _ => {}
            }
            async { Ok(response) }
        });
        let is_sent = ["", "5"].contains(&head);
        let method = if head == "head" { "HEAD" } else { "GET" };
        let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
        let mut body = app.oneshot(request).await.unwrap().into_body();
        if is_sent {
            body.frame().await.unwrap().unwrap();
        }
        drop(body);
        assert_eq!((count(&metrics, "error_type"), count(&metrics, "")), (0, 1), "{head}");
        assert_eq!(
            sizes(&registry, "response"),
            [if is_sent { "sum 5" } else { "sum 0" }, "count 1"],
            "{head}"
        );
    }
}

#[tokio::test]
async fn a_body_that_says_that_it_has_ended_is_whole_though_nobody_asks_it_for_more() {
    /// One of a proxy: its last frame was the last, as is known after that alone.
    struct Late(Arc<AtomicBool>);
    impl http_body::Body for Late {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"all")))))
        }
        fn is_end_stream(&self) -> bool {
            self.0.load(Ordering::Relaxed)
        }
    }

    let (_registry, metrics) = server_metrics();
    for asks in [true, false] {
        let has_ended = Arc::new(AtomicBool::new(false));
        let late = Arc::clone(&has_ended);
        let app = behind(&metrics, move |_| std::future::ready(Ok(Response::new(Late(Arc::clone(&late))))));
        let mut body = app.oneshot(request("/")).await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        assert!(!body.is_end_stream());
        has_ended.store(true, Ordering::Relaxed);
        // Servers drop what says so.
        assert!(!asks || body.is_end_stream());
        drop(body);
        assert_eq!(count(&metrics, "error_type"), u64::from(!asks));
    }
    assert_eq!((active(&metrics), count(&metrics, "")), (0, 2));
}

#[tokio::test]
async fn a_requests_body_that_outlives_the_request_is_counted_when_it_is_dropped() {
    let (registry, metrics) = server_metrics();
    let (sender, mut kept) = unbounded_channel();
    let service = service_fn(move |request: Request<nilometer::http::RequestBody<Body>>| {
        sender.send(request.into_body()).unwrap();
        std::future::ready(Ok::<_, Infallible>(Response::new(Body::empty())))
    });
    let app = HttpServerLayer::new(metrics.clone()).layer(service);
    app.oneshot(Request::post("/").body(chunks(&[b"one", b"two"])).unwrap()).await.unwrap();
    assert_eq!((active(&metrics), count(&metrics, "")), (0, 1));
    let mut body = kept.recv().await.unwrap();
    body.frame().await.unwrap().unwrap();
    assert_eq!(sizes(&registry, "request"), [""; 0]);
    drop(body);
    assert_eq!(sizes(&registry, "request"), ["sum 3", "count 1"]);
}

#[tokio::test]
async fn an_empty_response_is_over_with_its_head() {
    let (_registry, metrics) = server_metrics();
    let app = behind(&metrics, async |_| Ok(Response::new(Body::empty())));
    let response = app.oneshot(request("/")).await.unwrap();
    assert_eq!((active(&metrics), count(&metrics, "error_type"), count(&metrics, "")), (0, 0, 1));
    drop(response);
    assert_eq!(count(&metrics, ""), 1);
}

#[tokio::test]
async fn a_head_request_is_no_abortion_though_axum_throws_the_body_away() {
    let (registry, metrics) = server_metrics();
    let app = Router::new().route("/", get("home")).layer(HttpServerLayer::axum(metrics.clone()));
    let response = ask(&app, Request::head("/").body(Body::empty()).unwrap()).await;
    assert_eq!((response.headers()["content-length"].as_bytes(), response.body().len()), (&b"4"[..], 0));
    assert_eq!((count(&metrics, "error_type"), count(&metrics, r#"http_request_method="HEAD""#)), (0, 1));
    assert_eq!(sizes(&registry, "response"), ["sum 0", "count 1"]);
}

#[tokio::test]
async fn an_error_of_the_service_is_counted_as_one_and_has_no_status() {
    let (registry, metrics) = server_metrics();
    let app = behind(&metrics, async |_| Err::<Response<Body>, _>("down".into()));
    app.oneshot(request("/")).await.map(drop).unwrap_err();
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [r#"{error_type="service_error",http_request_method="GET",url_scheme="http"} 1"#]
    );
    assert_eq!(active(&metrics), 0);
}

#[tokio::test]
async fn an_error_of_a_body_is_counted_as_one() {
    let (_registry, metrics) = server_metrics();
    let (sender, receiver) = unbounded_channel();
    sender.send(Ok(&b"some"[..])).unwrap();
    sender.send(Err(AnError::from("the disk is gone"))).unwrap();
    let body = Arc::new(Mutex::new(Some(Channel(receiver))));
    let app = behind(&metrics, move |_| {
        let response = Response::new(body.lock().unwrap().take().unwrap());
        async { Ok(response) }
    });
    app.oneshot(request("/")).await.unwrap().into_body().collect().await.map(drop).unwrap_err();
    assert_eq!((count(&metrics, r#"error_type="body_error""#), count(&metrics, "")), (1, 1));
    assert_eq!(active(&metrics), 0);
}

#[tokio::test]
async fn a_panic_is_counted_as_one_wherever_it_comes() {
    struct Panicking;
    impl http_body::Body for Panicking {
        type Data = Bytes;
        type Error = Infallible;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            panic!("in the body")
        }
    }

    let (_registry, metrics) = server_metrics();
    let layer = HttpServerLayer::new(metrics.clone());
    let in_call =
        |_: Request<nilometer::http::RequestBody<Body>>| -> Ready<Result<Response<Body>, Infallible>> {
            panic!("in the call")
        };
    let called = layer.layer(service_fn(in_call));
    let polled = behind::<_, Body>(&metrics, async |_| panic!("in the future"));
    let body = behind(&metrics, async |_| Ok(Response::new(Panicking)));

    let panicked = |future: Pin<Box<dyn Future<Output = ()>>>| {
        let mut future = std::panic::AssertUnwindSafe(future);
        std::panic::catch_unwind(move || {
            let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        })
        .unwrap_err();
    };
    panicked(Box::pin(async move { drop(called.oneshot(request("/")).await) }));
    panicked(Box::pin(async move { drop(polled.oneshot(request("/")).await) }));
    panicked(Box::pin(async move { drop(body.oneshot(request("/")).await.unwrap().collect().await) }));
    assert_eq!((count(&metrics, r#"error_type="panicked""#), count(&metrics, "")), (3, 3));
    assert_eq!(active(&metrics), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_around_the_layer_aborts_and_one_within_is_an_error() {
    let (_registry, metrics) = server_metrics();
    let never = service_fn(async |_: Request<nilometer::http::RequestBody<Body>>| {
        pending::<Result<Response<Body>, AnError>>().await
    });
    let (timeout, layer) = (Duration::from_secs(1), HttpServerLayer::new(metrics.clone()));
    let around = ServiceBuilder::new().timeout(timeout).layer(layer.clone()).service(never);
    around.oneshot(request("/")).await.map(drop).unwrap_err();
    assert_eq!((count(&metrics, r#"error_type="aborted""#), count(&metrics, "")), (1, 1));
    let within = ServiceBuilder::new().layer(layer).timeout(timeout).service(never);
    within.oneshot(request("/")).await.map(drop).unwrap_err();
    assert_eq!((count(&metrics, r#"error_type="service_error""#), count(&metrics, "")), (1, 2));
    assert_eq!(active(&metrics), 0);
}

#[tokio::test]
async fn the_bodies_are_as_long_as_without_the_layer() {
    let (_registry, metrics) = server_metrics();
    let seen = |request: Request<Body>| async move {
        let hint = request.body().size_hint().exact();
        Response::new(Body::from(format!("{hint:?} {}", request.body().is_end_stream())))
    };
    let app = Router::new().route("/", any(seen)).layer(HttpServerLayer::axum(metrics));
    for (body, expected) in [
        (Body::empty(), "Some(0) true"),
        (Body::from("orders"), "Some(6) false"),
        (chunks(&[b"a"]), "None false"),
    ] {
        let response = app.clone().oneshot(Request::post("/").body(body).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-length"], expected.len().to_string().as_str());
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), expected);
    }
}

/// A body by a script, which says at each step how much is left and whether that is nothing.
struct Script(VecDeque<Option<Frame<Bytes>>>);

impl Script {
    /// Data; a pause without; trailers at the end, if there are any.
    fn new(data: &[&'static str], trailers: Option<HeaderMap>) -> Script {
        let data = data
            .iter()
            .map(|data| (!data.is_empty()).then(|| Frame::data(Bytes::from_static(data.as_bytes()))));
        Script(data.chain(trailers.map(|trailers| Some(Frame::trailers(trailers)))).collect())
    }
}

impl http_body::Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.pop_front() {
            Some(Some(frame)) => Poll::Ready(Some(Ok(frame))),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.0.iter().flatten().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
        let mut hint = SizeHint::with_exact(left);
        if left > 4 {
            hint.set_upper(2 * left);
        }
        hint
    }
}

#[tokio::test]
async fn bodies_and_heads_go_through_as_they_are_step_by_step() {
    let trailers = HeaderMap::from_iter([(http::header::ETAG, "x".parse().unwrap())]);
    for (data, trailers) in [
        (&[][..], None),
        (&["one"][..], None),
        (&["", "one", "", "", "two"][..], Some(trailers.clone())),
        (&[][..], Some(trailers)),
    ] {
        let (_registry, metrics) = server_metrics();
        let echo = service_fn(|request: Request<nilometer::http::RequestBody<Script>>| {
            let (head, body) = request.into_parts();
            let mut response = Response::new(body);
            (*response.extensions_mut(), *response.headers_mut()) = (head.extensions, head.headers);
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let app = HttpServerLayer::new(metrics.clone()).with_grpc(true).layer(echo);
        let request =
            Request::post("/").header("a", "b").extension(7_u32).body(Script::new(data, trailers.clone()));
        let (head, body) = app.oneshot(request.unwrap()).await.unwrap().into_parts();
        assert_eq!((head.extensions.get::<u32>(), head.headers.len()), (Some(&7), 1));
        let (mut plain, mut body) = (pin!(Script::new(data, trailers)), pin!(body));
        for _ in 0..8 {
            assert_eq!(body.is_end_stream(), plain.is_end_stream());
            let (hint, expected) = (body.size_hint(), plain.size_hint());
            assert_eq!((hint.lower(), hint.upper()), (expected.lower(), expected.upper()));
            let mut context = Context::from_waker(Waker::noop());
            let (got, expected) =
                (body.as_mut().poll_frame(&mut context), plain.as_mut().poll_frame(&mut context));
            assert_eq!(format!("{got:?}"), format!("{expected:?}"));
        }
        assert_eq!((active(&metrics), count(&metrics, "error_type"), count(&metrics, "")), (0, 0, 1));
    }
}

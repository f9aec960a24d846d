//! The answers of the service, without a socket.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use common::http::{bare, serving};
use common::{Closure, GATED, LINE, ROWS_HEAD, Rows, endless, gated, row, told};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::{MetricsBody, MetricsService, TruncatedPage, respond};
use tower::ServiceExt as _;

async fn ask<C: Collector + 'static>(
    service: &MetricsService<C>,
    method: Method,
    path: &str,
) -> Response<MetricsBody> {
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    service.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response<MetricsBody>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn header<'a>(response: &'a Response<MetricsBody>, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// How long the page of so many rows is.
fn page(series: u64) -> String {
    (0..series).fold(ROWS_HEAD.to_owned(), |page, index| page + &row(index))
}

/// How many rows are a page of at most so many bytes.
const fn rows_in(bytes: u64) -> u64 {
    (bytes - ROWS_HEAD.len() as u64) / LINE as u64
}

/// How many rows are held for all who ask for them, by default.
const HELD: u64 = rows_in(384 * 1024);

/// How long pages may be that are sent whole, and how many rows that is.
const LIMITS: [(usize, u64); 4] = [
    (0, rows_in(64 * 1024)),
    (1_000, rows_in(64 * 1024)),
    (384 * 1024, HELD),
    (1_000_000, rows_in(1_000_000)),
];

#[tokio::test]
async fn a_page_within_the_limit_is_sent_whole() {
    assert_eq!(bare().shared_page_limit(), 384 * 1024);
    for (limit, series) in LIMITS {
        let config = bare().with_shared_page_limit(limit);
        let service = MetricsService::try_new(Rows { series, end: || Ok(()) }, &config).unwrap();
        let response = ask(&service, Method::GET, "/metrics?name=x").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert!(header(&response, "x-render-duration-ms").unwrap().parse::<u64>().is_ok());
        let length = header(&response, "content-length").unwrap().parse::<usize>().unwrap();
        let text = text(response).await;
        assert_eq!(text.len(), length);
        assert_eq!(text, page(series));
    }
}

#[tokio::test]
async fn a_longer_page_is_streamed() {
    for (limit, series) in LIMITS {
        let config = bare().with_shared_page_limit(limit);
        let service = MetricsService::try_new(Rows { series: series + 1, end: || Ok(()) }, &config).unwrap();
        let response = ask(&service, Method::GET, "/metrics").await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        assert_eq!(header(&response, "content-length"), None);
        assert_eq!(header(&response, "x-render-duration-ms"), None);
        assert_eq!(text(response).await, page(series + 1), "{limit}");
    }
}

#[tokio::test]
async fn a_page_of_5_mb_needs_less_than_1_mib_of_buffers() {
    const SERIES: u64 = 80_000;
    let shown = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&shown);
    let service = serving(Closure(move |visitor: &mut dyn Visitor| {
        visitor.family(&Descriptor::try_new("rows_total", "Rows.", MetricType::Counter)?)?;
        for index in 0..SERIES {
            let row = format!("{index:020}");
            let labels = LabelSet::from_pairs(&[("row", &row), ("pad", "aaaaaaaaaaaaaaaa")]);
            visitor.point(SeriesLabels::of(&labels), CounterPoint::new(1_u64).into())?;
            counted.fetch_add(LINE as u64, Ordering::SeqCst);
        }
        Ok(())
    }));
    let mut body = ask(&service, Method::GET, "/metrics").await.into_body();
    let mut read = 0;
    while let Some(frame) = body.frame().await {
        let held = shown.load(Ordering::SeqCst).saturating_sub(read);
        assert!(held < 1024 * 1024, "{held} bytes are held for a reader that has taken {read}");
        read += frame.unwrap().into_data().unwrap().len() as u64;
    }
    assert_eq!(read, ROWS_HEAD.len() as u64 + SERIES * LINE as u64);
}

#[tokio::test]
async fn health_is_ok_and_collects_nothing() {
    let service = serving(Closure(|_: &mut dyn Visitor| panic!("collected")));
    let response = ask(&service, Method::GET, "/health").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await, "OK");
}

#[tokio::test]
async fn the_page_is_at_the_configured_path_alone() {
    let config = bare().with_path("/internal/m");
    let service = MetricsService::try_new(Rows { series: 1, end: || Ok(()) }, &config).unwrap();
    for (path, status) in
        [("/internal/m", 200), ("/metrics", 404), ("/", 404), ("/internal/m/", 404), ("/internal", 404)]
    {
        assert_eq!(ask(&service, Method::GET, path).await.status(), status, "{path}");
        let other = if status == 200 { 405 } else { 404 };
        assert_eq!(ask(&service, Method::POST, path).await.status(), other, "{path}");
    }
}

#[tokio::test]
async fn another_method_is_told_which_ones_there_are() {
    let service = serving(Rows { series: 1, end: || Ok(()) });
    for path in ["/metrics", "/health"] {
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
            let response = ask(&service, method, path).await;
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
            assert_eq!(header(&response, "allow"), Some("GET, HEAD"));
        }
    }
}

#[tokio::test]
async fn head_has_the_headers_of_get_and_no_body() {
    for series in [0, 1, HELD, HELD + 1] {
        let service = serving(Rows { series, end: || Ok(()) });
        for path in ["/metrics", "/health", "/nowhere"] {
            let get = ask(&service, Method::GET, path).await;
            let head = ask(&service, Method::HEAD, path).await;
            assert_eq!(head.status(), get.status());
            for name in ["content-type", "content-length"] {
                assert_eq!(header(&head, name), header(&get, name), "{name} of {path}");
            }
            assert_eq!(text(head).await, "");
        }
    }
}

#[tokio::test]
async fn a_collector_that_fails_early_is_an_error_500() {
    let service = serving(Rows { series: 1, end: || Err(CollectError::failed("no source")) });
    let response = ask(&service, Method::GET, "/metrics").await;
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(ask(&service, Method::HEAD, "/metrics").await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_collector_that_panics_early_is_an_error_500_and_frees_its_place() {
    let config = bare().with_scrape_limit(1);
    let service = MetricsService::try_new(Rows { series: 1, end: || panic!("in a test") }, &config).unwrap();
    for _ in 0..3 {
        let response = ask(&service, Method::GET, "/metrics").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}

#[tokio::test]
async fn a_page_that_breaks_off_late_ends_with_an_error() {
    let failing = Rows { series: HELD * 2, end: || Err(CollectError::failed("no source")) };
    let panicking = Rows { series: HELD * 2, end: || panic!("in a test") };
    for response in [
        ask(&serving(failing), Method::GET, "/metrics").await,
        ask(&serving(panicking), Method::GET, "/metrics").await,
    ] {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.into_body().collect().await.unwrap_err(), TruncatedPage);
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_collection() {
    let (collector, stopped) = endless();
    let service = serving(collector);
    let mut body = ask(&service, Method::GET, "/metrics").await.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    drop(body);
    let stopped = told(stopped).await;
    assert_eq!(ask(&service, Method::HEAD, "/metrics").await.status(), StatusCode::OK);
    told(stopped).await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_given_up() {
    let (collector, stopped) = endless();
    let config = bare().with_stall_timeout(Duration::from_millis(20));
    let service = MetricsService::try_new(collector, &config).unwrap();
    let response = ask(&service, Method::GET, "/metrics").await;
    told(stopped).await;
    assert_eq!(response.into_body().collect().await.unwrap_err(), TruncatedPage);
}

#[tokio::test]
async fn scrapes_beyond_the_limit_are_turned_away() {
    let (collector, gate, waits) = gated();
    let config = bare().with_scrape_limit(1).with_shared_page_limit(0).with_queue_timeout(Duration::ZERO);
    let service = MetricsService::try_new(collector, &config).unwrap();
    let first = tokio::spawn({
        let service = service.clone();
        async move { ask(&service, Method::GET, "/metrics").await }
    });
    let waits = told(waits).await;
    let second = ask(&service, Method::GET, "/metrics").await;
    assert_eq!(second.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&second, "retry-after"), Some("1"));
    assert_eq!(ask(&service, Method::GET, "/health").await.status(), StatusCode::OK);
    gate.open();
    assert_eq!(text(first.await.unwrap()).await, GATED);
    assert_eq!(text(ask(&service, Method::GET, "/metrics").await).await, GATED);
    drop(waits);
}

#[tokio::test]
async fn it_mounts_inside_axum() {
    let rows = Rows { series: 2_000, end: || Ok(()) };
    let whole = page(2_000);
    let service = serving(rows);
    let app: axum::Router = axum::Router::new()
        .route("/", axum::routing::get(|| async { "the application" }))
        .route_service("/metrics", service.clone())
        .nest_service("/internal", service);
    for (path, expected) in [
        ("/", "the application"),
        ("/metrics", &whole),
        ("/internal/metrics", &whole),
        ("/internal/health", "OK"),
    ] {
        let request = Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(str::from_utf8(&body).unwrap(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_scrape_that_waits_for_room_for_its_end_holds_its_place() {
    // One piece is taken with the response and 5 wait, so that the end finds no room.
    let series = 6 * 64 * 1024 / LINE as u64;
    let (tell, at_the_end) = mpsc::channel();
    let tell = Mutex::new(tell);
    let rows = Rows { series, end: move || tell.lock().unwrap().send(()).map_err(CollectError::failed) };
    let config = bare()
        .with_scrape_limit(1)
        .with_stall_timeout(Duration::from_mins(1))
        .with_queue_timeout(Duration::ZERO);
    let service = MetricsService::try_new(rows, &config).unwrap();
    let response = ask(&service, Method::GET, "/metrics").await;
    assert_eq!(response.status(), StatusCode::OK);
    let at_the_end = told(at_the_end).await;
    for _ in 0..1000 {
        assert_eq!(ask(&service, Method::GET, "/metrics").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(text(response).await.ends_with(&row(series - 1)));
    assert_eq!(ask(&service, Method::GET, "/metrics").await.status(), StatusCode::OK);
    drop(at_the_end);
}

/// Two families, and how a request asks for one of them.
fn two_families() -> impl Collector + 'static {
    Closure(|visitor: &mut dyn Visitor| {
        for name in ["first_total", "second_total"] {
            visitor.family(&Descriptor::try_new(name, "Help.", MetricType::Counter)?)?;
            visitor.point(SeriesLabels::of(&LabelSet::empty()), CounterPoint::new(1_u64).into())?;
        }
        Ok(())
    })
}

const SECOND: &str = "# HELP second_total Help.\n# TYPE second_total counter\nsecond_total 1\n";

#[tokio::test]
async fn a_filter_shows_the_families_that_are_asked_for_and_an_unreadable_one_is_a_bad_request() {
    let service = serving(two_families());
    for query in ["name[]=second_total", "name%5B%5D=second", "exclude[]=f*", "x=%41&name[]=sec*"] {
        let response = ask(&service, Method::GET, &format!("/metrics?{query}")).await;
        assert_eq!(text(response).await, SECOND, "{query}");
    }
    assert_eq!(text(ask(&service, Method::GET, "/metrics?name[]=none").await).await, "");
    for query in ["name[]=%", "name[]=", "exclude[]=%ff", "name[]=a*b"] {
        let response = ask(&service, Method::GET, &format!("/metrics?{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        assert!(!text(response).await.is_empty());
    }
    assert_eq!(service.stats().responses(400), 4);
    assert_eq!(service.stats().responses(200), 5);
}

#[test]
fn any_server_can_answer_with_the_same_page() {
    let ask = |method: Method, uri: &str, accept: &str| {
        let request = Request::builder().method(method).uri(uri).header("accept", accept).body(()).unwrap();
        respond(&two_families(), &request)
    };
    let response = ask(Method::GET, "/?name[]=second_total", "");
    assert_eq!((response.status(), response.body().as_slice()), (StatusCode::OK, SECOND.as_bytes()));
    assert_eq!(response.headers()["content-length"], SECOND.len().to_string());
    let response = ask(Method::HEAD, "/?name[]=second_total", "");
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
    assert_eq!(response.headers()["content-length"], SECOND.len().to_string());
    let response = ask(Method::GET, "/", "application/openmetrics-text; version=1.0.0");
    assert!(response.body().ends_with(b"\n# EOF\n"));
    assert_eq!(ask(Method::POST, "/", "").status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(ask(Method::GET, "/?name[]=%", "").status(), StatusCode::BAD_REQUEST);
    let failing = Rows { series: 5_000, end: || Err(CollectError::failed("no source")) };
    let response = respond(&failing, &Request::get("/").body(()).unwrap());
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

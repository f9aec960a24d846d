//! The layer of a client, around one that is often used, against a real server.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod http_support;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpClient, HttpClientLayer, HttpClientMetrics, RequestBody, Route};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceBuilder, ServiceExt as _};

use self::http_support::{chunks, serve, shown, shown_of, until};

type Done = Result<(), Box<dyn Error>>;

fn client_metrics() -> (MetricsRegistry, HttpClientMetrics) {
    let registry = MetricsRegistry::new();
    let metrics = HttpClientMetrics::new(&registry).unwrap();
    (registry, metrics)
}

fn client(layer: &HttpClientLayer) -> HttpClient<Client<HttpConnector, RequestBody<Full<Bytes>>>> {
    layer.layer(Client::builder(TokioExecutor::new()).build_http())
}

fn active(metrics: &HttpClientMetrics) -> i64 {
    metrics.active_requests.series().map(|series| series.get()).sum()
}

#[tokio::test]
async fn requests_are_counted_by_whom_they_go_to_with_the_bytes_of_both_bodies() -> Done {
    let (registry, metrics) = client_metrics();
    let client = client(&HttpClientLayer::new(metrics));
    let app = Router::new().route(
        "/orders",
        post(async |body: Bytes| chunks(&[b"taken: ", if body.len() == 4 { b"4" } else { b"?" }])),
    );
    let address = serve(app).await?;
    for path in ["/orders", "/orders?secret=1"] {
        let uri = format!("http://localhost:{}{path}", address.port());
        let response = client.clone().oneshot(Request::post(uri).body(Full::from("beer"))?).await?;
        assert_eq!(response.into_body().collect().await?.to_bytes(), "taken: 4");
    }
    let port = address.port();
    let server = format!(r#"server_address="localhost",server_port="{port}""#);
    assert_eq!(
        shown(&registry),
        [
            format!(r#"active_requests{{http_request_method="POST",{server}}} 0"#),
            format!(r#"request_body_size_bytes_sum{{http_request_method="POST",{server}}} 8"#),
            format!(r#"request_body_size_bytes_count{{http_request_method="POST",{server}}} 2"#),
            format!(
                r#"request_duration_seconds_count{{http_request_method="POST",http_response_status_class="2xx",{server}}} 2"#
            ),
            format!(
                r#"response_body_size_bytes_sum{{http_request_method="POST",http_response_status_class="2xx",{server}}} 16"#
            ),
            format!(
                r#"response_body_size_bytes_count{{http_request_method="POST",http_response_status_class="2xx",{server}}} 2"#
            ),
        ]
    );
    Ok(())
}

#[tokio::test]
async fn statuses_from_400_on_are_errors_and_templates_and_statuses_are_labels_if_wanted() -> Done {
    let (registry, metrics) = client_metrics();
    let layer = HttpClientLayer::new(metrics).with_servers(false).with_status_codes(true).with_templates(
        |request: &http::request::Parts| {
            request.extensions.get::<&'static str>().map_or(Route::NONE, |name| (*name).into())
        },
    );
    let client = client(&layer);
    let app = Router::new()
        .route("/orders/{id}", get(StatusCode::GONE))
        .route("/down", get(StatusCode::BAD_GATEWAY));
    let address = serve(app).await?;
    for (path, template) in [("/orders/1", "/orders/{id}"), ("/orders/2", "/orders/{id}"), ("/down", "")] {
        let request = Request::get(format!("http://{address}{path}")).extension(template);
        client.clone().oneshot(request.body(Full::default())?).await?.into_body().collect().await?;
    }
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [
            r#"{error_type="4xx",http_request_method="GET",http_response_status_class="4xx",http_response_status_code="410",url_template="/orders/{id}"} 2"#,
            r#"{error_type="5xx",http_request_method="GET",http_response_status_class="5xx",http_response_status_code="502"} 1"#,
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_response_of_which_nobody_wants_the_rest_is_no_error() -> Done {
    let (registry, metrics) = client_metrics();
    let client = client(&HttpClientLayer::new(metrics.clone()).with_servers(false));
    let address = serve(Router::new().route("/", get(async || chunks(&[b"much", b"more"])))).await?;
    let response = client.oneshot(Request::get(format!("http://{address}/")).body(Full::default())?).await?;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(active(&metrics), 1);
    drop(response);
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [r#"{http_request_method="GET",http_response_status_class="2xx"} 1"#]
    );
    assert_eq!(active(&metrics), 0);
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error_and_one_that_does_not_answer_in_time_was_given_up() -> Done {
    let (registry, metrics) = client_metrics();
    let layer = HttpClientLayer::new(metrics.clone()).with_servers(false);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let silent = listener.local_addr()?;
    let request = |address| Request::get(format!("http://{address}/")).body(Full::default());

    let patient = ServiceBuilder::new().timeout(Duration::from_millis(50)).service(client(&layer));
    patient.oneshot(request(silent)?).await.map(drop).unwrap_err();
    drop(listener);
    // Nobody listens there any more.
    client(&layer).oneshot(request(silent)?).await.map(drop).unwrap_err();

    until("both are over", || active(&metrics) == 0).await;
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [
            r#"{error_type="aborted",http_request_method="GET"} 1"#,
            r#"{error_type="service_error",http_request_method="GET"} 1"#,
        ]
    );
    assert_eq!(shown_of(&registry, "response_body_size_bytes_count"), [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_server_that_breaks_off_half_way_is_an_error_of_the_body() -> Done {
    let (registry, metrics) = client_metrics();
    let client = client(&HttpClientLayer::new(metrics).with_servers(false));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let (mut stream, _) = listener.accept().await?;
        let _ = stream.read(&mut [0; 1024]).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await
    });
    let response = client.oneshot(Request::get(format!("http://{address}/")).body(Full::default())?).await?;
    response.into_body().collect().await.map(drop).unwrap_err();
    server.await??;
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [r#"{error_type="body_error",http_request_method="GET",http_response_status_class="2xx"} 1"#]
    );
    assert_eq!(
        shown_of(&registry, "response_body_size_bytes_sum"),
        [r#"{error_type="body_error",http_request_method="GET",http_response_status_class="2xx"} 4"#]
    );
    Ok(())
}

#[tokio::test]
async fn a_client_and_a_server_share_a_registry() -> Done {
    let registry = MetricsRegistry::new();
    let server = nilometer::http::HttpServerMetrics::new(&registry)?;
    let metrics = HttpClientMetrics::new(&registry)?;
    let app = Router::new()
        .route("/", get(async || Body::from("home")))
        .layer(nilometer::http::HttpServerLayer::axum(server.clone()));
    let address = serve(app).await?;
    let request = Request::get(format!("http://{address}/")).body(Full::default())?;
    client(&HttpClientLayer::new(metrics.clone())).oneshot(request).await?.into_body().collect().await?;
    until("the server is done", || http_support::active(&server) == 0).await;
    assert_eq!(http_support::count(&server, ""), 1);
    assert_eq!(
        metrics.request_duration_seconds.series().map(|series| series.snapshot().count()).sum::<u64>(),
        1
    );
    Ok(())
}

//! Which labels requests get: routes, methods, statuses.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod http_support;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get, get_service};
use http::{Method, Request, StatusCode};
use nilometer::http::{HttpServerLayer, HttpServerMetrics, Scheme};

use self::http_support::{ask, count, get as request, server_metrics, shown, shown_of};

fn app(layer: impl Fn(HttpServerMetrics) -> HttpServerLayer<nilometer::http::AxumBody>) -> (App, Router) {
    let (registry, metrics) = server_metrics();
    let users = Router::new().route("/users/{id}", get("a user"));
    let app = Router::new()
        .route("/", get("home"))
        .route("/orders/{id}", get("an order").put(StatusCode::CREATED))
        .route("/teapot", any(StatusCode::IM_A_TEAPOT))
        .route("/broken", any(StatusCode::INTERNAL_SERVER_ERROR))
        .nest("/api", Router::new().nest("/v1", users))
        .layer(layer(metrics.clone()));
    (App { registry, metrics }, app)
}

struct App {
    registry: nilometer::MetricsRegistry,
    metrics: HttpServerMetrics,
}

#[tokio::test]
async fn a_request_is_recorded_under_its_route_and_not_its_path() {
    let (recorded, app) = app(HttpServerLayer::axum);
    for path in ["/orders/1", "/orders/2?x=y", "/orders/%7Bid%7D"] {
        assert_eq!(ask(&app, request(path)).await.status(), StatusCode::OK);
    }
    let labels = r#"http_request_method="GET",http_response_status_class="2xx",http_route="/orders/{id}""#;
    assert_eq!(
        shown(&recorded.registry),
        [
            r#"active_requests{http_request_method="GET",url_scheme="http"} 0"#.to_owned(),
            r#"request_body_size_bytes_sum{http_request_method="GET",http_route="/orders/{id}",url_scheme="http"} 0"#
                .to_owned(),
            r#"request_body_size_bytes_count{http_request_method="GET",http_route="/orders/{id}",url_scheme="http"} 3"#
                .to_owned(),
            format!("request_duration_seconds_count{{{labels},url_scheme=\"http\"}} 3"),
            format!("response_body_size_bytes_sum{{{labels},url_scheme=\"http\"}} 24"),
            format!("response_body_size_bytes_count{{{labels},url_scheme=\"http\"}} 3"),
        ]
    );
}

#[tokio::test]
async fn a_nested_route_is_the_whole_of_it() {
    let (recorded, app) = app(HttpServerLayer::axum);
    ask(&app, request("/api/v1/users/7")).await;
    assert_eq!(count(&recorded.metrics, r#"http_route="/api/v1/users/{id}""#), 1);
}

#[tokio::test]
async fn a_layer_around_a_nested_router_and_one_within_see_their_own_requests() {
    let (outer_registry, outer) = server_metrics();
    let (inner_registry, inner) = server_metrics();
    let users = Router::new().route("/users/{id}", get("a user")).layer(HttpServerLayer::axum(inner));
    let app = Router::new().nest("/api", users).layer(HttpServerLayer::axum(outer));
    ask(&app, request("/api/users/7")).await;
    let expected = [
        r#"{http_request_method="GET",http_response_status_class="2xx",http_route="/api/users/{id}",url_scheme="http"} 1"#,
    ];
    assert_eq!(shown_of(&outer_registry, "request_duration_seconds_count"), expected);
    assert_eq!(shown_of(&inner_registry, "request_duration_seconds_count"), expected);
}

/// As the quick start has it: the page is not measured, and what matches no route still is.
#[cfg(feature = "prometheus")]
#[tokio::test]
async fn a_page_beside_the_application_takes_nothing_from_the_layer() {
    let (recorded, app) = app(HttpServerLayer::axum);
    let page = nilometer::prometheus::MetricsService::new(recorded.registry.clone());
    // A page of health stays the application's.
    let app = app.route("/health", get("well")).route_service("/metrics", page);
    assert_eq!(ask(&app, request("/metrics")).await.status(), StatusCode::OK);
    assert_eq!(ask(&app, request("/nothing/here")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        shown_of(&recorded.registry, "request_duration_seconds_count"),
        [r#"{http_request_method="GET",http_response_status_class="4xx",url_scheme="http"} 1"#]
    );
}

#[tokio::test]
async fn what_matches_no_route_has_none() {
    let (recorded, app) = app(HttpServerLayer::axum);
    assert_eq!(ask(&app, request("/nothing/here")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(ask(&app, request("/api/v1/nothing")).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(
        shown_of(&recorded.registry, "request_duration_seconds_count"),
        [r#"{http_request_method="GET",http_response_status_class="4xx",url_scheme="http"} 2"#]
    );
}

#[tokio::test]
async fn a_service_that_axum_does_not_look_into_has_no_route_around_it() {
    let (registry, metrics) = server_metrics();
    let files = tower::service_fn(async |_: Request<Body>| {
        Ok::<_, std::convert::Infallible>(http::Response::new(Body::from("a file")))
    });
    let app = Router::new().nest_service("/files", get_service(files)).layer(HttpServerLayer::axum(metrics));
    assert_eq!(ask(&app, request("/files/secret-name")).await.status(), StatusCode::OK);
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [r#"{http_request_method="GET",http_response_status_class="2xx",url_scheme="http"} 1"#]
    );
}

#[tokio::test]
async fn a_method_that_a_route_does_not_have_is_recorded_with_the_route() {
    let (recorded, app) = app(HttpServerLayer::axum);
    let response = ask(&app, Request::delete("/orders/1").body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        shown_of(&recorded.registry, "request_duration_seconds_count"),
        [
            r#"{http_request_method="DELETE",http_response_status_class="4xx",http_route="/orders/{id}",url_scheme="http"} 1"#
        ]
    );
}

#[tokio::test]
async fn methods_that_nobody_knows_are_one() {
    let (recorded, app) = app(HttpServerLayer::axum);
    for index in 0..100 {
        let method = Method::from_bytes(format!("BREW{index}").as_bytes()).unwrap();
        let request = Request::builder().method(method).uri("/teapot").body(Body::empty()).unwrap();
        assert_eq!(ask(&app, request).await.status(), StatusCode::IM_A_TEAPOT);
    }
    assert_eq!(
        shown_of(&recorded.registry, "request_duration_seconds_count"),
        [
            r#"{http_request_method="_OTHER",http_response_status_class="4xx",http_route="/teapot",url_scheme="http"} 100"#
        ]
    );
}

#[tokio::test]
async fn ten_thousand_random_paths_are_one_series_of_each_family() {
    let (recorded, app) = app(HttpServerLayer::axum);
    // An LCG; what matters is that no two are alike.
    let mut state = 1_u64;
    for _ in 0..10_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        assert_eq!(ask(&app, request(&format!("/{state:x}/{state}"))).await.status(), StatusCode::NOT_FOUND);
    }
    let metrics = &recorded.metrics;
    assert_eq!(count(metrics, ""), 10_000);
    assert_eq!(
        [
            metrics.request_duration_seconds.len(),
            metrics.active_requests.len(),
            metrics.request_body_size_bytes.len(),
            metrics.response_body_size_bytes.len()
        ],
        [1; 4]
    );
}

#[tokio::test]
async fn statuses_of_servers_that_failed_are_errors_and_others_are_not() {
    let (recorded, app) = app(HttpServerLayer::axum);
    ask(&app, request("/broken")).await;
    ask(&app, request("/teapot")).await;
    assert_eq!(count(&recorded.metrics, "error_type"), 1);
    assert_eq!(
        count(
            &recorded.metrics,
            r#"error_type="5xx",http_request_method="GET",http_response_status_class="5xx""#
        ),
        1
    );
}

#[tokio::test]
async fn statuses_and_the_scheme_are_labels_where_the_layer_is_told_so() {
    let (recorded, app) =
        app(|metrics| HttpServerLayer::axum(metrics).with_status_codes(true).with_scheme(Scheme::Https));
    ask(&app, Request::put("/orders/1").body(Body::empty()).unwrap()).await;
    assert_eq!(
        shown_of(&recorded.registry, "request_duration_seconds_count"),
        [
            r#"{http_request_method="PUT",http_response_status_class="2xx",http_response_status_code="201",http_route="/orders/{id}",url_scheme="https"} 1"#
        ]
    );
}

#[tokio::test]
async fn routes_can_come_from_a_function() {
    let (recorded, app) = app(|metrics| {
        HttpServerLayer::axum(metrics).with_routes(|request: &http::request::Parts| {
            if request.uri.path().starts_with("/orders") {
                "orders".into()
            } else {
                nilometer::http::Route::NONE
            }
        })
    });
    ask(&app, request("/orders/1")).await;
    ask(&app, request("/")).await;
    assert_eq!(count(&recorded.metrics, r#"http_route="orders""#), 1);
    assert_eq!(count(&recorded.metrics, "http_route"), 1);
}

#[tokio::test]
async fn past_the_familys_limit_requests_are_counted_in_its_overflow_series() {
    let registry =
        nilometer::MetricsRegistry::with_config(nilometer::RegistryConfig::new().with_series_limit(1));
    let metrics = HttpServerMetrics::new(&registry).unwrap();
    let app = Router::new().route("/{*rest}", get("anything")).layer(
        HttpServerLayer::axum(metrics.clone()).with_routes(|request: &http::request::Parts| {
            // What one should not do.
            std::sync::Arc::<str>::from(request.uri.path()).into()
        }),
    );
    for path in ["/a", "/b", "/c"] {
        ask(&app, request(path)).await;
    }
    assert_eq!(count(&metrics, r#"http_route="/a""#), 1);
    assert_eq!(count(&metrics, "nilometer_overflow"), 2);
}

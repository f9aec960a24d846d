//! Who is let in.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::http::{bind, local, read, send};
use common::{ROWS_HEAD, Rows};
use http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Request, StatusCode};
use nilometer_core::collect::CollectError;
use nilometer_prometheus::{AuthConfig, MetricsService, ServerConfig, ServerError};
use tower::ServiceExt as _;

type Nothing = Rows<fn() -> Result<(), CollectError>>;

fn service(auth: AuthConfig) -> MetricsService<Nothing> {
    let rows = Rows { series: 0, end: (|| Ok(())) as fn() -> _ };
    MetricsService::try_new(rows, &ServerConfig::new().with_auth(auth)).unwrap()
}

/// The least that bcrypt takes.
fn hash(password: &str) -> String {
    bcrypt::hash(password, 4).unwrap()
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

async fn status(service: &MetricsService<Nothing>, path: &str, credentials: Option<&str>) -> StatusCode {
    let mut request = Request::get(path);
    if let Some(credentials) = credentials {
        request = request.header(AUTHORIZATION, credentials);
    }
    service.clone().oneshot(request.body(()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn those_are_let_in_whose_credentials_are_right() {
    let auth = AuthConfig::new()
        .with_user("a", hash("pass:word"))
        .with_user("ü", hash("é"))
        .with_bearer_token("token1")
        .with_bearer_token("token2");
    // Remembered the second time.
    let service = service(auth);
    let mut refused = 0;
    for _ in 0..2 {
        for credentials in
            [&*basic("a", "pass:word"), &basic("ü", "é"), "Bearer token1", "bearer  token2", "BEARER token2 "]
        {
            assert_eq!(status(&service, "/metrics", Some(credentials)).await, 200, "{credentials}");
        }
        let raw = basic("a", "pass:word");
        for credentials in [
            "",
            "Basic",
            "Basic !",
            "Basic YQ==",
            &basic("a", "wrong"),
            &basic("a", ""),
            &basic("", "pass:word"),
            &basic("A", "pass:word"),
            &basic("ü", "pass:word"),
            &basic("unknown", "pass:word"),
            raw.strip_prefix("Basic ").unwrap(),
            &raw.replace("Basic", "Digest"),
            "Bearer",
            "Bearer token",
            "Bearer token11",
            "Bearer token1,token2",
            "Basic token1",
        ] {
            assert_eq!(status(&service, "/metrics", Some(credentials)).await, 401, "{credentials}");
            refused += 1;
        }
        assert_eq!(status(&service, "/metrics", None).await, 401);
        assert_eq!(status(&service, "/other", None).await, 401, "nothing is told about paths");
        assert_eq!(status(&service, "/metrics?name[]=%", None).await, 401, "nor about filters");
        assert_eq!(status(&service, "/health", None).await, 200);
        refused += 3;
    }
    assert_eq!(service.stats().responses(401), refused);
}

#[tokio::test]
async fn a_401_says_which_schemes_there_are() {
    for (auth, expected) in [
        (AuthConfig::new().with_user("a", hash("b")), &["Basic realm=\"metrics\", charset=\"UTF-8\""][..]),
        (AuthConfig::new().with_bearer_token("b"), &["Bearer realm=\"metrics\""]),
    ] {
        let response = service(auth).oneshot(Request::get("/metrics").body(()).unwrap()).await.unwrap();
        let challenges: Vec<_> = response.headers().get_all(WWW_AUTHENTICATE).iter().collect();
        assert_eq!(challenges, expected);
    }
}

#[tokio::test]
async fn two_credentials_at_once_are_none() {
    let service = service(AuthConfig::new().with_bearer_token("a"));
    let request =
        Request::get("/metrics").header(AUTHORIZATION, "Bearer a").header(AUTHORIZATION, "Bearer a");
    assert_eq!(service.oneshot(request.body(()).unwrap()).await.unwrap().status(), 401);
}

#[tokio::test]
async fn what_is_remembered_is_not_checked_again() {
    // A cost of 12 takes at least 50 milliseconds.
    let costly = bcrypt::hash("x", 12).unwrap();
    let service = service(AuthConfig::new().with_user("a", costly));
    for (credentials, expected) in [(basic("a", "x"), 200), (basic("a", "y"), 401), (basic("b", "x"), 401)] {
        let start = Instant::now();
        assert_eq!(status(&service, "/metrics", Some(&credentials)).await, expected);
        let first = start.elapsed();
        let start = Instant::now();
        for _ in 0..10 {
            assert_eq!(status(&service, "/metrics", Some(&credentials)).await, expected);
        }
        assert!(start.elapsed() < first, "{:?} for ten, {first:?} for the first", start.elapsed());
    }
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_wrong_password() {
    let auth = AuthConfig::new().with_user("a", bcrypt::hash("x", 10).unwrap()).with_memory(Duration::ZERO);
    let service = service(auth);
    // The fastest of each, in turn, until others of the machine have let both of them be as fast as they are.
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..50 {
        for (user, fastest) in ["a", "b"].into_iter().zip(&mut fastest) {
            let start = Instant::now();
            assert_eq!(status(&service, "/metrics", Some(&basic(user, "wrong"))).await, 401);
            *fastest = start.elapsed().min(*fastest);
        }
        let [known, unknown] = fastest;
        if unknown * 5 > known * 4 && known * 5 > unknown * 4 {
            return;
        }
    }
    panic!("{fastest:?} for a known user and another");
}

#[tokio::test]
async fn a_flood_of_wrong_passwords_is_bounded_and_holds_up_no_one_who_is_known() {
    let auth = AuthConfig::new().with_user("a", bcrypt::hash("x", 10).unwrap()).with_check_limit(1);
    let service = service(auth);
    assert_eq!(status(&service, "/metrics", Some(&basic("a", "x"))).await, 200);
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..100 {
        let request = Request::get("/metrics").header(AUTHORIZATION, basic("a", &number.to_string()));
        flood.spawn(service.clone().oneshot(request.body(()).unwrap()));
    }
    // On this runtime of one thread, every one of them begins before the known one does.
    tokio::task::yield_now().await;
    assert_eq!(status(&service, "/metrics", Some(&basic("a", "x"))).await, 200);
    assert_eq!(service.stats().responses(200), 2);
    let (mut refused, mut busy) = (0, 0);
    while let Some(response) = flood.join_next().await {
        let response = response.unwrap().unwrap();
        match response.status() {
            StatusCode::UNAUTHORIZED => refused += 1,
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(response.headers().contains_key(RETRY_AFTER));
                busy += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!((refused, busy), (17, 83));
    assert_eq!(status(&service, "/metrics", Some(&basic("a", "z"))).await, 401, "there is room again");
}

#[tokio::test]
async fn the_server_asks_for_credentials_too() {
    let rows = Rows { series: 0, end: || Ok(()) };
    let config = local().with_auth(AuthConfig::new().with_user("a", hash("b"))).with_own_metrics(true);
    let server = bind(rows, config).await;
    let address = server.local_addr();
    let _running = tokio::spawn(server.serve());
    let ask = async |credentials: &str| {
        let head = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{credentials}\r\n");
        read(send(address, &head).await).await
    };
    let (head, body) = ask("").await;
    assert!(head.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{head}");
    assert_eq!(body, "unauthorized\n");
    let (head, body) = ask(&format!("Authorization: {}\r\n", basic("a", "b"))).await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(!body.starts_with(ROWS_HEAD), "a family without series is not shown");
    assert!(body.contains("\nnilometer_server_responses_total{status=\"401\"} 1\n"), "{body}");
    assert!(body.contains("\nnilometer_server_connections_total 2\n"), "{body}");
}

#[tokio::test]
async fn credentials_that_cannot_be_used_are_an_error_before_anything_is_bound() {
    let config = local().with_auth(AuthConfig::new().with_user("somebody", "plain text"));
    let server = nilometer_prometheus::MetricsServer::new(Rows { series: 0, end: || Ok(()) }, config.clone());
    let error = server.bind().await.unwrap_err();
    assert!(matches!(error, ServerError::Auth(_)));
    assert!(error.to_string().contains("`somebody`") && !error.to_string().contains("plain text"), "{error}");
    assert!(!format!("{config:?}").contains("plain text"));
}

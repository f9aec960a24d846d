//! Both layers around tonic, over a real connection: the status of gRPC, which comes after the body.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod http_support;

#[path = "../examples/tonic_service/greeter.rs"]
mod greeter;

use std::convert::Infallible;
use std::error::Error;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get, post};
use http::Request;
use http_body_util::BodyExt as _;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpClientLayer, HttpClientMetrics, HttpServerLayer, HttpServerMetrics};
use tokio::net::TcpListener;
use tokio::sync::mpsc::unbounded_channel;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Code, client};
use tower::{Layer as _, ServiceExt as _};

use self::greeter::{Greeter, GreeterClient, METHODS, Text};
use self::http_support::{active, count, serve, server_metrics, shown_of, until};

type Done = Result<(), Box<dyn Error>>;
type Measured = nilometer::http::HttpClient<Channel, nilometer::http::TonicBody>;

/// A channel that is measured, to a server that is.
async fn connected(metrics: HttpServerMetrics) -> Result<(MetricsRegistry, Measured), Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let server = Server::builder().layer(HttpServerLayer::tonic(metrics, METHODS)).add_service(Greeter);
    tokio::spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    let registry = MetricsRegistry::new();
    let layer = HttpClientLayer::tonic(HttpClientMetrics::new(&registry)?).with_servers(false);
    Ok((registry, layer.layer(channel)))
}

#[tokio::test]
async fn the_status_of_grpc_is_a_label_on_both_sides_whether_in_the_trailers_or_in_the_head() -> Done {
    let (registry, metrics) = server_metrics();
    let (client_registry, channel) = connected(metrics.clone()).await?;
    let mut client = GreeterClient::new(channel);
    assert_eq!(client.greet("Ada").await?, "Hello, Ada!");
    assert_eq!(client.greet("").await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client.greet("nobody").await.unwrap_err().code(), Code::Internal);
    let mut stream = client.repeat("Ada").await?;
    let mut greetings = 0;
    while stream.message().await?.is_some() {
        greetings += 1;
    }
    assert_eq!(greetings, 3);
    until("everything is over", || active(&metrics) == 0).await;

    let method = r#"http_request_method="POST",http_response_status_class="2xx""#;
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [
            format!(
                r#"{{{method},http_route="/greeter.Greeter/Greet",rpc_response_status_code="OK",url_scheme="http"}} 1"#
            ),
            // What a client has got wrong is no error of a server.
            format!(
                r#"{{{method},http_route="/greeter.Greeter/Greet",rpc_response_status_code="INVALID_ARGUMENT",url_scheme="http"}} 1"#
            ),
            format!(
                r#"{{error_type="INTERNAL",{method},http_route="/greeter.Greeter/Greet",rpc_response_status_code="INTERNAL",url_scheme="http"}} 1"#
            ),
            format!(
                r#"{{{method},http_route="/greeter.Greeter/Repeat",rpc_response_status_code="OK",url_scheme="http"}} 1"#
            ),
        ]
    );
    assert_eq!(
        shown_of(&client_registry, "request_duration_seconds_count"),
        [
            format!(r#"{{{method},rpc_response_status_code="OK",url_template="/greeter.Greeter/Greet"}} 1"#),
            format!(
                r#"{{error_type="INVALID_ARGUMENT",{method},rpc_response_status_code="INVALID_ARGUMENT",url_template="/greeter.Greeter/Greet"}} 1"#
            ),
            format!(
                r#"{{error_type="INTERNAL",{method},rpc_response_status_code="INTERNAL",url_template="/greeter.Greeter/Greet"}} 1"#
            ),
            format!(r#"{{{method},rpc_response_status_code="OK",url_template="/greeter.Greeter/Repeat"}} 1"#),
        ]
    );
    // A message has 5 bytes before it.
    let sizes = shown_of(&registry, "request_body_size_bytes_sum");
    assert_eq!(
        sizes,
        [
            r#"{http_request_method="POST",http_route="/greeter.Greeter/Greet",url_scheme="http"} 24"#,
            r#"{http_request_method="POST",http_route="/greeter.Greeter/Repeat",url_scheme="http"} 8"#
        ]
    );
    Ok(())
}

#[tokio::test]
async fn methods_that_there_are_not_have_no_route() -> Done {
    let (registry, metrics) = server_metrics();
    let (client_registry, channel) = connected(metrics.clone()).await?;
    let mut client = client::Grpc::new(channel);
    for index in 0..100 {
        client.ready().await?;
        let path = format!("/greeter.Greeter/Greet{index}").parse()?;
        let error = client.unary(tonic::Request::new(String::new()), path, Text).await.unwrap_err();
        assert_eq!(error.code(), Code::Unimplemented);
    }
    until("everything is over", || active(&metrics) == 0).await;
    assert_eq!(
        shown_of(&registry, "request_duration_seconds_count"),
        [
            r#"{error_type="UNIMPLEMENTED",http_request_method="POST",http_response_status_class="2xx",rpc_response_status_code="UNIMPLEMENTED",url_scheme="http"} 100"#
        ]
    );
    // And no template, as nobody has said that they are methods.
    assert_eq!(shown_of(&client_registry, "request_duration_seconds_count").len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_stream_that_its_client_gives_up_was_aborted() -> Done {
    let (_registry, metrics) = server_metrics();
    let (_client_registry, channel) = connected(metrics.clone()).await?;
    let mut client = GreeterClient::new(channel);
    // Far more than the windows of HTTP/2 take.
    let mut stream = client.repeat(&"x".repeat(1 << 20)).await?;
    assert!(stream.message().await?.is_some());
    drop(stream);
    until("it is over", || active(&metrics) == 0).await;
    assert_eq!((count(&metrics, r#"error_type="aborted""#), count(&metrics, "")), (1, 1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_http_2_that_are_reset_before_their_head_or_after_it_were_aborted() -> Done {
    const EACH: u32 = 20;
    let (_registry, metrics) = server_metrics();
    // The sender is kept, so that the body does not end.
    let (_sender, receiver) = unbounded_channel::<Result<&'static [u8], Infallible>>();
    let endless = Arc::new(Mutex::new(Some(http_support::Channel(receiver))));
    let app = Router::new()
        .route("/never", any(async || pending::<&'static str>().await))
        .route("/unread", post("not read"))
        .route("/endless", get(async move || Body::new(endless.lock().unwrap().take().unwrap())))
        .layer(HttpServerLayer::axum(metrics.clone()));
    let channel = Channel::from_shared(format!("http://{}", serve(app).await?))?.connect().await?;
    let ask = |path: &str| {
        let request = Request::builder().method(if path == "/endless" { "GET" } else { "POST" }).uri(path);
        channel.clone().oneshot(request.body(tonic::body::Body::empty()).unwrap())
    };
    let asked: Vec<_> = (0..EACH).map(|_| tokio::spawn(ask("/never"))).collect();
    until("all are there", || active(&metrics) == i64::from(EACH)).await;
    asked.iter().for_each(tokio::task::JoinHandle::abort);
    until("all are over", || active(&metrics) == 0).await;
    assert_eq!(
        (count(&metrics, r#"error_type="aborted""#), count(&metrics, "")),
        (u64::from(EACH), u64::from(EACH))
    );

    let response = ask("/endless").await?;
    assert_eq!(active(&metrics), 1);
    drop(response);
    until("the endless one is over", || active(&metrics) == 0).await;
    let aborted = r#"error_type="aborted",http_request_method="GET",http_response_status_class="2xx""#;
    assert_eq!(count(&metrics, aborted), 1);

    let whole = ask("/unread").await?.into_body().collect().await?.to_bytes();
    assert_eq!(whole, "not read");
    until("it is over", || active(&metrics) == 0).await;
    assert_eq!(
        (count(&metrics, "error_type"), count(&metrics, "")),
        (u64::from(EACH) + 1, u64::from(EACH) + 2)
    );
    Ok(())
}

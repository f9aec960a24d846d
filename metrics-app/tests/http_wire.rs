//! The layer under real connections, which clients drop as they please.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it stands")]

mod http_support;

use std::error::Error;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{any, get, post};
use http::StatusCode;
use hyper_util::rt::TokioIo;
use nilometer::http::HttpServerLayer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use self::http_support::{
    Channel, PATIENCE, active, chunks, count, serve, server_metrics, shown, shown_of, until,
};

type Done = Result<(), Box<dyn Error>>;

/// Sends a request's text, and reads the answer to the connection's end.
async fn exchange(address: SocketAddr, request: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Reads until the text has come.
async fn read_until(stream: &mut TcpStream, text: &str) -> Result<String, Box<dyn Error>> {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut buffer = [0; 4096];
        match timeout(PATIENCE, stream.read(&mut buffer)).await?? {
            0 => return Err(format!("the connection ended after {}", String::from_utf8_lossy(&seen)).into()),
            read => seen.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(String::from_utf8_lossy(&seen).into_owned())
}

#[tokio::test]
async fn what_goes_over_the_wire_is_what_is_recorded() -> Done {
    let (registry, metrics) = server_metrics();
    let app = Router::new()
        .route("/known", get("known length"))
        .route("/streamed", get(async || chunks(&[b"in ", b"three ", b"chunks"])))
        .route("/none", get(StatusCode::NO_CONTENT))
        .route("/cached", get((StatusCode::NOT_MODIFIED, "not sent")))
        .route("/own-length", get(async || ([("content-length", "4")], chunks(&[b"four"]))))
        .route("/echo", post(async |body: Bytes| body))
        .layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    for (head, sent) in [
        ("GET /known HTTP/1.1\r\n", "known length"),
        ("HEAD /known HTTP/1.1\r\n", ""),
        ("GET /streamed HTTP/1.1\r\n", "6\r\nchunks"),
        ("GET /streamed HTTP/1.0\r\n", "in three chunks"),
        ("GET /none HTTP/1.1\r\n", ""),
        ("GET /cached HTTP/1.1\r\n", ""),
        ("GET /own-length HTTP/1.1\r\n", "four"),
        ("POST /echo HTTP/1.1\r\nContent-Length: 2\r\n", "hi"),
        ("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", "yes"),
    ] {
        let body = match sent {
            "hi" => "hi",
            "yes" => "2\r\nye\r\n1\r\ns\r\n0\r\n\r\n",
            _ => "",
        };
        let request = format!("{head}Host: test\r\nConnection: close\r\n\r\n{body}");
        let answer = exchange(address, &request).await?;
        assert!(
            answer.trim_end_matches("0\r\n\r\n").trim_end().ends_with(sent.trim_end()),
            "{head}: {answer}"
        );
        let (_, got) = answer.split_once("\r\n\r\n").ok_or("no head")?;
        assert_eq!(got.is_empty(), sent.is_empty(), "{head}: {answer}");
    }
    until("everything is over", || active(&metrics) == 0).await;
    assert_eq!((count(&metrics, ""), count(&metrics, "error_type")), (9, 0));
    let sum = |text: &str| {
        let of = shown_of(&registry, text);
        of.iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    assert_eq!(sum("response_body_size_bytes_sum"), 12 + 15 + 15 + 4 + 2 + 3);
    assert_eq!(sum("request_body_size_bytes_sum"), 2 + 3);
    assert_eq!(sum("request_body_size_bytes_count"), 9);
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_while_it_waits_has_aborted() -> Done {
    let (_registry, metrics) = server_metrics();
    let app = Router::new()
        .route("/never", get(async || pending::<&'static str>().await))
        .layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /never HTTP/1.1\r\nHost: test\r\n\r\n").await?;
    until("the request is there", || active(&metrics) == 1).await;
    assert_eq!(count(&metrics, ""), 0);
    drop(stream);
    until("the request is over", || active(&metrics) == 0).await;
    assert_eq!(
        (
            count(&metrics, r#"error_type="aborted",http_request_method="GET",http_route="/never""#),
            count(&metrics, "")
        ),
        (1, 1)
    );
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_half_way_through_the_response_has_aborted() -> Done {
    let (_registry, metrics) = server_metrics();
    let (sender, receiver) = unbounded_channel::<Result<&'static [u8], std::convert::Infallible>>();
    let body = Arc::new(std::sync::Mutex::new(Some(Channel(receiver))));
    let streamed = move || {
        let body = body.lock().unwrap().take().map(Body::new);
        async { Response::new(body.unwrap_or_default()) }
    };
    let app = Router::new().route("/", get(streamed)).layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await?;
    sender.send(Ok(b"half"))?;
    read_until(&mut stream, "half").await?;
    assert_eq!((active(&metrics), count(&metrics, "")), (1, 0));
    drop(stream);
    // The server may have to write before it sees that nobody reads.
    until("the request is over", || {
        let _ = sender.send(Ok(b"more"));
        active(&metrics) == 0
    })
    .await;
    assert_eq!(
        count(&metrics, r#"error_type="aborted",http_request_method="GET",http_response_status_class="2xx""#),
        1
    );
    assert_eq!(count(&metrics, ""), 1);
    Ok(())
}

#[tokio::test]
async fn a_client_that_leaves_half_way_through_its_own_body_has_what_it_sent_counted() -> Done {
    let (registry, metrics) = server_metrics();
    let read = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&read);
    let reading = move |request: Request| async move {
        use http_body_util::BodyExt as _;
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => seen.fetch_add(frame.data_ref().map_or(0, Bytes::len), Ordering::SeqCst),
                Err(_) => return StatusCode::BAD_REQUEST,
            };
        }
        StatusCode::OK
    };
    let app = Router::new().route("/", post(reading)).layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf").await?;
    until("it is read", || read.load(Ordering::SeqCst) == 4).await;
    drop(stream);
    until("the request is over", || active(&metrics) == 0).await;
    assert_eq!(count(&metrics, ""), 1);
    assert_eq!(
        shown_of(&registry, "request_body_size_bytes"),
        [
            r#"_sum{http_request_method="POST",http_route="/",url_scheme="http"} 4"#,
            r#"_count{http_request_method="POST",http_route="/",url_scheme="http"} 1"#
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_handler_that_panics_is_counted_and_the_server_goes_on() -> Done {
    async fn panics() -> &'static str {
        panic!("a handler of the test")
    }
    let (_registry, metrics) = server_metrics();
    let app = Router::new()
        .route("/panics", get(panics))
        .route("/fine", get("fine"))
        .layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!(exchange(address, &request("/panics")).await?, "");
    assert!(exchange(address, &request("/fine")).await?.ends_with("fine"));
    until("both are over", || active(&metrics) == 0 && count(&metrics, "") == 2).await;
    assert_eq!(count(&metrics, r#"error_type="panicked",http_request_method="GET",http_route="/panics""#), 1);
    assert_eq!(count(&metrics, "error_type"), 1);
    Ok(())
}

#[tokio::test]
async fn an_upgraded_connection_is_over_with_its_head_and_goes_on_unmeasured() -> Done {
    async fn upgrade(mut request: Request) -> Response {
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(&mut request).await?;
            let mut io = TokioIo::new(upgraded);
            let mut buffer = [0; 4];
            io.read_exact(&mut buffer).await?;
            io.write_all(&buffer).await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert("connection", http::HeaderValue::from_static("upgrade"));
        headers.insert("upgrade", http::HeaderValue::from_static("echo"));
        response
    }
    let (_registry, metrics) = server_metrics();
    let app = Router::new().route("/socket", any(upgrade)).layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /socket HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        .await?;
    read_until(&mut stream, "\r\n\r\n").await?;
    until("the request is over", || active(&metrics) == 0).await;
    assert_eq!(
        (count(&metrics, r#"http_response_status_class="1xx""#), count(&metrics, "error_type")),
        (1, 0)
    );
    stream.write_all(b"ping").await?;
    read_until(&mut stream, "ping").await?;
    drop(stream);
    assert_eq!(count(&metrics, ""), 1);
    Ok(())
}

#[tokio::test]
async fn requests_that_come_at_once_are_answered_in_turn_and_counted_one_by_one() -> Done {
    let (_registry, metrics) = server_metrics();
    let app = Router::new()
        .route("/echo", post(async |body: Bytes| body))
        .layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let echo = "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\n";
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{echo}one{echo}two{echo}end").as_bytes()).await?;
    let answers = read_until(&mut stream, "end").await?;
    assert_eq!(answers.matches("content-length: 3\r\n").count(), 3, "{answers}");
    until("the answers are over", || active(&metrics) == 0).await;
    assert_eq!((count(&metrics, ""), count(&metrics, "error_type")), (3, 0));

    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_every_one_is_counted_once_and_none_stays_active() -> Done {
    const CLIENTS: usize = 16;
    const EACH: usize = 50;
    let (registry, metrics) = server_metrics();
    let app =
        Router::new().route("/orders/{id}", get("an order")).layer(HttpServerLayer::axum(metrics.clone()));
    let address = serve(app).await?;
    let clients = (0..CLIENTS).map(|client| {
        tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            for turn in 0..EACH {
                let request = format!("GET /orders/{client}-{turn} HTTP/1.1\r\nHost: test\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                read_until(&mut stream, "an order").await.map_err(|error| error.to_string()).unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await?;
    }
    until("everything is over", || active(&metrics) == 0).await;
    let total = CLIENTS * EACH;
    let labels = r#"{http_request_method="GET",http_response_status_class="2xx",http_route="/orders/{id}",url_scheme="http"}"#;
    let request_labels = r#"{http_request_method="GET",http_route="/orders/{id}",url_scheme="http"}"#;
    assert_eq!(
        shown(&registry),
        [
            r#"active_requests{http_request_method="GET",url_scheme="http"} 0"#.to_owned(),
            format!("request_body_size_bytes_sum{request_labels} 0"),
            format!("request_body_size_bytes_count{request_labels} {total}"),
            format!("request_duration_seconds_count{labels} {total}"),
            format!("response_body_size_bytes_sum{labels} {}", total * "an order".len()),
            format!("response_body_size_bytes_count{labels} {total}"),
        ]
    );
    Ok(())
}

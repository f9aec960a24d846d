//! The server, over real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::http::{ask, bind, local, read, send, start};
use common::{GATED, LINE, ROWS_HEAD, Rows, endless, gated, row, told};
use nilometer_core::collect::CollectError;
use nilometer_prometheus::{MetricsServer, ServerError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Takes the chunks of a body apart; `None` when the one that ends it is missing.
fn joined(mut chunks: &str) -> Option<String> {
    let mut body = String::new();
    loop {
        let (size, rest) = chunks.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return Some(body);
        }
        body.push_str(rest.get(..size)?);
        chunks = rest.get(size + 2..)?;
    }
}

#[tokio::test]
async fn a_short_page_is_answered_whole() {
    let (address, stop, running) = start(Rows { series: 2, end: || Ok(()) }, local()).await;
    let (head, body) = ask(address, "GET", "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert_eq!(body, format!("{ROWS_HEAD}{}{}", row(0), row(1)));
    for (method, path, status) in [
        ("GET", "/health", "200 OK"),
        ("HEAD", "/metrics", "200 OK"),
        ("GET", "/", "404 Not Found"),
        ("POST", "/metrics", "405 Method Not Allowed"),
    ] {
        let (head, body) = ask(address, method, path).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{method} {path}: {head}");
        assert_eq!(body.is_empty(), method == "HEAD");
    }
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_5_mb_arrives_complete() {
    const SERIES: u64 = 80_000;
    let (address, _stop, _running) = start(Rows { series: SERIES, end: || Ok(()) }, local()).await;
    let (head, body) = ask(address, "GET", "/metrics").await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let page = joined(&body).unwrap();
    assert_eq!(page.len(), ROWS_HEAD.len() + LINE * usize::try_from(SERIES).unwrap());
    assert!(page.ends_with(&row(SERIES - 1)));
}

#[tokio::test]
async fn head_of_a_streamed_page_has_no_length_and_no_body() {
    let (collector, stopped) = endless();
    let (address, _stop, _running) = start(collector, local()).await;
    let (head, body) = ask(address, "HEAD", "/metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    assert_eq!(body, "");
    told(stopped).await;
}

#[tokio::test]
async fn a_page_that_breaks_off_does_not_look_complete() {
    let failing = Rows { series: 10_000, end: || Err(CollectError::failed("no source")) };
    let (address, _stop, _running) = start(failing, local()).await;
    let (head, body) = ask(address, "GET", "/metrics").await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert_eq!(joined(&body), None);
}

#[tokio::test]
async fn a_page_that_breaks_off_under_http_1_0_is_invalid() {
    let failing = Rows { series: 10_000, end: || Err(CollectError::failed("no source")) };
    let (address, _stop, _running) = start(failing, local()).await;
    let (head, body) = read(send(address, "GET /metrics HTTP/1.0\r\n\r\n").await).await;
    assert!(!head.contains("content-length") && !head.contains("chunked"), "{head}");
    assert!(body.starts_with(ROWS_HEAD));
    assert!(body.ends_with("\n! the page broke off here\n"));
}

#[tokio::test]
async fn a_long_page_is_whole_under_http_1_0() {
    let (address, _stop, _running) = start(Rows { series: 5_000, end: || Ok(()) }, local()).await;
    let (_, body) = read(send(address, "GET /metrics HTTP/1.0\r\n\r\n").await).await;
    assert_eq!(body, (0..5_000).fold(ROWS_HEAD.to_owned(), |page, index| page + &row(index)));
}

#[tokio::test]
async fn a_client_that_disconnects_stops_the_collection() {
    let (collector, stopped) = endless();
    let (address, _stop, _running) = start(collector, local()).await;
    let mut stream = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut some = vec![0; 1024 * 1024];
    stream.read_exact(&mut some).await.unwrap();
    drop(stream);
    told(stopped).await;
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let (address, _stop, _running) = start(Rows { series: 0, end: || Ok(()) }, local()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\nOK") {
            answer.push(char::from(stream.read_u8().await.unwrap()));
        }
    }
}

#[tokio::test]
async fn a_bad_path_is_refused_before_anything_is_bound() {
    for path in ["metrics", "/health", "/a b"] {
        let server = MetricsServer::new(Rows { series: 0, end: || Ok(()) }, local().with_path(path));
        let error = server.bind().await.unwrap_err();
        assert!(error.to_string().contains(&format!("`{path}`")), "{error}");
    }
}

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_the_address() {
    let first = bind(Rows { series: 0, end: || Ok(()) }, local()).await;
    let port = first.local_addr().port();
    let second = MetricsServer::new(Rows { series: 0, end: || Ok(()) }, local().with_port(port));
    let error = second.serve().await.unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on `127.0.0.1:{port}`"));
    let ServerError::Bind { source, .. } = error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_shutdown_finishes_the_scrapes_under_way_and_accepts_no_more() {
    let (collector, gate, waits) = gated();
    let (address, stop, running) = start(collector, local()).await;
    let idle = TcpStream::connect(address).await.unwrap();
    let scrape = tokio::spawn(ask(address, "GET", "/metrics"));
    let waits = told(waits).await;
    stop.send(()).unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.is_finished());
    gate.open();
    assert_eq!(scrape.await.unwrap().1, GATED);
    running.await.unwrap().unwrap();
    drop((idle, waits));
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_ever() {
    let (collector, gate, waits) = gated();
    let timeout = Duration::from_millis(20);
    let (address, stop, running) = start(collector, local().with_shutdown_timeout(timeout)).await;
    let scrape = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let waits = told(waits).await;
    stop.send(()).unwrap();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, ServerError::ShutdownTimeout { connections: 1, .. }), "{error}");
    gate.open();
    drop((scrape, waits));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let (collector, gate, waits) = gated();
    let (address, _stop, _running) = start(collector, local().with_connection_limit(1)).await;
    let first = tokio::spawn(ask(address, "GET", "/metrics"));
    let waits = told(waits).await;
    let second = tokio::spawn(ask(address, "GET", "/health"));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!second.is_finished(), "the place is taken by a request");
    gate.open();
    assert_eq!(first.await.unwrap().1, GATED);
    assert_eq!(second.await.unwrap().1, "OK");
    drop(waits);
}

#[tokio::test]
async fn clients_that_ask_and_do_not_read_give_their_places_back() {
    let config = local().with_connection_limit(2).with_stall_timeout(Duration::from_millis(20));
    for series in [800, 800_000] {
        let (address, _stop, _running) = start(Rows { series, end: || Ok(()) }, config.clone()).await;
        // Of the shorter page, more of them than the system's buffers hold.
        let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(400);
        let mute = [send(address, &requests).await, send(address, &requests).await];
        assert_eq!(ask(address, "GET", "/health").await.1, "OK");
        drop(mute);
    }
}

//! Clients that are slow, many, greedy or broken: the server goes on, and others are served in time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use common::http::{ask, bind, local, send};
use common::{Rows, endless, gated, told};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nilometer_core::collect::Collector;
use nilometer_prometheus::{ServerConfig, ServerStats};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// In what time others are served, whatever one client does.
const IN_TIME: Duration = Duration::from_secs(10);

type Body = Empty<&'static [u8]>;

async fn start(collector: impl Collector + 'static, config: ServerConfig) -> (SocketAddr, ServerStats) {
    let server = bind(collector, config).await;
    let started = (server.local_addr(), server.stats());
    tokio::spawn(server.serve());
    started
}

fn rows(series: u64) -> impl Collector + 'static {
    Rows { series, end: || Ok(()) }
}

async fn is_served(address: SocketAddr) {
    let (head, body) = tokio::time::timeout(IN_TIME, ask(address, "GET", "/metrics")).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(!body.is_empty());
}

/// What the server sends until it closes the connection, in whichever way.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = async { while stream.read_buf(&mut answer).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(IN_TIME, read).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A client of HTTP/2 without TLS.
async fn http2(address: SocketAddr) -> SendRequest<Body> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(path: &str) -> Request<Body> {
    Request::get(format!("http://x{path}")).body(Empty::new()).unwrap()
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let config = local().with_header_timeout(Duration::from_millis(200)).with_connection_limit(2);
    let (address, stats) = start(rows(1), config).await;
    let slow = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let began = Instant::now();
        for byte in std::iter::once(b"GET /metrics HTTP/1.1\r\nX: ".as_slice())
            .chain(std::iter::repeat(b"a".as_slice()))
        {
            if stream.write_all(byte).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        began.elapsed()
    });
    is_served(address).await;
    assert!(slow.await.unwrap() < IN_TIME);
    assert_eq!(stats.timed_out(), 1);
}

#[tokio::test]
async fn a_further_head_has_its_time_and_the_wait_for_it_has_another() {
    let config =
        local().with_header_timeout(Duration::from_millis(100)).with_idle_timeout(Duration::from_millis(400));
    let (address, stats) = start(rows(1), config).await;
    for (further, least, most) in [("", 400, 10_000), ("GET /metr", 100, 390)] {
        let mut stream = send(address, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\nOK") {
            answer.push(char::from(stream.read_u8().await.unwrap()));
        }
        let began = Instant::now();
        stream.write_all(further.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
        let waited = began.elapsed().as_millis();
        assert!((least..most).contains(&waited), "{waited} ms for {further:?}");
    }
    assert_eq!(stats.timed_out(), 2);
}

#[tokio::test]
async fn a_page_that_is_read_byte_by_byte_is_cut_in_the_end() {
    let (collector, stopped) = endless();
    let config = local().with_response_timeout(Duration::from_millis(500)).with_scrape_limit(1);
    let (address, stats) = start(collector, config).await;
    let slow = tokio::spawn(async move {
        let mut stream = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        while stream.read_u8().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    // The collection ends with the connection, although the client goes on reading what the system has buffered.
    tokio::time::timeout(IN_TIME, told(stopped)).await.unwrap();
    assert_eq!(ask(address, "GET", "/health").await.1, "OK");
    assert_eq!(stats.timed_out(), 1);
    slow.abort();
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_nobody_out() {
    let (address, stats) = start(rows(1), local()).await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    for _ in 0..10 {
        is_served(address).await;
    }
    assert!(stats.displaced() >= 1_000 - 256, "{}", stats.displaced());
    assert_eq!(stats.connections(), 1_010);
    drop(idle);
}

#[tokio::test]
async fn a_head_of_a_mebibyte_is_refused() {
    let (address, _) = start(rows(1), local()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(1024 * 1024));
    // The server does not read all of it.
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    is_served(address).await;

    let mut sender = http2(address).await;
    let mut request = get("/metrics");
    for name in ["x", "y", "z"] {
        request.headers_mut().insert(name, "a".repeat(15_000).parse().unwrap());
    }
    match sender.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(!error.is_user(), "{error}"),
    }
    is_served(address).await;
}

#[tokio::test]
async fn a_head_within_its_limit_is_read() {
    let (address, _) = start(rows(1), local().with_header_limit(64 * 1024)).await;
    let pad = "a".repeat(60 * 1024);
    let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {pad}\r\n\r\n");
    assert!(rest(&mut send(address, &request).await).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let (address, _) = start(rows(1), local()).await;
    let mut requests = String::new();
    for number in 0..100 {
        let path = if number % 2 == 0 { "/health" } else { "/nothing" };
        let _ = write!(requests, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    requests.push_str("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = rest(&mut send(address, &requests).await).await;
    let statuses: Vec<_> = answer.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).collect();
    assert_eq!(statuses.len(), 101, "{answer}");
    for (number, status) in statuses.iter().take(100).enumerate() {
        assert_eq!(*status, if number % 2 == 0 { "200 OK" } else { "404 Not Found" });
    }
}

#[tokio::test]
async fn many_streams_are_bounded_by_the_requests_in_flight() {
    let (collector, gate, waits) = gated();
    let config = local().with_scrape_limit(100).with_request_limit(4).with_stream_limit(8);
    let (address, stats) = start(collector, config).await;
    // The client learns how many streams it may have with the first answer.
    let sender = http2(address).await;
    assert_eq!(sender.clone().send_request(get("/health")).await.unwrap().status(), 200);
    let mut answers = JoinSet::new();
    for _ in 0..4 {
        answers.spawn(sender.clone().send_request(get("/metrics")));
    }
    let mut waits = waits;
    for _ in 0..4 {
        waits = told(waits).await;
    }
    for _ in 0..196 {
        answers.spawn(sender.clone().send_request(get("/metrics")));
    }
    let mut busy = 0;
    while busy < 196 {
        let response = answers.join_next().await.unwrap().unwrap().unwrap();
        assert_eq!(
            (response.status(), response.headers()["retry-after"].as_bytes()),
            (StatusCode::SERVICE_UNAVAILABLE, &b"1"[..])
        );
        busy += 1;
    }
    assert_eq!(ask(address, "GET", "/health").await.1, "OK");
    gate.open();
    while let Some(response) = answers.join_next().await {
        let response = response.unwrap().unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), common::GATED);
    }
    assert_eq!((stats.responses(200), stats.responses(503)), (6, 196));
    drop(waits);
}

#[tokio::test]
async fn a_stream_that_gives_no_window_holds_up_no_other_and_is_cut_in_the_end() {
    let (address, stats) = start(rows(640), local().with_response_timeout(Duration::from_millis(500))).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(1);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let unread = sender.send_request(get("/metrics")).await.unwrap();
    assert_eq!(sender.send_request(get("/nothing")).await.unwrap().status(), 404);
    is_served(address).await;
    let cut = async {
        while stats.timed_out() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(IN_TIME, cut).await.unwrap();
    unread.into_body().collect().await.unwrap_err();
    is_served(address).await;
}

#[cfg(target_os = "linux")]
#[test]
fn clients_that_abort_leave_no_task_and_no_descriptor_behind() {
    // A runtime of its own, whose tasks are those of this test.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tasks = || runtime.metrics().num_alive_tasks();
    let (address, stats) = runtime.block_on(start(rows(100_000), local()));
    runtime.block_on(is_served(address));
    let settled = || {
        let deadline = Instant::now() + IN_TIME;
        while tasks() > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        tasks()
    };
    assert_eq!(settled(), 1, "the server itself");
    let before = own_sockets(address);
    runtime.block_on(async {
        for round in 0..50 {
            let mut stream = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let mut some = vec![0; 1 + round * 2_000];
            stream.read_exact(&mut some).await.unwrap();
            drop(stream);
            drop(send(address, "GET /met").await);
            let mut sender = http2(address).await;
            let response = sender.send_request(get("/metrics")).await;
            drop((response, sender));
        }
    });
    assert_eq!(settled(), 1, "the server itself");
    assert_eq!(own_sockets(address), before);
    assert!(stats.connections() >= 151);
    runtime.block_on(is_served(address));
}

/// How many sockets of the process have this local address: the listener, and each connection that it has accepted.
#[cfg(target_os = "linux")]
fn own_sockets(address: SocketAddr) -> usize {
    let port = format!("0100007F:{:04X}", address.port());
    let sockets = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let inode = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        (fields[1] == port).then(|| fields[9].to_owned()).filter(|inode| inode != "0")
    };
    sockets.lines().skip(1).filter_map(inode).count()
}

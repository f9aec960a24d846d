//! Requests over HTTP/1.1 that no scraper sends: the server goes on, others are served in time, and nothing is left of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fmt::Write as _;

use common::http::local;
use common::rows;
use common::served::{LAST, Served, flood, rest, up_to};
use tokio::io::AsyncWriteExt as _;

/// More than the system holds of what nobody reads, and less than what is sent, in bytes.
const UNREAD: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn a_head_of_a_mebibyte_is_refused() {
    let served = Served::start(rows(1), local()).await;
    let mut stream = served.connect().await;
    let head = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(1024 * 1024));
    // The server does not read all of it.
    let _ = stream.write_all(head.as_bytes()).await;
    let answer = rest(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    served.goes_on().await;
}

#[tokio::test]
async fn a_head_within_its_limit_is_read() {
    let served = Served::start(rows(1), local().with_header_limit(64 * 1024)).await;
    let pad = "a".repeat(60 * 1024);
    let mut stream = served.connect().await;
    stream.write_all(LAST.replace("Host", &format!("X: {pad}\r\nHost")).as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let served = Served::start(rows(1), local()).await;
    let mut requests = String::new();
    for number in 0..100 {
        let path = if number % 2 == 0 { "/health" } else { "/nothing" };
        let _ = write!(requests, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    requests.push_str(LAST);
    let mut stream = served.connect().await;
    stream.write_all(requests.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    let statuses: Vec<_> = answer.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).collect();
    assert_eq!(statuses.len(), 101, "{answer}");
    for (number, status) in statuses.iter().take(100).enumerate() {
        assert_eq!(*status, if number % 2 == 0 { "200 OK" } else { "404 Not Found" });
    }
    drop(stream);
    served.goes_on().await;
}

#[tokio::test]
async fn requests_without_end_of_a_client_that_reads_nothing_are_not_taken() {
    let config = local().with_stall_timeout(std::time::Duration::from_millis(200));
    let served = Served::start(rows(100), config).await;
    let mut stream = served.connect().await;
    let requests = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    let (sent, ()) = tokio::join!(flood(&mut stream, requests.as_bytes()), served.serves_others());
    assert!(sent < UNREAD, "{sent} bytes");
    drop(stream);
    served.goes_on().await;
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    let served = Served::start(rows(1), local()).await;
    let chunk = format!("10000\r\n{}\r\n", "a".repeat(65_536));
    for (method, status) in [("GET", "200 OK"), ("POST", "405 Method Not Allowed")] {
        for (length, body) in [("Content-Length: 8589934592", "a"), ("Transfer-Encoding: chunked", &*chunk)] {
            let mut stream = served.connect().await;
            let head = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let first = up_to(&mut stream, "\r\n").await;
            assert_eq!(first, format!("HTTP/1.1 {status}\r\n"));
            let body = body.repeat((65_536 / body.len()).max(1));
            let (sent, ()) = tokio::join!(flood(&mut stream, body.as_bytes()), served.serves_others());
            assert!(sent < UNREAD, "{sent} bytes");
        }
    }
    served.goes_on().await;
}

#[tokio::test]
async fn nobody_is_told_to_go_on_with_a_body() {
    let served = Served::start(rows(1), local()).await;
    let mut stream = served.connect().await;
    let expect = LAST.replace("Host", "Expect: 100-continue\r\nContent-Length: 5\r\nHost");
    stream.write_all(expect.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    served.goes_on().await;
}

#[tokio::test]
async fn nobody_is_given_another_protocol() {
    let served = Served::start(rows(1), local()).await;
    for upgrade in [
        "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
        "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA",
    ] {
        let mut stream = served.connect().await;
        let request = format!("GET /health HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = up_to(&mut stream, "\r\n\r\nOK").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        stream.write_all(LAST.as_bytes()).await.unwrap();
        let answer = rest(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let mut stream = served.connect().await;
    stream.write_all(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n").await.unwrap();
    let answer = up_to(&mut stream, "\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    drop(stream);
    served.goes_on().await;
}

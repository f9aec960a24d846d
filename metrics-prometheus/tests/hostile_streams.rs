//! Connections of HTTP/2 that no scraper makes: the server goes on, others are served in time, and nothing is left of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::http::{ask, local};
use common::http2::{frame, get, head, http2, preface, reset};
use common::served::{Served, flood, rest};
use common::{gated, rows, told};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

/// More than the system holds of what nobody reads, in bytes.
const UNREAD: usize = 64 * 1024 * 1024;

#[tokio::test]
async fn many_streams_are_bounded_by_the_requests_in_flight() {
    let (collector, gate, waits) = gated();
    let config =
        local().with_scrape_limit(100).with_request_limit(4).with_stream_limit(8).with_shared_page_limit(0);
    let served = Served::start(collector, config).await;
    let address = served.address();
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
    assert_eq!((served.stats().responses(200), served.stats().responses(503)), (6, 196));
    drop((waits, sender));
    served.left_nothing().await;
}

#[tokio::test]
async fn a_stream_that_gives_no_window_holds_up_no_other_and_is_cut_in_the_end() {
    for window in [0, 1] {
        let config = local().with_response_timeout(Duration::from_millis(500));
        let served = Served::start(rows(640), config).await;
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(window);
        let stream = TokioIo::new(served.connect().await);
        let (mut sender, connection) = builder.handshake(stream).await.unwrap();
        tokio::spawn(connection);
        let unread = sender.send_request(get("/metrics")).await.unwrap();
        assert_eq!(sender.send_request(get("/metrics?name[]=")).await.unwrap().status(), 400);
        served.serves_others().await;
        served.times_out(1).await;
        unread.into_body().collect().await.unwrap_err();
        served.goes_on().await;
    }
}

#[tokio::test]
async fn a_head_of_headers_beyond_the_limit_is_refused() {
    let served = Served::start(rows(1), local()).await;
    let mut sender = http2(served.address()).await;
    let mut request = get("/metrics");
    for name in ["x", "y", "z"] {
        request.headers_mut().insert(name, "a".repeat(15_000).parse().unwrap());
    }
    match sender.send_request(request).await {
        Ok(response) => assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(error) => assert!(!error.is_user(), "{error}"),
    }
    drop(sender);
    served.goes_on().await;
}

#[tokio::test]
async fn a_head_that_goes_on_without_end_is_not_read() {
    let served = Served::start(rows(1), local()).await;
    let mut stream = served.connect().await;
    stream.write_all(&preface(&[])).await.unwrap();
    stream.write_all(&frame(1, 1, 1, b"\x82\x86\x04\x08/metrics")).await.unwrap();
    // A header of 30 bytes in each.
    let more = frame(9, 0, 1, &[b"\x00\x05x-pad\x17", &[b'a'; 23][..]].concat()).repeat(1_000);
    let (sent, ()) = tokio::join!(flood(&mut stream, &more), served.serves_others());
    assert!(sent < UNREAD, "{sent} bytes");
    drop(stream);
    served.goes_on().await;
}

#[tokio::test]
async fn streams_that_are_opened_and_given_up_without_end_leave_nothing_behind() {
    let served = Served::start(rows(5_000), local()).await;
    let mut opened = 0;
    for _ in 0..20 {
        let (mut answers, mut stream) = served.connect().await.into_split();
        let read = tokio::spawn(async move { rest(&mut answers).await });
        stream.write_all(&preface(&[])).await.unwrap();
        for number in 0..1_000 {
            let stream_number = 2 * number + 1;
            if stream.write_all(&[head(stream_number, true), reset(stream_number)].concat()).await.is_err() {
                break;
            }
            opened += 1;
        }
        served.serves_others().await;
        drop(stream);
        read.await.unwrap();
    }
    assert!(opened > 200, "{opened} streams");
    served.goes_on().await;
}

#[tokio::test]
async fn a_body_beyond_its_window_is_not_read() {
    let served = Served::start(rows(1), local()).await;
    let mut stream = served.connect().await;
    stream.write_all(&[preface(&[]), head(1, false)].concat()).await.unwrap();
    let data = frame(0, 0, 1, &[0; 16_384]);
    let (sent, ()) = tokio::join!(flood(&mut stream, &data), served.serves_others());
    assert!(sent < UNREAD, "{sent} bytes");
    drop(stream);
    served.goes_on().await;
}

/// Frames that the server answers each.
fn asking() -> [(&'static str, Vec<u8>); 3] {
    [
        ("pings", frame(6, 0, 0, &[1; 8])),
        ("settings", frame(4, 0, 0, &[0, 3, 0, 0, 0, 100])),
        ("frames of no known type", frame(200, 0, 0, &[])),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_frames_that_ask_for_nothing_are_cut_in_the_end() {
    for (what, frame) in asking() {
        let limit = Duration::from_millis(300);
        let config = local().with_header_timeout(limit).with_idle_timeout(limit);
        let served = Served::start(rows(1), config).await;
        // Before the first request, and after one.
        for start in [preface(&[]), [preface(&[]), head(1, true)].concat()] {
            let (mut answers, mut stream) = served.connect().await.into_split();
            let read = tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while answers.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
            });
            stream.write_all(&start).await.unwrap();
            let many = frame.repeat(4_000);
            tokio::join!(flood(&mut stream, &many), served.serves_others());
            read.await.unwrap();
        }
        assert!(served.stats().timed_out() <= 2, "{what}");
        served.goes_on().await;
    }
}

#[tokio::test]
async fn answers_to_frames_that_nobody_reads_are_not_kept_without_end() {
    for (what, frame) in asking() {
        let limit = Duration::from_millis(300);
        let config = local().with_stall_timeout(limit).with_header_timeout(limit);
        let served = Served::start(rows(1), config).await;
        let mut stream = served.connect().await;
        stream.write_all(&preface(&[])).await.unwrap();
        let many = frame.repeat(4_000);
        let (sent, ()) = tokio::join!(flood(&mut stream, &many), served.serves_others());
        assert!(sent > 0, "{what}");
        drop(stream);
        served.goes_on().await;
    }
}

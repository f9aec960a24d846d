//! Clients that take their time, or a place and no time at all: the server goes on, others are served in time, and nothing is
//! left of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::{Duration, Instant};

use common::http::local;
use common::served::{IN_TIME, LAST, Served, rest, sip, trickle, up_to};
use common::{endless, rows, told};
use nilometer_prometheus::ScrapeStatus;
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let config = local().with_header_timeout(Duration::from_millis(200)).with_connection_limit(2);
    let served = Served::start(rows(1), config).await;
    let mut slow = served.connect().await;
    let head = b"GET /metrics HTTP/1.1\r\nX: ".iter().copied().chain(std::iter::repeat(b'a'));
    tokio::join!(trickle(&mut slow, head), served.serves_others());
    assert_eq!(served.stats().timed_out(), 1);
    served.goes_on().await;
}

#[tokio::test]
async fn a_further_head_has_its_time_and_the_wait_for_it_has_another() {
    let config =
        local().with_header_timeout(Duration::from_millis(100)).with_idle_timeout(Duration::from_secs(2));
    let served = Served::start(rows(1), config).await;
    for (further, least, most) in [("", 2_000, 20_000), ("GET /metr", 100, 1_990)] {
        let mut stream = served.connect().await;
        // Before the server begins to wait.
        let began = Instant::now();
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        up_to(&mut stream, "\r\n\r\nOK").await;
        stream.write_all(further.as_bytes()).await.unwrap();
        assert_eq!(rest(&mut stream).await, "");
        let waited = began.elapsed().as_millis();
        assert!((least..most).contains(&waited), "{waited} ms for {further:?}");
    }
    assert_eq!(served.stats().timed_out(), 2);
    served.goes_on().await;
}

#[tokio::test]
async fn a_page_that_is_read_byte_by_byte_is_cut_in_the_end() {
    let (collector, stopped) = endless();
    let config = local().with_response_timeout(Duration::from_millis(500)).with_scrape_limit(1);
    let served = Served::start(collector, config).await;
    let mut stream = served.connect().await;
    let slow = tokio::spawn(async move { sip(&mut stream).await });
    // The collection ends with the connection, although the client goes on reading what the system has buffered.
    tokio::time::timeout(IN_TIME, told(stopped)).await.unwrap();
    assert_eq!(common::http::ask(served.address(), "GET", "/health").await.1, "OK");
    assert_eq!(served.stats().timed_out(), 1);
    slow.abort();
    served.left_nothing().await;
}

#[tokio::test]
async fn a_reader_that_is_slow_and_steady_is_not_taken_for_one_that_stalls() {
    let served = Served::start(rows(100_000), local().with_stall_timeout(Duration::from_secs(4))).await;
    let mut stream = served.connect().await;
    SockRef::from(&stream).set_recv_buffer_size(32 * 1024).unwrap();
    stream.write_all(LAST.as_bytes()).await.unwrap();
    let mut some = vec![0; 8 * 1024];
    let began = Instant::now();
    // 100 KB a second: a system that took some megabytes ahead would have no room for ten seconds.
    while began.elapsed() < Duration::from_secs(9) {
        assert!(stream.read(&mut some).await.unwrap() > 0);
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert_eq!(served.stats().scrapes(ScrapeStatus::BrokenOff), 0, "after {:?}", began.elapsed());
    }
    drop(stream);
    served.goes_on().await;
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_nobody_out() {
    let served = Served::start(rows(1), local()).await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(served.connect().await);
    }
    for _ in 0..10 {
        served.serves_others().await;
    }
    assert!(served.stats().displaced() >= 1_000 - 256, "{}", served.stats().displaced());
    assert_eq!(served.stats().connections(), 1_010);
    drop(idle);
    served.goes_on().await;
}

#[cfg(unix)]
#[tokio::test]
async fn slow_clients_of_a_unix_socket_are_cut_in_the_end() {
    use tokio::net::UnixStream;

    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("metrics.socket");
    let limit = Duration::from_millis(200);
    let config = local().with_header_timeout(limit).with_response_timeout(limit);
    let served = Served::start_unix(rows(100_000), config, &path).await;
    let (mut slow, mut sipping) =
        (UnixStream::connect(&path).await.unwrap(), UnixStream::connect(&path).await.unwrap());
    let sipping = tokio::spawn(async move { sip(&mut sipping).await });
    trickle(&mut slow, LAST.bytes().cycle().filter(|byte| *byte != b'\n')).await;
    served.times_out(2).await;
    sipping.abort();
    served.left_nothing().await;
}

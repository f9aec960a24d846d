//! Clients that go away in mid-page, in mid-head and in mid-handshake leave nothing behind.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::http::local;
use common::http2::{get, http2};
use common::rows;
use common::served::{LAST, Served};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Reads some of a page, and goes.
async fn read_some(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: usize) {
    stream.write_all(LAST.as_bytes()).await.unwrap();
    let mut some = vec![0; bytes];
    stream.read_exact(&mut some).await.unwrap();
}

#[tokio::test]
async fn clients_that_abort_leave_no_task_and_no_descriptor_behind() {
    let served = Served::start(rows(100_000), local()).await;
    for round in 0..50 {
        read_some(served.connect().await, 1 + round * 2_000).await;
        served.connect().await.write_all(b"GET /met").await.unwrap();
        let mut sender = http2(served.address()).await;
        let response = sender.send_request(get("/metrics")).await;
        drop((response, sender));
    }
    assert!(served.stats().connections() >= 150);
    served.goes_on().await;
}

#[cfg(unix)]
#[tokio::test]
async fn clients_of_a_unix_socket_that_abort_leave_nothing_behind() {
    use tokio::net::UnixStream;

    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("metrics.socket");
    let served = Served::start_unix(rows(100_000), local(), &path).await;
    for round in 0..50 {
        read_some(UnixStream::connect(&path).await.unwrap(), 1 + round * 2_000).await;
        UnixStream::connect(&path).await.unwrap().write_all(b"GET /met").await.unwrap();
    }
    common::served::is_served(|| async { UnixStream::connect(&path).await.unwrap() }).await;
    served.left_nothing().await;
}

//! Clients of TLS that are slow, many or broken: the server goes on, others are served in time, and nothing is left of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::http::local;
use common::http2::{get, http2_over};
use common::served::{LAST, Served, is_served, rest, sip, trickle};
use common::tls::{Authority, Folder, connect};
use common::{endless, rows, told};
use nilometer_core::collect::Collector;
use nilometer_prometheus::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A server with a certificate, and who has signed it.
struct Secured {
    served: Served,
    authority: Authority,
    folder: Folder,
}

impl Secured {
    async fn start(collector: impl Collector + 'static, config: ServerConfig) -> Secured {
        let authority = Authority::new();
        let folder = Folder::new(&authority.issue());
        let tls = folder.tls().with_reload_interval(Duration::from_millis(10));
        // What reads the certificates again is a task.
        let served = Served::start_with(collector, config.with_tls(tls), 2).await;
        Secured { served, authority, folder }
    }

    async fn connect(&self, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        connect(&self.authority.client(None, protocols), self.served.address()).await.unwrap()
    }

    async fn serves_others(&self) {
        is_served(|| self.connect(&[])).await;
    }

    async fn goes_on(&self) {
        self.serves_others().await;
        self.served.left_nothing().await;
    }
}

/// The beginning of a client's first message.
///
/// SPEC: RFC 8446, section 5.1: a record of a handshake, of which there are to be 512 bytes.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

#[tokio::test]
async fn a_handshake_that_stalls_is_not_waited_for() {
    let config = local().with_header_timeout(Duration::from_millis(200)).with_connection_limit(2);
    let secured = Secured::start(rows(1), config).await;
    let mut stalled = secured.served.connect().await;
    stalled.write_all(HALF_A_HELLO).await.unwrap();
    secured.serves_others().await;
    assert_eq!(rest(&mut stalled).await, "");
    let mut slow = secured.served.connect().await;
    let hello = HALF_A_HELLO.iter().copied().chain(std::iter::repeat(0));
    tokio::join!(trickle(&mut slow, hello), secured.serves_others());
    assert_eq!(secured.served.stats().timed_out(), 2);
    drop((stalled, slow));
    secured.goes_on().await;
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_not_waited_for() {
    let config = local().with_header_timeout(Duration::from_millis(300));
    let secured = Secured::start(rows(1), config).await;
    let mut slow = secured.connect(&[]).await;
    let head = LAST.bytes().filter(|byte| *byte != b'\n').chain(std::iter::repeat(b'a'));
    tokio::join!(trickle(&mut slow, head), secured.serves_others());
    assert_eq!(secured.served.stats().timed_out(), 1);
    drop(slow);
    secured.goes_on().await;
}

#[tokio::test]
async fn a_page_that_is_read_byte_by_byte_is_cut_in_the_end() {
    let (collector, stopped) = endless();
    let secured = Secured::start(collector, local().with_response_timeout(Duration::from_millis(500))).await;
    let mut stream = secured.connect(&[]).await;
    let slow = tokio::spawn(async move { sip(&mut stream).await });
    tokio::time::timeout(common::served::IN_TIME, told(stopped)).await.unwrap();
    assert_eq!(secured.served.stats().timed_out(), 1);
    slow.abort();
    secured.served.left_nothing().await;
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_in_the_end() {
    let config = local().with_stall_timeout(Duration::from_millis(200));
    let secured = Secured::start(rows(200_000), config).await;
    let mut mute = secured.connect(&[]).await;
    mute.write_all(LAST.as_bytes()).await.unwrap();
    secured.serves_others().await;
    secured.served.left_nothing().await;
    drop(mute);
}

#[tokio::test]
async fn idle_sessions_keep_nobody_out() {
    let secured = Secured::start(rows(1), local()).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(secured.connect(&[]).await);
    }
    // Those have not even begun a handshake.
    let mut silent = Vec::new();
    for _ in 0..700 {
        silent.push(secured.served.connect().await);
    }
    for _ in 0..10 {
        secured.serves_others().await;
    }
    assert!(secured.served.stats().displaced() >= 1_000 - 256);
    drop((idle, silent));
    secured.goes_on().await;
}

#[tokio::test]
async fn clients_that_go_away_without_a_word_leave_nothing_behind() {
    let secured = Secured::start(rows(100_000), local()).await;
    for round in 0..20 {
        // In mid-page, in mid-head, in mid-handshake, and in mid-page over HTTP/2.
        let mut stream = secured.connect(&[]).await;
        stream.write_all(LAST.as_bytes()).await.unwrap();
        let mut some = vec![0; 1 + round * 5_000];
        stream.read_exact(&mut some).await.unwrap();
        drop(stream);
        secured.connect(&[]).await.write_all(b"GET /met").await.unwrap();
        secured.served.connect().await.write_all(HALF_A_HELLO).await.unwrap();
        let mut sender = http2_over(secured.connect(&[b"h2"]).await).await;
        let response = sender.send_request(get("/metrics")).await;
        drop((response, sender));
    }
    secured.goes_on().await;
}

#[tokio::test]
async fn a_client_that_says_that_it_closes_and_does_not_is_not_waited_for() {
    let secured = Secured::start(rows(1), local()).await;
    let mut stream = secured.connect(&[]).await;
    // The end of the session; the socket stays open.
    let (socket, session) = stream.get_mut();
    session.send_close_notify();
    let mut bytes = Vec::new();
    session.write_tls(&mut bytes).unwrap();
    socket.write_all(&bytes).await.unwrap();
    secured.serves_others().await;
    secured.served.left_nothing().await;
    drop(stream);
}

#[tokio::test]
async fn certificates_that_change_while_clients_come_and_go_leave_nothing_behind() {
    let secured = Secured::start(rows(1), local()).await;
    for change in 1..=10 {
        let mut open = secured.connect(&[]).await;
        secured.folder.put(&secured.authority.issue());
        while secured.served.stats().certificate_reloads() < change {
            // One after the other is gone in the middle of what it does.
            secured.connect(&[]).await.write_all(b"GET /met").await.unwrap();
            secured.serves_others().await;
        }
        open.write_all(LAST.as_bytes()).await.unwrap();
        assert!(rest(&mut open).await.starts_with("HTTP/1.1 200 OK\r\n"), "an open connection goes on");
    }
    secured.goes_on().await;
}

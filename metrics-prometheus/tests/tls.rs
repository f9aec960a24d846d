//! TLS, over real sockets.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use common::http::{bind, local, send};
use common::tls::{Authority, Folder, connect};
use common::{ROWS_HEAD, Rows, row};
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use nilometer_prometheus::{MetricsServer, ServerConfig, ServerError, ServerStats, TlsError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, rustls::crypto::ring};

/// Serves two series.
async fn start(config: ServerConfig) -> (SocketAddr, ServerStats) {
    let server = bind(Rows { series: 2, end: || Ok(()) }, config).await;
    let started = (server.local_addr(), server.stats());
    tokio::spawn(server.serve());
    started
}

/// A page over HTTP/1.1, on a connection that stays open.
async fn scrape(stream: &mut TlsStream<TcpStream>) -> std::io::Result<String> {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = Vec::new();
    while !answer.ends_with(row(1).as_bytes()) {
        answer.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8(answer).unwrap())
}

fn page() -> String {
    format!("{ROWS_HEAD}{}{}", row(0), row(1))
}

#[tokio::test]
async fn a_page_is_served_over_http_1_1_and_over_http_2() {
    let authority = Authority::new();
    let folder = Folder::new(&authority.issue());
    let (address, _) = start(local().with_tls(folder.tls())).await;
    let mut stream = connect(&authority.client(None, &[]), address).await.unwrap();
    assert!(scrape(&mut stream).await.unwrap().ends_with(&page()));
    let stream = connect(&authority.client(None, &[b"h2", b"http/1.1"]), address).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/metrics").body(Empty::<&[u8]>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), page());
}

#[tokio::test]
async fn clients_need_a_certificate_where_that_is_configured() {
    let (authority, other) = (Authority::new(), Authority::new());
    let folder = Folder::new(&authority.issue());
    fs::write(folder.path("ca.crt"), authority.pem()).unwrap();
    let config = local().with_tls(folder.tls().with_client_ca(folder.path("ca.crt")));
    let (address, stats) = start(config).await;
    let (right, wrong) = (authority.issue(), other.issue());
    for own in [None, Some(&wrong)] {
        let refused = async {
            // In TLS 1.3 the client learns of it when it reads.
            let mut stream = connect(&authority.client(own, &[]), address).await?;
            scrape(&mut stream).await
        };
        refused.await.unwrap_err();
    }
    assert_eq!(stats.failed_handshakes(), 2);
    let mut stream = connect(&authority.client(Some(&right), &[]), address).await.unwrap();
    assert!(scrape(&mut stream).await.unwrap().ends_with(&page()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_that_change_under_load_are_taken_and_no_scrape_fails() {
    let (first, second) = (Authority::new(), Authority::new());
    let folder = Folder::new(&first.issue());
    let interval = Duration::from_millis(10);
    let (address, stats) = start(local().with_tls(folder.tls().with_reload_interval(interval))).await;
    let mut open = connect(&first.client(None, &[]), address).await.unwrap();
    assert!(scrape(&mut open).await.unwrap().ends_with(&page()));

    // What trusts both is served at any time, on connections of its own and on one that is older than the change.
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let mut load = tokio::task::JoinSet::new();
    let both = {
        let mut roots = RootCertStore::empty();
        for authority in [&first, &second] {
            roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap()).unwrap();
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = builder.with_safe_default_protocol_versions().unwrap();
        TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    };
    for _ in 0..4 {
        let (both, stopped) = (both.clone(), stopped.clone());
        load.spawn(async move {
            let mut scrapes = 0;
            while !*stopped.borrow() {
                let mut stream = connect(&both, address).await.unwrap();
                assert!(scrape(&mut stream).await.unwrap().ends_with(&page()));
                scrapes += 1;
            }
            scrapes
        });
    }

    let pair = second.issue();
    // The certificate is there before its key.
    fs::write(folder.path("tls.crt"), &pair.certificate).unwrap();
    until(|| stats.failed_certificate_reloads() > 0).await;
    assert_eq!(stats.certificate_reloads(), 0);
    connect(&first.client(None, &[]), address).await.unwrap();
    folder.put(&pair);
    until(|| stats.certificate_reloads() == 1).await;
    connect(&second.client(None, &[]), address).await.unwrap();
    connect(&first.client(None, &[]), address).await.unwrap_err();
    assert!(scrape(&mut open).await.unwrap().ends_with(&page()), "an open connection goes on");

    let failed = stats.failed_certificate_reloads();
    fs::remove_file(folder.path("tls.key")).unwrap();
    until(|| stats.failed_certificate_reloads() > failed).await;
    connect(&second.client(None, &[]), address).await.unwrap();
    stop.send_replace(true);
    while let Some(scrapes) = load.join_next().await {
        assert!(scrapes.unwrap() > 0);
    }
}

async fn until(condition: impl Fn() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), waited).await.unwrap();
}

#[tokio::test]
async fn files_that_cannot_be_used_are_errors_that_name_them() {
    type Is = fn(&TlsError) -> bool;
    let authority = Authority::new();
    let (pair, other) = (authority.issue(), authority.issue());
    let cases: [(&str, Option<&str>, Is); 8] = [
        ("tls.crt", None, |error| matches!(error, TlsError::Read { .. })),
        ("tls.crt", Some(""), |error| matches!(error, TlsError::NoCertificate { .. })),
        ("tls.crt", Some(&pair.key), |error| matches!(error, TlsError::NoCertificate { .. })),
        ("tls.crt", Some("-----BEGIN CERTIFICATE-----\n!"), |error| matches!(error, TlsError::Pem { .. })),
        ("tls.key", None, |error| matches!(error, TlsError::Read { .. })),
        ("tls.key", Some(&pair.certificate), |error| matches!(error, TlsError::NoKey { .. })),
        ("tls.key", Some(&other.key), |error| matches!(error, TlsError::Pair { .. })),
        ("ca.crt", Some("no PEM at all"), |error| matches!(error, TlsError::NoCertificate { .. })),
    ];
    for (name, content, is) in cases {
        let folder = Folder::new(&pair);
        fs::write(folder.path("ca.crt"), authority.pem()).unwrap();
        match content {
            Some(content) => fs::write(folder.path(name), content).unwrap(),
            None => fs::remove_file(folder.path(name)).unwrap(),
        }
        let config = local().with_tls(folder.tls().with_client_ca(folder.path("ca.crt")));
        let server = MetricsServer::new(Rows { series: 0, end: || Ok(()) }, config);
        let error = server.bind().await.unwrap_err();
        let path = folder.path(name).display().to_string();
        assert!(error.to_string().contains(&format!("`{path}`")), "{error}");
        let ServerError::Tls(error) = error else { panic!("{error:?}") };
        assert!(is(&error), "{error:?}");
    }
}

#[tokio::test]
async fn clients_that_do_not_speak_tls_are_cut_and_counted() {
    let authority = Authority::new();
    let folder = Folder::new(&authority.issue());
    let timeout = Duration::from_millis(50);
    let config = local().with_tls(folder.tls()).with_header_timeout(timeout);
    let (address, stats) = start(config).await;
    let mut plain = send(address, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"));
    assert_eq!(stats.failed_handshakes(), 1);
    let mut silent = TcpStream::connect(address).await.unwrap();
    assert_eq!(silent.read_to_end(&mut answer).await.unwrap_or(0), 0);
    assert_eq!(stats.timed_out(), 1);
}

//! Where a server runs, and on what it listens.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use common::http::{bare, local};
use common::{GATED, ROWS_HEAD, Rows, gated, row};
use nilometer_core::collect::CollectError;
use nilometer_prometheus::{MetricsServer, ServerError};

const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

fn rows() -> Rows<impl Fn() -> Result<(), CollectError> + Send + Sync + 'static> {
    Rows { series: 1, end: || Ok(()) }
}

fn page() -> String {
    format!("{ROWS_HEAD}{}", row(0))
}

/// Asks from outside of any runtime.
fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(REQUEST).unwrap();
    body(stream)
}

fn body(mut stream: impl Read) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn a_server_on_a_thread_of_its_own_needs_no_runtime() {
    let server = MetricsServer::new(rows(), local()).serve_on_thread().unwrap();
    let address = server.local_addr();
    assert_eq!(ask(address), page());
    assert_eq!(server.stats().responses(200), 1);
    server.shutdown().unwrap();
    TcpStream::connect(address).unwrap_err();
}

#[tokio::test]
async fn a_server_on_a_thread_of_its_own_answers_while_the_runtime_is_blocked() {
    let server = MetricsServer::new(rows(), local()).serve_on_thread().unwrap();
    // This blocks the only thread of the runtime.
    assert_eq!(ask(server.local_addr()), page());
    server.shutdown().unwrap();
}

#[test]
fn a_thread_that_cannot_bind_says_why() {
    let first = MetricsServer::new(rows(), local()).serve_on_thread().unwrap();
    let taken = local().with_port(first.local_addr().port());
    let error = MetricsServer::new(rows(), taken).serve_on_thread().unwrap_err();
    assert!(matches!(error, ServerError::Bind { .. }), "{error}");
    let error = MetricsServer::new(rows(), local().with_path("x")).serve_on_thread().unwrap_err();
    assert!(matches!(error, ServerError::InvalidPath { .. }), "{error}");
}

#[test]
fn a_thread_that_is_dropped_stops_and_is_not_waited_for() {
    let (collector, gate, waits) = gated();
    let server = MetricsServer::new(collector, local()).serve_on_thread().unwrap();
    let address = server.local_addr();
    let scrape = std::thread::spawn(move || ask(address));
    waits.recv().unwrap();
    drop(server);
    while TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    gate.open();
    assert_eq!(scrape.join().unwrap(), GATED, "what is under way is finished");
}

#[test]
fn a_thread_whose_scrape_does_not_end_stops_at_its_deadline() {
    type End = fn(nilometer_prometheus::ServerThread) -> Result<(), ServerError>;
    let short = Duration::from_millis(20);
    let ends: [(Duration, End); 2] = [
        (short, |server| server.shutdown()),
        (Duration::from_mins(10), |server| server.shutdown_within(Duration::from_millis(20))),
    ];
    for (configured, end) in ends {
        let (collector, gate, waits) = gated();
        let config = local().with_shutdown_timeout(configured);
        let server = MetricsServer::new(collector, config).serve_on_thread().unwrap();
        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
        stream.write_all(REQUEST).unwrap();
        waits.recv().unwrap();
        let error = end(server).unwrap_err();
        let is_cut =
            matches!(error, ServerError::ShutdownTimeout { connections: 1, timeout } if timeout == short);
        assert!(is_cut, "{error}");
        gate.open();
    }
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    use tempfile::TempDir;
    use tokio::sync::oneshot;

    fn ask(path: &std::path::Path) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        stream.write_all(REQUEST).unwrap();
        body(stream)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_unix_socket_serves_and_its_file_goes_with_the_server() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("metrics.socket");
        // One that a process has left behind.
        drop(UnixListener::bind(&path).unwrap());
        let server = MetricsServer::new(rows(), bare()).bind_unix(&path).await.unwrap();
        assert_eq!(server.path(), path);
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(server.serve_until(stopped));
        let asked = path.clone();
        assert_eq!(tokio::task::spawn_blocking(move || ask(&asked)).await.unwrap(), page());
        stop.send(()).unwrap();
        running.await.unwrap().unwrap();
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_in_use_and_a_file_that_is_none_are_errors_that_name_them() {
        let folder = TempDir::new().unwrap();
        let (used, file) = (folder.path().join("used"), folder.path().join("file"));
        let _listener = UnixListener::bind(&used).unwrap();
        std::fs::write(&file, "kept").unwrap();
        for path in [&used, &file, &folder.path().join("no/such/folder")] {
            let server = MetricsServer::new(rows(), bare());
            let error = server.bind_unix(path).await.unwrap_err();
            assert_eq!(error.to_string(), format!("cannot listen on `{}`", path.display()));
        }
        assert!(used.exists());
        assert_eq!(std::fs::read(&file).unwrap(), b"kept");
    }
}

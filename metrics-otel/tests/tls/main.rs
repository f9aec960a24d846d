//! The files that say whom to trust and what to show, for both signals and both protocols.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod authority;
#[cfg(target_os = "linux")]
mod unread;

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use nilometer_core::collect::{CollectError, Collector, Visitor};
use nilometer_otel::export::{OtlpExporter, OtlpExporterConfig};
use nilometer_otel::{OtelConfig, OtelProvider, Protocol};
use opentelemetry::trace::Tracer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream};

use authority::Authority;

const DEADLINE: Duration = Duration::from_secs(30);

/// What a sender is told by files.
#[derive(Clone, Debug, Default)]
struct Told {
    roots: Option<PathBuf>,
    pair: Option<(PathBuf, PathBuf)>,
}

impl Told {
    /// As variables, `infix` being empty or a signal's.
    fn variables(&self, endpoint: &str, protocol: Protocol, infix: &str) -> Vec<(String, OsString)> {
        let named = |name: &str| format!("OTEL_EXPORTER_OTLP_{infix}{name}");
        let mut variables = vec![
            (named("ENDPOINT"), endpoint.into()),
            (named("PROTOCOL"), protocol.to_string().into()),
            (named("TIMEOUT"), "2000".into()),
            ("OTEL_METRIC_EXPORT_TIMEOUT".to_owned(), "2000".into()),
        ];
        variables.extend(self.roots.clone().map(|path| (named("CERTIFICATE"), path.into())));
        if let Some((certificate, key)) = self.pair.clone() {
            variables.push((named("CLIENT_CERTIFICATE"), certificate.into()));
            variables.push((named("CLIENT_KEY"), key.into()));
        }
        variables
    }
}

/// Shows nothing: what is sent is the exporter's own.
struct Nothing;

impl Collector for Nothing {
    fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Signal {
    Traces,
    Metrics,
}

/// Sends something, and waits until that succeeded or failed.
fn send(signal: Signal, variables: &[(String, OsString)]) {
    let lookup = |name: &str| variables.iter().find(|(known, _)| known == name).map(|(_, v)| v.clone());
    match signal {
        Signal::Traces => {
            let config = OtelConfig::from_variables(lookup);
            assert!(config.ignored_variables().is_empty());
            let provider = OtelProvider::init(config).unwrap();
            provider.tracer("test").in_span("work", |_| ());
            let _ = provider.shutdown_blocking(DEADLINE);
        }
        Signal::Metrics => {
            let config = OtlpExporterConfig::from_variables(lookup);
            assert!(config.ignored_variables().is_empty());
            let exporter =
                OtlpExporter::start(Nothing, config.with_interval(Duration::MAX).unwrap()).unwrap();
            let _ = exporter.shutdown_blocking(DEADLINE);
        }
    }
}

/// What a receiver for `localhost` reads first, and how many certificates it was shown; nothing where no connection came
/// about.
fn received(server: ServerConfig, send: impl FnOnce(&str)) -> Option<(Vec<u8>, usize)> {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let server = Arc::new(server);
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Whoever fails may try again, or send what it measured about that.
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = Stream::new(&mut connection, &mut socket);
            let mut read = vec![0; 4096];
            let length = stream.read(&mut read).unwrap_or(0);
            read.truncate(length);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let shown = connection.peer_certificates().map_or(0, <[_]>::len);
            if tell.send((length > 0).then_some((read, shown))).is_err() {
                return;
            }
        }
    });
    send(&endpoint);
    let first = told.recv_timeout(DEADLINE).unwrap();
    // Where the first came about, so did the others.
    first
}

fn cases() -> impl Iterator<Item = (Signal, Protocol, &'static str)> {
    [Signal::Traces, Signal::Metrics].into_iter().flat_map(|signal| {
        let own = match signal {
            Signal::Traces => "TRACES_",
            Signal::Metrics => "METRICS_",
        };
        [
            (signal, Protocol::Grpc, ""),
            (signal, Protocol::Http, ""),
            (signal, Protocol::Grpc, own),
            (signal, Protocol::Http, own),
        ]
    })
}

fn path(folder: &Path, name: &str, pem: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, pem).unwrap();
    path
}

#[test]
fn a_receiver_is_trusted_by_the_file_and_shown_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let client = theirs.certificate("client");
    let told = Told {
        roots: Some(path(folder.path(), "roots.pem", &ours.pem())),
        pair: Some((
            path(folder.path(), "client.pem", &client.pem),
            path(folder.path(), "client.key", &client.key),
        )),
    };
    for (signal, protocol, infix) in cases() {
        let server = ours.server("localhost", Some(&theirs));
        let read = received(server, |endpoint| send(signal, &told.variables(endpoint, protocol, infix)));
        let (read, shown) = read.unwrap_or_else(|| panic!("{signal:?} {protocol} `{infix}`"));
        assert_eq!(shown, 1, "{signal:?} {protocol}");
        let start: &[u8] = match (protocol, signal) {
            (Protocol::Grpc, _) => b"PRI * HTTP/2.0\r\n",
            // The endpoint of a signal is used as it is.
            _ if !infix.is_empty() => b"POST / HTTP/1.1\r\n",
            (_, Signal::Traces) => b"POST /v1/traces HTTP/1.1\r\n",
            (_, Signal::Metrics) => b"POST /v1/metrics HTTP/1.1\r\n",
        };
        assert!(read.starts_with(start), "{signal:?} {protocol}: {}", String::from_utf8_lossy(&read));
    }
}

#[test]
fn a_receiver_of_another_authority_gets_nothing_and_neither_does_one_that_is_shown_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let wrong = Told { roots: Some(path(folder.path(), "theirs.pem", &theirs.pem())), pair: None };
    let bare = Told { roots: Some(path(folder.path(), "ours.pem", &ours.pem())), pair: None };
    for (signal, protocol, infix) in cases().filter(|(.., infix)| infix.is_empty()) {
        let sent = |told: &Told, server| {
            received(server, |endpoint| send(signal, &told.variables(endpoint, protocol, infix)))
        };
        assert_eq!(sent(&wrong, ours.server("localhost", None)), None, "{signal:?} {protocol}");
        assert_eq!(sent(&bare, ours.server("elsewhere", None)), None, "{signal:?} {protocol}");
        assert_eq!(sent(&bare, ours.server("localhost", Some(&theirs))), None, "{signal:?} {protocol}");
        assert!(sent(&bare, ours.server("localhost", None)).is_some(), "{signal:?} {protocol}");
    }
}

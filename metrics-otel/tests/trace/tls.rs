//! Sending over TLS, to a receiver whose certificate the machine trusts and to one whose it does not.
//!
//! What the machine trusts is said by an environment variable, so that each case is a process of its own: this very
//! program, once more.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::{env, fs, thread};

use nilometer_otel::trace::Protocol;
use nilometer_otel::{OtelConfig, OtelProvider};
use opentelemetry::trace::Tracer;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, Stream, crypto};

use super::DEADLINE;

/// Tells the program that it is the one that sends, where to, and how.
const SEND_TO: &str = "NILOMETER_TEST_SEND_TO";
const SEND_BY: &str = "NILOMETER_TEST_SEND_BY";

/// Not a case by itself: what the others start.
#[test]
fn sender() {
    let (Ok(address), Ok(protocol)) = (env::var(SEND_TO), env::var(SEND_BY)) else { return };
    let config = OtelConfig::new("sender")
        .with_endpoint(&format!("https://{address}"))
        .unwrap()
        .with_protocol(protocol.parse::<Protocol>().unwrap());
    let provider = OtelProvider::init(config).unwrap();
    provider.tracer("test").in_span("work", |_| ());
    let _ = provider.shutdown_blocking(DEADLINE);
}

/// What a receiver for `localhost` reads first of what is sent to it, and the protocol that was agreed on; `None` when
/// the sender does not trust it.
fn received(protocol: Protocol, trusted: bool) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::channel();
    let receive = move || {
        let mut socket = listener.accept().unwrap().0;
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut connection = ServerConnection::new(Arc::new(config)).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        let mut read = vec![0; 4096];
        let length = stream.read(&mut read).ok().filter(|length| *length > 0)?;
        read.truncate(length);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        Some((read, connection.alpn_protocol().map(<[u8]>::to_vec)))
    };
    thread::spawn(move || sender.send(receive()));
    send(address, protocol, trusted.then(|| certificate.cert.pem()));
    receiver.recv_timeout(DEADLINE).unwrap()
}

/// Runs [`sender`] in a process that trusts this certificate alone, or none that anybody has.
fn send(address: SocketAddr, protocol: Protocol, trusted: Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    let other = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    fs::write(&file, trusted.unwrap_or_else(other)).unwrap();
    let status = Command::new(env::current_exe().unwrap())
        .args(["tls::sender", "--exact"])
        .env(SEND_TO, format!("localhost:{}", address.port()))
        .env(SEND_BY, protocol.to_string())
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR")
        // The exporter's own look at the environment, over which the configuration has decided.
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-stray=1,content-type=text/plain,content-encoding=br")
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn a_receiver_that_the_machine_trusts_gets_spans_over_tls() {
    let (read, _) = received(Protocol::Http, true).unwrap();
    let head = String::from_utf8_lossy(&read);
    assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("user-agent: nilometer-otel/") && !head.contains("x-stray"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
    assert!(!head.contains("text/plain") && !head.contains("content-encoding"), "{head}");
    let (read, agreed) = received(Protocol::Grpc, true).unwrap();
    assert!(read.starts_with(b"PRI * HTTP/2.0\r\n"), "{}", String::from_utf8_lossy(&read));
    assert_eq!(agreed.as_deref(), Some(&b"h2"[..]));
}

#[test]
fn a_receiver_that_the_machine_does_not_trust_gets_nothing() {
    for protocol in [Protocol::Http, Protocol::Grpc] {
        assert_eq!(received(protocol, false), None, "{protocol}");
    }
}

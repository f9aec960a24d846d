//! What goes over HTTP, to receivers that this file plays.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use nilometer_otel::trace::{Compression, OtelFlushError, Protocol};
use nilometer_otel::{OtelConfig, OtelProvider};
use opentelemetry::trace::Tracer;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::DEADLINE;
use super::sending::{PLACES, config, listen};

/// A request over HTTP as it came.
#[derive(Debug)]
pub(super) struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header)?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request { line: line.trim_end().to_owned(), headers, body }))
}

/// Answers every request over HTTP with this status, until the process ends.
pub(super) fn serve(listener: TcpListener, status: &'static str) -> mpsc::Receiver<Request> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, sender) = (BufReader::new(stream.unwrap()), sender.clone());
            thread::spawn(move || {
                while let Ok(Some(request)) = read_request(&mut stream) {
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                    if stream.get_mut().write_all(answer.as_bytes()).is_err() || sender.send(request).is_err()
                    {
                        return;
                    }
                }
            });
        }
    });
    receiver
}

#[test]
fn a_request_over_http_is_what_the_configuration_says_in_every_runtime() {
    for place in PLACES {
        let (listener, address) = listen();
        let requests = serve(listener, "200 OK");
        place.run(|| {
            let config = config(address, Protocol::Http)
                .with_service_version("1.4.2")
                .with_header("tenant", "blue")
                .unwrap();
            let provider = OtelProvider::init(config).unwrap();
            provider.tracer("test").in_span("work", |_| ());
            provider.flush_blocking(DEADLINE).unwrap();
            provider.tracer("test").in_span("more", |_| ());
            provider.shutdown_blocking(DEADLINE).unwrap();
            assert_eq!(provider.export_stats().sent(), 2);
        });
        let request = requests.recv_timeout(DEADLINE).unwrap();
        assert_eq!(request.line, "POST /v1/traces HTTP/1.1", "{place:?}");
        let expected = [
            ("content-length", request.body.len().to_string()),
            ("content-type", "application/x-protobuf".to_owned()),
            ("host", address.to_string()),
            ("tenant", "blue".to_owned()),
            ("user-agent", format!("nilometer-otel/{}", env!("CARGO_PKG_VERSION"))),
        ];
        assert_eq!(request.headers, expected.map(|(name, value)| (name.to_owned(), value)).into());
        let message = ExportTraceServiceRequest::decode(&*request.body).unwrap();
        let resource = message.resource_spans[0].resource.as_ref().unwrap();
        let keys = resource.attributes.iter().map(|pair| pair.key.as_str());
        let keys = keys.collect::<std::collections::BTreeSet<_>>();
        let sdk = ["telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"];
        assert_eq!(keys, sdk.into_iter().chain(["service.name", "service.version"]).collect());
        let scope = &message.resource_spans[0].scope_spans[0];
        assert_eq!(scope.scope.as_ref().unwrap().name, "test");
        assert_eq!(scope.spans[0].name, "work");
        requests.recv_timeout(DEADLINE).unwrap();
    }
}

#[test]
fn a_traces_endpoint_is_used_as_it_is_and_a_request_is_compressed() {
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        if compression == Compression::Zstd && !cfg!(feature = "zstd") {
            continue;
        }
        let (listener, address) = listen();
        let requests = serve(listener, "200 OK");
        let config = OtelConfig::new("sender")
            .with_traces_endpoint(&format!("http://{address}/here?now"))
            .unwrap()
            .with_compression(compression);
        let provider = OtelProvider::init(config.with_protocol(Protocol::Http)).unwrap();
        provider.tracer("test").in_span("work", |_| ());
        drop(provider);
        let request = requests.recv_timeout(DEADLINE).unwrap();
        assert_eq!(request.line, "POST /here?now HTTP/1.1");
        assert_eq!(request.headers["content-encoding"], name);
    }
}

#[test]
fn a_receiver_that_comes_later_gets_what_comes_later() {
    let (listener, address) = listen();
    drop(listener);
    let provider = OtelProvider::init(config(address, Protocol::Http)).unwrap();
    provider.tracer("test").in_span("lost", |_| ());
    provider.flush_blocking(DEADLINE).unwrap_err();
    let requests = serve(TcpListener::bind(address).unwrap(), "200 OK");
    provider.tracer("test").in_span("kept", |_| ());
    provider.flush_blocking(DEADLINE).unwrap();
    assert!(requests.recv_timeout(DEADLINE).is_ok());
    assert_eq!((provider.export_stats().sent(), provider.export_stats().failed()), (1, 1));
}

#[test]
fn a_refused_request_is_not_sent_again() {
    let (listener, address) = listen();
    let requests = serve(listener, "400 Bad Request");
    let provider = OtelProvider::init(config(address, Protocol::Http)).unwrap();
    provider.tracer("test").in_span("work", |_| ());
    let error = provider.flush_blocking(DEADLINE).unwrap_err();
    let reason =
        format!("Operation failed: `http://{address}/v1/traces`: HTTP export failed with status code: 400");
    assert_eq!(error, OtelFlushError::Failed { spans: 1, reason });
    provider.shutdown_blocking(DEADLINE).unwrap();
    drop(provider);
    assert_eq!(requests.try_iter().count(), 1);
}

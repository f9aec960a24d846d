//! What a receiver that fails does to who sends.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use nilometer_otel::trace::{Compression, OtelFlushError, Protocol};
use nilometer_otel::{OtelConfig, OtelProvider};
use opentelemetry::trace::Tracer;

use super::DEADLINE;

/// Where a test's code runs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    NoRuntime,
    CurrentThread,
    MultiThread,
}

pub(super) const PLACES: [Place; 3] = [Place::NoRuntime, Place::CurrentThread, Place::MultiThread];

impl Place {
    pub(super) fn run(self, test: impl FnOnce()) {
        let mut builder = match self {
            Place::NoRuntime => return test(),
            Place::CurrentThread => tokio::runtime::Builder::new_current_thread(),
            Place::MultiThread => tokio::runtime::Builder::new_multi_thread(),
        };
        builder.enable_all().build().unwrap().block_on(async { test() });
    }
}

/// The protocols that are built.
fn protocols() -> Vec<Protocol> {
    let grpc = cfg!(feature = "trace-grpc").then_some(Protocol::Grpc);
    let http = cfg!(feature = "trace-http").then_some(Protocol::Http);
    grpc.into_iter().chain(http).collect()
}

pub(super) fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

pub(super) fn config(address: SocketAddr, protocol: Protocol) -> OtelConfig {
    OtelConfig::new("sender").with_endpoint(&format!("http://{address}")).unwrap().with_protocol(protocol)
}

#[test]
fn a_receiver_that_never_answers_holds_nobody_beyond_the_deadline_in_any_runtime() {
    for protocol in protocols() {
        for place in PLACES {
            // The system takes the connection, and nobody reads from it.
            let (_listener, address) = listen();
            place.run(|| {
                let provider = OtelProvider::init(config(address, protocol)).unwrap();
                provider.tracer("test").in_span("work", |_| ());
                let (start, deadline) = (Instant::now(), Duration::from_millis(300));
                let exceeded = Err(OtelFlushError::DeadlineExceeded { deadline });
                assert_eq!(provider.flush_blocking(deadline), exceeded, "{protocol} {place:?}");
                assert_eq!(provider.shutdown_blocking(deadline), exceeded, "{protocol} {place:?}");
                drop(provider);
                assert!(start.elapsed() < Duration::from_secs(5), "{protocol} {place:?}");
            });
        }
    }
}

#[test]
fn a_request_is_given_up_at_its_timeout() {
    for protocol in protocols() {
        let (_listener, address) = listen();
        let config = config(address, protocol).with_timeout(Duration::from_millis(200)).unwrap();
        let provider = OtelProvider::init(config).unwrap();
        provider.tracer("test").in_span("work", |_| ());
        let start = Instant::now();
        let error = provider.flush_blocking(DEADLINE).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5), "{protocol}");
        let OtelFlushError::Failed { spans: 1, reason } = error else { unreachable!("{protocol}: {error}") };
        assert!(reason.contains(&format!("`http://{address}/")), "{protocol}: {reason}");
    }
}

#[test]
fn a_receiver_that_is_not_there_costs_spans_and_nothing_else() {
    for protocol in protocols() {
        let (listener, address) = listen();
        drop(listener);
        // What stands behind a `?` may be a key.
        let config = OtelConfig::new("sender")
            .with_traces_endpoint(&format!("http://{address}/here?key=4f1c"))
            .unwrap()
            .with_protocol(protocol);
        let provider = OtelProvider::init(config).unwrap();
        provider.tracer("test").in_span("work", |_| ());
        let error = provider.flush_blocking(DEADLINE).unwrap_err();
        let OtelFlushError::Failed { spans: 1, reason } = error else { unreachable!("{protocol}: {error}") };
        let url = format!("Operation failed: `http://{address}/here`: ");
        assert!(reason.starts_with(&url), "{protocol}: {reason}");
        assert!(reason.contains(": Connection refused"), "{protocol}: {reason}");
        assert!(!reason.contains("4f1c"), "{protocol}: {reason}");
        provider.shutdown_blocking(DEADLINE).unwrap();
    }
}

#[test]
fn zstd_is_an_error_at_the_start_where_it_is_not_built() {
    for protocol in protocols() {
        let (_listener, address) = listen();
        let started = OtelProvider::init(config(address, protocol).with_compression(Compression::Zstd));
        let refused = started.map(drop).map_err(|error| error.to_string());
        let expected = "the compression `zstd` needs the feature `zstd`, which is off".to_owned();
        assert_eq!(refused, if cfg!(feature = "zstd") { Ok(()) } else { Err(expected) }, "{protocol}");
    }
}

//! What is compressed on its way is what receivers that know the compression read: one of `tonic` for gRPC, a plain one
//! for HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use nilometer_otel::trace::{Compression, Protocol};
use nilometer_otel::{OtelConfig, OtelProvider};
use nilometer_tests::receiver::{Reaction, Receiver};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use tonic::codec::CompressionEncoding;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

const DEADLINE: Duration = Duration::from_secs(30);

/// How many spans are sent: together they are much longer than what they are compressed to.
const SPANS: usize = 100;

/// What is said of the compression, and what was sent.
type Received = (Option<String>, ExportTraceServiceRequest);

/// Passes on what comes over gRPC.
struct Traces(mpsc::Sender<Received>);

#[tonic::async_trait]
impl TraceService for Traces {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let encoding = request.metadata().get("grpc-encoding").map(|name| name.to_str().unwrap().to_owned());
        self.0.send((encoding, request.into_inner())).unwrap();
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// What a receiver over gRPC reads of what is sent to it.
fn over_grpc(send: impl FnOnce(SocketAddr)) -> Received {
    let (sender, received) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let traces = TraceServiceServer::new(Traces(sender))
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
    let guard = runtime.enter();
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    drop(guard);
    let address = incoming.local_addr().unwrap();
    runtime.spawn(Server::builder().add_service(traces).serve_with_incoming(incoming));
    send(address);
    received.recv_timeout(DEADLINE).unwrap()
}

/// The same over HTTP.
fn over_http(send: impl FnOnce(SocketAddr)) -> Received {
    let receiver = Receiver::start(|_, _| Reaction::status(200));
    send(receiver.address());
    let requests = receiver.wait_for(1);
    let encoding = requests[0].header("content-encoding").map(str::to_owned);
    let body = &*requests[0].body;
    let mut plain = Vec::new();
    match encoding.as_deref() {
        None => plain.extend_from_slice(body),
        Some("gzip") => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap()),
        Some("zstd") => drop(zstd::Decoder::new(body).unwrap().read_to_end(&mut plain).unwrap()),
        Some(other) => unreachable!("`{other}` is no compression that there is"),
    }
    assert!(encoding.is_none() || body.len() < plain.len() / 2, "{} {}", body.len(), plain.len());
    (encoding, ExportTraceServiceRequest::decode(&*plain).unwrap())
}

#[test]
fn spans_arrive_as_they_were_in_every_compression() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for (compression, name) in
            [(None, None), (Some(Compression::Gzip), Some("gzip")), (Some(Compression::Zstd), Some("zstd"))]
        {
            let send = |address: SocketAddr| {
                let config = OtelConfig::new("checkout").with_protocol(protocol);
                let mut config = config.with_endpoint(&format!("http://{address}")).unwrap();
                if let Some(compression) = compression {
                    config = config.with_compression(compression);
                }
                let provider = OtelProvider::init(config).unwrap();
                for order in 0..SPANS {
                    let mut span = provider.tracer("orders").start(format!("place {order}"));
                    span.set_attribute(KeyValue::new("zone", "eu ".repeat(100)));
                }
                provider.shutdown(DEADLINE).unwrap();
                assert_eq!((provider.export_stats().sent(), provider.export_stats().failed()), (100, 0));
            };
            let (encoding, request) =
                if protocol == Protocol::Grpc { over_grpc(send) } else { over_http(send) };
            assert_eq!(encoding.as_deref(), name, "{protocol}");
            let spans = &request.resource_spans[0].scope_spans[0].spans;
            let names = spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
            assert_eq!(names, (0..SPANS).map(|order| format!("place {order}")).collect::<Vec<_>>());
            assert!(spans.iter().all(|span| span.attributes.len() == 1 && span.attributes[0].key == "zone"));
        }
    }
}

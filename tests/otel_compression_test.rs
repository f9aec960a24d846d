//! What is compressed on its way is what receivers that know the compression read: one of `tonic` for gRPC, a plain one
//! for HTTP.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nilometer_core::collect::Collector as _;
use nilometer_core::{MetricsRegistry, RegistryConfig};
use nilometer_otel::export::{OtlpExporter, OtlpExporterConfig};
use nilometer_otel::trace::{Compression, Protocol};
use nilometer_otel::{OtelConfig, OtelProvider, Resource};
use nilometer_tests::otlp::{Model, compare, singles};
use nilometer_tests::read_back::Kept;
use nilometer_tests::receiver::{Reaction, Receiver};
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, Tracer};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

const DEADLINE: Duration = Duration::from_secs(30);

/// How many spans or series are sent: together they are much longer than what they are compressed to.
const COUNT: usize = 100;

const COMPRESSIONS: [(Option<Compression>, Option<&str>); 3] =
    [(None, None), (Some(Compression::Gzip), Some("gzip")), (Some(Compression::Zstd), Some("zstd"))];

/// What is said of the compression, and what was sent.
type Received<T> = (Option<String>, T);

/// Passes on what comes over gRPC.
struct Passing<T>(mpsc::Sender<Received<T>>);

impl<T> Passing<T> {
    fn pass(&self, request: Request<T>) {
        let encoding = request.metadata().get("grpc-encoding").map(|name| name.to_str().unwrap().to_owned());
        // Nobody waits for a second request.
        let _ = self.0.send((encoding, request.into_inner()));
    }
}

#[tonic::async_trait]
impl TraceService for Passing<ExportTraceServiceRequest> {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.pass(request);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Passing<ExportMetricsServiceRequest> {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.pass(request);
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

/// What a receiver over gRPC reads first of what is sent to it.
fn over_grpc<T, S>(service: impl FnOnce(Passing<T>) -> S, send: impl FnOnce(SocketAddr)) -> Received<T>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let (sender, received) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let guard = runtime.enter();
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    drop(guard);
    let address = incoming.local_addr().unwrap();
    let router = Server::builder().add_service(service(Passing(sender)));
    runtime.spawn(router.serve_with_incoming(incoming));
    send(address);
    received.recv_timeout(DEADLINE).unwrap()
}

/// The same over HTTP.
fn over_http<T: Message + Default>(send: impl FnOnce(SocketAddr)) -> Received<T> {
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
    (encoding, T::decode(&*plain).unwrap())
}

#[test]
fn spans_arrive_as_they_were_in_every_compression() {
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for (compression, name) in COMPRESSIONS {
            let send = |address: SocketAddr| {
                let config = OtelConfig::new("checkout").with_protocol(protocol);
                let mut config = config.with_endpoint(&format!("http://{address}")).unwrap();
                if let Some(compression) = compression {
                    config = config.with_compression(compression);
                }
                let provider = OtelProvider::init(config).unwrap();
                for order in 0..COUNT {
                    let mut span = provider.tracer("orders").start(format!("place {order}"));
                    span.set_attribute(KeyValue::new("zone", "eu ".repeat(100)));
                }
                provider.shutdown_blocking(DEADLINE).unwrap();
                let stats = provider.export_stats();
                assert_eq!((stats.sent(), stats.failed()), (COUNT as u64, 0), "{protocol}");
            };
            let service = |passing| {
                TraceServiceServer::new(passing)
                    .accept_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Zstd)
            };
            let grpc = protocol == Protocol::Grpc;
            let (encoding, request) = if grpc { over_grpc(service, send) } else { over_http(send) };
            assert_eq!(encoding.as_deref(), name, "{protocol}");
            let spans = &request.resource_spans[0].scope_spans[0].spans;
            let names = spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
            assert_eq!(names, (0..COUNT).map(|order| format!("place {order}")).collect::<Vec<_>>());
            assert!(spans.iter().all(|span| span.attributes.len() == 1 && span.attributes[0].key == "zone"));
        }
    }
}

#[test]
fn metrics_arrive_as_they_were_in_every_compression() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
    let orders = registry.register_counter("orders_total", "Orders.").unwrap();
    for order in 0..COUNT {
        orders.get_or_create(&[("customer", &format!("eu-{order}"))]).inc_by(order as u64);
    }
    let start = SystemTime::now();
    for protocol in [Protocol::Grpc, Protocol::Http] {
        for (compression, name) in COMPRESSIONS {
            let send = |address: SocketAddr| {
                let config = OtlpExporterConfig::new(Resource::new("checkout")).with_protocol(protocol);
                let config = config.with_own_metrics(false).with_start(start);
                let mut config = config.with_endpoint(&format!("http://{address}")).unwrap();
                if let Some(compression) = compression {
                    config = config.with_compression(compression);
                }
                let exporter = OtlpExporter::start(registry.clone(), config).unwrap();
                exporter.shutdown_blocking(DEADLINE).unwrap();
            };
            let service = |passing| {
                MetricsServiceServer::new(passing)
                    .accept_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Zstd)
            };
            let grpc = protocol == Protocol::Grpc;
            let (encoding, request) = if grpc { over_grpc(service, send) } else { over_http(send) };
            assert_eq!(encoding.as_deref(), name, "{protocol}");
            let read = singles(&request.encode_to_vec());
            let times = read.iter().filter_map(|single| match &single.data {
                Some(Data::Sum(sum)) => Some(sum.data_points[0].time_unix_nano),
                _ => None,
            });
            let mut kept = Kept::default();
            registry.collect(&mut kept).unwrap();
            let start = start.duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap();
            let (expected, _) = Model::new(false, false, start).expected(&kept, times.max().unwrap());
            compare(&read, &expected);
            assert_eq!(read.len(), COUNT, "{protocol}");
        }
    }
}

//! The receiver that the tests of the exporter rely on does what it is told, as other clients see it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests, outside of what clippy takes for one"
)]

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant, SystemTime};

use http::header::RETRY_AFTER;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use nilometer_core::MetricsRegistry;
use nilometer_otel::Protocol;
use nilometer_otel::{OtlpEncoder, Resource, TemporalityPreference};
use nilometer_tests::otlp_server::{Answer, Model, OtlpServer, RetryAfter};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::Sum;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message as _;
use prost::bytes::Bytes;
use tonic::codec::CompressionEncoding;
use tonic::{Code, Status};
use tonic_types::{StatusExt as _, pb};

const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

/// What one client sees of an answer.
type Seen = Result<ExportMetricsServiceResponse, Failure>;

#[derive(Debug)]
enum Failure {
    Grpc(Status),
    Http(u16, Option<String>, pb::Status),
    /// There is no answer, or none that can be read.
    Broken(String),
}

/// A registry of a counter with two series, and a histogram.
fn registry() -> MetricsRegistry {
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    jobs.get_or_create(&[("queue", "mail")]).inc_by(3);
    jobs.get_or_create(&[("queue", "print")]).inc_by(4);
    registry
}

fn encoder(temporality: TemporalityPreference) -> OtlpEncoder {
    OtlpEncoder::new(Resource::new("test"), SystemTime::now() - Duration::from_secs(1))
        .with_temporality(temporality)
}

/// The body of what a registry shows.
fn body(registry: &MetricsRegistry) -> Bytes {
    let mut encoder = encoder(TemporalityPreference::Cumulative);
    encoder.encode(registry, SystemTime::now()).unwrap().remove(0).body().clone()
}

/// Sends a body by a client that has nothing in common with nilometer, over a connection of its own.
fn send(server: &OtlpServer, body: &Bytes, compression: Option<&str>) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sending = async {
        match server.protocol() {
            Protocol::Http => over_http(server.address(), body, compression).await,
            _ => over_grpc(server.endpoint(), body, compression).await,
        }
    };
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(30), sending).await })
        .unwrap_or_else(|_| Err(Failure::Broken("no answer".to_owned())))
}

async fn over_grpc(endpoint: String, body: &Bytes, compression: Option<&str>) -> Seen {
    let mut client = MetricsServiceClient::connect(endpoint)
        .await
        .map_err(|error| Failure::Broken(format!("{error:?}")))?
        .max_decoding_message_size(64 << 20);
    match compression {
        Some("gzip") => client = client.send_compressed(CompressionEncoding::Gzip),
        Some(_) => client = client.send_compressed(CompressionEncoding::Zstd),
        None => {}
    }
    let mut request = tonic::Request::new(ExportMetricsServiceRequest::decode(body.clone()).unwrap());
    request.metadata_mut().insert("tenant", "blue".parse().unwrap());
    client.export(request).await.map(tonic::Response::into_inner).map_err(Failure::Grpc)
}

async fn over_http(address: SocketAddr, body: &Bytes, compression: Option<&str>) -> Seen {
    let broken = |error: &dyn std::error::Error| Failure::Broken(format!("{error:?}"));
    let stream = tokio::net::TcpStream::connect(address).await.map_err(|error| broken(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    tokio::spawn(connection);
    let mut request = http::Request::post("/v1/metrics")
        .header("host", address.to_string())
        .header("tenant", "blue")
        .header("content-type", "application/x-protobuf");
    let mut sent = body.to_vec();
    if let Some(name) = compression {
        request = request.header("content-encoding", name);
        sent = match name {
            "gzip" => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                writer.write_all(body).unwrap();
                writer.finish().unwrap()
            }
            _ => zstd::encode_all(&body[..], 1).unwrap(),
        };
    }
    let request = request.body(Full::new(Bytes::from(sent))).unwrap();
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let (parts, body) = response.into_parts();
    let body = http_body_util::Limited::new(body, 64 << 20).collect().await;
    let body = body.map_err(|error| Failure::Broken(format!("{error:?}")))?.to_bytes();
    if parts.status == 200 {
        return ExportMetricsServiceResponse::decode(body).map_err(|error| broken(&error));
    }
    let after = parts.headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
    Err(Failure::Http(parts.status.as_u16(), after, pb::Status::decode(body).unwrap()))
}

#[test]
fn what_was_sent_is_what_was_received_by_either_protocol_and_compressed() {
    for protocol in BOTH {
        for compression in [None, Some("gzip"), Some("zstd")] {
            let server = OtlpServer::start(protocol);
            let registry = registry();
            let body = body(&registry);
            let before = Instant::now();
            assert_eq!(send(&server, &body, compression).unwrap(), ExportMetricsServiceResponse::default());
            let received = server.wait_for(1);
            assert_eq!(received.len(), 1);
            assert_eq!(received[0].request, ExportMetricsServiceRequest::decode(body).unwrap());
            assert_eq!(received[0].compression(), compression);
            assert_eq!(received[0].header("tenant"), Some("blue"));
            assert!(received[0].at > before && received[0].at < Instant::now());
            let path = match protocol {
                Protocol::Http => "/v1/metrics",
                _ => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            };
            assert_eq!(received[0].path, path);
            assert_eq!(server.model().count("jobs_total", &[("queue", "print")]), Some(4.0));
            server.model().assert_shows(&registry);
        }
    }
}

#[test]
fn answers_come_in_the_order_of_the_script_and_then_the_default() {
    for protocol in BOTH {
        let server = OtlpServer::start(protocol);
        server.script([
            Answer::Partial(1, "too old".to_owned()),
            Answer::unavailable(protocol),
            Answer::throttled(protocol, Duration::from_secs(7)),
        ]);
        server.otherwise(Answer::refused(protocol));
        let body = body(&registry());
        let partial = send(&server, &body, None).unwrap().partial_success.unwrap();
        assert_eq!((partial.rejected_data_points, &*partial.error_message), (1, "too old"));
        let taken = server.received()[0].points() - 1;
        assert_eq!(server.model().taken(), (taken, 1), "what is rejected is not taken");
        let codes = (0..4).map(|_| match send(&server, &body, None).unwrap_err() {
            Failure::Grpc(status) => {
                let after = status.get_details_retry_info().and_then(|info| info.retry_delay);
                (status.code() as u16, after.map(|after| after.as_secs().to_string()))
            }
            Failure::Http(status, after, said) => {
                assert_eq!(said.message, format!("said to be {status}"));
                (status, after)
            }
            Failure::Broken(error) => panic!("{error}"),
        });
        let codes: Vec<_> = codes.collect();
        let seven = Some("7".to_owned());
        match protocol {
            Protocol::Http => assert_eq!(codes, [(503, None), (429, seven), (400, None), (400, None)]),
            _ => assert_eq!(
                codes,
                [
                    (Code::Unavailable as u16, None),
                    (Code::ResourceExhausted as u16, seven),
                    (Code::InvalidArgument as u16, None),
                    (Code::InvalidArgument as u16, None),
                ]
            ),
        }
        assert_eq!(server.model().taken(), (taken, 1));
        assert_eq!(server.attempts(), 5);
    }
}

#[test]
fn a_date_to_come_back_at_is_so_many_seconds_away() {
    let server = OtlpServer::start(Protocol::Http);
    server.script([Answer::Http(503, Some(RetryAfter::Date(100)))]);
    let Failure::Http(503, Some(after), _) = send(&server, &body(&registry()), None).unwrap_err() else {
        panic!("no date");
    };
    let left = httpdate::parse_http_date(&after).unwrap().duration_since(SystemTime::now()).unwrap();
    assert!((60..=100).contains(&left.as_secs()), "{left:?}");
}

#[test]
fn a_status_of_http_is_what_a_proxy_says_in_place_of_grpc() {
    let server = OtlpServer::start(Protocol::Grpc);
    server.script([Answer::Http(503, None)]);
    let Failure::Grpc(status) = send(&server, &body(&registry()), None).unwrap_err() else {
        panic!("no status");
    };
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}

#[test]
fn connections_are_reset_and_only_what_was_taken_counts() {
    for protocol in BOTH {
        let server = OtlpServer::start(protocol);
        let registry = registry();
        let body = body(&registry);
        for (answer, taken) in
            [(Answer::ResetUnread, 0), (Answer::ResetInBody, 0), (Answer::ResetUnanswered, 1)]
        {
            server.script([answer.clone()]);
            let failure = send(&server, &body, None).unwrap_err();
            assert!(!matches!(failure, Failure::Http(..)), "{answer:?}: {failure:?}");
            assert_eq!(server.received().len() as u64, taken, "{answer:?}");
            assert_eq!(server.model().taken().1, taken, "{answer:?}");
        }
        assert_eq!((server.attempts(), server.connections()), (3, 3));
        send(&server, &body, None).unwrap();
        server.model().assert_shows(&registry);
    }
}

#[test]
fn answers_that_are_none_or_have_no_end_cannot_be_read() {
    for protocol in BOTH {
        let server = OtlpServer::start(protocol);
        for answer in [Answer::Garbage, Answer::Endless, Answer::EndlessFailure(400)] {
            server.script([answer.clone()]);
            let failure = send(&server, &body(&registry()), None).unwrap_err();
            match (protocol, failure) {
                (Protocol::Http, Failure::Broken(_)) => {}
                (Protocol::Grpc, Failure::Grpc(status)) => assert_ne!(status.code(), Code::Ok),
                (_, failure) => panic!("{answer:?}: {failure:?}"),
            }
        }
        assert_eq!(server.received().len(), 3);
    }
}

#[test]
fn who_hangs_is_not_answered_until_it_is_released_and_who_is_slow_is_answered_then() {
    for protocol in BOTH {
        let server = OtlpServer::start(protocol);
        let registry = registry();
        let body = body(&registry);
        server.script([Answer::Hang, Answer::Slow(Duration::from_millis(200))]);
        let failure = std::thread::scope(|scope| {
            let sending = scope.spawn(|| send(&server, &body, None).unwrap_err());
            server.wait_for_hanging(1);
            assert!(!sending.is_finished());
            server.release();
            sending.join().unwrap()
        });
        match failure {
            Failure::Http(503, None, _) => {}
            Failure::Grpc(status) => assert_eq!(status.code(), Code::Unavailable),
            other => panic!("{other:?}"),
        }
        assert_eq!((server.hanging(), server.model().taken().1), (0, 0));
        let start = Instant::now();
        send(&server, &body, None).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(200));
        server.model().assert_shows(&registry);
    }
}

#[test]
fn a_receiver_that_does_not_run_refuses_connections_and_comes_back_at_its_address() {
    for protocol in BOTH {
        let mut server = OtlpServer::stopped(protocol);
        let registry = registry();
        let body = body(&registry);
        for round in 1..3 {
            let error = TcpStream::connect(server.address()).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
            server.start_again();
            send(&server, &body, None).unwrap();
            assert_eq!(server.wait_for(round).len(), round);
            server.stop();
        }
        server.model().assert_shows(&registry);
    }
}

#[test]
fn no_more_requests_are_kept_than_asked_for() {
    let server = OtlpServer::start(Protocol::Http);
    server.keep(1);
    let body = body(&registry());
    (0..3).for_each(|_| drop(send(&server, &body, None).unwrap()));
    let received = server.wait_for(3);
    assert_eq!((received.len(), received[0].number), (1, 2));
    assert_eq!(server.model().taken().1, 3);
}

/// The requests of collections at these seconds, each after something was counted.
fn differences(registry: &MetricsRegistry, seconds: &[u64]) -> Vec<ExportMetricsServiceRequest> {
    let start = SystemTime::now();
    let mut encoder = OtlpEncoder::new(Resource::new("test"), start - Duration::from_secs(1))
        .with_temporality(TemporalityPreference::Delta);
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    let mut collect = |second: &u64| {
        jobs.get_or_create(&[("queue", "mail")]).inc();
        let mut requests = encoder.encode(registry, start + Duration::from_secs(*second)).unwrap();
        let request = ExportMetricsServiceRequest::decode(requests[0].body().clone()).unwrap();
        requests.remove(0).acknowledge();
        request
    };
    seconds.iter().map(&mut collect).collect()
}

#[test]
fn the_model_adds_differences_up_and_complains_where_they_do_not_join() {
    let registry = registry();
    let requests = differences(&registry, &[1, 2, 3]);
    let take = |order: &[usize]| {
        let mut model = Model::default();
        for &index in order {
            model.take(&requests[index], 0);
        }
        model
    };
    take(&[0, 1, 2]).assert_shows(&registry);
    assert!(take(&[0, 1, 2]).has_what(&Model::of(&registry)));
    for order in [&[0, 2][..], &[0, 1, 1, 2], &[0, 2, 1]] {
        let model = take(order);
        assert!(model.complaints()[0].contains("the last ended at"), "{:?}", model.complaints());
    }
    assert!(!take(&[0, 2]).has_what(&Model::of(&registry)));
    assert!(!take(&[0, 1, 1, 2]).has_what(&Model::of(&registry)));
}

#[test]
fn the_model_complains_of_totals_that_fall_and_of_times_that_move_back() {
    let registry = registry();
    let start = SystemTime::now();
    let mut encoder = OtlpEncoder::new(Resource::new("test"), start - Duration::from_secs(1));
    let mut collect = |second| {
        let requests = encoder.encode(&registry, start + Duration::from_secs(second)).unwrap();
        ExportMetricsServiceRequest::decode(requests[0].body().clone()).unwrap()
    };
    let (first, again) = (collect(2), collect(1));
    registry.register_counter("jobs_total", "Jobs.").unwrap().get_or_create(&[("queue", "mail")]).inc();
    let second = collect(3);
    let complaints = |requests: &[&ExportMetricsServiceRequest]| {
        let mut model = Model::default();
        for request in requests {
            model.take(request, 0);
        }
        model.complaints().to_vec()
    };
    assert!(complaints(&[&first, &first, &second]).is_empty());
    assert!(complaints(&[&first, &again])[0].contains("the last ended at"));
    let mut fallen = first.clone();
    for point in &mut sum_of(&mut fallen).data_points {
        point.time_unix_nano += 10_000_000_000;
    }
    assert!(complaints(&[&second, &fallen])[0].contains("it fell from"));
    for point in &mut sum_of(&mut fallen).data_points {
        point.start_time_unix_nano = point.time_unix_nano + 1;
    }
    assert!(complaints(&[&fallen])[0].contains("it ends at"));
}

/// The first metric's sum.
fn sum_of(request: &mut ExportMetricsServiceRequest) -> &mut Sum {
    let metric = &mut request.resource_metrics[0].scope_metrics[0].metrics[0];
    match &mut metric.data {
        Some(Data::Sum(sum)) => sum,
        other => panic!("no sum: {other:?}"),
    }
}

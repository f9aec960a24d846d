//! What the exporter makes of what receivers answer.

use std::time::{Duration, Instant};

use nilometer_otel::export::ExportError;
use nilometer_otel::{Compression, Protocol, TemporalityPreference};
use nilometer_tests::exports::{
    LONG, POINTS, PROTOCOLS, Recorded, assert_count, attempts, cases, config, dropped, started, value,
};
use nilometer_tests::otlp_server::{Answer, Model, OtlpServer, RetryAfter};
use tonic::Code;

/// How much later than asked for something may come on a machine that does other things, too.
const LATE: Duration = Duration::from_secs(20);

#[test]
fn what_is_rejected_of_a_request_is_counted_and_not_sent_again() {
    for (protocol, temporality) in cases() {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server).with_temporality(temporality));
        recorded.record();
        server.script([Answer::Partial(2, "too old".to_owned())]);
        let report = exporter.flush_blocking(LONG).unwrap();
        assert_eq!((report.points(), report.rejected(), report.requests()), (POINTS - 2, 2, 1));
        assert_count(dropped(&exporter, "rejected"), 2);
        assert_count(attempts(&exporter, "partial"), 1);
        assert_eq!(server.attempts(), 2);
        recorded.record();
        exporter.shutdown_blocking(LONG).unwrap();

        let (model, shown) = (server.model(), Model::of(&recorded.registry));
        let differing: Vec<_> = model
            .totals()
            .zip(shown.totals())
            .filter(|((_, held), (_, total))| held.count().to_bits() != total.count().to_bits())
            .map(|((key, _), _)| &*key.name)
            .collect();
        if temporality == TemporalityPreference::Cumulative {
            model.assert_shows(&recorded.registry);
        } else {
            // The last two points were not taken, and differences are not sent twice. The depth is no difference.
            assert_eq!(differing.len(), 1, "{differing:?}");
            assert_eq!(model.complaints().len(), 1, "{:?}", model.complaints());
        }
    }
}

#[test]
fn details_that_are_not_written_as_they_should_be_end_nothing() {
    for is_late in [false, true] {
        let server = OtlpServer::start(Protocol::Grpc);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server));
        recorded.record();
        server.script([Answer::Undecodable(Code::InvalidArgument, is_late)]);
        let error = exporter.flush_blocking(LONG).unwrap_err();
        let ExportError::Status { status, is_transient: false, .. } = &error else {
            unreachable!("{error:?}")
        };
        assert_eq!(status, "INVALID_ARGUMENT");
        // Twice, what passes is sent again; and what comes later is delivered.
        server.script([Answer::Undecodable(Code::Unavailable, is_late)]);
        assert_eq!(exporter.flush_blocking(LONG).unwrap().points(), POINTS);
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn a_success_with_a_message_is_a_success() {
    for (protocol, temporality) in cases() {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server).with_temporality(temporality));
        recorded.record();
        server.script([Answer::Partial(0, "use the other port".to_owned())]);
        let report = exporter.flush_blocking(LONG).unwrap();
        assert_eq!((report.points(), report.rejected()), (POINTS, 0));
        assert_count(attempts(&exporter, "success"), 2);
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn no_more_can_be_rejected_than_was_sent() {
    for protocol in PROTOCOLS {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server));
        server.script([Answer::Partial(u64::MAX, String::new())]);
        let report = exporter.flush_blocking(LONG).unwrap();
        assert_eq!((report.points(), report.rejected()), (0, POINTS));
        exporter.shutdown_blocking(LONG).unwrap();
    }
}

#[test]
fn a_receiver_that_asks_to_be_left_alone_is_left_alone_for_that_long() {
    let second = Duration::from_secs(1);
    let (grpc, http) = (Protocol::Grpc, Protocol::Http);
    for (protocol, answer, least) in [
        (grpc, Answer::Grpc(Code::ResourceExhausted, Some(second)), second),
        (grpc, Answer::Grpc(Code::Unavailable, Some(second)), second),
        (http, Answer::Http(429, Some(RetryAfter::Seconds(1))), second),
        (http, Answer::Http(503, Some(RetryAfter::Seconds(1))), second),
        // Of a date's seconds the first has begun already.
        (http, Answer::Http(503, Some(RetryAfter::Date(2))), second),
    ] {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server).with_temporality(TemporalityPreference::Delta));
        recorded.record();
        server.script([answer.clone(), answer.clone()]);
        std::thread::scope(|scope| {
            scope.spawn(|| exporter.flush_blocking(LONG).unwrap());
            server.wait_for_attempts(2);
            // Whoever comes meanwhile does not hurry it.
            exporter.flush_blocking(LONG).unwrap();
        });
        let received = server.received();
        assert_eq!((&received[1].answer, &received[2].answer), (&answer, &answer));
        for pair in received[1..4].windows(2) {
            let waited = pair[1].at.duration_since(pair[0].at);
            // The header's date was made a moment after the request came in, and may be cut by its parts of a second.
            assert!(waited >= least && waited < least + LATE, "{answer:?}: {waited:?}");
            assert_eq!(pair[0].request, pair[1].request);
        }
        assert_count(value(&exporter, "retries_total", &[]), 2);
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn a_receiver_that_asks_for_more_time_than_there_is_is_given_up_at_once() {
    for protocol in PROTOCOLS {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server));
        let hour = Duration::from_hours(1);
        server.script([Answer::throttled(protocol, hour)]);
        let error = exporter.flush_blocking(LONG).unwrap_err();
        let ExportError::Status { retry_after, is_transient: true, .. } = error else { panic!("{error}") };
        assert_eq!(retry_after, Some(hour));
        assert_count(dropped(&exporter, "expired"), POINTS);
        assert_eq!(server.attempts(), 2);
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_not() {
    let transient = [
        Code::Cancelled,
        Code::DeadlineExceeded,
        Code::Aborted,
        Code::OutOfRange,
        Code::Unavailable,
        Code::DataLoss,
    ]
    .map(|code| (Protocol::Grpc, Answer::Grpc(code, None)));
    let transient_too = [429, 502, 503, 504].map(|status| (Protocol::Http, Answer::Http(status, None)));
    // gRPC, "HTTP to gRPC Status Code Mapping": what a proxy answers in its place.
    let by_proxies = [429, 502, 503, 504].map(|status| (Protocol::Grpc, Answer::Http(status, None)));
    let permanent = [
        Code::Unknown,
        Code::InvalidArgument,
        Code::NotFound,
        Code::AlreadyExists,
        Code::PermissionDenied,
        Code::ResourceExhausted,
        Code::FailedPrecondition,
        Code::Unimplemented,
        Code::Internal,
        Code::Unauthenticated,
    ]
    .map(|code| (Protocol::Grpc, Answer::Grpc(code, None)));
    let permanent_too = [301, 400, 401, 403, 404, 408, 413, 500, 501, 505]
        .map(|status| (Protocol::Http, Answer::Http(status, None)));
    let cases = transient.into_iter().chain(transient_too).chain(by_proxies).map(|case| (case, true));
    let cases = cases.chain(permanent.into_iter().chain(permanent_too).map(|case| (case, false)));

    let temporality = TemporalityPreference::Delta;
    let start = |protocol| {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server).with_temporality(temporality));
        (server, recorded, exporter)
    };
    let [grpc, http] = PROTOCOLS.map(start);
    let [mut retries, mut refused] = [[0; 2]; 2];
    for ((protocol, answer), is_transient) in cases {
        let (at, (server, recorded, exporter)) =
            if protocol == Protocol::Grpc { (0, &grpc) } else { (1, &http) };
        recorded.record();
        server.script([answer.clone()]);
        let before = server.attempts();
        let result = exporter.flush_blocking(LONG);
        assert_eq!(server.attempts() - before, if is_transient { 2 } else { 1 }, "{answer:?}: {result:?}");
        match result {
            Ok(report) => assert_eq!((report.points(), is_transient), (POINTS, true), "{answer:?}"),
            Err(ExportError::Status { is_transient: false, message, .. }) => {
                assert!(!is_transient, "{answer:?}");
                assert!(message.starts_with("said to be"), "{message}");
            }
            Err(error) => panic!("{answer:?}: {error}"),
        }
        retries[at] += u64::from(is_transient);
        refused[at] += u64::from(!is_transient);
    }
    for (at, (server, recorded, exporter)) in [grpc, http].into_iter().enumerate() {
        assert_count(value(&exporter, "retries_total", &[]), retries[at]);
        assert_count(attempts(&exporter, "failed"), retries[at]);
        assert_count(attempts(&exporter, "refused"), refused[at]);
        assert_count(dropped(&exporter, "refused"), refused[at] * POINTS);
        exporter.shutdown_blocking(LONG).unwrap();
        // What was refused came with the next.
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn an_answer_that_is_none_or_has_no_end_keeps_nobody() {
    for (protocol, temporality) in cases() {
        for answer in [Answer::Garbage, Answer::Endless] {
            let server = OtlpServer::start(protocol);
            let recorded = Recorded::new();
            let exporter = started(&recorded, config(&server).with_temporality(temporality));
            recorded.record();
            server.script([answer.clone()]);
            let start = Instant::now();
            let result = exporter.flush_blocking(LONG);
            assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
            // It says that it has taken it, and how many of it, nobody can read.
            assert_eq!(result.unwrap().points(), POINTS, "{answer:?} {protocol}");
            assert_eq!(server.attempts(), 2, "{answer:?}");
            exporter.shutdown_blocking(LONG).unwrap();
            server.model().assert_shows(&recorded.registry);
        }
    }
}

#[test]
fn a_failure_that_has_no_end_is_a_failure() {
    for protocol in PROTOCOLS {
        for (status, is_transient) in [(400, false), (503, true)] {
            let server = OtlpServer::start(protocol);
            let recorded = Recorded::new();
            let exporter = started(&recorded, config(&server));
            recorded.record();
            server.script([Answer::EndlessFailure(status)]);
            let start = Instant::now();
            let result = exporter.flush_blocking(LONG);
            assert!(start.elapsed() < LATE, "{:?}", start.elapsed());
            assert_eq!(result.is_ok(), is_transient, "{protocol} {status}: {result:?}");
            assert_eq!(server.attempts(), if is_transient { 3 } else { 2 });
            exporter.shutdown_blocking(LONG).unwrap();
            server.model().assert_shows(&recorded.registry);
        }
    }
}

#[test]
fn requests_say_what_they_are_and_what_they_were_told_to() {
    for protocol in PROTOCOLS {
        for compression in [None, Some(Compression::Gzip), Some(Compression::Zstd)] {
            let server = OtlpServer::start(protocol);
            let recorded = Recorded::new();
            let mut config = config(&server).with_header("tenant", "blue").unwrap();
            if let Some(compression) = compression {
                config = config.with_compression(compression);
            }
            let exporter = started(&recorded, config);
            let received = server.received();
            let name = compression.map(|compression| match compression {
                Compression::Gzip => "gzip",
                _ => "zstd",
            });
            assert_eq!(received[0].compression(), name);
            assert_eq!(received[0].header("tenant"), Some("blue"));
            let agent = received[0].header("user-agent").unwrap();
            assert!(agent.starts_with("nilometer-otel/"), "{agent}");
            let (path, kind) = match protocol {
                Protocol::Http => ("/v1/metrics", "application/x-protobuf"),
                _ => ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "application/grpc"),
            };
            assert_eq!((&*received[0].path, received[0].header("content-type")), (path, Some(kind)));
            assert_eq!(received[0].points(), POINTS);
            exporter.shutdown_blocking(LONG).unwrap();
            assert_eq!(server.connections(), 1, "it is kept");
            server.model().assert_shows(&recorded.registry);
        }
    }
}

//! Exports to receivers that are away, slow, or cut connections: what they have in the end is what was recorded.

use std::time::Duration;

use nilometer_otel::TemporalityPreference;
use nilometer_otel::export::{ExportError, OtlpExporter};
use nilometer_tests::exports::{
    LONG, POINTS, PROTOCOLS, Recorded, assert_count, attempts, cases, config, dropped, started, value,
    while_recording,
};
use nilometer_tests::otlp_server::{Answer, OtlpServer};
use nilometer_tests::prometheus::wait_for;

/// How long a test waits for what is not to succeed.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn a_receiver_that_is_not_there_at_the_start_gets_all_once_it_is() {
    for (protocol, temporality) in cases() {
        let mut server = OtlpServer::stopped(protocol);
        let recorded = Recorded::new();
        let config = config(&server).with_temporality(temporality);
        let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
        wait_for("failures", || (attempts(&exporter, "unreachable") > 2.0).then_some(()));
        assert_count(value(&exporter, "points_total", &[]), 0);
        assert_count(value(&exporter, "queued_points", &[]), POINTS);
        recorded.record();

        server.start_again();
        let report = exporter.flush_blocking(LONG).unwrap();
        assert_eq!((report.points(), report.rejected()), (POINTS, 0));
        server.model().assert_shows(&recorded.registry);
        assert_count(value(&exporter, "points_total", &[]), 2 * POINTS);
        assert_count(value(&exporter, "queued_points", &[]), 0);
        assert!(value(&exporter, "retries_total", &[]) > 1.0);
        assert!(value(&exporter, "last_success_timestamp_seconds", &[]) > 0.0);
        exporter.shutdown_blocking(LONG).unwrap();
    }
}

#[test]
fn a_receiver_that_dies_and_returns_has_what_was_recorded_meanwhile() {
    for (protocol, temporality) in cases() {
        let mut server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server).with_temporality(temporality));
        for _ in 0..3 {
            server.stop();
            recorded.record();
            let error = exporter.flush_blocking(SHORT).unwrap_err();
            let ExportError::Deadline { cause: Some(cause), .. } = error else { panic!("{error}") };
            assert!(matches!(*cause, ExportError::Unreachable { .. }), "{cause}");
            recorded.record();
            server.start_again();
            exporter.flush_blocking(LONG).unwrap();
            server.model().assert_shows(&recorded.registry);
        }
        for reason in ["rejected", "refused", "expired", "queue_full"] {
            assert_count(dropped(&exporter, reason), 0);
        }
        exporter.shutdown_blocking(LONG).unwrap();
    }
}

#[test]
fn what_is_cumulative_is_right_whenever_the_receiver_dies() {
    for protocol in PROTOCOLS {
        let mut server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let config = config(&server).with_interval(Duration::from_millis(3)).unwrap();
        let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
        while_recording(&recorded, || {
            for _ in 0..5 {
                // In the middle of whatever it does.
                let (_, requests) = server.model().taken();
                server.wait_for_model("requests", |model| (model.taken().1 > requests + 5).then_some(()));
                server.stop();
                let before = attempts(&exporter, "unreachable");
                wait_for("failures", || (attempts(&exporter, "unreachable") > before).then_some(()));
                server.start_again();
            }
        });
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn differences_add_up_through_failures_at_every_interval() {
    for protocol in PROTOCOLS {
        let server = OtlpServer::start(protocol);
        server.script((0..60).map(|request| match request % 6 {
            0 | 3 => Answer::unavailable(protocol),
            1 => Answer::refused(protocol),
            4 => Answer::ResetUnread,
            _ => Answer::Accept,
        }));
        let recorded = Recorded::new();
        let config = config(&server)
            .with_temporality(TemporalityPreference::Delta)
            .with_max_points(3)
            .with_interval(Duration::from_millis(3))
            .unwrap();
        let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
        while_recording(&recorded, || server.wait_for_script());
        // What fails for good now is delivered by the next one.
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn a_slow_receiver_makes_collections_wait_and_loses_nothing() {
    for (protocol, temporality) in cases() {
        let server = OtlpServer::start(protocol);
        server.script(vec![Answer::Slow(Duration::from_millis(60)); 4]);
        let recorded = Recorded::new();
        let config = config(&server)
            .with_temporality(temporality)
            .with_queue_limit(1)
            .with_interval(Duration::from_millis(5))
            .unwrap();
        let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
        while_recording(&recorded, || server.wait_for_script());
        exporter.flush_blocking(LONG).unwrap();
        assert!(value(&exporter, "collections_total", &[("result", "skipped")]) > 0.0);
        assert_count(attempts(&exporter, "timed_out"), 0);
        assert_count(dropped(&exporter, "queue_full"), 0);
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

#[test]
fn an_attempt_ends_at_its_deadline_and_the_request_is_made_again() {
    for (protocol, temporality) in cases() {
        for answer in [Answer::Hang, Answer::Slow(LONG)] {
            let server = OtlpServer::start(protocol);
            let recorded = Recorded::new();
            let config = config(&server).with_temporality(temporality);
            let exporter = started(&recorded, config.with_timeout(Duration::from_millis(1500)).unwrap());
            recorded.record();
            server.script([answer.clone()]);
            exporter.flush_blocking(LONG).unwrap();
            server.wait_for_hanging(0);
            assert_count(attempts(&exporter, "timed_out"), 1);
            assert_count(value(&exporter, "retries_total", &[]), 1);
            exporter.shutdown_blocking(LONG).unwrap();
            server.model().assert_shows(&recorded.registry);
        }
    }
}

#[test]
fn a_connection_that_is_reset_costs_an_attempt_and_nothing_else() {
    for (protocol, temporality) in cases() {
        // Half of a request with many is on its way when it is cut, and no buffer holds the rest.
        for series in [0, 9000] {
            for answer in [Answer::ResetUnread, Answer::ResetInBody] {
                let server = OtlpServer::start(protocol);
                let recorded = Recorded::new();
                recorded.add_series(series);
                let exporter = started(&recorded, config(&server).with_temporality(temporality));
                recorded.record();
                server.script([answer.clone(), answer.clone()]);
                exporter.flush_blocking(LONG).unwrap();
                assert_count(attempts(&exporter, "unreachable"), 2);
                exporter.shutdown_blocking(LONG).unwrap();
                server.model().assert_shows(&recorded.registry);
            }
        }
    }
}

#[test]
fn a_request_whose_answer_is_lost_is_made_again_as_it_was() {
    for (protocol, temporality) in cases() {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let exporter = started(&recorded, config(&server).with_temporality(temporality));
        recorded.record();
        server.script([Answer::ResetUnanswered]);
        exporter.flush_blocking(LONG).unwrap();
        let received = server.received();
        let [.., first, again] = &received[..] else { panic!("{} requests", received.len()) };
        assert_eq!((&first.answer, &again.answer), (&Answer::ResetUnanswered, &Answer::Accept));
        assert_eq!(first.request, again.request);
        exporter.shutdown_blocking(LONG).unwrap();
        let mail = server.model().count("jobs_total", &[("queue", "mail")]).unwrap();
        if temporality == TemporalityPreference::Cumulative {
            server.model().assert_shows(&recorded.registry);
        } else {
            // What was added is in both, which nobody who sends can know.
            assert_count(mail, 3);
        }
    }
}

#[test]
fn the_oldest_make_room_for_newer_ones_and_what_was_dropped_is_counted() {
    for protocol in PROTOCOLS {
        let mut server = OtlpServer::stopped(protocol);
        let recorded = Recorded::new();
        recorded.add_series(300);
        let config = config(&server)
            .with_queue_limit(100 << 10)
            .with_max_points(100)
            .with_interval(Duration::from_millis(3))
            .unwrap();
        let exporter = OtlpExporter::start(recorded.registry.clone(), config).unwrap();
        let mut most = 0.0_f64;
        while_recording(&recorded, || {
            wait_for("the queue to overflow", || {
                most = most.max(value(&exporter, "queued_bytes", &[]));
                (dropped(&exporter, "queue_full") > 1000.0).then_some(())
            });
        });
        // Besides, there is the one that is being sent, and the one that came last.
        assert!((50e3..140e3).contains(&most), "{most} bytes");
        server.start_again();
        exporter.shutdown_blocking(LONG).unwrap();
        let times: Vec<u64> = server.received().iter().flat_map(times).collect();
        assert!(times.is_sorted(), "{times:?}");
        server.model().assert_shows(&recorded.registry);
    }
}

/// The times of a request's sums.
fn times(received: &nilometer_tests::otlp_server::Received) -> Vec<u64> {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    let of = |data: &Option<Data>| match data {
        Some(Data::Sum(sum)) => sum.data_points.iter().map(|point| point.time_unix_nano).collect(),
        _ => Vec::new(),
    };
    received.metrics().flat_map(|metric| of(&metric.data)).collect()
}

#[test]
fn what_could_not_be_delivered_in_time_is_given_up_and_comes_with_the_next() {
    for (protocol, temporality) in cases() {
        let server = OtlpServer::start(protocol);
        let recorded = Recorded::new();
        let config = config(&server).with_temporality(temporality);
        let config = config.with_export_timeout(Duration::from_secs(2)).unwrap();
        let exporter = started(&recorded, config);
        recorded.record();
        server.otherwise(Answer::unavailable(protocol));
        let error = exporter.flush_blocking(LONG).unwrap_err();
        // The last attempt may have had no time.
        let is_known = matches!(
            error,
            ExportError::Status { is_transient: true, .. }
                | ExportError::Expired { .. }
                | ExportError::TimedOut { .. }
        );
        assert!(is_known, "{error}");
        assert_count(dropped(&exporter, "expired"), POINTS);
        server.otherwise(Answer::Accept);
        exporter.flush_blocking(LONG).unwrap();
        exporter.shutdown_blocking(LONG).unwrap();
        server.model().assert_shows(&recorded.registry);
    }
}

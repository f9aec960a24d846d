//! What a pusher learns of what a receiver of remote write knows.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nilometer::MetricsRegistry;
use nilometer_prometheus::push::{PushError, RemoteWrite, RemoteWriteConfig, RemoteWriteVersion};
use nilometer_tests::kinds::EveryKind;
use nilometer_tests::push::{endpoint, registry};
use nilometer_tests::receiver::{Reaction, Receiver, Request};
use nilometer_tests::remote_write::{Version, Written};

#[test]
fn a_receiver_of_version_1_gets_the_same_samples_by_it() {
    // One that knows content types, and one that answers to what it cannot read as if it had.
    for first in [Reaction::status(415), Reaction::status(204), Reaction::status(200)] {
        let receiver = Receiver::start(move |_, request: &Request| {
            match request.header("x-prometheus-remote-write-version") {
                Some("2.0.0") => first.clone(),
                _ => Reaction::status(204),
            }
        });
        let writer = RemoteWrite::new(EveryKind::now(), RemoteWriteConfig::new(endpoint(&receiver)));
        let report = writer.push_blocking().unwrap();
        assert_eq!((report.points(), report.requests()), (10, 1));
        writer.push_blocking().unwrap();
        let written: Vec<Written> = receiver.requests().iter().map(Written::read).collect();
        let versions: Vec<Version> = written.iter().map(|written| written.version).collect();
        assert_eq!(versions, [Version::Two, Version::One, Version::One], "it is remembered");
        let times: Vec<i64> = written.iter().map(|written| written.series[0].timestamp).collect();
        assert_eq!(times[0], times[1], "the same samples");
        assert!(times[1] < times[2]);
        let total = |written: &Written| {
            written.one("kinds_requests_total", &[("path", "/a\"b\\c\nd"), ("Zone", "é")]).value
        };
        assert_eq!((total(&written[0]), total(&written[1])), (Some(7.0), Some(7.0)));
    }
}

/// Pushes so often, and gives the versions of all requests.
fn versions(writer: &RemoteWrite<MetricsRegistry>, receiver: &Receiver, pushes: usize) -> Vec<Version> {
    let before = receiver.requests().len();
    for _ in 0..pushes {
        assert_eq!(writer.push_blocking().unwrap().points(), 1);
    }
    receiver.requests()[before..].iter().map(|request| Written::read(request).version).collect()
}

#[test]
fn a_receiver_that_is_upgraded_or_downgraded_is_noticed() {
    use Version::{One, Two};
    const AFTER: Duration = Duration::from_millis(300);
    let knows_two = Arc::new(AtomicBool::new(false));
    for refusal in [415, 204, 400, 404] {
        let knows = Arc::clone(&knows_two);
        let receiver = Receiver::start(move |number, request| {
            match (request.header("x-prometheus-remote-write-version"), knows.load(Ordering::SeqCst)) {
                (Some("2.0.0"), true) => Reaction::written(),
                // What else it may say counts when it is known for one of 1.0.
                (Some("2.0.0"), false) => Reaction::status(if number == 0 { 415 } else { refusal }),
                _ => Reaction::status(204),
            }
        });
        let config = RemoteWriteConfig::new(endpoint(&receiver)).with_renegotiation(AFTER);
        let writer = RemoteWrite::new(registry(), config);
        let start = Instant::now();
        assert_eq!(versions(&writer, &receiver, 1), [Two, One]);
        let soon = versions(&writer, &receiver, 1);
        assert!(soon == [One] || start.elapsed() >= AFTER, "not before its time: {soon:?}");
        thread::sleep(AFTER);
        assert_eq!(versions(&writer, &receiver, 1), [Two, One], "as it was: {refusal}");
        knows_two.store(true, Ordering::SeqCst);
        thread::sleep(AFTER);
        assert_eq!(versions(&writer, &receiver, 3), [Two; 3], "upgraded");
        thread::sleep(AFTER);
        assert_eq!(versions(&writer, &receiver, 1), [Two], "there is nothing to ask for");
        knows_two.store(false, Ordering::SeqCst);
        if matches!(refusal, 415 | 204) {
            assert_eq!(versions(&writer, &receiver, 1), [Two, One], "downgraded");
        }
    }
}

#[test]
fn a_receiver_that_has_turned_native_histograms_on_gets_them() {
    let has_native = Arc::new(AtomicBool::new(false));
    let has = Arc::clone(&has_native);
    let is_native =
        |request: &Request| Written::read(request).series.iter().any(|series| series.histogram.is_some());
    let receiver = Receiver::start(move |_, request| {
        if is_native(request) && !has.load(Ordering::SeqCst) {
            Reaction::Answer(500, String::new(), "native histograms are disabled\n".to_owned())
        } else {
            Reaction::written()
        }
    });
    let after = Duration::from_millis(300);
    let config = RemoteWriteConfig::new(endpoint(&receiver)).with_renegotiation(after);
    let writer = RemoteWrite::new(EveryKind::now(), config);
    writer.push_blocking().unwrap();
    has_native.store(true, Ordering::SeqCst);
    thread::sleep(after);
    writer.push_blocking().unwrap();
    let native: Vec<bool> = receiver.requests().iter().map(is_native).collect();
    assert_eq!(native, [true, false, true]);
}

#[test]
fn a_version_that_is_configured_is_kept_to() {
    let receiver = Receiver::start(|_, _| Reaction::status(204));
    let config = RemoteWriteConfig::new(endpoint(&receiver)).with_version(RemoteWriteVersion::Two);
    let error = RemoteWrite::new(registry(), config).push_blocking().unwrap_err();
    assert!(matches!(error, PushError::NothingWritten { .. }), "{error}");
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn explicit_buckets_are_sent_to_a_receiver_that_has_native_histograms_disabled() {
    let receiver = Receiver::start(|_, request| {
        if Written::read(request).series.iter().any(|series| series.histogram.is_some()) {
            Reaction::Answer(500, String::new(), "native histograms are disabled\n".to_owned())
        } else {
            Reaction::written()
        }
    });
    let report = RemoteWrite::new(EveryKind::now(), RemoteWriteConfig::new(endpoint(&receiver)))
        .push_blocking()
        .unwrap();
    assert_eq!(report.points(), 10);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2);
    let written = Written::read(&requests[1]);
    assert_eq!(written.one("kinds_native_bytes_bucket", &[("le", "+Inf")]).value, Some(15.0));
}

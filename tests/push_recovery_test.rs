//! What becomes of pushes to receivers that break connections, say too much, or are in trouble for a while: in the
//! background, all is well again once the receiver is.

use std::time::{Duration, Instant};

use nilometer::MetricsRegistry;
use nilometer_prometheus::push::{PushError, PushMetrics, RemoteWrite, RemoteWriteConfig};
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::push::{endpoint, quickly, registry, value};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::Written;

const LONG: Duration = Duration::from_secs(30);

/// What was counted, as text: floats are not compared.
fn count(metrics: &PushMetrics, name: &str, labels: &[(&str, &str)]) -> String {
    value(metrics, name, labels).to_string()
}

#[test]
fn a_connection_that_is_closed_in_the_middle_of_a_request_costs_a_retry() {
    // More than what is read into a buffer with the head.
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    for id in 0..5000_u64 {
        jobs.get_or_create(&[("id", &id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string())]).inc();
    }
    let receiver = Receiver::start_after_cuts(2, |_, _| Reaction::written());
    let metrics = PushMetrics::new();
    let config =
        RemoteWriteConfig::new(endpoint(&receiver)).with_request_series(10_000).with_metrics(metrics.clone());
    let report = RemoteWrite::new(registry, config).push_blocking().unwrap();
    assert_eq!((report.points(), report.requests(), receiver.cuts_left()), (5000, 1, 0));
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1, "one came in whole");
    assert!(requests[0].body.len() > 20_000, "{}", requests[0].body.len());
    assert_eq!(Written::read(&requests[0]).series.len(), 5000);
    assert_eq!(count(&metrics, "nilometer_push_retries_total", &[]), "2");
    assert_eq!(count(&metrics, "nilometer_push_requests_total", &[("outcome", "unreachable")]), "2");
}

#[test]
fn what_the_head_of_an_answer_says_counts_however_its_body_ends() {
    let written = Reaction::written_headers;
    for (first, requests) in [
        (Reaction::CloseInTheBody(200, written()), 1),
        (Reaction::Endless(200, written()), 1),
        (Reaction::HangInTheBody(200, written()), 1),
        (Reaction::CloseInTheBody(500, String::new()), 2),
        (Reaction::Endless(500, String::new()), 2),
        (Reaction::HangInTheBody(500, String::new()), 2),
    ] {
        let reaction = first.clone();
        let receiver = Receiver::start(
            move |number, _| {
                if number == 0 { reaction.clone() } else { Reaction::written() }
            },
        );
        let start = Instant::now();
        let endpoint = endpoint(&receiver).with_timeout(Duration::from_millis(500));
        let report = RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint)).push_blocking().unwrap();
        assert_eq!((report.points(), receiver.requests().len()), (1, requests), "{first:?}");
        assert!(start.elapsed() < Duration::from_secs(5), "{first:?}: {:?}", start.elapsed());
    }
}

#[test]
fn an_error_has_the_beginning_of_an_answer_without_end() {
    let receiver = Receiver::start(|_, _| Reaction::Endless(400, String::new()));
    let writer = RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint(&receiver)));
    match writer.push_blocking().unwrap_err() {
        PushError::Status { status: 400, message, .. } => {
            assert!(message.starts_with("and so on, and so on"), "{message}");
            assert!((500..=512).contains(&message.len()), "{}", message.len());
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_receiver_in_every_kind_of_trouble_has_all_values_once_it_is_well() {
    const TROUBLE: usize = 3;
    let asks = |header: &str| format!("Retry-After: {header}\r\n");
    for reaction in [
        Reaction::status(500),
        Reaction::Answer(429, asks("0"), String::new()),
        // Longer than the policy allows it.
        Reaction::Answer(503, asks("3600"), String::new()),
        Reaction::Hang,
        Reaction::Close,
        Reaction::CloseInTheMiddle,
        Reaction::CloseInTheBody(502, String::new()),
        Reaction::Endless(500, String::new()),
    ] {
        let trouble = reaction.clone();
        let receiver = Receiver::start(
            move |number, _| {
                if number < TROUBLE { trouble.clone() } else { Reaction::written() }
            },
        );
        let registry = MetricsRegistry::new();
        let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap().default();
        jobs.inc();
        let policy = quickly().with_max_retry_after(Duration::from_millis(50));
        let endpoint = endpoint(&receiver).with_timeout(Duration::from_millis(200)).with_retries(policy);
        let metrics = PushMetrics::new();
        let config = RemoteWriteConfig::new(endpoint)
            .with_interval(Duration::from_millis(20))
            .with_own_metrics(false)
            .with_metrics(metrics.clone());
        let pusher = RemoteWrite::new(registry, config).start().unwrap();
        drop(receiver.wait_for(TROUBLE + 1));
        jobs.inc();
        pusher.shutdown_blocking(LONG).unwrap();
        let requests = receiver.requests();
        assert!(requests[..TROUBLE].iter().all(|one| one.body == requests[TROUBLE].body), "{reaction:?}");
        let series = requests[TROUBLE..].iter().flat_map(|request| Written::read(request).series);
        let series: Vec<_> = series.collect();
        assert!(series.windows(2).all(|two| two[0].timestamp < two[1].timestamp), "{reaction:?}");
        let (last, values) = series.split_last().unwrap();
        assert!(last.is_stale());
        assert!(values.windows(2).all(|two| two[0].value <= two[1].value), "{reaction:?}");
        assert_eq!((values[0].value, values.last().unwrap().value), (Some(1.0), Some(2.0)), "{reaction:?}");
        for reason in ["refused", "failed", "queue_full", "stopped"] {
            let dropped = count(&metrics, "nilometer_push_points_dropped_total", &[("reason", reason)]);
            assert_eq!(dropped, "0", "{reaction:?}: {reason}");
        }
    }
}

#[test]
fn what_a_receiver_refuses_in_the_background_is_dropped_and_counted_and_the_next_is_sent() {
    for reaction in
        [Reaction::status(400), Reaction::Answer(308, "Location: /elsewhere\r\n".to_owned(), String::new())]
    {
        let receiver =
            Receiver::start(move |number, _| if number < 2 { reaction.clone() } else { Reaction::written() });
        let metrics = PushMetrics::new();
        let config = RemoteWriteConfig::new(endpoint(&receiver))
            .with_interval(Duration::from_millis(20))
            .with_own_metrics(false)
            .with_metrics(metrics.clone());
        let pusher = RemoteWrite::new(registry(), config).start().unwrap();
        wait_for("points to be delivered", || {
            (value(&metrics, "nilometer_push_points_total", &[]) > 0.0).then_some(())
        });
        pusher.shutdown_blocking(LONG).unwrap();
        assert_eq!(count(&metrics, "nilometer_push_points_dropped_total", &[("reason", "refused")]), "2");
        assert_eq!(count(&metrics, "nilometer_push_retries_total", &[]), "0");
        let requests = receiver.requests();
        assert!(requests.iter().all(|request| request.path == "/"), "nobody is sent elsewhere");
        let time = |place: usize| Written::read(&requests[place]).series[0].timestamp;
        assert!(time(0) < time(1) && time(1) < time(2), "another collection each time");
    }
}

//! Pushes to receivers that fail in every way.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nilometer::MetricsRegistry;
use nilometer_prometheus::push::{
    GroupingKey, PushError, PushMetrics, PushMode, PushReport, Pushgateway, PushgatewayConfig, RemoteWrite,
    RemoteWriteConfig,
};
use nilometer_tests::kinds::EveryKind;
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::push::{endpoint, endpoint_at, quickly, registry, value};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::Written;

/// Pushes one point by remote write.
fn push(receiver: &Receiver) -> Result<PushReport, PushError> {
    RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint(receiver))).push_blocking()
}

#[test]
fn a_receiver_that_fails_gets_the_same_request_again() {
    for reaction in [
        Reaction::Answer(500, String::new(), "out of memory".to_owned()),
        Reaction::status(503),
        Reaction::status(429),
        Reaction::Close,
        Reaction::CloseInTheMiddle,
    ] {
        let again = reaction.clone();
        let receiver =
            Receiver::start(move |number, _| if number < 2 { again.clone() } else { Reaction::written() });
        let metrics = PushMetrics::new();
        let config = RemoteWriteConfig::new(endpoint(&receiver)).with_metrics(metrics.clone());
        let report = RemoteWrite::new(registry(), config).push_blocking().unwrap();
        assert_eq!((report.points(), report.requests()), (1, 1), "{reaction:?}");
        let requests = receiver.requests();
        assert_eq!(requests.len(), 3, "{reaction:?}");
        assert!(requests.iter().all(|request| request.body == requests[0].body));
        assert_eq!(value(&metrics, "nilometer_push_retries_total", &[]).to_bits(), 2.0_f64.to_bits());
        let succeeded = value(&metrics, "nilometer_push_requests_total", &[("outcome", "success")]);
        assert_eq!(succeeded.to_bits(), 1.0_f64.to_bits());
    }
}

#[test]
fn a_receiver_that_refuses_is_not_asked_again() {
    for status in [400, 401, 404, 413, 301] {
        let body = "out of order\n  sample".to_owned();
        let receiver = Receiver::start(move |_, _| {
            Reaction::Answer(status, "Location: /elsewhere\r\n".to_owned(), body.clone())
        });
        match push(&receiver).unwrap_err() {
            PushError::Status { status: found, message, retry_after: None, written: None, .. } => {
                assert_eq!((found, &*message), (status, "out of order sample"));
            }
            other => panic!("{other}"),
        }
        assert_eq!(receiver.requests().len(), 1, "{status}");
    }
}

#[test]
fn a_single_push_gives_up_after_its_attempts() {
    let receiver = Receiver::start(|_, _| Reaction::status(500));
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    (0..30).for_each(|job| jobs.get_or_create(&[("job_id", &job.to_string())]).inc());
    let retries = quickly().with_attempts(4);
    let metrics = PushMetrics::new();
    let config = RemoteWriteConfig::new(endpoint(&receiver).with_retries(retries))
        .with_metrics(metrics.clone())
        .with_request_series(10);
    let error = RemoteWrite::new(registry, config).push_blocking().unwrap_err();
    assert!(matches!(error, PushError::Status { status: 500, .. }), "{error}");
    assert_eq!(receiver.requests().len(), 4, "none for the batches behind the first");
    let lost = |reason| value(&metrics, "nilometer_push_points_dropped_total", &[("reason", reason)]);
    assert_eq!(lost("failed").to_bits(), 10.0_f64.to_bits());
    assert_eq!(value(&metrics, "nilometer_push_queued_bytes", &[]).to_bits(), 0.0_f64.to_bits());
}

#[test]
fn retry_after_is_waited_for_in_seconds_and_as_a_date() {
    let date = || httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(2));
    for header in ["1".to_owned(), date()] {
        for status in [429, 503] {
            let header = if header == "1" { header.clone() } else { date() };
            let receiver = Receiver::start(move |number, _| match number {
                0 => Reaction::Answer(status, format!("Retry-After: {header}\r\n"), String::new()),
                _ => Reaction::written(),
            });
            push(&receiver).unwrap();
            let requests = receiver.requests();
            let waited = requests[1].at.duration_since(requests[0].at);
            // A date has whole seconds, so that of two of them one is left.
            assert!((900..10_000).contains(&waited.as_millis()), "{waited:?}");
        }
    }
}

#[test]
fn a_single_push_does_not_wait_longer_than_its_policy_says() {
    let receiver =
        Receiver::start(|_, _| Reaction::Answer(429, "Retry-After: 3600\r\n".to_owned(), String::new()));
    let error = push(&receiver).unwrap_err();
    match error {
        PushError::Status { status: 429, retry_after, .. } => {
            assert_eq!(retry_after, Some(Duration::from_hours(1)));
        }
        other => panic!("{other}"),
    }
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_receiver_that_hangs_is_left_after_the_timeout() {
    let receiver = Receiver::start(|_, _| Reaction::Hang);
    let timeout = Duration::from_millis(100);
    let endpoint = endpoint(&receiver).with_timeout(timeout).with_retries(quickly().with_attempts(2));
    let start = Instant::now();
    let error = RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint)).push_blocking().unwrap_err();
    assert!(matches!(error, PushError::TimedOut { after, .. } if after == timeout), "{error}");
    assert!(start.elapsed() >= 2 * timeout && start.elapsed() < Duration::from_secs(10));
    assert_eq!(receiver.wait_for(2).len(), 2);
}

#[test]
fn samples_that_were_taken_without_their_exemplars_are_delivered() {
    for (samples, is_delivered) in [("24", true), ("23", false)] {
        let receiver = Receiver::start(move |_, request| {
            // Two of them are native histograms.
            assert_eq!(Written::read(request).series.len(), 26);
            let headers = format!(
                "X-Prometheus-Remote-Write-Samples-Written: {samples}\r\n\
                 X-Prometheus-Remote-Write-Histograms-Written: 2\r\n"
            );
            Reaction::Answer(400, headers, "out of order exemplar".to_owned())
        });
        let writer = RemoteWrite::new(EveryKind::now(), RemoteWriteConfig::new(endpoint(&receiver)));
        match writer.push_blocking() {
            Ok(report) => assert_eq!((report.points(), is_delivered), (10, true)),
            Err(PushError::Status { status: 400, written, .. }) => {
                assert_eq!((written, is_delivered), (Some(25), false));
            }
            Err(other) => panic!("{other}"),
        }
        assert_eq!(receiver.requests().len(), 1);
    }
}

#[test]
fn an_exemplar_is_sent_once() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap().default();
    let writer = RemoteWrite::new(registry, RemoteWriteConfig::new(endpoint(&receiver)));
    jobs.inc_with_exemplar(&[("trace_id", "a")]);
    writer.push_blocking().unwrap();
    writer.push_blocking().unwrap();
    thread::sleep(Duration::from_millis(5));
    jobs.inc_with_exemplar(&[("trace_id", "b")]);
    writer.push_blocking().unwrap();
    let sent = receiver
        .requests()
        .iter()
        .map(|request| {
            let exemplars = Written::read(request).one("jobs_total", &[]).exemplars.clone();
            exemplars.into_iter().map(|(labels, _, _)| labels["trace_id"].clone()).collect::<Vec<_>>()
        })
        .collect::<Vec<_>>();
    assert_eq!(sent, [vec!["a".to_owned()], vec![], vec!["b".to_owned()]]);
}

#[test]
fn after_an_outage_totals_are_right_and_the_queue_was_bounded() {
    const LIMIT: usize = 32 << 10;
    let first = Receiver::start(|_, _| Reaction::written());
    let address = first.address().to_string();
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap().default();
    let metrics = PushMetrics::new();
    let config = RemoteWriteConfig::new(endpoint(&first))
        .with_interval(Duration::from_millis(5))
        .with_queue_limit(LIMIT)
        .with_own_metrics(false)
        .with_metrics(metrics.clone());
    let pusher = RemoteWrite::new(registry, config).start().unwrap();
    drop(first.wait_for(3));
    drop(first);
    let lost = || value(&metrics, "nilometer_push_points_dropped_total", &[("reason", "queue_full")]);
    let mut most = 0.0_f64;
    wait_for("the queue to overflow", || {
        jobs.inc();
        most = most.max(value(&metrics, "nilometer_push_queued_bytes", &[]));
        (lost() > 20.0).then_some(())
    });
    // The batch that is being sent, and the one that came last, may be on top of it.
    assert!(most > 1000.0 && most < 1.1 * f64::from(u32::try_from(LIMIT).unwrap()), "{most}");

    let second = Receiver::start_at(&address, |_, _| Reaction::written());
    jobs.inc_by(1000);
    pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
    let written: Vec<Written> = second.requests().iter().map(Written::read).collect();
    let times: Vec<i64> = written.iter().map(|one| one.series[0].timestamp).collect();
    assert!(times.is_sorted(), "{times:?}");
    let values: Vec<f64> = written
        .iter()
        .flat_map(|one| &one.series)
        .filter(|one| !one.is_stale())
        .map(|one| one.value.unwrap())
        .collect();
    assert!(values.is_sorted(), "{values:?}");
    let total = u32::try_from(jobs.get()).unwrap();
    assert_eq!(values.last().unwrap().to_bits(), f64::from(total).to_bits());
    assert!(written[0].series[0].value.unwrap() + 1000.0 < f64::from(total), "there was a queue");
}

#[test]
fn a_queue_that_is_full_for_no_trouble_makes_the_collection_wait() {
    let receiver = Receiver::start(|_, _| {
        thread::sleep(Duration::from_millis(2));
        Reaction::written()
    });
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    for job in 0..500 {
        jobs.get_or_create(&[("id", &job.to_string())]).inc();
    }
    let metrics = PushMetrics::new();
    let config = RemoteWriteConfig::new(endpoint(&receiver))
        .with_queue_limit(1)
        .with_request_series(10)
        .with_metrics(metrics.clone());
    let report = RemoteWrite::new(registry, config).push_blocking().unwrap();
    assert_eq!((report.points(), report.requests()), (500, 50));
    assert_eq!(value(&metrics, "nilometer_push_points_total", &[]).to_bits(), 500.0_f64.to_bits());
}

#[test]
fn a_pushgateway_gets_pages_by_the_method_and_at_the_path_of_the_group() {
    let receiver = Receiver::start(|number, _| Reaction::status(if number == 0 { 500 } else { 202 }));
    let group = GroupingKey::try_new("a/b").unwrap().try_with_label("instance", "").unwrap();
    let config = |mode| PushgatewayConfig::new(endpoint(&receiver), group.clone()).with_mode(mode);
    let report = Pushgateway::new(registry(), config(PushMode::Replace)).push_blocking().unwrap();
    let page = "# HELP jobs_total Jobs.\n# TYPE jobs_total counter\njobs_total 5\n";
    assert_eq!((report.points(), report.bytes()), (1, page.len() as u64));
    let gateway = Pushgateway::new(registry(), config(PushMode::Add));
    gateway.push_blocking().unwrap();
    gateway.delete_blocking().unwrap();
    let requests = receiver.requests();
    let methods: Vec<&str> = requests.iter().map(|request| &*request.method).collect();
    assert_eq!(methods, ["PUT", "PUT", "POST", "DELETE"]);
    for request in &requests {
        assert_eq!(request.path, "/metrics/job@base64/YS9i/instance@base64/=");
        assert_eq!(request.body, if request.method == "DELETE" { b"".as_slice() } else { page.as_bytes() });
    }
    assert_eq!(requests[0].header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}

#[test]
fn a_pushgateway_that_refuses_or_is_away_is_an_error_of_its_own() {
    let receiver = Receiver::start(|_, _| Reaction::Answer(400, String::new(), "inconsistent".to_owned()));
    let group = || GroupingKey::try_new("job").unwrap();
    let gateway = Pushgateway::new(registry(), PushgatewayConfig::new(endpoint(&receiver), group()));
    let error = gateway.push_blocking().unwrap_err();
    assert!(matches!(&error, PushError::Status { status: 400, message, .. } if message == "inconsistent"));
    assert_eq!(receiver.requests().len(), 1);

    let config = PushgatewayConfig::new(endpoint(&receiver), group()).with_max_page(20);
    let error = Pushgateway::new(registry(), config).push_blocking().unwrap_err();
    assert!(matches!(error, PushError::TooLarge { limit: 20 }), "{error}");
    assert_eq!(receiver.requests().len(), 1, "half a page is none");

    let address = receiver.address().to_string();
    drop(receiver);
    let config = PushgatewayConfig::new(endpoint_at(&address), group());
    let error = Pushgateway::new(registry(), config).delete_blocking().unwrap_err();
    assert!(matches!(error, PushError::Unreachable { .. }), "{error}");
}

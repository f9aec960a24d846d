//! Pushes in the background and from code of every kind, and what they tell of themselves.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::fmt::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nilometer::MetricsRegistry;
use nilometer::collect::{CollectError, Collector, Visitor};
use nilometer_prometheus::push::{
    GroupingKey, PushError, PushMetrics, Pushgateway, PushgatewayConfig, RemoteWrite, RemoteWriteConfig,
    RetryPolicy,
};
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::push::{endpoint, endpoint_at, registry, value};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::scrape;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// A collector made of a closure.
struct Closure<F>(F);

impl<F> Collector for Closure<F>
where
    F: Fn(&mut dyn Visitor) -> Result<(), CollectError> + Send + Sync,
{
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        (self.0)(visitor)
    }
}

/// Sends what the collector shows and nothing else.
fn bare(receiver: &Receiver) -> RemoteWriteConfig {
    RemoteWriteConfig::new(endpoint(receiver)).with_own_metrics(false)
}

/// Keeps the level and the text of what pushes log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("nilometer_prometheus")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, "{field}={value:?} ");
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn a_flush_inside_of_a_runtime_of_one_thread_does_not_lock_it() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let config = bare(&receiver).with_interval(Duration::from_hours(1));
        let writer = RemoteWrite::new(registry(), config.clone());
        assert_eq!(writer.push().await.unwrap().points(), 1);
        assert_eq!(writer.push_blocking().unwrap().points(), 1);
        let pusher = writer.start().unwrap();
        assert_eq!(pusher.flush(Duration::from_secs(30)).await.unwrap().points(), 1);
        assert_eq!(pusher.flush_blocking(Duration::from_secs(30)).unwrap().points(), 1);
        // A task whose budget tokio has used up is still woken.
        tokio::spawn(async move {
            while tokio::task::coop::has_budget_remaining() {
                tokio::task::consume_budget().await;
            }
            pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
        })
        .await
        .unwrap();
        let pusher = RemoteWrite::new(registry(), config).start().unwrap();
        assert_eq!(pusher.shutdown(Duration::from_secs(30)).await.unwrap().points(), 1);
    });
}

#[test]
fn a_flush_ends_at_its_deadline() {
    let receiver = Receiver::start(|_, _| Reaction::Hang);
    let pusher =
        Arc::new(RemoteWrite::new(registry(), RemoteWriteConfig::new(endpoint(&receiver))).start().unwrap());
    drop(receiver.wait_for(1));
    let (long, waiting) = (Arc::clone(&pusher), Duration::from_millis(1500));
    let long = thread::spawn(move || long.flush_blocking(waiting));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let start = Instant::now();
    let short = Duration::from_millis(100);
    thread::sleep(short);
    let error = runtime.block_on(pusher.flush(short)).unwrap_err();
    assert!(matches!(error, PushError::Deadline { deadline, .. } if deadline == short), "{error}");
    assert!(start.elapsed() < waiting, "it waits behind the longer one: {:?}", start.elapsed());
    assert!(matches!(long.join().unwrap(), Err(PushError::Deadline { deadline, .. }) if deadline == waiting));
    let error = Arc::into_inner(pusher).unwrap().shutdown_blocking(short).unwrap_err();
    assert!(matches!(error, PushError::Deadline { .. }), "{error}");
}

#[test]
fn an_end_that_its_receiver_keeps_from_coming_in_time_says_what_keeps_it() {
    let deadline = Duration::from_secs(1);
    let error = |address: &str| {
        let config = RemoteWriteConfig::new(endpoint_at(address));
        let written =
            RemoteWrite::new(registry(), config).start().unwrap().shutdown_blocking(deadline).unwrap_err();
        // More attempts than fit before the deadline.
        let retries = RetryPolicy::new().with_attempts(100).with_delays(deadline / 10, deadline / 10);
        let group = GroupingKey::try_new("job").unwrap();
        let config = PushgatewayConfig::new(endpoint_at(address).with_retries(retries), group);
        let pushed =
            Pushgateway::new(registry(), config).start().unwrap().shutdown_blocking(deadline).unwrap_err();
        [written, pushed]
    };
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for error in error(&away) {
        let (error, what) =
            (error.to_string(), format!("not pushed within 1s: no answer from `http://{away}/"));
        assert!(error.starts_with(&what) && error.contains("onnection refused"), "{error}");
    }
    let busy = Receiver::start(|_, _| Reaction::status(503));
    for error in error(&busy.address().to_string()) {
        assert!(error.to_string().contains("` answered 503"), "{error}");
    }
    // What was met before it went well again is no longer true.
    let is_well = AtomicBool::new(false);
    let slow = Receiver::start(move |_, _| {
        if is_well.swap(true, Ordering::SeqCst) { Reaction::written() } else { Reaction::status(503) }
    });
    let collections = AtomicBool::new(false);
    let hangs = Closure(move |visitor: &mut dyn Visitor| {
        if collections.swap(true, Ordering::SeqCst) {
            thread::sleep(deadline * 2);
        }
        registry().collect(visitor)
    });
    let config = RemoteWriteConfig::new(endpoint(&slow)).with_interval(Duration::from_hours(1));
    let pusher = RemoteWrite::new(hangs, config).start().unwrap();
    drop(slow.wait_for(2));
    let error = pusher.shutdown_blocking(deadline).unwrap_err();
    assert_eq!(error.to_string(), "not pushed within 1s");
}

#[test]
fn a_flush_does_not_wait_out_the_delay_after_a_failure() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let receiver = Receiver::start(move |_, _| {
        if well.load(Ordering::SeqCst) { Reaction::written() } else { Reaction::status(500) }
    });
    let retries = RetryPolicy::new().with_delays(Duration::from_hours(1), Duration::from_hours(1));
    let config = RemoteWriteConfig::new(endpoint(&receiver).with_retries(retries)).with_own_metrics(false);
    let pusher = RemoteWrite::new(registry(), config).start().unwrap();
    drop(receiver.wait_for(1));
    is_well.store(true, Ordering::SeqCst);
    assert_eq!(pusher.flush_blocking(Duration::from_secs(30)).unwrap().points(), 1);
    assert_eq!(receiver.requests().len(), 3, "the one that failed, again, and the flush");
}

#[test]
fn a_pusher_that_is_dropped_ends_without_a_last_push() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let registry = Arc::new(registry());
    let alive = Arc::downgrade(&registry);
    let config = RemoteWriteConfig::new(endpoint(&receiver)).with_interval(Duration::from_hours(1));
    let pusher = RemoteWrite::new(registry, config).start().unwrap();
    drop(receiver.wait_for(1));
    drop(pusher);
    wait_for("the thread to end", || alive.upgrade().is_none().then_some(()));
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn a_pusher_that_is_dropped_ends_while_its_receiver_hangs() {
    let receiver = Receiver::start(|_, _| Reaction::Hang);
    let registry = Arc::new(registry());
    let alive = Arc::downgrade(&registry);
    let endpoint = endpoint(&receiver).with_timeout(Duration::from_hours(1));
    let pusher = RemoteWrite::new(registry, RemoteWriteConfig::new(endpoint)).start().unwrap();
    drop(receiver.wait_for(1));
    drop(pusher);
    wait_for("the thread to end", || alive.upgrade().is_none().then_some(()));
}

#[test]
fn a_push_whose_future_is_dropped_ends() {
    let receiver = Receiver::start(|_, _| Reaction::Hang);
    let registry = Arc::new(registry());
    let alive = Arc::downgrade(&registry);
    let endpoint = endpoint(&receiver).with_timeout(Duration::from_hours(1));
    let writer = RemoteWrite::new(registry, RemoteWriteConfig::new(endpoint));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let pushed =
        runtime.block_on(async { tokio::time::timeout(Duration::from_millis(200), writer.push()).await });
    assert!(pushed.is_err());
    drop(writer);
    wait_for("the thread to end", || alive.upgrade().is_none().then_some(()));
}

#[test]
fn a_collector_that_fails_panics_or_hangs_harms_no_later_push() {
    let mood = Arc::new(Mutex::new("fail"));
    let (moods, inner) = (Arc::clone(&mood), registry());
    let release = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&release);
    let collector = Closure(move |visitor: &mut dyn Visitor| {
        let now = *moods.lock().unwrap();
        match now {
            "fail" => return Err(CollectError::failed("no source")),
            "panic" => panic!("on purpose"),
            "hang" => {
                while !released.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(10));
                }
            }
            _ => {}
        }
        inner.collect(visitor)
    });
    let receiver = Receiver::start(|_, _| Reaction::written());
    let metrics = PushMetrics::new();
    let config = bare(&receiver).with_interval(Duration::from_hours(1)).with_metrics(metrics.clone());
    let pusher = RemoteWrite::new(collector, config).start().unwrap();
    let long = Duration::from_secs(30);
    assert!(matches!(pusher.flush_blocking(long), Err(PushError::Collect(_))));
    *mood.lock().unwrap() = "panic";
    assert!(matches!(pusher.flush_blocking(long), Err(PushError::CollectorPanicked)));
    *mood.lock().unwrap() = "hang";
    assert!(matches!(pusher.flush_blocking(Duration::from_millis(100)), Err(PushError::Deadline { .. })));
    *mood.lock().unwrap() = "well";
    release.store(true, Ordering::SeqCst);
    assert_eq!(pusher.flush_blocking(long).unwrap().points(), 1);
    // The first of them is that of the start.
    let failed = value(&metrics, "nilometer_push_collections_total", &[("result", "failed")]);
    assert!((2.0..=3.0).contains(&failed), "{failed}");
}

#[test]
fn a_pusher_of_a_collector_that_hangs_can_be_shut_down_and_dropped() {
    let release = Arc::new(AtomicBool::new(false));
    let released = Arc::clone(&release);
    let collector = Closure(move |_: &mut dyn Visitor| {
        while !released.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    });
    let receiver = Receiver::start(|_, _| Reaction::written());
    let pusher = RemoteWrite::new(collector, RemoteWriteConfig::new(endpoint(&receiver))).start().unwrap();
    let error = pusher.shutdown_blocking(Duration::from_millis(100)).unwrap_err();
    assert!(matches!(error, PushError::Deadline { .. }), "{error}");
    release.store(true, Ordering::SeqCst);
}

#[test]
fn an_application_starts_before_its_receiver_and_the_failure_is_counted_and_logged() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (log, metrics) = (Log::default(), PushMetrics::new());
    let config = RemoteWriteConfig::new(endpoint_at(&address))
        .with_interval(Duration::from_millis(20))
        .with_metrics(metrics.clone());
    let pusher =
        tracing::subscriber::with_default(log.clone(), || RemoteWrite::new(registry(), config).start());
    let pusher = pusher.unwrap();
    let requests = |outcome| value(&metrics, "nilometer_push_requests_total", &[("outcome", outcome)]);
    wait_for("three failures", || (requests("unreachable") >= 3.0).then_some(()));
    let said = |level: Level, text: &str| {
        let log = log.0.lock().unwrap();
        log.iter().filter(|(at, line)| *at == level && line.contains(text)).count()
    };
    assert_eq!(said(Level::WARN, "a push failed"), 1, "once, until it recovers: {:?}", log.0);
    assert_eq!(said(Level::WARN, &address), 1);
    assert_eq!(said(Level::WARN, "push=\"remote_write\""), 1);

    let receiver = Receiver::start_at(&address, |_, _| Reaction::written());
    drop(receiver.wait_for(1));
    pusher.flush_blocking(Duration::from_secs(30)).unwrap();
    assert_eq!(said(Level::INFO, "pushes succeed again"), 1);
    assert!(requests("success") >= 1.0);
}

#[test]
fn pushers_share_one_set_of_metrics_on_the_page_of_their_own_registry() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let (registry, metrics) = (registry(), PushMetrics::new());
    registry.register_collector("push", metrics.clone()).unwrap();
    let group = GroupingKey::try_new("job").unwrap();
    let gateway = PushgatewayConfig::new(endpoint(&receiver), group).with_metrics(metrics.clone());
    Pushgateway::new(registry.clone(), gateway).push_blocking().unwrap();
    for name in ["one", "two", "two"] {
        let config =
            RemoteWriteConfig::new(endpoint(&receiver)).with_name(name).with_metrics(metrics.clone());
        RemoteWrite::new(registry.clone(), config).push_blocking().unwrap();
    }
    let page = scrape(&registry);
    for (push, requests) in [("pushgateway", 1.0), ("one", 1.0), ("two", 2.0)] {
        let labels = [("push", push), ("outcome", "success")];
        assert_eq!(page.value("nilometer_push_requests_total", &labels), Some(requests), "{push}");
        let durations = page.count("nilometer_push_request_duration_seconds", &[("push", push)]);
        assert_eq!(durations.map(|count| count.to_string()), Some(requests.to_string()));
        let last = page.value("nilometer_push_last_success_timestamp_seconds", &[("push", push)]).unwrap();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
        assert!((now - 60.0..=now).contains(&last));
    }
    assert_eq!(page.family("nilometer_collector_failures_total"), None);
}

#[test]
fn a_pushgateway_is_pushed_to_in_the_background_until_the_shutdown_deletes_the_group() {
    let receiver = Receiver::start(|_, _| Reaction::status(202));
    let group = GroupingKey::try_new("job").unwrap();
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap().default();
    let config = PushgatewayConfig::new(endpoint(&receiver), group)
        .with_interval(Duration::from_millis(10))
        .with_own_metrics(false)
        .with_delete_at_shutdown(true);
    let pusher = Pushgateway::new(registry, config).start().unwrap();
    drop(receiver.wait_for(3));
    jobs.inc_by(41);
    assert_eq!(pusher.flush_blocking(Duration::from_secs(30)).unwrap().points(), 1);
    let body = receiver.requests().last().unwrap().body.clone();
    assert!(String::from_utf8(body).unwrap().ends_with("jobs_total 41\n"));
    pusher.shutdown_blocking(Duration::from_secs(30)).unwrap();
    assert_eq!(receiver.requests().last().unwrap().method, "DELETE");
}

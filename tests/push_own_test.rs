//! What pushes tell the receiver about themselves.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nilometer_prometheus::push::{
    GroupingKey, PushMetrics, Pushgateway, PushgatewayConfig, RemoteWrite, RemoteWriteConfig,
};
use nilometer_tests::push::{endpoint, registry};
use nilometer_tests::receiver::{Reaction, Receiver};
use nilometer_tests::remote_write::Written;

const LONG: Duration = Duration::from_secs(30);

/// Pushes at its start and when it is told to.
fn seldom(receiver: &Receiver) -> RemoteWriteConfig {
    RemoteWriteConfig::new(endpoint(receiver)).with_interval(Duration::from_hours(1))
}

fn gateway(receiver: &Receiver) -> PushgatewayConfig {
    let group = GroupingKey::try_new("job").unwrap();
    PushgatewayConfig::new(endpoint(receiver), group).with_interval(Duration::from_hours(1))
}

/// The page that was pushed last.
fn last_page(receiver: &Receiver) -> String {
    String::from_utf8(receiver.requests().last().unwrap().body.clone()).unwrap()
}

/// Lines about requests that succeeded: of which pusher, and how many.
fn successes(page: &str) -> Vec<&str> {
    let start = "nilometer_push_requests_total{outcome=\"success\",push=";
    page.lines().filter_map(|line| line.strip_prefix(start)).collect()
}

#[test]
fn after_an_outage_a_receiver_sees_that_it_was_one() {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let receiver = Receiver::start(move |_, _| {
        if well.load(Ordering::SeqCst) { Reaction::written() } else { Reaction::status(500) }
    });
    let pusher = RemoteWrite::new(registry(), seldom(&receiver)).start().unwrap();
    drop(receiver.wait_for(4));
    is_well.store(true, Ordering::SeqCst);
    pusher.flush_blocking(LONG).unwrap();
    let written = Written::read(receiver.requests().last().unwrap());
    assert_eq!(written.one("jobs_total", &[]).value, Some(5.0));
    let requests = |outcome| {
        let labels = [("outcome", outcome), ("push", "remote_write")];
        written.one("nilometer_push_requests_total", &labels).value.unwrap()
    };
    // The last of them may not have been answered yet.
    assert!(requests("failed") >= 3.0, "{}", requests("failed"));
    let labels = [("push", "remote_write")];
    assert!(written.one("nilometer_push_retries_total", &labels).value.unwrap() >= 3.0);

    pusher.shutdown_blocking(LONG).unwrap();
    let markers = Written::read(receiver.requests().last().unwrap());
    assert!(markers.one("nilometer_push_retries_total", &labels).is_stale());
}

#[test]
fn a_pushgateway_gets_what_its_pusher_tells_about_itself() {
    let receiver = Receiver::start(|_, _| Reaction::status(202));
    let pusher = Pushgateway::new(registry(), gateway(&receiver)).start().unwrap();
    pusher.flush_blocking(LONG).unwrap();
    assert_eq!(pusher.flush_blocking(LONG).unwrap().points(), 20);
    let page = last_page(&receiver);
    assert!(page.contains("\njobs_total 5\n"), "{page}");
    let own = successes(&page);
    assert!(own == ["\"pushgateway\"} 1"] || own == ["\"pushgateway\"} 2"], "{own:?}");
}

#[test]
fn a_single_push_has_what_its_collector_shows_and_nothing_else() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let pushgateway = Pushgateway::new(registry(), gateway(&receiver));
    let writer = RemoteWrite::new(registry(), seldom(&receiver));
    for _ in 0..2 {
        assert_eq!(pushgateway.push_blocking().unwrap().points(), 1);
        assert_eq!(writer.push_blocking().unwrap().points(), 1);
    }
}

#[test]
fn a_pusher_is_silent_about_itself_where_the_configuration_says_so() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let pusher = Pushgateway::new(registry(), gateway(&receiver).with_own_metrics(false)).start().unwrap();
    assert_eq!(pusher.flush_blocking(LONG).unwrap().points(), 1);
    let pusher = RemoteWrite::new(registry(), seldom(&receiver).with_own_metrics(false)).start().unwrap();
    assert_eq!(pusher.flush_blocking(LONG).unwrap().points(), 1);
}

#[test]
fn pushers_that_share_their_metrics_each_tell_about_themselves() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let metrics = PushMetrics::new();
    for name in ["one", "two"] {
        let config = gateway(&receiver).with_name(name).with_metrics(metrics.clone());
        let pusher = Pushgateway::new(registry(), config).start().unwrap();
        pusher.flush_blocking(LONG).unwrap();
        pusher.flush_blocking(LONG).unwrap();
        let page = last_page(&receiver);
        let own = successes(&page);
        assert!(own.len() == 1 && own[0].starts_with(&format!("\"{name}\"}} ")), "{own:?}");
    }
}

#[test]
fn what_the_registry_shows_of_pushes_is_in_a_push_once() {
    let receiver = Receiver::start(|_, _| Reaction::written());
    let (registry, metrics) = (registry(), PushMetrics::new());
    registry.register_collector("push", metrics.clone()).unwrap();
    let other = RemoteWriteConfig::new(endpoint(&receiver)).with_metrics(metrics.clone());
    RemoteWrite::new(registry.clone(), other).push_blocking().unwrap();
    let config = gateway(&receiver).with_metrics(metrics);
    let pusher = Pushgateway::new(registry, config).start().unwrap();
    pusher.flush_blocking(LONG).unwrap();
    let page = last_page(&receiver);
    assert_eq!(page.matches("# TYPE nilometer_push_requests_total counter\n").count(), 1);
    assert!(successes(&page).contains(&"\"remote_write\"} 1"), "what is registered, and all of it");
    assert_eq!(successes(&page).len(), 2);
}

//! What pushes hold in memory. The file has one test: what others allocate would be counted with it.

use std::net::TcpListener;
use std::time::Duration;

use nilometer::MetricsRegistry;
use nilometer_prometheus::push::{PushEndpoint, PushMetrics, RemoteWrite, RemoteWriteConfig};
use nilometer_tests::heap::{CountingAllocator, Measured};
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::scrape;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn what_waits_for_a_receiver_of_remote_write_takes_no_more_than_its_limit() {
    const LIMIT: usize = 4 << 20;
    // What is being sent, encoded and compressed, what is being made, and what a client and a runtime hold.
    const BESIDES: usize = 2 << 20;
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.").unwrap();
    for job in 0..5000 {
        jobs.get_or_create(&[("id", &format!("{job:040}")), ("queue", "mail")]).inc();
    }
    // A port that nobody listens at.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = PushEndpoint::try_new(&format!("http://{address}")).unwrap();
    let counts = PushMetrics::new();
    let config = RemoteWriteConfig::new(endpoint)
        .with_interval(Duration::from_millis(1))
        .with_queue_limit(LIMIT)
        .with_metrics(counts.clone());
    let measured = Measured::start();
    let pusher = RemoteWrite::new(registry, config).start().unwrap();
    let dropped =
        ("nilometer_push_points_dropped_total", [("push", "remote_write"), ("reason", "queue_full")]);
    wait_for("the queue to overflow many times", || {
        let dropped = scrape(&counts).value(dropped.0, &dropped.1);
        dropped.filter(|&points| points > 200_000.0).map(drop)
    });
    let peak = measured.peak();
    drop(pusher);
    assert!((LIMIT / 2..LIMIT + BESIDES).contains(&peak), "{peak} bytes");
}

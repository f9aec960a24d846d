//! End to end: the example with Kafka, as a process of its own: what is on its page, and what a real OpenTelemetry collector
//! has of its spans.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use nilometer_tests::example::{StreamProcessor, build};
use nilometer_tests::page::Page;
use nilometer_tests::prometheus::wait_for;
use nilometer_tests::rotel::Rotel;
use tempfile::TempDir;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The example with these features, in a place where no other build of it replaces it.
fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = BINARY.get_or_init(|| {
        let folder = TempDir::with_prefix("nilometer-example-").unwrap();
        let path = folder.path().join("stream_processor");
        fs::copy(build("stream_processor", "kafka,otel,tokio"), &path).unwrap();
        (folder, path)
    });
    path
}

fn page(example: &StreamProcessor) -> Page {
    let text = example.page();
    Page::parse(&text).unwrap_or_else(|error| unreachable!("{error}\n{text}"))
}

/// The value of the only series of a family, as it is written.
fn value(page: &Page, name: &str, labels: &[(&str, &str)]) -> Option<String> {
    page.value(name, labels).map(|value| value.to_string())
}

fn lag(page: &Page) -> Option<String> {
    let labels = [("client_id", "stream_processor"), ("topic", "flights"), ("partition", "0")];
    value(page, "kafka_consumer_lag_messages", &labels)
}

/// The trace ids of the exemplars that a family's buckets have.
fn exemplars(openmetrics: &str, family: &str) -> BTreeSet<String> {
    let bucket = format!("{family}_bucket{{");
    let lines = openmetrics.lines().filter(|line| line.starts_with(&bucket));
    let traces =
        lines.filter_map(|line| line.split_once(" # {")?.1.split_once("trace_id=\"")?.1.split_once('"'));
    traces.map(|(trace, _)| trace.to_owned()).collect()
}

#[test]
#[ignore = "needs a real rotel; .ci/run runs it"]
fn flights_go_through_kafka_and_everything_shows_it() {
    let rotel = Rotel::start();
    let endpoint = format!("http://{}", rotel.http());
    let example =
        StreamProcessor::start_binary(binary(), &["--demo-kafka", "--rate", "4000", "--otlp", &endpoint]);

    // All flights are sent at once, and worked through at their rate.
    wait_for("lag", || lag(&page(&example)).filter(|lag| lag != "0"));
    wait_for("the end of the lag", || lag(&page(&example)).filter(|lag| lag == "0"));
    let counted = page(&example);
    for name in ["stream_processor_events_received_total", "stream_processor_events_processed_total"] {
        assert_eq!(value(&counted, name, &[]).as_deref(), Some("20000"), "{name}");
    }
    let of_topic = [
        ("kafka_consumed_messages_total", &[("topic", "flights")][..]),
        ("kafka_deliveries_total", &[("topic", "flights"), ("outcome", "ok")]),
        ("kafka_topic_sent_messages_total", &[("client_id", "flight_source"), ("topic", "flights")]),
        ("kafka_topic_received_messages_total", &[("client_id", "stream_processor"), ("topic", "flights")]),
    ];
    for (name, labels) in of_topic {
        wait_for(name, || value(&page(&example), name, labels).filter(|value| value == "20000"));
    }
    assert_eq!(value(&counted, "kafka_commits_total", &[("outcome", "failed")]).as_deref(), Some("0"));
    assert!(counted.value("process_cpu_seconds_total", &[]).is_some_and(|seconds| seconds > 0.0));
    assert!(counted.value("tokio_workers", &[]).is_some_and(|workers| workers >= 1.0));

    // Both kinds of spans are there, and each of the one leads to those of the other.
    let traces = exemplars(&example.page_as(OPENMETRICS), "stream_processor_processing_duration_ms");
    assert!(!traces.is_empty());
    assert!(example.interrupt().success());
    let spans = rotel.spans(400);
    let named = |name: &'static str| spans.iter().filter(move |span| span.name == name);
    let sent: BTreeSet<_> =
        named("send flights").map(|span| (span.trace_id.clone(), span.id.clone())).collect();
    assert_eq!(sent.len(), 200);
    let mut linked = BTreeSet::new();
    for span in named("process flights") {
        assert!(!span.links.is_empty() && span.links.iter().all(|link| sent.contains(link)), "{span:?}");
        linked.extend(span.links.iter().cloned());
    }
    assert_eq!(linked.len(), 200);
    let processed: BTreeSet<_> = named("process flights").map(|span| span.trace_id.clone()).collect();
    assert!(traces.is_subset(&processed), "{traces:?}");
}

#[test]
#[ignore = "builds and runs the example; .ci/run runs it"]
fn the_demonstration_ends_by_itself_where_it_is_asked_to() {
    let arguments = ["--demo-kafka", "--rate", "0", "--once", "--listen", "127.0.0.1:0"];
    let output = Command::new(binary()).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("received   20000\nprocessed  20000\ndropped    0\nwindows "), "{text}");
}

#[test]
#[ignore = "builds and runs the example; .ci/run runs it"]
fn a_broker_that_cannot_be_reached_is_on_the_page() {
    // Bound, and closed at once: nobody listens there.
    let broker = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let example = StreamProcessor::start_binary(binary(), &["--kafka", &broker, "--topic", "flights"]);
    wait_for("the failure on the page", || {
        let page = page(&example);
        let errors = page.value("kafka_client_errors_total", &[("kind", "broker_transport_failure")])?;
        let labels = [("client_id", "stream_processor"), ("broker", "bootstrap")];
        let connections = value(&page, "kafka_broker_connections", &labels)?;
        (errors > 0.0 && connections == "0").then_some(())
    });
    assert_eq!(value(&page(&example), "stream_processor_events_received_total", &[]).as_deref(), Some("0"));
    assert!(example.interrupt().success());
}

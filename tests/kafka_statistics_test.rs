//! Statistics of Kafka clients, as several versions of librdkafka report them, and whatever else comes.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::{BTreeMap, BTreeSet};

use nilometer::kafka::{ClientStatistics, KafkaMetrics, StatisticsError};
use nilometer::test_util::lint;
use nilometer::{MetricsRegistry, PrometheusRenderer};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A consumer of librdkafka 0.11.6: written from its STATISTICS.md. There is no `client_id`, no `age`, no `cgrp` beyond its
/// first fields, no `rxmsgs`, `connects` or `req`, and the coordinator is not a broker of its own.
const OLDER: &str = r#"{ "name": "billing#consumer-1", "type": "consumer", "ts": 5016483227792, "time": 1527060869,
"replyq": 2, "msg_cnt": 0, "msg_size": 0, "msg_max": 100000, "msg_size_max": 1073741824, "simple_cnt": 0,
"metadata_cache_cnt": 1,
"brokers": { "localhost:9092/2": { "name": "localhost:9092/2", "nodeid": 2, "state": "UP", "stateage": 9057234,
    "outbuf_cnt": 1, "outbuf_msg_cnt": 0, "waitresp_cnt": 3, "waitresp_msg_cnt": 0, "tx": 320, "txbytes": 84283332,
    "txerrs": 4, "txretries": 5, "req_timeouts": 6, "rx": 320, "rxbytes": 15708, "rxerrs": 7, "rxcorriderrs": 0,
    "rxpartial": 0, "zbuf_grow": 0, "buf_grow": 0, "wakeups": 591067,
    "rtt": { "min": 1580, "max": 3389, "avg": 2349, "sum": 79868, "cnt": 34 },
    "throttle": { "min": 0, "max": 0, "avg": 0, "sum": 1500, "cnt": 34 },
    "toppars": { "test-1": { "topic": "test", "partition": 1 } } } },
"topics": { "test": { "topic": "test", "metadata_age": 9060, "partitions": {
    "1": { "partition": 1, "leader": 2, "desired": true, "unknown": false, "fetchq_cnt": 8, "fetchq_size": 0,
        "fetch_state": "active", "query_offset": 0, "next_offset": 40, "app_offset": 32, "stored_offset": 32,
        "commited_offset": 30, "committed_offset": 30, "eof_offset": -1001, "lo_offset": 0, "hi_offset": 50,
        "consumer_lag": 20, "txmsgs": 0, "txbytes": 0, "msgs": 0, "rx_ver_drops": 1 },
    "0": { "partition": 0, "desired": false, "fetch_state": "none", "committed_offset": -1001, "hi_offset": -1001,
        "consumer_lag": -1, "txmsgs": 0, "txbytes": 0, "msgs": 0, "rx_ver_drops": 0 },
    "-1": { "partition": -1, "desired": false, "consumer_lag": -1, "txmsgs": 0, "txbytes": 0 } } } },
"cgrp": { "rebalance_age": 100, "rebalance_cnt": 3, "assignment_size": 1 } }"#;

/// A consumer of a version that is yet to come: fields that nobody knows, others gone or of another type.
const NEWER: &str = r#"{ "name": "billing#consumer-1", "client_id": "billing", "type": "consumer", "age": 5000000,
"replyq": "two", "schema": { "version": 9 }, "msg_cnt": null,
"brokers": {
    "ssl://kafka:9093/2": { "nodeid": 2, "nodename": "kafka:9093", "source": "learned", "state": "UP", "tx": 10,
        "txbytes": [1, 2], "rx": 9, "rtt": { "cnt": 2, "sum": 3000, "p50": 1000, "p99": 2000 }, "connects": 1.5,
        "req": { "Fetch": 8, "OffsetCommit": 2, "Vote": 0 }, "tls": { "cipher": "none" } },
    "GroupCoordinator": { "nodeid": 2, "nodename": "kafka:9093", "source": "logical", "state": "DOWN", "tx": 4,
        "rtt": { "cnt": 0, "sum": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0 } },
    "one:9093/bootstrap": { "nodeid": -1, "nodename": "one:9093", "source": "configured", "state": "UP", "tx": 1 },
    "two:9093/bootstrap": { "nodeid": -1, "nodename": "two:9093", "source": "configured", "state": "INIT", "tx": 2 },
    ":0/internal": { "nodeid": -1, "source": "internal", "state": "INIT", "tx": 0 } },
"topics": { "test": { "id": "d2a1", "partitions": {
    "1": { "desired": true, "rxmsgs": 5, "rxbytes": 500, "consumer_lag": 0, "consumer_lag_stored": 7 } } } },
"cgrp": { "epoch": 1 } }"#;

/// The series of a page that come from statistics.
fn series(registry: &MetricsRegistry) -> Vec<String> {
    let families = ["client_", "producer_queue", "group_", "broker_", "topic_", "consumer_", "statistics_"];
    let page = PrometheusRenderer::render_all(registry);
    let lines = page.lines().filter(|line| {
        families.iter().any(|family| line.strip_prefix("kafka_").is_some_and(|name| name.starts_with(family)))
    });
    let mut lines: Vec<String> = lines.map(|line| line.trim_start_matches("kafka_").to_owned()).collect();
    lines.sort();
    lines
}

fn sorted(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn recorded(report: &str) -> (MetricsRegistry, ClientStatistics) {
    let registry = MetricsRegistry::new();
    let statistics = ClientStatistics::new(&KafkaMetrics::new(&registry).unwrap());
    statistics.record(report.as_bytes()).unwrap();
    (registry, statistics)
}

#[test]
fn what_an_older_version_does_not_report_is_absent() {
    let (registry, _statistics) = recorded(OLDER);
    let expected = "\
statistics_reports_total{outcome=\"ok\"} 1
statistics_reports_total{outcome=\"malformed\"} 0
statistics_reports_total{outcome=\"unnamed\"} 0
client_instances{client_id=\"billing\"} 1
client_reply_queue_operations{client_id=\"billing\"} 2
group_rebalances_total{client_id=\"billing\"} 3
group_assigned_partitions{client_id=\"billing\"} 1
broker_connections{broker=\"2\",client_id=\"billing\"} 1
broker_outbuf_requests{broker=\"2\",client_id=\"billing\"} 1
broker_outbuf_messages{broker=\"2\",client_id=\"billing\"} 0
broker_waiting_requests{broker=\"2\",client_id=\"billing\"} 3
broker_waiting_messages{broker=\"2\",client_id=\"billing\"} 0
broker_requests_total{broker=\"2\",client_id=\"billing\"} 320
broker_sent_bytes_total{broker=\"2\",client_id=\"billing\"} 84283332
broker_send_errors_total{broker=\"2\",client_id=\"billing\"} 4
broker_retries_total{broker=\"2\",client_id=\"billing\"} 5
broker_request_timeouts_total{broker=\"2\",client_id=\"billing\"} 6
broker_responses_total{broker=\"2\",client_id=\"billing\"} 320
broker_received_bytes_total{broker=\"2\",client_id=\"billing\"} 15708
broker_receive_errors_total{broker=\"2\",client_id=\"billing\"} 7
broker_round_trips_total{broker=\"2\",client_id=\"billing\"} 34
broker_round_trip_seconds_total{broker=\"2\",client_id=\"billing\"} 0.079868
broker_round_trip_quantile_seconds{broker=\"2\",client_id=\"billing\",q=\"1\"} 0.003389
broker_throttle_seconds_total{broker=\"2\",client_id=\"billing\"} 1.5
topic_outdated_messages_total{client_id=\"billing\",topic=\"test\"} 1
consumer_lag_messages{client_id=\"billing\",partition=\"1\",topic=\"test\"} 20
consumer_committed_offset{client_id=\"billing\",partition=\"1\",topic=\"test\"} 30
consumer_end_offset{client_id=\"billing\",partition=\"1\",topic=\"test\"} 50
consumer_fetch_queue_messages{client_id=\"billing\",partition=\"1\",topic=\"test\"} 8
consumer_fetch_queue_bytes{client_id=\"billing\",partition=\"1\",topic=\"test\"} 0";
    assert_eq!(series(&registry).join("\n"), sorted(expected));
}

#[test]
fn what_a_newer_version_adds_or_changes_costs_no_other_series() {
    let (registry, _statistics) = recorded(NEWER);
    let expected = "\
statistics_reports_total{outcome=\"ok\"} 1
statistics_reports_total{outcome=\"malformed\"} 0
statistics_reports_total{outcome=\"unnamed\"} 0
client_instances{client_id=\"billing\"} 1
broker_connections{broker=\"2\",client_id=\"billing\"} 1
broker_connections{broker=\"GroupCoordinator\",client_id=\"billing\"} 0
broker_connections{broker=\"bootstrap\",client_id=\"billing\"} 1
broker_requests_total{broker=\"2\",client_id=\"billing\"} 10
broker_requests_total{broker=\"GroupCoordinator\",client_id=\"billing\"} 4
broker_requests_total{broker=\"bootstrap\",client_id=\"billing\"} 3
broker_responses_total{broker=\"2\",client_id=\"billing\"} 9
broker_round_trips_total{broker=\"2\",client_id=\"billing\"} 2
broker_round_trips_total{broker=\"GroupCoordinator\",client_id=\"billing\"} 0
broker_round_trip_seconds_total{broker=\"2\",client_id=\"billing\"} 0.003
broker_round_trip_seconds_total{broker=\"GroupCoordinator\",client_id=\"billing\"} 0
broker_round_trip_quantile_seconds{broker=\"2\",client_id=\"billing\",q=\"0.5\"} 0.001
broker_round_trip_quantile_seconds{broker=\"2\",client_id=\"billing\",q=\"0.99\"} 0.002
client_requests_total{client_id=\"billing\",type=\"Fetch\"} 8
client_requests_total{client_id=\"billing\",type=\"OffsetCommit\"} 2
topic_received_messages_total{client_id=\"billing\",topic=\"test\"} 5
topic_received_bytes_total{client_id=\"billing\",topic=\"test\"} 500
consumer_lag_messages{client_id=\"billing\",partition=\"1\",topic=\"test\"} 0
consumer_lag_stored_messages{client_id=\"billing\",partition=\"1\",topic=\"test\"} 7";
    assert_eq!(series(&registry).join("\n"), sorted(expected));
}

#[test]
fn a_report_that_cannot_be_read_is_counted_and_changes_nothing() {
    let (registry, statistics) = recorded(NEWER);
    let before = series(&registry);
    let malformed: [&[u8]; 7] = [
        b"",
        b"\xff",
        b"[1]",
        b"{",
        b"{\"name\": 7}",
        b"{\"name\":\"a\", \"brokers\": []}",
        br#"{"name": "a"b"}"#,
    ];
    for report in malformed {
        let error = statistics.record(report).unwrap_err();
        assert!(matches!(error, StatisticsError::Malformed { .. }), "{error}");
    }
    let error = statistics.record(br#"{"client_id": "billing", "tx": 3}"#).unwrap_err();
    assert_eq!(error.to_string(), "the statistics have no `name`");
    let (reports, others): (Vec<String>, _) =
        series(&registry).into_iter().partition(|line| line.starts_with("statistics_"));
    let counted = ["malformed\"} 7", "ok\"} 1", "unnamed\"} 1"];
    assert_eq!(reports, counted.map(|rest| format!("statistics_reports_total{{outcome=\"{rest}")));
    let before = before.into_iter().filter(|line| !line.starts_with("statistics_"));
    assert_eq!(others, before.collect::<Vec<_>>());
}

#[test]
fn a_report_that_is_deep_or_odd_costs_no_more_than_itself() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    let (lists, objects) = (deep("[", "]"), deep("{\"a\":", "}"));
    let report = |odd: &str| {
        format!(
            "{{\"name\": \"a#producer-1\", \"type\": \"producer\", \"new\": {odd}, \"msg_max\": {odd}, \"msg_cnt\": 3,
            \"brokers\": {{ \"b:1/1\": {{ \"nodeid\": {odd}, \"tx\": {odd}, \"rx\": 2, \"rtt\": {{ \"sum\": {odd} }} }} }} }}"
        )
    };
    for odd in
        [&*lists, &*objects, "-9223372036854775808", "1e300", "-1e300", "99999999999999999999999", "0.1"]
    {
        let (registry, statistics) = recorded(&report(odd));
        let known =
            series(&registry).into_iter().filter(|line| !line.contains("instances")).collect::<Vec<_>>();
        let expected = [
            "broker_responses_total{broker=\"b:1/1\",client_id=\"a\"} 2",
            "producer_queue_messages{client_id=\"a\"} 3",
            "statistics_reports_total{outcome=\"malformed\"} 0",
            "statistics_reports_total{outcome=\"ok\"} 1",
            "statistics_reports_total{outcome=\"unnamed\"} 0",
        ];
        assert_eq!(known, expected, "{}", &odd[..odd.len().min(20)]);
        drop(statistics);
    }
    // What is no number of JSON, or none that fits anywhere.
    let (registry, statistics) = recorded(&report("1"));
    for odd in ["NaN", "-Infinity", "1e400", "0x1", "01"] {
        statistics.record(report(odd).as_bytes()).unwrap_err();
    }
    let malformed = "statistics_reports_total{outcome=\"malformed\"} 5".to_owned();
    assert!(series(&registry).contains(&malformed));
}

#[test]
fn a_bootstrap_broker_that_gets_its_number_is_not_counted_again() {
    let report = |key: &str, node: i32, tx: u64| {
        let broker = json!({"nodeid": node, "nodename": "kafka:9092", "source": "configured", "tx": tx, "req": {"Metadata": tx}});
        json!({"name": "a#producer-1", "client_id": "a", "type": "producer", "brokers": {key: broker}})
            .to_string()
    };
    let (registry, statistics) = recorded(&report("kafka:9092/bootstrap", -1, 5));
    statistics.record(report("kafka:9092/1", 1, 8).as_bytes()).unwrap();
    // The address changes, the number and the counts stay.
    statistics.record(report("kafka-new:9092/1", 1, 9).as_bytes()).unwrap();
    let lines: Vec<String> =
        series(&registry).into_iter().filter(|line| line.contains("requests_total")).collect();
    let expected = [
        "broker_requests_total{broker=\"1\",client_id=\"a\"} 4",
        "broker_requests_total{broker=\"bootstrap\",client_id=\"a\"} 5",
        "client_requests_total{client_id=\"a\",type=\"Metadata\"} 9",
    ];
    assert_eq!(lines, expected);
}

/// The one that goes and the one that takes its place are there at once, for a while.
#[test]
fn two_brokers_of_one_number_are_counted_once_each() {
    let report = |brokers: &[(&str, u64)]| {
        let broker = |tx: u64| json!({"nodeid": 1, "source": "learned", "tx": tx, "req": {"Fetch": tx}});
        let brokers: BTreeMap<&str, Value> = brokers.iter().map(|(key, tx)| (*key, broker(*tx))).collect();
        json!({"name": "a#consumer-1", "client_id": "a", "type": "consumer", "brokers": brokers}).to_string()
    };
    // Whichever of the two is met first: a map has no order, and so differs from one report to the next.
    for _ in 0..8 {
        let (registry, statistics) = recorded(&report(&[("old:9092/1", 100)]));
        for (old, new) in [(100, 5), (101, 7), (101, 9)] {
            statistics.record(report(&[("old:9092/1", old), ("new:9092/1", new)]).as_bytes()).unwrap();
        }
        statistics.record(report(&[("new:9092/1", 12)]).as_bytes()).unwrap();
        let lines: Vec<String> =
            series(&registry).into_iter().filter(|line| line.contains("requests_total")).collect();
        let expected = [
            "broker_requests_total{broker=\"1\",client_id=\"a\"} 104",
            "broker_requests_total{broker=\"new:9092/1\",client_id=\"a\"} 9",
            "client_requests_total{client_id=\"a\",type=\"Fetch\"} 113",
        ];
        assert_eq!(lines, expected);
    }
}

#[test]
fn a_partition_has_one_way_to_be_written() {
    let partitions =
        json!({"0": {"rxmsgs": 5}, "00": {"rxmsgs": 3}, "+0": {"rxmsgs": 2}, "-1": {"rxmsgs": 1}});
    let report = json!({"name": "a#consumer-1", "topics": {"t": {"partitions": partitions}}}).to_string();
    let (registry, statistics) = recorded(&report);
    statistics.record(report.as_bytes()).unwrap();
    let received = "topic_received_messages_total{client_id=\"a\",topic=\"t\"} 5".to_owned();
    assert!(series(&registry).contains(&received), "{:#?}", series(&registry));
}

#[test]
fn a_partition_that_is_no_longer_desired_has_no_gauges() {
    let report = |desired: bool| {
        let partition =
            json!({"desired": desired, "rxmsgs": 5, "consumer_lag": 3, "hi_offset": 9, "fetchq_cnt": 1});
        json!({"name": "a#consumer-1", "type": "consumer", "topics": {"t": {"partitions": {"0": partition}}}})
            .to_string()
    };
    let (registry, statistics) = recorded(&report(true));
    let gauges = |registry: &_| series(registry).iter().filter(|line| line.contains("partition=")).count();
    assert_eq!(gauges(&registry), 3);
    statistics.record(report(false).as_bytes()).unwrap();
    assert_eq!(gauges(&registry), 0);
    assert!(
        series(&registry)
            .contains(&"topic_received_messages_total{client_id=\"a\",topic=\"t\"} 5".to_owned())
    );
    statistics.record(report(true).as_bytes()).unwrap();
    assert_eq!(gauges(&registry), 3);
    statistics.forget("a#consumer-1");
    assert_eq!(gauges(&registry), 0);
}

#[test]
fn the_linter_has_nothing_to_say() {
    let (registry, _statistics) = recorded(NEWER);
    let problems = lint(&registry).unwrap();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// What happens to clients.
#[derive(Debug, Clone)]
enum Event {
    /// A broker and a partition of a client have counted so much.
    Count { client: usize, object: usize, more: u64 },
    /// A client reports.
    Report { client: usize },
    /// A client is made anew, with another name, or with the one it had.
    Restart { client: usize, renamed: bool },
    /// A client loses a broker and a topic, and reports that.
    Lose { client: usize, object: usize },
}

fn event() -> impl Strategy<Value = Event> {
    let (client, object) = (0..3_usize, 0..2_usize);
    prop_oneof![
        4 => (client.clone(), object.clone(), 0..1000_u64)
            .prop_map(|(client, object, more)| Event::Count { client, object, more }),
        4 => client.clone().prop_map(|client| Event::Report { client }),
        1 => (client.clone(), any::<bool>()).prop_map(|(client, renamed)| Event::Restart { client, renamed }),
        1 => (client, object).prop_map(|(client, object)| Event::Lose { client, object }),
    ]
}

/// A client, and what it has reported, which is all that can be known of it.
#[derive(Debug)]
struct Model {
    client_id: &'static str,
    name: u32,
    age: u64,
    /// Of a broker and a topic of this number; those that there are.
    counts: BTreeMap<usize, u64>,
    reported: BTreeMap<usize, u64>,
}

impl Model {
    fn report(&mut self, sums: &mut BTreeMap<(String, usize), u64>) -> Value {
        self.age += 1;
        for (object, count) in &self.counts {
            let before = self.reported.get(object).copied().unwrap_or(0);
            *sums.entry((self.client_id.to_owned(), *object)).or_default() += count - before;
        }
        self.reported = self.counts.clone();
        let brokers: BTreeMap<String, Value> = self
            .counts
            .iter()
            .map(|(number, count)| (format!("b:{number}/{number}"), json!({"nodeid": number, "tx": count})))
            .collect();
        let topics: BTreeMap<String, Value> = self
            .counts
            .iter()
            .map(|(topic, count)| {
                // Over two partitions.
                let (one, other) = (count / 3, count - count / 3);
                let lag = count % 7;
                let partitions = json!({"0": {"rxmsgs": one, "consumer_lag": lag}, "1": {"rxmsgs": other}});
                (format!("t{topic}"), json!({"partitions": partitions}))
            })
            .collect();
        json!({"name": format!("{}#consumer-{}", self.client_id, self.name), "client_id": self.client_id,
            "type": "consumer", "age": self.age, "brokers": brokers, "topics": topics})
    }
}

proptest! {
    #[test]
    fn counters_are_the_sum_of_what_clients_reported(events in proptest::collection::vec(event(), 0..60)) {
        let registry = MetricsRegistry::new();
        let metrics = KafkaMetrics::new(&registry).unwrap();
        // Two sets on one registry, and two readers: as many as there may be.
        let readers = [ClientStatistics::new(&metrics), ClientStatistics::new(&KafkaMetrics::new(&registry).unwrap())];
        let (mut next_name, mut next_age) = (3, 1_000_000);
        let mut sums = BTreeMap::new();
        // The first two share a name that is configured.
        let mut clients: Vec<Model> = [("a", 0), ("a", 1), ("b", 2)]
            .map(|(client_id, name)| Model { client_id, name, age: next_age, counts: BTreeMap::new(), reported: BTreeMap::new() })
            .into();
        for event in events {
            match event {
                Event::Count { client, object, more } => *clients[client].counts.entry(object).or_default() += more,
                Event::Report { client } => {
                    let report = clients[client].report(&mut sums).to_string();
                    readers[client % 2].record(report.as_bytes()).unwrap();
                }
                Event::Restart { client, renamed } => {
                    let model = &mut clients[client];
                    (model.counts, model.reported) = (BTreeMap::new(), BTreeMap::new());
                    // No age is reported twice.
                    next_age -= 1000;
                    model.age = next_age;
                    if renamed {
                        readers[client % 2].forget(&format!("{}#consumer-{}", model.client_id, model.name));
                        (model.name, next_name) = (next_name, next_name + 1);
                    } else {
                        // It counts past where it was before its report: the age alone tells.
                        model.counts.insert(0, 1_000_000);
                        let report = model.report(&mut sums).to_string();
                        readers[client % 2].record(report.as_bytes()).unwrap();
                    }
                }
                Event::Lose { client, object } => {
                    clients[client].counts.remove(&object);
                    let report = clients[client].report(&mut sums).to_string();
                    readers[client % 2].record(report.as_bytes()).unwrap();
                }
            }
        }

        let statistics = &metrics.statistics;
        for ((client_id, object), sum) in &sums {
            let broker = [("client_id", client_id.as_str()), ("broker", &object.to_string())];
            prop_assert_eq!(statistics.broker.broker_requests_total.get_or_create(&broker).get(), *sum);
            let topic = [("client_id", client_id.as_str()), ("topic", &format!("t{object}"))];
            prop_assert_eq!(statistics.topic.topic_received_messages_total.get_or_create(&topic).get(), *sum);
        }
        prop_assert_eq!(statistics.broker.broker_requests_total.len(), sums.len());

        // Gauges are the sum of what the clients that there are have last reported.
        let mut lags = BTreeMap::<(&str, usize), u64>::new();
        for client in &clients {
            for (object, count) in &client.reported {
                *lags.entry((client.client_id, *object)).or_default() += count % 7;
            }
        }
        let shown: BTreeSet<String> = series(&registry).into_iter().filter(|line| line.starts_with("consumer_lag_messages")).collect();
        let expected = lags.iter().map(|((client_id, object), lag)| {
            format!("consumer_lag_messages{{client_id=\"{client_id}\",partition=\"0\",topic=\"t{object}\"}} {lag}")
        });
        prop_assert_eq!(shown, expected.collect::<BTreeSet<_>>());
    }
}

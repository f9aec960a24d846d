//! Kafka's clients in tests, and a cluster in this process for them.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nilometer::kafka::{ConsumerHooks, KafkaContext, KafkaMetrics};
use rdkafka::consumer::{BaseConsumer, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{ClientConfig, ClientContext};
use serde_json::Value;

/// How long anything is waited for.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

/// Does `step`, such as a poll that waits, until it returns something.
///
/// # Panics
///
/// When it has not within [`DEADLINE`].
pub(crate) fn wait_for<T>(what: &str, mut step: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = step() {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "no {what} within {DEADLINE:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The configuration of a client that reports its statistics ten times a second.
#[must_use]
pub(crate) fn client(servers: &str, client_id: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("client.id", client_id);
    config.set("statistics.interval.ms", "100").set("reconnect.backoff.max.ms", "200");
    config
}

/// The configuration of a consumer in a group, which is quick to notice that the group changes.
#[must_use]
pub(crate) fn consumer(servers: &str, client_id: &str, group: &str) -> ClientConfig {
    let mut config = client(servers, client_id);
    config.set("group.id", group).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
    config.set("heartbeat.interval.ms", "100").set("fetch.wait.max.ms", "50");
    config
}

/// A context inside of nilometer's, which keeps what it is told and compares each report with the metrics.
///
/// It sums up for itself: the last value of each broker and partition that it has seen.
#[derive(Debug)]
pub(crate) struct Witness {
    metrics: KafkaMetrics,
    reports: Mutex<Reports>,
    errors: AtomicU64,
    commits: AtomicU64,
    deliveries: AtomicU64,
    rebalances: Mutex<Vec<String>>,
}

#[derive(Debug, Default)]
struct Reports {
    count: u64,
    /// By what is counted and the key of what counts it.
    totals: HashMap<(&'static str, String), u64>,
    /// What clients of this `client.id` had reported when they ended.
    before: HashMap<&'static str, u64>,
    wrong: Vec<String>,
}

/// What is compared of brokers: the field, and the family.
const BROKERS: [&str; 6] = ["tx", "txbytes", "rx", "rxbytes", "connects", "disconnects"];
/// The same of partitions.
const PARTITIONS: [&str; 4] = ["txmsgs", "txbytes", "rxmsgs", "rxbytes"];

impl Witness {
    /// For the first client of its `client.id`.
    #[must_use]
    pub(crate) fn new(metrics: &KafkaMetrics) -> Witness {
        let metrics = metrics.clone();
        Witness {
            metrics,
            reports: Mutex::default(),
            errors: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            deliveries: AtomicU64::new(0),
            rebalances: Mutex::default(),
        }
    }

    /// For one that goes on where another client of the same `client.id` ended.
    #[must_use]
    pub(crate) fn after(other: &Witness) -> Witness {
        let witness = Witness::new(&other.metrics);
        lock(&witness.reports).before = lock(&other.reports).sums();
        witness
    }

    /// How many reports there were.
    pub(crate) fn reports(&self) -> u64 {
        lock(&self.reports).count
    }

    /// What was not as it should be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        lock(&self.reports).wrong.clone()
    }

    /// How often the client called for an error.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// How often it called for a commit.
    pub(crate) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How often it called for a delivery.
    pub(crate) fn deliveries(&self) -> u64 {
        self.deliveries.load(Ordering::Relaxed)
    }

    /// What it was told of rebalances: `assign` and `revoke`, in order.
    pub(crate) fn rebalances(&self) -> Vec<String> {
        lock(&self.rebalances).clone()
    }

    /// What the metrics have, over all labels but the client's.
    fn counted(&self, field: &str, client_id: &str) -> u64 {
        let statistics = &self.metrics.statistics;
        let (broker, topic) = (&statistics.broker, &statistics.topic);
        let family = match field {
            "tx" => &broker.broker_requests_total,
            "broker txbytes" => &broker.broker_sent_bytes_total,
            "rx" => &broker.broker_responses_total,
            "broker rxbytes" => &broker.broker_received_bytes_total,
            "connects" => &broker.broker_connects_total,
            "disconnects" => &broker.broker_disconnects_total,
            "txmsgs" => &topic.topic_sent_messages_total,
            "txbytes" => &topic.topic_sent_bytes_total,
            "rxmsgs" => &topic.topic_received_messages_total,
            _ => &topic.topic_received_bytes_total,
        };
        let of_client = family.series().filter(|series| series.labels().get("client_id") == Some(client_id));
        of_client.map(|series| series.get()).sum()
    }
}

impl Reports {
    fn follow(&mut self, report: &Value) {
        self.count += 1;
        let objects = |value: &Value| value.as_object().cloned().unwrap_or_default();
        for (key, broker) in objects(&report["brokers"]) {
            for field in BROKERS {
                let of_broker = match field {
                    "txbytes" => "broker txbytes",
                    "rxbytes" => "broker rxbytes",
                    field => field,
                };
                self.totals.insert((of_broker, key.clone()), broker[field].as_u64().unwrap_or(0));
            }
        }
        for (topic, value) in objects(&report["topics"]) {
            for (id, partition) in objects(&value["partitions"]) {
                for field in PARTITIONS {
                    let total = partition[field].as_u64().unwrap_or(0);
                    self.totals.insert((field, format!("{topic}-{id}")), total);
                }
            }
        }
    }

    fn sums(&self) -> HashMap<&'static str, u64> {
        let mut sums = self.before.clone();
        for ((field, _), total) in &self.totals {
            *sums.entry(field).or_default() += total;
        }
        sums
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ClientContext for Witness {
    fn stats_raw(&self, report: &[u8]) {
        let mut reports = lock(&self.reports);
        let Ok(report) = serde_json::from_slice::<Value>(report) else {
            reports.wrong.push("no JSON".to_owned());
            return;
        };
        let client_id = report["client_id"].as_str().unwrap_or_default();
        reports.follow(&report);
        for (field, sum) in reports.sums() {
            let counted = self.counted(field, client_id);
            if counted != sum {
                reports.wrong.push(format!("{field} of {client_id}: {counted}, and {sum} were reported"));
            }
        }
    }

    fn error(&self, _: KafkaError, _: &str) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }
}

impl ConsumerHooks for Witness {
    fn post_rebalance(&self, _: &BaseConsumer<KafkaContext<Witness>>, rebalance: &Rebalance<'_>) {
        let (word, list) = match rebalance {
            Rebalance::Assign(list) => ("assign", list),
            Rebalance::Revoke(list) => ("revoke", list),
            Rebalance::Error(_) => return,
        };
        lock(&self.rebalances).push(format!("{word} {}", list.count()));
    }

    fn commit_callback(&self, _: KafkaResult<()>, _: &TopicPartitionList) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
}

impl ProducerContext for Witness {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
    }
}

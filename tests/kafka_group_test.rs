//! Consumers that join a group and leave it: who holds which partitions, and whose lag is told.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod kafka;

use std::collections::BTreeSet;
use std::time::Duration;

use nilometer::kafka::{KafkaContext, KafkaMetrics, RebalanceKind, RebalanceLabels};
use nilometer::{GaugeFamily, MetricsRegistry};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};

use self::kafka::{DEADLINE, Witness, client, consumer, wait_for};

const TOPIC: &str = "orders";
const PARTITIONS: i32 = 4;
const TICK: Duration = Duration::from_millis(20);

type TestConsumer = BaseConsumer<KafkaContext<Witness>>;

/// The partitions that a client has series of.
fn partitions(family: &GaugeFamily, client_id: &str) -> BTreeSet<String> {
    let of_client = family.series().filter(|series| series.labels().get("client_id") == Some(client_id));
    of_client.map(|series| series.labels().get("partition").unwrap().to_owned()).collect()
}

fn member(servers: &str, client_id: &str, metrics: &KafkaMetrics, strategy: &str) -> TestConsumer {
    let mut config = consumer(servers, client_id, "billing");
    // The cluster waits for members that are slow to join for nearly as long as a session may be.
    config.set("partition.assignment.strategy", strategy).set("session.timeout.ms", "3000");
    let context = KafkaContext::consumer_with(metrics, Witness::new(metrics));
    let consumer: TestConsumer = config.create_with_context(context).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    consumer
}

fn held(consumer: &TestConsumer) -> BTreeSet<String> {
    let list = consumer.assignment().unwrap();
    list.elements().iter().map(|element| element.partition().to_string()).collect()
}

/// Polls and commits until each member holds as many, and the metrics show these partitions alone.
fn settle(metrics: &KafkaMetrics, members: &[(&TestConsumer, &str, usize)]) {
    let topics = &metrics.statistics.topic;
    wait_for("group that settled", || {
        for (consumer, ..) in members {
            if let Some(Ok(message)) = consumer.poll(TICK) {
                let _ = consumer.commit_message(&message, CommitMode::Async);
            }
        }
        let is_settled = members.iter().all(|(consumer, client_id, count)| {
            let held = held(consumer);
            held.len() == *count
                && partitions(&topics.consumer_end_offset, client_id) == held
                && partitions(&topics.consumer_lag_messages, client_id) == held
        });
        is_settled.then_some(())
    });
    // Nobody else's.
    let total: usize = members.iter().map(|(.., count)| count).sum();
    assert_eq!(topics.consumer_lag_messages.len(), total);
    let assigned = metrics.callbacks.assigned_partitions.get(&[("topic", TOPIC)]).unwrap().get();
    assert_eq!(assigned.to_string(), total.to_string());
}

fn joins_and_leaves(strategy: &str) {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, 1).unwrap();
    let servers = cluster.bootstrap_servers();
    let metrics = KafkaMetrics::new(&MetricsRegistry::new()).unwrap();
    let producer: ThreadedProducer<_> =
        client(&servers, "checkout").create_with_context(KafkaContext::producer(&metrics)).unwrap();
    for message in 0..40 {
        producer
            .send(BaseRecord::<(), _>::to(TOPIC).payload("order").partition(message % PARTITIONS))
            .unwrap();
    }
    producer.flush(DEADLINE).unwrap();

    let one = member(&servers, "one", &metrics, strategy);
    settle(&metrics, &[(&one, "one", 4)]);
    let two = member(&servers, "two", &metrics, strategy);
    settle(&metrics, &[(&one, "one", 2), (&two, "two", 2)]);

    // A member that leaves is waited for by nobody: it says so.
    let told = two.context().inner().rebalances();
    drop(two);
    settle(&metrics, &[(&one, "one", 4)]);

    // What the callbacks were told is what is counted; the second member's last was when it left.
    let mut told = [told, one.context().inner().rebalances()].concat();
    told.push("revoke 2".to_owned());
    let count = |kind| metrics.callbacks.rebalances_total.get_or_create(&RebalanceLabels { kind }).get();
    let expected = |word: &str| told.iter().filter(|told| told.starts_with(word)).count() as u64;
    assert_eq!(count(RebalanceKind::Assign), expected("assign"), "{told:?}");
    assert_eq!(count(RebalanceKind::Revoke), expected("revoke"), "{told:?}");
    assert!(expected("assign") >= 3 && expected("revoke") >= 2, "{told:?}");
    let group = &metrics.statistics.client;
    let rebalances = group.group_rebalances_total.get(&[("client_id", "one")]).unwrap().get();
    assert!(rebalances >= one.context().inner().rebalances().len() as u64, "{rebalances}");
    assert_eq!(group.group_assigned_partitions.len(), 1);
    let wrong = one.context().inner().wrong();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn consumers_join_and_leave_and_hold_what_the_metrics_say() {
    joins_and_leaves("range");
}

#[test]
fn the_same_where_partitions_move_one_by_one() {
    joins_and_leaves("cooperative-sticky");
}

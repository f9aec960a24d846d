//! The metrics of Kafka clients, with real ones, against librdkafka's own cluster in this process: what was done is what is
//! counted, whatever happens to brokers and clients.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod kafka;

use std::net::TcpListener;
use std::time::Duration;

use nilometer::kafka::{KafkaContext, KafkaMetrics, TopicConsumer};
use nilometer::{Counter, CounterFamily, Gauge, GaugeFamily, MetricsRegistry};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{
    BaseRecord, DefaultProducerContext, FutureProducer, FutureRecord, Producer, ThreadedProducer,
};
use rdkafka::topic_partition_list::TopicPartitionList;

use self::kafka::{DEADLINE, Witness, client, consumer, wait_for};

const TOPIC: &str = "orders";
const PARTITIONS: i32 = 4;
const TICK: Duration = Duration::from_millis(20);

fn cluster(brokers: i32) -> (MockCluster<'static, DefaultProducerContext>, String) {
    let cluster = MockCluster::new(brokers).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, brokers).unwrap();
    let servers = cluster.bootstrap_servers();
    (cluster, servers)
}

fn metrics() -> KafkaMetrics {
    KafkaMetrics::new(&MetricsRegistry::new()).unwrap()
}

fn sum(family: &CounterFamily) -> u64 {
    family.series().map(|series: Counter| series.get()).sum()
}

fn gauge(family: &GaugeFamily) -> f64 {
    family.series().map(|series: Gauge| series.get()).sum()
}

fn is(value: f64, expected: u32) -> bool {
    (value - f64::from(expected)).abs() < 0.5
}

type TestProducer = ThreadedProducer<KafkaContext<Witness>>;
type TestConsumer = BaseConsumer<KafkaContext<Witness>>;

fn producer(servers: &str, witness: Witness, metrics: &KafkaMetrics) -> TestProducer {
    client(servers, "checkout").create_with_context(KafkaContext::producer_with(metrics, witness)).unwrap()
}

fn subscribed(servers: &str, witness: Witness, metrics: &KafkaMetrics) -> TestConsumer {
    let config = consumer(servers, "billing", "billing");
    let consumer: TestConsumer =
        config.create_with_context(KafkaContext::consumer_with(metrics, witness)).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    consumer
}

fn send(producer: &TestProducer, messages: std::ops::Range<i32>) {
    for message in messages {
        let (key, payload) = (message.to_string(), "twelve bytes");
        producer
            .send(BaseRecord::to(TOPIC).key(&key).payload(payload).partition(message % PARTITIONS))
            .unwrap();
    }
}

/// Polls until so many messages have come.
fn receive(consumer: &TestConsumer, topic: &TopicConsumer, messages: usize) {
    let mut received = 0;
    wait_for("more messages", || {
        while let Some(Ok(message)) = consumer.poll(TICK) {
            topic.received(&message);
            received += 1;
        }
        (received >= messages).then_some(())
    });
    assert_eq!(received, messages);
}

#[test]
fn what_is_sent_and_received_is_what_is_counted() {
    let ((_cluster, servers), metrics) = (cluster(1), metrics());
    let producer = producer(&servers, Witness::new(&metrics), &metrics);
    send(&producer, 0..300);
    producer.flush(DEADLINE).unwrap();
    let delivered = metrics.callbacks.deliveries_total.get_or_create(&[("topic", TOPIC), ("outcome", "ok")]);
    assert_eq!((delivered.get(), producer.context().inner().deliveries()), (300, 300));

    let consumer = subscribed(&servers, Witness::new(&metrics), &metrics);
    let topic = metrics.calls.topic_consumer(TOPIC);
    receive(&consumer, &topic, 300);
    let keys: u64 = (0..300).map(|message: i32| message.to_string().len() as u64).sum();
    assert_eq!(sum(&metrics.calls.consumed_messages_total), 300);
    assert_eq!(sum(&metrics.calls.consumed_bytes_total), 300 * 12 + keys);

    // What librdkafka counts by itself arrives at the same.
    let topics = &metrics.statistics.topic;
    wait_for("report of what was received", || {
        consumer.poll(TICK);
        (sum(&topics.topic_received_messages_total) == 300).then_some(())
    });
    wait_for("report of what was sent", || (sum(&topics.topic_sent_messages_total) == 300).then_some(()));
    assert_eq!(topics.topic_sent_messages_total.len(), 1);

    // Nothing was committed: there is no lag to tell, and an offset that would be.
    assert_eq!(topics.consumer_lag_messages.len(), 0);
    assert!(is(gauge(&topics.consumer_end_offset), 300));
    let committed = consumer.commit_consumer_state(CommitMode::Sync);
    metrics.calls.committed(&committed);
    let lag = |expected| {
        wait_for("report of lag", || {
            let polled = consumer.poll(TICK);
            assert!(expected == 0 || polled.is_none_or(|polled| polled.is_ok()));
            let lag = &topics.consumer_lag_messages;
            (lag.len() == 4 && is(gauge(lag), expected)).then_some(())
        });
    };
    lag(0);
    send(&producer, 0..10);
    lag(10);

    // The client and the witness agree at each report, and the client is gone with all of its gauges.
    for witness in [consumer.context().inner(), producer.context().inner()] {
        assert!(witness.reports() > 0 && witness.wrong().is_empty(), "{:?}", witness.wrong());
    }
    assert!(is(gauge(&metrics.callbacks.assigned_partitions), 4));
    assert!(is(gauge(&metrics.statistics.client.client_instances), 2));
    drop((consumer, producer));
    assert_eq!((topics.consumer_lag_messages.len(), metrics.callbacks.assigned_partitions.len()), (0, 0));
    assert_eq!(metrics.statistics.client.client_instances.len(), 0);
    assert_eq!(metrics.statistics.broker.broker_connections.len(), 0);
    assert!(sum(&topics.topic_received_messages_total) >= 300);
}

#[test]
fn a_broker_that_goes_and_comes_back_counts_nothing_twice() {
    let ((cluster, servers), metrics) = (cluster(2), metrics());
    let producer = producer(&servers, Witness::new(&metrics), &metrics);
    let consumer = subscribed(&servers, Witness::new(&metrics), &metrics);
    let topic = metrics.calls.topic_consumer(TOPIC);
    send(&producer, 0..100);
    receive(&consumer, &topic, 100);
    assert_eq!(sum(&metrics.callbacks.client_errors_total), 0);

    cluster.broker_down(-1).unwrap();
    send(&producer, 100..150);
    let down = &metrics.callbacks.client_errors_total;
    let transport = down.get_or_create(&[("kind", "broker_transport_failure")]);
    let connections = &metrics.statistics.broker.broker_connections;
    wait_for("clients that notice", || {
        consumer.poll(TICK);
        (transport.get() > 0 && !connections.is_empty() && is(gauge(connections), 0)).then_some(())
    });
    cluster.broker_up(-1).unwrap();
    receive(&consumer, &topic, 50);
    producer.flush(DEADLINE).unwrap();

    let delivered = metrics.callbacks.deliveries_total.get_or_create(&[("topic", TOPIC), ("outcome", "ok")]);
    assert_eq!((delivered.get(), sum(&metrics.callbacks.deliveries_total)), (150, 150));
    let reports = [consumer.context().inner().reports(), producer.context().inner().reports()];
    wait_for("reports after it", || {
        consumer.poll(TICK);
        let now = [consumer.context().inner().reports(), producer.context().inner().reports()];
        now.iter().zip(reports).all(|(now, then)| *now > then + 1).then_some(())
    });
    assert_eq!(sum(&metrics.statistics.topic.topic_received_messages_total), 150);
    assert!(sum(&metrics.statistics.broker.broker_disconnects_total) >= 2);
    for witness in [consumer.context().inner(), producer.context().inner()] {
        assert!(witness.wrong().is_empty(), "{:?}", witness.wrong());
    }
    // A producer is told of each error twice, a consumer once.
    let (twice, once) = (producer.context().inner().errors(), consumer.context().inner().errors());
    assert_eq!(twice % 2, 0);
    assert_eq!(sum(down), twice / 2 + once);
}

#[test]
fn a_client_that_is_made_anew_counts_on() {
    let ((_cluster, servers), metrics) = (cluster(1), metrics());
    let topics = &metrics.statistics.topic;
    let mut witness = Witness::new(&metrics);
    for round in 1..=3_u64 {
        let producer = producer(&servers, witness, &metrics);
        send(&producer, 0..100);
        wait_for("report of what was sent", || {
            (sum(&topics.topic_sent_messages_total) == 100 * round).then_some(())
        });
        assert!(is(gauge(&metrics.statistics.client.client_instances), 1));
        let before = producer.context().inner();
        assert!(before.wrong().is_empty(), "{:?}", before.wrong());
        witness = Witness::after(before);
    }
    assert_eq!(topics.topic_sent_messages_total.len(), 1);
}

#[test]
fn commits_are_counted_where_their_result_is_known() {
    let ((_cluster, servers), metrics) = (cluster(1), metrics());
    let producer = producer(&servers, Witness::new(&metrics), &metrics);
    send(&producer, 0..8);
    let mut config = consumer(&servers, "billing", "billing");
    config.set("enable.auto.commit", "true").set("auto.commit.interval.ms", "50");
    let context = KafkaContext::consumer_with(&metrics, Witness::new(&metrics));
    let consumer: TestConsumer = config.create_with_context(context).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    receive(&consumer, &metrics.calls.topic_consumer(TOPIC), 8);

    // By itself: librdkafka calls back.
    let callbacks = |kind: usize| {
        let family = &metrics.callbacks.commit_callbacks_total;
        family.series().nth(kind).unwrap().get()
    };
    wait_for("commit by itself", || {
        consumer.poll(TICK);
        (callbacks(0) > 0).then_some(())
    });
    // Asked for: the call says it. There is nothing more to commit, which is an error for librdkafka.
    let committed = consumer.commit_consumer_state(CommitMode::Sync);
    metrics.calls.committed(&committed);
    let calls = metrics.calls.commits_total.series().map(|series| series.get()).collect::<Vec<_>>();
    assert_eq!(calls, [u64::from(committed.is_ok()), u64::from(committed.is_err())]);
    assert_eq!(callbacks(0) + callbacks(1), consumer.context().inner().commits());
    let requests = &metrics.statistics.broker.client_requests_total;
    let _sent = wait_for("report of the commit's request", || {
        consumer.poll(TICK);
        requests.get(&[("client_id", "billing"), ("type", "OffsetCommit")]).filter(|sent| sent.get() > 0)
    });
}

#[test]
fn a_future_producer_is_counted_by_its_calls() {
    let ((_cluster, servers), metrics) = (cluster(1), metrics());
    let producer: FutureProducer<KafkaContext> =
        client(&servers, "checkout").create_with_context(KafkaContext::producer(&metrics)).unwrap();
    let topic = metrics.calls.topic_producer(TOPIC);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for _ in 0..10 {
            let sending = topic.start(12);
            let sent =
                producer.send(FutureRecord::<(), _>::to(TOPIC).payload("twelve bytes"), DEADLINE).await;
            sending.finish(&sent);
        }
        // Larger than `message.max.bytes`.
        let large = vec![0; 2_000_000];
        let sending = topic.start(large.len());
        let sent = producer.send(FutureRecord::<(), _>::to(TOPIC).payload(&large), DEADLINE).await;
        sending.finish(&sent);
    });
    assert_eq!(sum(&metrics.calls.produced_messages_total), 10);
    assert_eq!(sum(&metrics.calls.produced_bytes_total), 120);
    let took = metrics.calls.produce_duration_seconds.get_or_create(&[("topic", TOPIC)]).snapshot();
    assert_eq!(took.count(), 10);
    let errors = &metrics.calls.produce_errors_total;
    assert_eq!(errors.get_or_create(&[("topic", TOPIC), ("kind", "message_size_too_large")]).get(), 1);
    assert_eq!(sum(&metrics.callbacks.deliveries_total), 0);
}

#[test]
fn a_poll_that_is_dropped_counts_as_nothing_and_ends() {
    let metrics = metrics();
    let mut polls = metrics.calls.poll_loop();
    drop(polls.start());
    let counted = || {
        let polls = metrics.calls.polls_total.series().map(|series| series.get()).sum::<u64>();
        let (duration, interval) =
            (&metrics.calls.poll_duration_seconds, &metrics.calls.poll_interval_seconds);
        (polls, duration.snapshot().count(), interval.snapshot().count())
    };
    assert_eq!(counted(), (0, 0, 0));
    // The application was away from there to here, which is what Kafka bounds.
    polls.start().empty();
    assert_eq!(counted(), (1, 1, 1));
}

/// librdkafka's cluster has no rebalance that fails, so this is what `rdkafka` calls then.
#[test]
fn a_rebalance_that_fails_leaves_no_partitions_behind() {
    let ((_cluster, servers), metrics) = (cluster(1), metrics());
    let context = KafkaContext::consumer(&metrics);
    let consumer: BaseConsumer<KafkaContext> =
        consumer(&servers, "billing", "billing").create_with_context(context).unwrap();
    let mut list = TopicPartitionList::new();
    let _ = list.add_partition(TOPIC, 0);
    let _ = list.add_partition(TOPIC, 2);
    let assigned = &metrics.callbacks.assigned_partitions;
    consumer.context().post_rebalance(&consumer, &Rebalance::Assign(&list));
    assert!(is(gauge(assigned), 2));
    let error = KafkaError::Rebalance(RDKafkaErrorCode::Fail);
    consumer.context().post_rebalance(&consumer, &Rebalance::Error(error));
    assert!(is(gauge(assigned), 0));
}

#[test]
fn a_broker_that_cannot_be_reached_is_seen() {
    // Bound, and closed at once: nobody listens there.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let metrics = metrics();
    let consumer = subscribed(&address.to_string(), Witness::new(&metrics), &metrics);
    let errors = &metrics.callbacks.client_errors_total;
    let connections = &metrics.statistics.broker.broker_connections;
    let mut polls = metrics.calls.poll_loop();
    wait_for("errors", || {
        let poll = polls.start();
        match consumer.poll(TICK) {
            Some(Err(error)) => poll.failed(&error),
            Some(Ok(_)) => poll.message(),
            None => poll.empty(),
        }
        let failed = errors.get(&[("kind", "broker_transport_failure")])?.get();
        let is_seen = failed > 0 && !connections.is_empty() && is(gauge(connections), 0);
        let connects = sum(&metrics.statistics.broker.broker_connects_total);
        (is_seen && connects > 0 && sum(&metrics.calls.consume_errors_total) > 0).then_some(())
    });
    let bootstrap = connections.series().find(|series| series.labels().get("broker") == Some("bootstrap"));
    assert!(bootstrap.is_some());
}

//! A cluster in this process, and a producer that sends the bundled flights to it.

use std::thread;
use std::time::Duration;

use csv::ByteRecord;
use nilometer::kafka::{KafkaContext, KafkaMetrics};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

use super::KafkaFailure;
use super::spans::Spans;
use crate::source::Source;

const TOPIC: &str = "flights";
/// With several, flights come in their order within each alone, and those of the others are late by then.
const PARTITIONS: i32 = 1;
const BROKERS: i32 = 2;

/// Messages that are sent in one span.
const BATCH: usize = 100;

/// How long the last messages are waited for.
const DELIVERY: Duration = Duration::from_secs(30);

/// How long a full queue is waited for.
const ROOM: Duration = Duration::from_millis(50);

/// The cluster, which is there for as long as this is.
pub(crate) struct Demo {
    cluster: MockCluster<'static, DefaultProducerContext>,
}

impl Demo {
    pub(crate) fn start() -> Result<Demo, KafkaError> {
        let cluster = MockCluster::new(BROKERS)?;
        cluster.create_topic(TOPIC, PARTITIONS, 1)?;
        Ok(Demo { cluster })
    }

    pub(crate) fn brokers(&self) -> String {
        self.cluster.bootstrap_servers()
    }

    pub(crate) const fn topic() -> &'static str {
        TOPIC
    }

    /// Sends all rows of a source, on a thread of its own, and goes on reporting what it has sent.
    pub(crate) fn send(
        &self,
        rows: Source,
        metrics: &KafkaMetrics,
        spans: Spans,
    ) -> Result<(), KafkaFailure> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.brokers()).set("client.id", "flight_source");
        config.set("statistics.interval.ms", "1000").set("linger.ms", "20");
        let context = KafkaContext::producer(metrics);
        let producer: BaseProducer<KafkaContext> =
            config.create_with_context(context).map_err(KafkaFailure::Client)?;
        let body = move || {
            send(&producer, rows, &spans);
            // The last of it, and then whatever there is to report, for as long as the program runs.
            let _ = producer.flush(DELIVERY);
            loop {
                producer.poll(DELIVERY);
            }
        };
        thread::Builder::new().name("flight source".to_owned()).spawn(body).map_err(KafkaFailure::Thread)?;
        Ok(())
    }
}

/// Sends rows in batches. What cannot be sent is in the counts of deliveries.
fn send(producer: &BaseProducer<KafkaContext>, mut rows: Source, spans: &Spans) {
    loop {
        let batch = batch(&mut rows);
        if batch.is_empty() {
            return;
        }
        spans.sending(|headers| batch.iter().for_each(|row| send_row(producer, row, headers)));
        producer.poll(Duration::ZERO);
    }
}

/// The next rows; none at the end.
fn batch(rows: &mut Source) -> Vec<ByteRecord> {
    let next = || {
        let mut row = ByteRecord::new();
        // The bundled file is read without fail.
        rows.read(&mut row).unwrap_or(false).then_some(row)
    };
    std::iter::from_fn(next).take(BATCH).collect()
}

/// Sends one row, by its airport of origin, so that the flights of an airport stay in order.
fn send_row(producer: &BaseProducer<KafkaContext>, row: &ByteRecord, headers: &OwnedHeaders) {
    let line = row.iter().collect::<Vec<_>>().join(&b","[..]);
    let key = row.get(1).unwrap_or_default();
    let mut message = BaseRecord::to(TOPIC).key(key).payload(&line).headers(headers.clone());
    while let Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) = producer.send(message)
    {
        producer.poll(ROOM);
        message = back;
    }
}

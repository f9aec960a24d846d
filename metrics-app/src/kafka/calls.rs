//! What the application does.

use std::time::Instant;

use nilometer_core::{Counter, CounterFamily, Family, Histogram, HistogramFamily, Timer, buckets};
use nilometer_macros::{Metrics, TypedLabels};
use rdkafka::Message;
use rdkafka::error::{KafkaError, KafkaResult};

use super::kind::{Outcome, Polled, kind};

/// A label that says how something ended.
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct OutcomeLabels {
    /// How it ended.
    pub outcome: Outcome,
}

/// A label that says what a poll came to.
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct PolledLabels {
    /// What it came to.
    pub result: Polled,
}

/// What the application consumes, works on, produces and commits: fed by its calls.
///
/// Those of one topic are recorded through [`TopicConsumer`] and [`TopicProducer`], which look them up once.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core")]
pub struct CallMetrics {
    /// Messages that the application received, by topic.
    #[metric(labels = ["topic"])]
    pub consumed_messages_total: CounterFamily,
    /// Bytes of the keys and payloads of the messages that the application received, by topic.
    #[metric(labels = ["topic"], unit = "bytes", name = "consumed_bytes_total")]
    pub consumed_bytes_total: CounterFamily,
    /// Errors that a consumer returned in the place of a message, by kind.
    #[metric(labels = ["kind"])]
    pub consume_errors_total: CounterFamily,
    /// Time that the application worked on a message, in seconds, by topic.
    #[metric(labels = ["topic"], unit = "seconds", buckets = buckets::LATENCY_SECONDS)]
    pub process_duration_seconds: HistogramFamily,
    /// Messages that the application could not process, by topic.
    #[metric(labels = ["topic"])]
    pub process_failures_total: CounterFamily,
    /// Messages that were sent and acknowledged, by topic.
    #[metric(labels = ["topic"])]
    pub produced_messages_total: CounterFamily,
    /// Bytes of the keys and payloads of the messages that were sent and acknowledged, by topic.
    #[metric(labels = ["topic"], unit = "bytes")]
    pub produced_bytes_total: CounterFamily,
    /// Messages that could not be sent, by topic and kind of error.
    #[metric(labels = ["topic", "kind"])]
    pub produce_errors_total: CounterFamily,
    /// Time from sending a message to its acknowledgement, in seconds, by topic.
    #[metric(labels = ["topic"], unit = "seconds", buckets = buckets::LATENCY_SECONDS)]
    pub produce_duration_seconds: HistogramFamily,
    /// Commits that the application asked for, by outcome.
    #[metric(init)]
    pub commits_total: Family<OutcomeLabels, Counter>,
    /// Polls of consumers, by what they came to.
    #[metric(init)]
    pub polls_total: Family<PolledLabels, Counter>,
    /// Time that a poll waited, in seconds.
    #[metric(unit = "seconds", buckets = buckets::LATENCY_SECONDS)]
    pub poll_duration_seconds: Histogram,
    /// Time from the end of a poll to the next one of its loop, in seconds; Kafka bounds it by `max.poll.interval.ms`.
    #[metric(unit = "seconds", buckets = buckets::LATENCY_SECONDS)]
    pub poll_interval_seconds: Histogram,
}

impl CallMetrics {
    /// Handles for what is consumed from a topic.
    #[must_use]
    pub fn topic_consumer(&self, topic: &str) -> TopicConsumer {
        let labels = &[("topic", topic)];
        TopicConsumer {
            messages: self.consumed_messages_total.get_or_create(labels),
            bytes: self.consumed_bytes_total.get_or_create(labels),
            duration: self.process_duration_seconds.get_or_create(labels),
            failures: self.process_failures_total.get_or_create(labels),
        }
    }

    /// Handles for what is produced to a topic.
    #[must_use]
    pub fn topic_producer(&self, topic: &str) -> TopicProducer {
        let labels = &[("topic", topic)];
        TopicProducer {
            topic: topic.to_owned(),
            messages: self.produced_messages_total.get_or_create(labels),
            bytes: self.produced_bytes_total.get_or_create(labels),
            errors: self.produce_errors_total.clone(),
            duration: self.produce_duration_seconds.get_or_create(labels),
        }
    }

    /// Counts a received message by its topic, which is looked up: for consumers of topics that are not known before.
    pub fn received(&self, message: &impl Message) {
        let labels = &[("topic", message.topic())];
        self.consumed_messages_total.with(labels, Counter::inc);
        self.consumed_bytes_total.with(labels, |bytes| bytes.inc_by(size(message)));
    }

    /// Counts an error that a consumer returned in the place of a message.
    ///
    /// The end of a partition, which `enable.partition.eof` asks for, is none.
    pub fn consume_failed(&self, error: &KafkaError) {
        if !matches!(error, KafkaError::PartitionEOF(_)) {
            self.consume_errors_total.with(&[("kind", &kind(error))], Counter::inc);
        }
    }

    /// Counts a commit by its result: of one with `CommitMode::Sync`, what the broker answered; of one with
    /// `CommitMode::Async`, whether it could be queued.
    pub fn committed(&self, result: &KafkaResult<()>) {
        self.commits_total.get_or_create(&OutcomeLabels { outcome: Outcome::of(result) }).inc();
    }
}

/// Bytes of a message's key and payload.
fn size(message: &impl Message) -> u64 {
    (message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len)) as u64
}

/// Handles for what is consumed from one topic. Clones record into the same series.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::KafkaMetrics;
/// use rdkafka::Timestamp;
/// use rdkafka::message::OwnedMessage;
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// let orders = metrics.calls.topic_consumer("orders");
///
/// // A message as a consumer returns it.
/// let payload = Some(b"twelve".to_vec());
/// let message = OwnedMessage::new(payload, None, "orders".to_owned(), Timestamp::NotAvailable, 0, 7, None);
/// orders.received(&message);
/// {
///     let _timer = orders.start_processing();
///     // What the application does with it; and if that fails:
///     orders.failed();
/// }
///
/// let labels = &[("topic", "orders")];
/// assert_eq!(metrics.calls.consumed_messages_total.get_or_create(labels).get(), 1);
/// assert_eq!(metrics.calls.consumed_bytes_total.get_or_create(labels).get(), 6);
/// assert_eq!(metrics.calls.process_duration_seconds.get_or_create(labels).snapshot().count(), 1);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TopicConsumer {
    messages: Counter,
    bytes: Counter,
    duration: Histogram,
    failures: Counter,
}

impl TopicConsumer {
    /// Counts a message of the topic.
    pub fn received(&self, message: &impl Message) {
        self.messages.inc();
        self.bytes.inc_by(size(message));
    }

    /// Starts a timer that observes, when it is dropped, how long the application worked on a message.
    pub fn start_processing(&self) -> Timer {
        self.duration.start_timer()
    }

    /// Counts a message that the application could not process.
    pub fn failed(&self) {
        self.failures.inc();
    }
}

/// Handles for what is produced to one topic. Clones record into the same series.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::KafkaMetrics;
/// use rdkafka::error::{KafkaError, RDKafkaErrorCode};
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// let orders = metrics.calls.topic_producer("orders");
///
/// // What `FutureProducer::send` returns, of a message of 6 bytes.
/// let sending = orders.start(6);
/// sending.finish(&Ok::<(), KafkaError>(()));
///
/// let sending = orders.start(6);
/// sending.finish(&Err::<(), _>(KafkaError::MessageProduction(RDKafkaErrorCode::MessageTimedOut)));
///
/// assert_eq!(metrics.calls.produced_bytes_total.get_or_create(&[("topic", "orders")]).get(), 6);
/// let errors = &metrics.calls.produce_errors_total;
/// assert_eq!(errors.get_or_create(&[("topic", "orders"), ("kind", "message_timed_out")]).get(), 1);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct TopicProducer {
    topic: String,
    messages: Counter,
    bytes: Counter,
    errors: CounterFamily,
    duration: Histogram,
}

impl TopicProducer {
    /// A message whose key and payload have so many bytes is sent now.
    pub fn start(&self, bytes: usize) -> Sending<'_> {
        Sending { topic: self, bytes: bytes as u64, start: Instant::now() }
    }
}

/// A message that is being sent.
///
/// One that is dropped is not counted: nobody knows then what became of it.
#[derive(Debug)]
#[must_use = "a message is counted when it is said what became of it"]
pub struct Sending<'a> {
    topic: &'a TopicProducer,
    bytes: u64,
    start: Instant,
}

impl Sending<'_> {
    /// Counts the message by the result of sending it, with the time it took if it was acknowledged.
    ///
    /// The error is a [`KafkaError`], alone or first in a pair with the message, as the producers of `rdkafka` return it.
    pub fn finish<T, E: SendError>(self, result: &Result<T, E>) {
        let topic = self.topic;
        match result {
            Ok(_) => {
                topic.messages.inc();
                topic.bytes.inc_by(self.bytes);
                topic.duration.observe_duration(self.start.elapsed());
            }
            Err(error) => {
                let kind = kind(error.kafka_error());
                topic.errors.with(&[("topic", &topic.topic), ("kind", &kind)], Counter::inc);
            }
        }
    }
}

/// An error of sending, as the producers of `rdkafka` return them: a [`KafkaError`], or a pair with the message.
pub trait SendError {
    /// The error itself.
    fn kafka_error(&self) -> &KafkaError;
}

impl SendError for KafkaError {
    fn kafka_error(&self) -> &KafkaError {
        self
    }
}

impl<M> SendError for (KafkaError, M) {
    fn kafka_error(&self) -> &KafkaError {
        &self.0
    }
}

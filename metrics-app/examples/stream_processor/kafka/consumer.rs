//! Rows from Kafka: a message is a flight.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use csv::{ByteRecord, ReaderBuilder};
use nilometer::kafka::{CallMetrics, KafkaContext, KafkaMetrics, PollLoop, TopicConsumer};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::spans::{BatchSpan, Spans};
use crate::flight::COLUMNS;
use crate::input::{Input, Next};
use crate::source::SourceError;

/// Messages of a batch, at most: those of one span, and of one commit.
const BATCH: usize = 100;

/// How long the rest of a batch is waited for, and messages where there are none.
const FILL: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(100);

/// When an input from Kafka has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Never.
    Stopped,
    /// When all that was there has been read.
    CaughtUp,
    /// After so many messages.
    Messages(u64),
}

/// Which messages are read, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) brokers: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) until: Until,
    /// Bytes of all rows, where that is known.
    pub(crate) length: Option<u64>,
}

/// The messages of a topic as rows.
///
/// Offsets are committed when a batch has been processed: a batch that was begun is read again by whoever comes next.
pub(crate) struct KafkaSource {
    consumer: BaseConsumer<KafkaContext>,
    subscription: Subscription,
    spans: Spans,
    calls: CallMetrics,
    topic: TopicConsumer,
    polls: PollLoop,
    /// What is still to be processed of the batch at hand, the next one last.
    batch: Vec<OwnedMessage>,
    /// The message of the row that was read last, until it has been processed.
    current: Option<OwnedMessage>,
    span: Option<BatchSpan>,
    /// The offsets to commit when that is done.
    processed: TopicPartitionList,
    /// Partitions that have been read to their end.
    ended: BTreeSet<i32>,
    messages: u64,
    bytes: u64,
}

impl KafkaSource {
    /// Subscribes. A broker that cannot be reached is no error here: it is looked for, and each attempt is counted.
    pub(crate) fn subscribe(
        subscription: Subscription,
        metrics: &KafkaMetrics,
        spans: Spans,
    ) -> Result<KafkaSource, KafkaError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &subscription.brokers).set("group.id", &subscription.group);
        config.set("client.id", "stream_processor").set("statistics.interval.ms", "1000");
        config.set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
        config.set("enable.partition.eof", "true");
        let consumer: BaseConsumer<KafkaContext> =
            config.create_with_context(KafkaContext::consumer(metrics))?;
        consumer.subscribe(&[&subscription.topic])?;
        Ok(KafkaSource {
            consumer,
            topic: metrics.calls.topic_consumer(&subscription.topic),
            polls: metrics.calls.poll_loop(),
            calls: metrics.calls.clone(),
            subscription,
            spans,
            batch: Vec::with_capacity(BATCH),
            current: None,
            span: None,
            processed: TopicPartitionList::new(),
            ended: BTreeSet::new(),
            messages: 0,
            bytes: 0,
        })
    }

    /// Polls once, and takes a message into the batch.
    fn poll(&mut self, timeout: Duration) -> bool {
        let poll = self.polls.start();
        match self.consumer.poll(timeout) {
            Some(Ok(message)) => {
                poll.message();
                self.topic.received(&message);
                self.ended.remove(&message.partition());
                self.batch.push(message.detach());
                true
            }
            Some(Err(error)) => {
                poll.failed(&error);
                if let KafkaError::PartitionEOF(partition) = error {
                    self.ended.insert(partition);
                }
                false
            }
            None => {
                poll.empty();
                false
            }
        }
    }

    /// Waits for messages, and then shortly for more.
    fn fill(&mut self) {
        if !self.poll(IDLE) {
            return;
        }
        let start = Instant::now();
        while self.batch.len() < BATCH && start.elapsed() < FILL {
            self.poll(FILL.saturating_sub(start.elapsed()));
        }
        self.span = Some(self.spans.batch(&self.batch));
        self.batch.reverse();
    }

    /// The batch has been processed.
    fn commit(&mut self, mode: CommitMode) {
        self.span = None;
        if self.processed.count() == 0 {
            return;
        }
        let committed = self.consumer.commit(&self.processed, mode);
        self.calls.committed(&committed);
        self.processed = TopicPartitionList::new();
    }

    /// The message at hand has been processed.
    fn processed(&mut self) {
        let Some(message) = self.current.take() else { return };
        self.messages += 1;
        self.bytes += message.payload().map_or(0, <[u8]>::len) as u64 + 1;
        let (topic, partition, offset) =
            (message.topic(), message.partition(), Offset::Offset(message.offset() + 1));
        // It is there, or is added; neither fails for an offset that a message has.
        let _ = match self.processed.find_partition(topic, partition) {
            Some(mut known) => known.set_offset(offset),
            None => self.processed.add_partition_offset(topic, partition, offset),
        };
    }

    fn has_ended(&self) -> bool {
        match self.subscription.until {
            Until::Stopped => false,
            Until::Messages(messages) => self.messages >= messages,
            Until::CaughtUp => {
                let Ok(held) = self.consumer.assignment() else { return false };
                let held = held.elements();
                // Others may have been held before, and read to their end.
                !held.is_empty() && held.iter().all(|held| self.ended.contains(&held.partition()))
            }
        }
    }
}

impl Input for KafkaSource {
    fn header(&mut self) -> Result<ByteRecord, SourceError> {
        Ok(ByteRecord::from(COLUMNS.to_vec()))
    }

    fn next(&mut self, record: &mut ByteRecord) -> Result<Next, SourceError> {
        if self.batch.is_empty() {
            let has_ended = self.has_ended();
            self.commit(if has_ended { CommitMode::Sync } else { CommitMode::Async });
            if has_ended {
                return Ok(Next::End);
            }
            self.fill();
        }
        let Some(message) = self.batch.pop() else { return Ok(Next::Idle) };
        let payload = message.payload().unwrap_or_default();
        record.clear();
        // Bytes in memory are read without fail; of several lines, the first counts.
        let _ = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(payload)
            .read_byte_record(record);
        self.current = Some(message);
        Ok(Next::Row)
    }

    fn process<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let result = {
            let _timer = self.topic.start_processing();
            match &self.span {
                Some(span) => span.inside(work),
                None => work(),
            }
        };
        self.processed();
        result
    }

    fn position(&self) -> u64 {
        self.bytes
    }

    fn length(&self) -> Option<u64> {
        self.subscription.length
    }

    fn finish(&mut self) {
        // What was taken into the batch and not processed is not committed.
        self.batch.clear();
        self.commit(CommitMode::Sync);
    }

    fn linger(&mut self, stop: &Receiver<()>) {
        // Statistics come to those who poll; messages that come now are for whoever reads on.
        while stop.try_recv() != Err(TryRecvError::Disconnected) {
            if let Some(Err(error)) = self.consumer.poll(IDLE) {
                self.calls.consume_failed(&error);
            }
        }
    }
}

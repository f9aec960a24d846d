//! A loop that polls a consumer.

use std::time::Instant;

use nilometer_core::{Counter, Histogram};
use rdkafka::error::KafkaError;

use super::calls::{CallMetrics, PolledLabels};
use super::kind::Polled;

impl CallMetrics {
    /// Follows a loop that polls a consumer. Each loop has its own.
    #[must_use]
    pub fn poll_loop(&self) -> PollLoop {
        let polls = |result| self.polls_total.get_or_create(&PolledLabels { result });
        PollLoop {
            calls: self.clone(),
            message: polls(Polled::Message),
            empty: polls(Polled::Empty),
            failed: polls(Polled::Failed),
            duration: self.poll_duration_seconds.clone(),
            interval: self.poll_interval_seconds.clone(),
            ended: None,
        }
    }
}

/// A loop that polls a consumer: how long it waits, how long it is away, and what it gets.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::{KafkaContext, KafkaMetrics};
/// use rdkafka::ClientConfig;
/// use rdkafka::consumer::BaseConsumer;
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// # let mut config = ClientConfig::new();
/// # config.set("group.id", "billing").set("test.mock.num.brokers", "1");
/// let consumer: BaseConsumer<_> = config.create_with_context(KafkaContext::consumer(&metrics))?;
/// let mut polls = metrics.calls.poll_loop();
/// for _ in 0..2 {
///     let poll = polls.start();
///     match consumer.poll(Duration::from_millis(10)) {
///         Some(Ok(message)) => {
///             poll.message();
///             metrics.calls.received(&message);
///         }
///         Some(Err(error)) => poll.failed(&error),
///         None => poll.empty(),
///     }
/// }
/// assert_eq!(metrics.calls.poll_duration_seconds.snapshot().count(), 2);
/// assert_eq!(metrics.calls.poll_interval_seconds.snapshot().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct PollLoop {
    calls: CallMetrics,
    message: Counter,
    empty: Counter,
    failed: Counter,
    duration: Histogram,
    interval: Histogram,
    /// When the poll before ended.
    ended: Option<Instant>,
}

impl PollLoop {
    /// The loop polls now.
    pub fn start(&mut self) -> Poll<'_> {
        let start = Instant::now();
        if let Some(ended) = self.ended.take() {
            self.interval.observe_duration(start.saturating_duration_since(ended));
        }
        Poll { polls: self, start }
    }
}

/// A poll that waits.
///
/// One that is dropped, as in a `select!` that something else has won, counts as nothing, but it has ended then: the
/// interval to the next one begins.
#[derive(Debug)]
#[must_use = "a poll is counted when it is said what it came to"]
pub struct Poll<'a> {
    polls: &'a mut PollLoop,
    start: Instant,
}

impl Poll<'_> {
    /// It came to a message.
    pub fn message(self) {
        self.polls.message.inc();
        self.end();
    }

    /// It came to nothing within its time.
    pub fn empty(self) {
        self.polls.empty.inc();
        self.end();
    }

    /// It came to an error, which is counted by its kind as well; the end of a partition is as good as nothing.
    pub fn failed(self, error: &KafkaError) {
        if matches!(error, KafkaError::PartitionEOF(_)) {
            return self.empty();
        }
        self.polls.failed.inc();
        self.polls.calls.consume_failed(error);
        self.end();
    }

    fn end(self) {
        self.polls.duration.observe_duration(self.start.elapsed());
    }
}

impl Drop for Poll<'_> {
    fn drop(&mut self) {
        self.polls.ended = Some(Instant::now());
    }
}

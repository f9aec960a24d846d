//! The context that feeds the metrics of a client.

use std::error::Error;
use std::fmt;

use nilometer_core::Counter;
use nilometer_core::label::ClosedLabelValue;
use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{Partitioner, ProducerContext};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::Timeout;

use super::KafkaMetrics;
use super::assignment::{Assignment, partitions};
use super::callbacks::{CallbackMetrics, RebalanceLabels};
use super::calls::OutcomeLabels;
use super::hooks::{ConsumerHooks, NoContext};
use super::kind::{Outcome, RebalanceKind, kind};
use super::repeated::Repeated;
use super::statistics::ClientStatistics;

/// The context of one client of `rdkafka`, which feeds its statistics, rebalances, commits, deliveries and errors into
/// [`KafkaMetrics`], and hands all of them on to a context inside of it.
///
/// Each client has its own. When it is dropped, which is when its client is, the gauges of the client are gone; its
/// counts stay. Statistics come only if the client's `statistics.interval.ms` is set, and while it is polled.
///
/// # Concurrency
///
/// The callbacks run on the thread that polls the client. Statistics and rebalances take a lock that nothing else of the
/// process takes; a delivery and a commit take none, and a lookup.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::{KafkaContext, KafkaMetrics};
/// use rdkafka::ClientConfig;
/// use rdkafka::producer::ThreadedProducer;
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// let mut config = ClientConfig::new();
/// config.set("bootstrap.servers", "127.0.0.1:9092").set("client.id", "checkout");
/// config.set("statistics.interval.ms", "5000");
/// let producer: ThreadedProducer<_> = config.create_with_context(KafkaContext::producer(&metrics))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a context feeds the metrics of the client that it is given to"]
pub struct KafkaContext<C = NoContext> {
    callbacks: CallbackMetrics,
    /// In the order of the outcomes.
    commits: [Counter; 2],
    statistics: ClientStatistics,
    assignment: Assignment,
    /// There for a producer, which reports its errors twice.
    repeated: Option<Repeated>,
    inner: C,
}

impl KafkaContext {
    /// The context of a consumer.
    pub fn consumer(metrics: &KafkaMetrics) -> KafkaContext {
        KafkaContext::consumer_with(metrics, NoContext)
    }

    /// The context of a producer: a `BaseProducer`, a `ThreadedProducer` or a `FutureProducer`.
    ///
    /// A `FutureProducer` keeps its delivery reports to itself, so that `kafka_deliveries_total` does not count them;
    /// [`TopicProducer`](super::TopicProducer) counts what it returns.
    pub fn producer(metrics: &KafkaMetrics) -> KafkaContext {
        KafkaContext::producer_with(metrics, NoContext)
    }
}

impl<C: ClientContext> KafkaContext<C> {
    /// The context of a consumer, around one that does something too.
    pub fn consumer_with(metrics: &KafkaMetrics, inner: C) -> KafkaContext<C> {
        KafkaContext::around(metrics, inner, None)
    }

    /// The context of a producer, around one that does something too.
    pub fn producer_with(metrics: &KafkaMetrics, inner: C) -> KafkaContext<C> {
        KafkaContext::around(metrics, inner, Some(Repeated::default()))
    }

    fn revoked(&self, partitions: &[(String, i32)]) {
        self.assignment.revoke(partitions);
        self.statistics.revoke(partitions);
    }

    fn around(metrics: &KafkaMetrics, inner: C, repeated: Option<Repeated>) -> KafkaContext<C> {
        let callbacks = metrics.callbacks.clone();
        let commits = [Outcome::Ok, Outcome::Failed]
            .map(|outcome| callbacks.commit_callbacks_total.get_or_create(&OutcomeLabels { outcome }));
        KafkaContext {
            commits,
            statistics: ClientStatistics::new(metrics),
            assignment: Assignment::new(callbacks.assigned_partitions.clone()),
            callbacks,
            repeated,
            inner,
        }
    }

    /// The context inside.
    pub fn inner(&self) -> &C {
        &self.inner
    }
}

impl<C: ClientContext> ClientContext for KafkaContext<C> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = C::ENABLE_REFRESH_OAUTH_TOKEN;

    fn log(&self, level: RDKafkaLogLevel, fac: &str, log_message: &str) {
        self.inner.log(level, fac, log_message);
    }

    fn stats(&self, statistics: Statistics) {
        self.inner.stats(statistics);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        // What cannot be read is counted.
        let _ = self.statistics.record(statistics);
        self.inner.stats_raw(statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let is_second = self.repeated.as_ref().is_some_and(|repeated| repeated.is_second(&error, reason));
        // Which `enable.partition.eof` asks for.
        let is_end = error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF);
        if !is_second && !is_end {
            self.callbacks.client_errors_total.with(&[("kind", &kind(&error))], Counter::inc);
        }
        self.inner.error(error, reason);
    }

    fn generate_oauth_token(&self, oauthbearer_config: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.inner.generate_oauth_token(oauthbearer_config)
    }
}

impl<C: ConsumerHooks> ConsumerContext for KafkaContext<C> {
    fn pre_rebalance(&self, base_consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        self.inner.pre_rebalance(base_consumer, rebalance);
    }

    fn post_rebalance(&self, base_consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let kind = match rebalance {
            Rebalance::Assign(list) => {
                let assigned = partitions(list);
                self.assignment.assign(&assigned);
                self.statistics.assign(assigned);
                RebalanceKind::Assign
            }
            Rebalance::Revoke(list) => {
                self.revoked(&partitions(list));
                RebalanceKind::Revoke
            }
            Rebalance::Error(_) => {
                // `rdkafka` has given partitions back, and does not say which.
                if let Ok(list) = base_consumer.assignment() {
                    let held = partitions(&list);
                    let lost =
                        self.assignment.held().into_iter().filter(|partition| !held.contains(partition));
                    self.revoked(&lost.collect::<Vec<_>>());
                }
                RebalanceKind::Error
            }
        };
        self.callbacks.rebalances_total.get_or_create(&RebalanceLabels { kind }).inc();
        self.inner.post_rebalance(base_consumer, rebalance);
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        self.commits[Outcome::of(&result).index()].inc();
        self.inner.commit_callback(result, offsets);
    }

    fn main_queue_min_poll_interval(&self) -> Timeout {
        self.inner.main_queue_min_poll_interval()
    }
}

impl<C: ProducerContext<Part>, Part: Partitioner> ProducerContext<Part> for KafkaContext<C> {
    type DeliveryOpaque = C::DeliveryOpaque;

    fn delivery(&self, delivery_result: &DeliveryResult<'_>, delivery_opaque: Self::DeliveryOpaque) {
        let (message, outcome) = match delivery_result {
            Ok(message) => (message, Outcome::Ok),
            Err((_, message)) => (message, Outcome::Failed),
        };
        let labels = &[("topic", message.topic()), ("outcome", Outcome::VALUES[outcome.index()])];
        self.callbacks.deliveries_total.with(labels, Counter::inc);
        self.inner.delivery(delivery_result, delivery_opaque);
    }

    fn get_custom_partitioner(&self) -> Option<&Part> {
        self.inner.get_custom_partitioner()
    }
}

impl<C> fmt::Debug for KafkaContext<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaContext").field("statistics", &self.statistics).finish_non_exhaustive()
    }
}

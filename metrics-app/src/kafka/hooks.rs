//! What a consumer's context of one's own does, besides.

use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, DefaultConsumerContext, Rebalance};
use rdkafka::error::KafkaResult;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::util::Timeout;

use super::KafkaContext;

/// A consumer's context inside of a [`KafkaContext`].
///
/// It stands for `rdkafka`'s [`ConsumerContext`](rdkafka::consumer::ConsumerContext), whose functions take the consumer
/// with the type of its context, which is the outer one here. All functions do nothing by default; they are called as
/// those of that trait, on the thread that polls.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::{ConsumerHooks, KafkaContext, KafkaMetrics};
/// use rdkafka::ClientContext;
/// use rdkafka::consumer::{BaseConsumer, Rebalance};
///
/// struct SaveBeforeRevoke;
///
/// impl ClientContext for SaveBeforeRevoke {}
/// impl ConsumerHooks for SaveBeforeRevoke {
///     fn pre_rebalance(&self, consumer: &BaseConsumer<KafkaContext<Self>>, rebalance: &Rebalance<'_>) {
///         if let Rebalance::Revoke(partitions) = rebalance {
///             // Commit what was worked on.
///         }
///     }
/// }
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// let context = KafkaContext::consumer_with(&metrics, SaveBeforeRevoke);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
pub trait ConsumerHooks: ClientContext + Sized {
    /// Called before a rebalance is carried out.
    fn pre_rebalance(&self, consumer: &BaseConsumer<KafkaContext<Self>>, rebalance: &Rebalance<'_>) {
        let _ = (consumer, rebalance);
    }

    /// Called after a rebalance was carried out.
    fn post_rebalance(&self, consumer: &BaseConsumer<KafkaContext<Self>>, rebalance: &Rebalance<'_>) {
        let _ = (consumer, rebalance);
    }

    /// Called after offsets were committed, or could not be.
    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let _ = (result, offsets);
    }

    /// How often a poll that waits looks at statistics and errors, at least: each second.
    fn main_queue_min_poll_interval(&self) -> Timeout {
        Timeout::After(std::time::Duration::from_secs(1))
    }
}

impl ConsumerHooks for DefaultConsumerContext {}

/// The context inside of a [`KafkaContext`] where there is no other.
///
/// It does what `rdkafka`'s own do, except that it does not read the statistics a second time to log them.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::{KafkaContext, KafkaMetrics, NoContext};
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// let context: KafkaContext<NoContext> = KafkaContext::consumer(&metrics);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct NoContext;

impl ClientContext for NoContext {
    fn stats_raw(&self, _: &[u8]) {}
}

impl ConsumerHooks for NoContext {}

impl ProducerContext for NoContext {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): Self::DeliveryOpaque) {}
}

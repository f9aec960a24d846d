//! All metrics of Kafka's clients as one set.

use nilometer_macros::Metrics;

use super::callbacks::CallbackMetrics;
use super::calls::CallMetrics;
use super::statistics::StatisticsMetrics;

/// The metrics of the Kafka clients of a process: of the application's calls, of librdkafka's callbacks, and of its
/// statistics.
///
/// [The module's page](crate::kafka) lists them all. Clones record into the same series, and so do several sets that are
/// registered with one registry; all clients of a process can share one.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::{KafkaContext, KafkaMetrics};
/// use rdkafka::ClientConfig;
/// use rdkafka::consumer::BaseConsumer;
///
/// let registry = MetricsRegistry::new();
/// let metrics = KafkaMetrics::new(&registry)?;
///
/// let mut config = ClientConfig::new();
/// config.set("bootstrap.servers", "127.0.0.1:9092").set("group.id", "billing");
/// config.set("client.id", "billing").set("statistics.interval.ms", "5000");
/// let consumer: BaseConsumer<_> = config.create_with_context(KafkaContext::consumer(&metrics))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "kafka")]
pub struct KafkaMetrics {
    /// What the application does, which it says itself.
    #[metric(flatten)]
    pub calls: CallMetrics,
    /// What librdkafka calls back for.
    #[metric(flatten)]
    pub callbacks: CallbackMetrics,
    /// What librdkafka's statistics say.
    #[metric(flatten)]
    pub statistics: StatisticsMetrics,
}

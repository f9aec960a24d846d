//! What librdkafka calls back for.

use nilometer_core::{Counter, CounterFamily, Family, GaugeFamily};
use nilometer_macros::{Metrics, TypedLabels};

use super::calls::OutcomeLabels;
use super::kind::RebalanceKind;

/// A label that says what a rebalance did.
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct RebalanceLabels {
    /// What it did.
    pub kind: RebalanceKind,
}

/// What librdkafka calls back for: fed by [`KafkaContext`](super::KafkaContext).
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core")]
pub struct CallbackMetrics {
    /// Rebalances that consumers took part in, by what they did.
    #[metric(init)]
    pub rebalances_total: Family<RebalanceLabels, Counter>,
    /// Partitions that consumers have been assigned and hold, by topic.
    #[metric(labels = ["topic"])]
    pub assigned_partitions: GaugeFamily,
    /// Commits that librdkafka called back for, by outcome.
    #[metric(init)]
    pub commit_callbacks_total: Family<OutcomeLabels, Counter>,
    /// Delivery reports of messages that were sent, by topic and outcome.
    #[metric(labels = ["topic", "outcome"])]
    pub deliveries_total: CounterFamily,
    /// Errors of clients, by kind: that brokers cannot be reached, and the like; librdkafka mends most of them by itself.
    #[metric(labels = ["kind"])]
    pub client_errors_total: CounterFamily,
}

//! One client: its queues, and its part in a group.

use nilometer_core::{Counter, CounterFamily, GaugeFamily};
use nilometer_macros::Metrics;

use super::follow::{Baseline, Level};
use super::json::{Group, Report};

/// What a client says of itself.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core")]
pub struct ClientMetrics {
    /// Clients that report statistics.
    #[metric(labels = ["client_id"])]
    pub client_instances: GaugeFamily,
    /// Callbacks and events that wait to be polled (`replyq`).
    #[metric(labels = ["client_id"])]
    pub client_reply_queue_operations: GaugeFamily,
    /// Messages that wait in a producer to be sent or acknowledged (`msg_cnt`).
    #[metric(labels = ["client_id"])]
    pub producer_queue_messages: GaugeFamily,
    /// Bytes of the messages that wait in a producer (`msg_size`).
    #[metric(labels = ["client_id"], unit = "bytes")]
    pub producer_queue_bytes: GaugeFamily,
    /// Messages that may wait in a producer at most (`msg_max`).
    #[metric(labels = ["client_id"])]
    pub producer_queue_limit_messages: GaugeFamily,
    /// Bytes of messages that may wait in a producer at most (`msg_size_max`).
    #[metric(labels = ["client_id"], unit = "bytes")]
    pub producer_queue_limit_bytes: GaugeFamily,
    /// Rebalances of the group in which a consumer was assigned partitions or lost them (`cgrp.rebalance_cnt`).
    #[metric(labels = ["client_id"])]
    pub group_rebalances_total: CounterFamily,
    /// Partitions that a consumer holds in its group (`cgrp.assignment_size`).
    #[metric(labels = ["client_id"])]
    pub group_assigned_partitions: GaugeFamily,
}

/// What a client has last said of itself.
#[derive(Debug, Default)]
pub(super) struct ClientState {
    instances: Level,
    levels: [Level; 5],
    rebalances: Baseline,
    rebalances_total: Option<Counter>,
    assigned: Level,
}

impl ClientState {
    pub(super) fn follow(
        &mut self,
        report: &Report,
        is_producer: bool,
        client_id: &str,
        metrics: &ClientMetrics,
    ) {
        let labels = &[("client_id", client_id)];
        self.instances.set(Some(1), || metrics.client_instances.owned(labels));
        // A consumer reports the queues of messages too, which it does not have.
        let queue = |level: Option<u64>| level.filter(|_| is_producer);
        let levels = [
            (report.replyq.known(), &metrics.client_reply_queue_operations),
            (queue(report.msg_cnt.known()), &metrics.producer_queue_messages),
            (queue(report.msg_size.known()), &metrics.producer_queue_bytes),
            (queue(report.msg_max.known()), &metrics.producer_queue_limit_messages),
            (queue(report.msg_size_max.known()), &metrics.producer_queue_limit_bytes),
        ];
        for (series, (level, family)) in self.levels.iter_mut().zip(levels) {
            series.set(level, || family.owned(labels));
        }

        let none = Group::default();
        let group = report.cgrp.as_ref().unwrap_or(&none);
        if let Some(growth) = self.rebalances.growth(group.rebalance_cnt) {
            let total = || metrics.group_rebalances_total.get_or_create(labels);
            self.rebalances_total.get_or_insert_with(total).inc_by(growth);
        }
        self.assigned.set(group.assignment_size.known(), || metrics.group_assigned_partitions.owned(labels));
    }
}

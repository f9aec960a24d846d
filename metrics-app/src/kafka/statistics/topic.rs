//! Topics and their partitions.

use std::collections::{HashMap, HashSet};

use nilometer_core::{Counter, CounterFamily, GaugeFamily};
use nilometer_macros::Metrics;

use super::Role;
use super::follow::{Baseline, Level};
use super::json::{Partition, Topic};

/// What a client says of topics and partitions.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core")]
pub struct TopicMetrics {
    /// Messages that a producer sent, by topic (`txmsgs` of partitions).
    #[metric(labels = ["client_id", "topic"])]
    pub topic_sent_messages_total: CounterFamily,
    /// Bytes of the messages that a producer sent, by topic (`txbytes` of partitions).
    #[metric(labels = ["client_id", "topic"], unit = "bytes")]
    pub topic_sent_bytes_total: CounterFamily,
    /// Messages that a consumer received, by topic (`rxmsgs` of partitions).
    #[metric(labels = ["client_id", "topic"])]
    pub topic_received_messages_total: CounterFamily,
    /// Bytes of the messages that a consumer received, by topic (`rxbytes` of partitions).
    #[metric(labels = ["client_id", "topic"], unit = "bytes")]
    pub topic_received_bytes_total: CounterFamily,
    /// Messages that a consumer received and dropped since they were outdated, by topic (`rx_ver_drops` of partitions).
    #[metric(labels = ["client_id", "topic"])]
    pub topic_outdated_messages_total: CounterFamily,
    /// Messages of a partition from the committed offset to its end (`consumer_lag`).
    #[metric(labels = ["client_id", "topic", "partition"])]
    pub consumer_lag_messages: GaugeFamily,
    /// Messages of a partition from the offset that is to be committed to its end (`consumer_lag_stored`).
    #[metric(labels = ["client_id", "topic", "partition"])]
    pub consumer_lag_stored_messages: GaugeFamily,
    /// The offset of a partition that was last committed (`committed_offset`).
    #[metric(labels = ["client_id", "topic", "partition"])]
    pub consumer_committed_offset: GaugeFamily,
    /// The offset of a partition's end, as the broker last said (`hi_offset`).
    #[metric(labels = ["client_id", "topic", "partition"])]
    pub consumer_end_offset: GaugeFamily,
    /// Messages of a partition that were fetched and wait to be polled (`fetchq_cnt`).
    #[metric(labels = ["client_id", "topic", "partition"])]
    pub consumer_fetch_queue_messages: GaugeFamily,
    /// Bytes of the messages of a partition that wait to be polled (`fetchq_size`).
    #[metric(labels = ["client_id", "topic", "partition"], unit = "bytes")]
    pub consumer_fetch_queue_bytes: GaugeFamily,
}

/// How many totals and gauges a partition has.
const TOTALS: usize = 5;
const LEVELS: usize = 6;

/// What a client has last said of its topics.
#[derive(Debug, Default)]
pub(super) struct TopicStates(HashMap<String, TopicState>);

#[derive(Debug, Default)]
struct TopicState {
    /// Those of the topic, which is the sum over its partitions.
    totals: [Option<Counter>; TOTALS],
    partitions: HashMap<i32, PartitionState>,
}

#[derive(Debug, Default)]
struct PartitionState {
    baselines: [Baseline; TOTALS],
    levels: [Level; LEVELS],
}

/// The partitions that a consumer was assigned, where it is told of that; otherwise each report says it.
pub(super) type Assigned = Option<HashSet<(String, i32)>>;

impl TopicStates {
    pub(super) fn follow(
        &mut self,
        topics: &HashMap<String, Topic>,
        role: Role,
        assigned: &Assigned,
        client_id: &str,
        metrics: &TopicMetrics,
    ) {
        // What is not reported any more is gone: if it comes back, it counts from nothing.
        self.0.retain(|topic, _| topics.contains_key(topic));
        for (name, topic) in topics {
            if !self.0.contains_key(name) {
                self.0.insert(name.clone(), TopicState::default());
            }
            let Some(state) = self.0.get_mut(name) else { continue };
            let of_topic = Of { client_id, topic: name, role, metrics };
            let numbered = || {
                // Neither -1, where messages wait that have no partition yet, and librdkafka counts nothing, nor
                // another way to write a number that may be there.
                let is_number = |id: &str| id == "0" || id.starts_with(|first| ('1'..='9').contains(&first));
                let numbered = topic.partitions.iter().filter(move |(id, _)| is_number(id));
                numbered.filter_map(|(id, partition)| Some((id.parse::<i32>().ok()?, partition)))
            };
            let reported: HashSet<i32> = numbered().map(|(id, _)| id).collect();
            state.partitions.retain(|id, _| reported.contains(id));
            for (id, partition) in numbered() {
                let is_assigned = match assigned {
                    Some(assigned) => assigned.contains(&(name.clone(), id)),
                    None => partition.desired != Some(false),
                };
                let partition_state = state.partitions.entry(id).or_default();
                of_topic.totals(partition, &mut partition_state.baselines, &mut state.totals);
                of_topic.levels(id, partition, is_assigned, &mut partition_state.levels);
            }
        }
    }

    /// The gauges of this partition are gone.
    pub(super) fn revoke(&mut self, topic: &str, partition: i32) {
        let state = self.0.get_mut(topic).and_then(|state| state.partitions.get_mut(&partition));
        if let Some(state) = state {
            state.levels.iter_mut().for_each(Level::end);
        }
    }
}

/// A topic of a client.
struct Of<'a> {
    client_id: &'a str,
    topic: &'a str,
    role: Role,
    metrics: &'a TopicMetrics,
}

impl Of<'_> {
    fn totals(
        &self,
        partition: &Partition,
        baselines: &mut [Baseline; TOTALS],
        counters: &mut [Option<Counter>; TOTALS],
    ) {
        let (metrics, sends, receives) = (self.metrics, self.role.sends(), self.role.receives());
        let totals = [
            (partition.txmsgs, sends, &metrics.topic_sent_messages_total),
            (partition.txbytes, sends, &metrics.topic_sent_bytes_total),
            (partition.rxmsgs, receives, &metrics.topic_received_messages_total),
            (partition.rxbytes, receives, &metrics.topic_received_bytes_total),
            (partition.rx_ver_drops, receives, &metrics.topic_outdated_messages_total),
        ];
        for ((baseline, counter), (total, does, family)) in baselines.iter_mut().zip(counters).zip(totals) {
            if let Some(growth) = baseline.growth(total).filter(|_| does) {
                let labels = &[("client_id", self.client_id), ("topic", self.topic)];
                counter.get_or_insert_with(|| family.get_or_create(labels)).inc_by(growth);
            }
        }
    }

    fn levels(&self, id: i32, partition: &Partition, is_assigned: bool, series: &mut [Level; LEVELS]) {
        let (metrics, has) = (self.metrics, is_assigned && self.role.receives());
        let levels = [
            (partition.consumer_lag, &metrics.consumer_lag_messages),
            (partition.consumer_lag_stored, &metrics.consumer_lag_stored_messages),
            (partition.committed_offset, &metrics.consumer_committed_offset),
            (partition.hi_offset, &metrics.consumer_end_offset),
            (partition.fetchq_cnt, &metrics.consumer_fetch_queue_messages),
            (partition.fetchq_size, &metrics.consumer_fetch_queue_bytes),
        ];
        for (series, (level, family)) in series.iter_mut().zip(levels) {
            series.set(level.known().filter(|_| has), || {
                let id = id.to_string();
                let labels = [("client_id", self.client_id), ("topic", self.topic), ("partition", &id)];
                family.owned(&labels)
            });
        }
    }
}

//! The partitions that a consumer holds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use nilometer_core::GaugeFamily;
use rdkafka::topic_partition_list::TopicPartitionList;

use super::statistics::Level;

/// The partitions that one consumer holds, and its part of the gauge of them.
#[derive(Debug)]
pub(super) struct Assignment {
    family: GaugeFamily,
    /// By topic; a topic that was once assigned stays, with none.
    topics: Mutex<BTreeMap<String, (BTreeSet<i32>, Level)>>,
}

impl Assignment {
    pub(super) fn new(family: GaugeFamily) -> Assignment {
        Assignment { family, topics: Mutex::default() }
    }

    /// The consumer holds these as well.
    pub(super) fn assign(&self, partitions: &[(String, i32)]) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, partition) in partitions {
            let (held, gauge) = topics.entry(topic.clone()).or_default();
            held.insert(*partition);
            gauge.set(Some(held.len() as u64), || self.family.owned(&[("topic", topic)]));
        }
    }

    /// What the consumer holds.
    pub(super) fn held(&self) -> Vec<(String, i32)> {
        let topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let of_topic = |(topic, (held, _)): (&String, &(BTreeSet<i32>, Level))| {
            held.iter().map(|partition| (topic.clone(), *partition)).collect::<Vec<_>>()
        };
        topics.iter().flat_map(of_topic).collect()
    }

    /// The consumer holds these no longer.
    pub(super) fn revoke(&self, partitions: &[(String, i32)]) {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, partition) in partitions {
            let Some((held, gauge)) = topics.get_mut(topic) else { continue };
            held.remove(partition);
            gauge.set(Some(held.len() as u64), || self.family.owned(&[("topic", topic)]));
        }
    }
}

/// The topics and partitions of a list.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<(String, i32)> {
    list.elements().iter().map(|element| (element.topic().to_owned(), element.partition())).collect()
}

//! librdkafka's statistics.
//!
//! - here: [`ClientStatistics`], which reads reports.
//! - `json` and `number`: their form.
//! - `follow`: how series follow them.
//! - `client`, `broker`, `topic`: what they say.

mod broker;
mod client;
mod follow;
mod json;
mod number;
mod topic;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use nilometer_core::{Counter, Family};
use nilometer_macros::{Metrics, TypedLabels};
use thiserror::Error;

pub use self::broker::BrokerMetrics;
pub use self::client::ClientMetrics;
pub(super) use self::follow::Level;
pub use self::topic::TopicMetrics;

use self::broker::BrokerStates;
use self::client::ClientState;
use self::json::Report;
use self::topic::{Assigned, TopicStates};
use super::KafkaMetrics;
use super::kind::ReportOutcome;

/// A label that says what became of a report of statistics.
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct ReportLabels {
    /// What became of it.
    pub outcome: ReportOutcome,
}

/// What librdkafka's statistics say: fed by [`KafkaContext`](super::KafkaContext), or by [`ClientStatistics`].
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core")]
pub struct StatisticsMetrics {
    /// Reports of statistics, by what became of them.
    #[metric(init)]
    pub statistics_reports_total: Family<ReportLabels, Counter>,
    /// Of clients.
    #[metric(flatten)]
    pub client: ClientMetrics,
    /// Of brokers.
    #[metric(flatten)]
    pub broker: BrokerMetrics,
    /// Of topics and partitions.
    #[metric(flatten)]
    pub topic: TopicMetrics,
}

/// Says why a report of statistics says nothing.
///
/// Nothing has changed then, except that the report is counted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// It is no JSON, or has something else where STATISTICS.md has an object or a string.
    #[error("the statistics cannot be read")]
    Malformed {
        /// Where it is wrong.
        #[from]
        source: serde_json::Error,
    },
    /// It has no `name`, so that nobody knows which totals it goes on from.
    #[error("the statistics have no `name`")]
    Unnamed,
}

/// Reads the reports of clients, for those that have a context of their own rather than a
/// [`KafkaContext`](super::KafkaContext).
///
/// A client is known by `name`, which librdkafka makes different for each one of a process. Its totals are those since it
/// was made; counters grow by what they have grown since its report before. A report whose `age` is less than the one
/// before comes from a client that began anew, and so does a total that is less.
///
/// When it is dropped, the gauges of its clients are gone; their counts stay.
///
/// # Concurrency
///
/// A report takes a lock of this value's own.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::kafka::{ClientStatistics, KafkaMetrics};
///
/// let metrics = KafkaMetrics::new(&MetricsRegistry::new())?;
/// let statistics = ClientStatistics::new(&metrics);
///
/// // What `ClientContext::stats_raw` is given, shortened.
/// let report = r#"{ "name": "billing#consumer-1", "client_id": "billing", "type": "consumer", "age": 5000000,
///     "topics": { "orders": { "partitions": { "0": { "rxmsgs": 12, "consumer_lag": 3 } } } } }"#;
/// statistics.record(report.as_bytes())?;
///
/// let topic = &metrics.statistics.topic;
/// let labels = &[("client_id", "billing"), ("topic", "orders")];
/// assert_eq!(topic.topic_received_messages_total.get_or_create(labels).get(), 12);
/// // What is not in the report has no series.
/// assert!(topic.topic_received_bytes_total.get(labels).is_none());
///
/// assert_eq!(topic.consumer_lag_messages.len(), 1);
/// drop(statistics);
/// assert_eq!(topic.consumer_lag_messages.len(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the gauges of its clients are gone when it is dropped"]
pub struct ClientStatistics {
    metrics: StatisticsMetrics,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    by_name: HashMap<String, Client>,
    assigned: Assigned,
}

/// What one client has last reported.
#[derive(Debug, Default)]
struct Client {
    age: Option<i128>,
    id: String,
    state: ClientState,
    brokers: BrokerStates,
    topics: TopicStates,
}

/// What a client is, where its report says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Producer,
    Consumer,
    Unknown,
}

impl Role {
    fn of(report: &Report) -> Role {
        match report.kind.as_deref() {
            Some("producer") => Role::Producer,
            Some("consumer") => Role::Consumer,
            _ => Role::Unknown,
        }
    }

    fn sends(self) -> bool {
        self != Role::Consumer
    }

    fn receives(self) -> bool {
        self != Role::Producer
    }
}

impl ClientStatistics {
    /// For reports of any number of clients.
    pub fn new(metrics: &KafkaMetrics) -> ClientStatistics {
        ClientStatistics { metrics: metrics.statistics.clone(), clients: Mutex::default() }
    }

    /// Reads a report, as `ClientContext::stats_raw` is given it.
    ///
    /// # Errors
    ///
    /// The report cannot be read, or says nobody's name. It is counted as such, and nothing else has changed.
    pub fn record(&self, report: &[u8]) -> Result<(), StatisticsError> {
        let result = self.follow(report);
        let outcome = match &result {
            Ok(()) => ReportOutcome::Ok,
            Err(StatisticsError::Malformed { .. }) => ReportOutcome::Malformed,
            Err(StatisticsError::Unnamed) => ReportOutcome::Unnamed,
        };
        self.metrics.statistics_reports_total.get_or_create(&ReportLabels { outcome }).inc();
        result
    }

    fn follow(&self, report: &[u8]) -> Result<(), StatisticsError> {
        let report: Report = serde_json::from_slice(report)?;
        let name = report.name.as_deref().ok_or(StatisticsError::Unnamed)?;
        // Older versions say it in the name alone: `billing#consumer-1`.
        let client_id = report.client_id.as_deref();
        let client_id =
            client_id.unwrap_or_else(|| name.rsplit_once('#').map_or(name, |(client_id, _)| client_id));
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let Clients { by_name, assigned } = &mut *clients;
        let client = by_name.entry(name.to_owned()).or_default();
        let age = report.age.raw();
        let is_younger = age.zip(client.age).is_some_and(|(age, before)| age < before);
        if is_younger || client.id != client_id {
            *client = Client { id: client_id.to_owned(), ..Client::default() };
        }
        client.age = age.or(client.age);

        let (role, metrics) = (Role::of(&report), &self.metrics);
        client.state.follow(&report, role == Role::Producer, client_id, &metrics.client);
        client.brokers.follow(&report.brokers, client_id, &metrics.broker);
        client.topics.follow(&report.topics, role, assigned, client_id, &metrics.topic);
        Ok(())
    }

    /// Removes the gauges of the client of this name, which has ended; its counts stay.
    pub fn forget(&self, name: &str) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).by_name.remove(name);
    }

    /// The one client holds these partitions besides, and from now on none that it is not told of.
    pub(super) fn assign(&self, partitions: Vec<(String, i32)>) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.assigned.get_or_insert_with(HashSet::new).extend(partitions);
    }

    /// The one client holds these partitions no longer, and the gauges of them are gone.
    pub(super) fn revoke(&self, partitions: &[(String, i32)]) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let Clients { by_name, assigned } = &mut *clients;
        let assigned = assigned.get_or_insert_with(HashSet::new);
        for partition in partitions {
            assigned.remove(partition);
            for client in by_name.values_mut() {
                client.topics.revoke(&partition.0, partition.1);
            }
        }
    }
}

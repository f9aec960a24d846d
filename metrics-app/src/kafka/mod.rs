//! Metrics of Kafka clients.

mod assignment;
mod callbacks;
mod calls;
mod context;
mod hooks;
mod kind;
mod metrics;
mod poll;
mod repeated;
mod statistics;

pub use callbacks::{CallbackMetrics, RebalanceLabels};
pub use calls::{CallMetrics, OutcomeLabels, PolledLabels, SendError, Sending, TopicConsumer, TopicProducer};
pub use context::KafkaContext;
pub use hooks::{ConsumerHooks, NoContext};
pub use kind::{Outcome, Polled, RebalanceKind, ReportOutcome};
pub use metrics::KafkaMetrics;
pub use poll::{Poll, PollLoop};
pub use statistics::{
    BrokerMetrics, ClientMetrics, ClientStatistics, ReportLabels, StatisticsError, StatisticsMetrics,
    TopicMetrics,
};

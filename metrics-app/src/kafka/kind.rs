//! The labels that say what an error was, and how something ended.

use std::fmt::Debug;

use nilometer_macros::LabelValue;
use rdkafka::error::KafkaError;

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
pub enum Outcome {
    /// As it should.
    Ok,
    /// With an error.
    Failed,
}

impl Outcome {
    /// That of a result.
    #[must_use]
    pub fn of<T, E>(result: &Result<T, E>) -> Outcome {
        if result.is_ok() { Outcome::Ok } else { Outcome::Failed }
    }
}

/// What a poll came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
pub enum Polled {
    /// A message.
    Message,
    /// Nothing within its time, or the end of a partition.
    Empty,
    /// An error.
    Failed,
}

/// What a rebalance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
pub enum RebalanceKind {
    /// It gave partitions to the client.
    Assign,
    /// It took partitions from the client.
    Revoke,
    /// It failed.
    Error,
}

/// What became of a report of statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
pub enum ReportOutcome {
    /// It was read.
    Ok,
    /// It is no JSON, or not of the form that STATISTICS.md gives.
    Malformed,
    /// It does not say whose it is.
    Unnamed,
}

/// The word for an error: librdkafka's name of its code where it has one, in snake case, as `broker_transport_failure`.
///
/// The set is closed by the codes that `rdkafka` knows, about 180 of them.
pub(super) fn kind(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(code) => snake_case(&code),
        None => match error {
            KafkaError::AdminOp(code)
            | KafkaError::StoreOffset(code)
            | KafkaError::Rebalance(code)
            | KafkaError::MockCluster(code) => snake_case(code),
            KafkaError::Canceled => "canceled".to_owned(),
            KafkaError::ClientConfig(..) => "client_config".to_owned(),
            KafkaError::ClientCreation(_) => "client_creation".to_owned(),
            KafkaError::NoMessageReceived => "no_message_received".to_owned(),
            KafkaError::Nul(_) => "nul".to_owned(),
            KafkaError::PartitionEOF(_) => "partition_eof".to_owned(),
            KafkaError::Transaction(error) => snake_case(&error.code()),
            _ => "other".to_owned(),
        },
    }
}

/// `PartitionEOF` as `partition_eof`: a run of capitals is one word, as the derive for label values has it.
fn snake_case(code: &impl Debug) -> String {
    let name = format!("{code:?}");
    let mut snake = String::with_capacity(name.len() + 8);
    let mut before = None::<char>;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before.is_some_and(|before| !before.is_ascii_uppercase()) {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
        before = Some(letter);
    }
    snake
}

#[cfg(test)]
mod tests {
    use rdkafka::error::RDKafkaErrorCode;

    use super::*;

    #[test]
    fn an_error_is_known_by_its_code() {
        let cases = [
            (KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure), "broker_transport_failure"),
            (KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "queue_full"),
            (KafkaError::MessageConsumption(RDKafkaErrorCode::PartitionEOF), "partition_eof"),
            (KafkaError::PartitionEOF(3), "partition_eof"),
            (KafkaError::Canceled, "canceled"),
            (KafkaError::Subscription("no".to_owned()), "other"),
        ];
        for (error, expected) in cases {
            assert_eq!(kind(&error), expected, "{error}");
        }
    }
}

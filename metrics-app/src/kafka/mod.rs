//! Metrics of Kafka clients.

//! No flights from Kafka: the feature `kafka` is off.

use std::convert::Infallible;

use nilometer::Observability;
use thiserror::Error;

use crate::args::Args;
use crate::source::Source;

/// Says that there are no flights from Kafka.
#[derive(Debug, Error)]
#[error(
    "`--kafka` and `--demo-kafka` need the feature `kafka`: \
     cargo run --release -p nilometer --features kafka,otel,tokio --example stream_processor -- --demo-kafka"
)]
pub(crate) struct KafkaFailure;

/// Nothing that can be.
pub(crate) type Opened = (Source, Option<Infallible>);

/// Whether the command line asks for flights from Kafka.
pub(crate) fn is_asked_for(args: &Args) -> bool {
    args.demo_kafka || args.kafka.is_some()
}

/// Says what is missing.
pub(crate) fn open(_: &Args, _: &Observability) -> Result<Opened, KafkaFailure> {
    Err(KafkaFailure)
}

//! Flights from Kafka.
//!
//! - `consumer`: messages as rows. `spans`: the spans around them.
//! - `demo`: a cluster in this process, and what is sent to it.

mod consumer;
mod demo;
#[cfg_attr(not(feature = "otel"), path = "spans_off.rs")]
mod spans;

use std::io;

use nilometer::kafka::KafkaMetrics;
use nilometer::{MetricsError, Observability};
use rdkafka::error::KafkaError;
use thiserror::Error;

use self::consumer::{KafkaSource, Subscription, Until};
use self::demo::Demo;
use self::spans::Spans;
use crate::args::Args;
use crate::source::{Source, SourceError};

/// Says why there are no flights from Kafka.
#[derive(Debug, Error)]
pub(crate) enum KafkaFailure {
    #[error("cannot make a client of Kafka")]
    Client(#[source] KafkaError),
    #[error("cannot start a cluster in this process")]
    Cluster(#[source] KafkaError),
    #[error("cannot start the thread of the flight source")]
    Thread(#[source] io::Error),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What the flights come from, and the cluster in this process that has to outlive it.
pub(crate) type Opened = (KafkaSource, Option<Demo>);

/// Whether the command line asks for flights from Kafka.
pub(crate) fn is_asked_for(args: &Args) -> bool {
    args.demo_kafka || args.kafka.is_some()
}

/// Subscribes to what the command line says.
pub(crate) fn open(args: &Args, observability: &Observability) -> Result<Opened, KafkaFailure> {
    let metrics = KafkaMetrics::new(observability.registry())?;
    let spans = Spans::of(observability);
    let until = if args.once { Until::CaughtUp } else { Until::Stopped };
    let mut subscription = Subscription {
        brokers: args.kafka.clone().unwrap_or_default(),
        topic: args.topic.clone().unwrap_or_default(),
        group: args.group.clone(),
        until,
        length: None,
    };
    let mut demo = None;
    if args.demo_kafka {
        let started = Demo::start().map_err(KafkaFailure::Cluster)?;
        let rows = Source::open(None)?;
        (subscription.brokers, subscription.topic) = (started.brokers(), Demo::topic().to_owned());
        (subscription.until, subscription.length) = (Until::Messages(source_rows()?), rows.length());
        started.send(rows, &metrics, spans.clone())?;
        demo = Some(started);
    }
    let source = KafkaSource::subscribe(subscription, &metrics, spans).map_err(KafkaFailure::Client)?;
    Ok((source, demo))
}

/// How many flights are bundled.
fn source_rows() -> Result<u64, SourceError> {
    let mut rows = Source::open(None)?;
    let mut record = csv::ByteRecord::new();
    let mut count = 0;
    while rows.read(&mut record)? {
        count += 1;
    }
    Ok(count)
}

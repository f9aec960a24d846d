//! What goes wrong.

use std::error::Error;
use std::io;
use std::time::Duration;

use thiserror::Error;

use super::Protocol;

/// Says why a configuration refused a value; the configuration it was given to is gone, nothing else has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OtelConfigError {
    /// The endpoint is no absolute `http` or `https` URL, or holds credentials.
    #[error("the endpoint `{endpoint}` {reason}")]
    InvalidEndpoint {
        /// What was given, without what stands before an `@`.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The header has a name or a value that HTTP has not, or one that belongs to the exporter. The value may be a
    /// secret, so that it is not told.
    #[error("the header `{name}` {reason}")]
    InvalidHeader {
        /// Its name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The attribute has an empty key.
    #[error("the attribute with the value `{value}` has an empty key")]
    EmptyKey {
        /// The value that was given with it.
        value: String,
    },
    /// A list of pairs is not `key=value,key=value`, or is not UTF-8 when it is decoded. It may hold secrets, so that
    /// it is not told.
    #[error("the list of pairs has a malformed pair at place {place}")]
    MalformedPair {
        /// Which pair, counted from 1.
        place: usize,
    },
    /// The ratio is not a number from 0 to 1.
    #[error("the ratio `{ratio}` is not from 0 to 1")]
    InvalidRatio {
        /// What was given.
        ratio: String,
    },
    /// There is no sampler of this name.
    #[error("there is no sampler `{name}`")]
    UnknownSampler {
        /// What was given.
        name: String,
    },
    /// There is no protocol of this name, or not here: OTLP as JSON is not written.
    #[error("there is no protocol `{name}`, there are `grpc` and `http/protobuf`")]
    UnknownProtocol {
        /// What was given.
        name: String,
    },
    /// There is no compression of this name.
    #[error("there is no compression `{name}`, there are `gzip`, `zstd` and `none`")]
    UnknownCompression {
        /// What was given.
        name: String,
    },
    /// The time is zero, or not a number of milliseconds.
    #[error("the time `{time}` is not a time above zero")]
    InvalidTime {
        /// What was given.
        time: String,
    },
    /// The size is zero.
    #[error("the {what} is zero")]
    ZeroSize {
        /// Of what.
        what: &'static str,
    },
    /// The value of a variable is not UTF-8.
    #[error("the value is not UTF-8")]
    NotUtf8,
}

/// Says why tracing did not start; nothing is left running.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OtelInitError {
    /// The endpoint is `https`, and the feature `trace-tls` is off.
    #[error("the endpoint `{endpoint}` needs the feature `trace-tls`, which is off")]
    TlsNotBuilt {
        /// The endpoint.
        endpoint: String,
    },
    /// The feature of this protocol is off.
    #[error("the protocol `{protocol}` needs the feature `{}`, which is off", protocol.feature())]
    ProtocolNotBuilt {
        /// The protocol.
        protocol: Protocol,
    },
    /// The exporter's thread or its runtime did not start.
    #[error("the exporter's thread did not start")]
    Thread {
        /// Why.
        #[from]
        source: io::Error,
    },
    /// The exporter was not built: there are no certificates to trust, for example.
    #[error("the exporter was not built")]
    Exporter {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Says why spans may not have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OtelFlushError {
    /// The deadline passed. After a flush the spans are still on their way, after a shutdown they are lost.
    #[error("the spans were not sent within {deadline:?}")]
    DeadlineExceeded {
        /// How long it was.
        deadline: Duration,
    },
    /// The receiver did not take some of the spans: they are lost.
    #[error("{spans} spans were not taken: {reason}")]
    Failed {
        /// How many.
        spans: u64,
        /// What the exporter said last.
        reason: String,
    },
    /// It was shut down before.
    #[error("tracing was shut down before")]
    AlreadyShutDown,
}

//! What goes wrong.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::{Compression, Protocol};
use crate::temporality::UnknownPreference;

/// Says why a configuration refused a value; the configuration it was given to is gone, nothing else has changed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OtelConfigError {
    /// The endpoint is no absolute `http` or `https` URL, or holds credentials.
    #[error("the endpoint `{endpoint}` {reason}")]
    InvalidEndpoint {
        /// What was given, without what stands before an `@` or behind a `?`.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The header has a name or a value that HTTP has not, or one that belongs to the exporter. The value may be a
    /// secret, so that it is not told.
    #[error("the header `{name}` {reason}")]
    InvalidHeader {
        /// Its name, as far as it is one.
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
    /// There is no exporter of this name, or not here.
    #[error("there is no exporter `{name}`, there are `otlp` and `none`")]
    UnknownExporter {
        /// What was given.
        name: String,
    },
    /// A certificate without its key, or a key without its certificate.
    #[error("it says nothing without `{other}`")]
    Alone {
        /// The variable that is missing.
        other: &'static str,
    },
    /// The temporality or the aggregation has another name.
    #[error(transparent)]
    UnknownPreference(#[from] UnknownPreference),
    /// The time is zero, or not a number of milliseconds.
    #[error("the time `{time}` is zero, or no whole number of milliseconds")]
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
    /// The value is neither `true` nor `false`.
    #[error("`{value}` is neither `true` nor `false`, and counts as `false`")]
    NotBoolean {
        /// What was given.
        value: String,
    },
    /// The value of a variable is not UTF-8.
    #[error("the value is not UTF-8")]
    NotUtf8,
}

/// Says why sending did not start; nothing is left running.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OtelInitError {
    /// The endpoint is `https`, and the feature `tls` is off.
    #[error("the endpoint `{endpoint}` needs the feature `tls`, which is off")]
    TlsNotBuilt {
        /// The endpoint.
        endpoint: String,
    },
    /// The feature of this protocol is off.
    #[error("the protocol `{protocol}` needs the feature `{feature}`, which is off")]
    ProtocolNotBuilt {
        /// The protocol.
        protocol: Protocol,
        /// The feature.
        feature: &'static str,
    },
    /// The feature of this compression is off.
    #[error("the compression `{compression}` needs the feature `{compression}`, which is off")]
    CompressionNotBuilt {
        /// The compression.
        compression: Compression,
    },
    /// A file with certificates or a key is missing, or there is nothing in it that can be used.
    #[error("the file `{}` cannot be used for TLS", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The machine has no root certificates against which receivers could be checked.
    #[error("the machine has no root certificates")]
    NoRoots {
        /// What kept the first of them from being read, where there was something.
        source: Option<Box<dyn Error + Send + Sync>>,
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

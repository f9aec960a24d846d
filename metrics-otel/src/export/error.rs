//! What goes wrong with exports.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::EncodeError;

/// Says why something was not delivered, or not known to be.
///
/// What was recorded is not touched by any of it: totals that are cumulative are in the next export, and so is what
/// differences have not delivered.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There was no answer: no connection, or one that broke.
    #[error("`{url}` cannot be reached")]
    Unreachable {
        /// Where it was sent.
        url: String,
        /// What went wrong.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// There was no answer in time.
    #[error("`{url}` has not answered within {after:?}")]
    TimedOut {
        /// Where it was sent.
        url: String,
        /// How long that was waited for.
        after: Duration,
    },
    /// The receiver answered that it has not taken it.
    #[error("`{url}` answered {status}: {message}")]
    Status {
        /// Where it was sent.
        url: String,
        /// The status of HTTP, such as `503`, or the code of gRPC, such as `UNAVAILABLE`.
        status: String,
        /// What the receiver said about it, up to 512 bytes of it.
        message: String,
        /// For how long it wants to be left alone.
        retry_after: Option<Duration>,
        /// Whether it may take the same later.
        is_transient: bool,
    },
    /// The queue was full, and newer points were worth more.
    #[error("the queue is full, {points} points were dropped")]
    QueueFull {
        /// How many points.
        points: u64,
    },
    /// The export has taken too long before this request could be sent.
    #[error("{points} points waited for longer than {after:?}")]
    Expired {
        /// How many points.
        points: u64,
        /// How long an export may take.
        after: Duration,
    },
    /// Nothing could be encoded, or not all of it.
    #[error("the collection failed")]
    Encode(#[source] Arc<EncodeError>),
    /// The collector panicked.
    #[error("the collector panicked")]
    CollectorPanicked,
    /// The deadline passed.
    #[error("not exported within {deadline:?}")]
    Deadline {
        /// How long it was.
        deadline: Duration,
        /// What kept the last request from being delivered, where one was not.
        #[source]
        cause: Option<Box<ExportError>>,
    },
    /// The exporter has ended.
    #[error("the exporter has ended")]
    Stopped,
}

impl ExportError {
    /// Whether the same request may be delivered later: there was no answer, or one that says so.
    ///
    /// SPEC: OTLP 1.10.0, "Failures" of gRPC and of HTTP: the codes are classified where they are read.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            ExportError::Unreachable { .. } | ExportError::TimedOut { .. } => true,
            ExportError::Status { is_transient, .. } => *is_transient,
            _ => false,
        }
    }

    /// For how long the receiver wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            ExportError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

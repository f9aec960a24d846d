//! What goes wrong with spans.

use std::time::Duration;

use thiserror::Error;

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
        /// What the exporter said last; that of OTLP names the URL, and the causes where there was no answer.
        reason: String,
    },
    /// It was shut down before.
    #[error("tracing was shut down before")]
    AlreadyShutDown,
}

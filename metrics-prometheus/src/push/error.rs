//! What can go wrong with a push.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use nilometer_core::collect::CollectError;
use thiserror::Error;

/// Says why an endpoint cannot be one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The address is no URL that can be pushed to.
    #[error("invalid URL `{url}`: {reason}")]
    Url {
        /// The URL as given, without a user and a password.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address can be pushed to, but not by what this crate was built with.
    #[error("`{url}` needs the feature `{feature}`")]
    MissingFeature {
        /// The URL as given.
        url: String,
        /// The feature of this crate that is off.
        feature: &'static str,
    },
    /// The certificates cannot be used that receivers are checked against, or the one to show them.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] crate::TlsError),
    /// The header's name or value is not one that HTTP has.
    #[error("invalid header `{name}`: its name or its value is not one that HTTP has")]
    Header {
        /// The header's name as given.
        name: String,
    },
    /// The header is one that a push sets by itself.
    #[error("the header `{name}` is set by the push itself")]
    ReservedHeader {
        /// The header's name as given.
        name: String,
    },
    /// The user's name or the token cannot be sent: a name has no `:`, and a token is visible ASCII.
    #[error("the credentials cannot be sent: a user's name has no `:`, and a token is visible ASCII")]
    Credentials,
}

/// Says why something cannot be a grouping key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GroupingError {
    /// The job has no name.
    #[error("the job of a grouping key has a name")]
    EmptyJob,
    /// The label's name is not one that a grouping key can have.
    #[error(
        "invalid label name `{name}` in a grouping key: it is made of letters, digits (not first) and `_`, does not \
         start with `__`, and is not `job`"
    )]
    LabelName {
        /// The name as given.
        name: String,
    },
    /// Two labels have one name.
    #[error("the grouping key has the label `{name}` already")]
    Duplicate {
        /// The name.
        name: String,
    },
}

/// Says why something was not pushed.
///
/// URLs in it have neither a user nor a password.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PushError {
    /// The system gave no thread for the push, or no means to wait for I/O.
    #[error("cannot start a thread for the push")]
    Thread(#[source] io::Error),
    /// The collector did not show all that it has. What it showed before was not pushed to a Pushgateway, but may have
    /// been by remote write.
    #[error("the collection ended early")]
    Collect(#[source] CollectError),
    /// The collector panicked; as with [`Collect`](PushError::Collect).
    #[error("the collector panicked")]
    CollectorPanicked,
    /// A page for a Pushgateway, which is pushed in one piece, is larger than its limit.
    #[error("the page is larger than its limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// There was no answer: the connection could not be made, or broke. Where a certificate is not trusted, or is that of
    /// another name, one of the causes says so.
    #[error("no answer from `{url}`")]
    Unreachable {
        /// The URL.
        url: String,
        /// What the system or the connection said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The answer took longer than a request may.
    #[error("no answer from `{url}` within {after:?}")]
    TimedOut {
        /// The URL.
        url: String,
        /// How long a request may take.
        after: Duration,
    },
    /// The receiver answered, and did not take what was pushed.
    #[error("`{url}` answered {status}: {message}")]
    Status {
        /// The URL.
        url: String,
        /// The status of the answer.
        status: u16,
        /// The beginning of the answer's body, in one line.
        message: String,
        /// For how long the receiver wants to be left alone.
        retry_after: Option<Duration>,
        /// How many samples and native histograms it has stored all the same, where it says so: remote write 2.0 knows
        /// of requests that are taken in part.
        written: Option<u64>,
    },
    /// The receiver answered that all is well, but not that it stored anything: it does not know remote write 2.0, and
    /// no other version is allowed.
    #[error("`{url}` takes requests of remote write 2.0 and stores nothing of them")]
    NothingWritten {
        /// The URL.
        url: String,
    },
    /// The receiver has been in trouble for so long that points were dropped from the queue to make room for newer ones.
    #[error("{points} points were dropped from the full queue")]
    QueueFull {
        /// How many.
        points: u64,
    },
    /// It was not done within the deadline. What remote write has in its queue stays there, and may still be sent.
    #[error("not pushed within {deadline:?}{}", .trouble.as_ref().map(|trouble| format!(": {trouble}")).unwrap_or_default())]
    Deadline {
        /// The deadline.
        deadline: Duration,
        /// What the last request met, with its causes, where it failed.
        trouble: Option<String>,
    },
    /// The background task has ended.
    #[error("the background task has ended")]
    Stopped,
}

/// What a Prometheus answers that has native histograms turned off, with 500.
const NATIVE_HISTOGRAMS_DISABLED: &str = "native histograms are disabled";

impl PushError {
    /// Whether the same push may succeed later: there was no answer, or one of 429 or 5xx.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_prometheus::push::PushError;
    /// let refused = PushError::Status { url: String::new(), status: 400, message: String::new(), retry_after: None, written: None };
    /// assert!(!refused.is_transient());
    /// ```
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            PushError::Unreachable { .. } | PushError::TimedOut { .. } | PushError::Deadline { .. } => true,
            PushError::Status { status, .. } => {
                (*status == 429 || *status >= 500) && !self.refuses_native_histograms()
            }
            _ => false,
        }
    }

    /// Whether the receiver would take the push if there were no native histogram in it.
    pub(super) fn refuses_native_histograms(&self) -> bool {
        matches!(self, PushError::Status { message, .. } if message.contains(NATIVE_HISTOGRAMS_DISABLED))
    }

    /// Whether the receiver does not know the message.
    pub(super) fn is_unsupported_media_type(&self) -> bool {
        matches!(self, PushError::Status { status: 415, .. })
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            PushError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

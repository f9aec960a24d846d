//! What goes wrong with what is observed.

use std::fmt;
use std::io;

use nilometer_core::{GlobalError, RegisterError};
use thiserror::Error;

use super::{ConfigOrigin, ObservabilityConfigError};

/// Says why nothing was started: nothing is left running, and nothing is global.
///
/// Its `Debug` is its text and those of its causes, on one line, since that is what is seen of an error that `main` returns.
#[derive(Error)]
#[non_exhaustive]
pub enum ObservabilityError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ObservabilityConfigError),
    /// The address of the page cannot be listened on: the port is in use, or the host is none of this machine's.
    #[error("{origin}: `{key}`: cannot listen on `{address}`")]
    Bind {
        /// The key of the port, or of the host where that is at fault.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// The host and the port.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The server of the page did not start: its certificates or its credentials cannot be used, for example.
    #[cfg(feature = "prometheus")]
    #[error("{origin}: `{key}`: the server does not start")]
    Server {
        /// The key or the section that is at fault.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// What is wrong.
        source: Box<nilometer_prometheus::ServerError>,
    },
    /// What sends over OTLP did not start: its certificates cannot be used, for example.
    #[cfg(feature = "otel")]
    #[error("{origin}: `{key}`: nothing can be sent over OTLP")]
    Otlp {
        /// The key or the section that is at fault.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// What is wrong.
        source: nilometer_otel::OtelInitError,
    },
    /// Metrics of a tokio runtime are asked for where there is none.
    #[error("{origin}: `tokio.enabled` is `true`, and there is no tokio runtime here")]
    NoRuntime {
        /// Where it was said.
        origin: ConfigOrigin,
    },
    /// What was to be on the page could not be registered.
    #[error("cannot register `{name}`")]
    Register {
        /// What it was.
        name: &'static str,
        /// Why.
        source: Box<RegisterError>,
    },
    /// The process has a global registry already.
    #[error("the registry cannot become the global one")]
    Global(#[from] GlobalError),
}

/// Says what is not known to have arrived, of a flush or at the end. It goes by parts, each of which did what it could;
/// after a shutdown, all of them have ended.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer::{Observability, ObservabilityConfig};
///
/// let config = ObservabilityConfig::new("checkout").with_prometheus(false);
/// let observability = Observability::init(config)?;
/// if let Err(error) = observability.shutdown_blocking(Duration::from_secs(5)) {
///     for failure in error.failures() {
///         eprintln!("{failure}");
///     }
/// }
/// # Ok::<(), nilometer::ObservabilityError>(())
/// ```
#[derive(Debug)]
pub struct ObservabilityFlushError {
    failures: Vec<PartError>,
}

/// Says what went wrong with one part.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PartError {
    /// Metrics were not delivered.
    #[cfg(feature = "otel")]
    #[error("metrics: {}", with_causes(.0))]
    Metrics(nilometer_otel::export::ExportError),
    /// Spans were not.
    #[cfg(feature = "otel")]
    #[error("traces: {0}")]
    Traces(nilometer_otel::trace::OtelFlushError),
    /// Scrapes were cut.
    #[cfg(feature = "prometheus")]
    #[error("page: {}", with_causes(.0))]
    Server(nilometer_prometheus::ServerError),
    /// The thread did not start on which the end is waited for, or panicked; the end came all the same.
    #[error("no thread waits for the end: {0}")]
    Thread(io::Error),
}

impl fmt::Debug for ObservabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self))
    }
}

/// An error and what is behind it, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

impl ObservabilityFlushError {
    pub(super) fn of(failures: Vec<PartError>) -> Result<(), ObservabilityFlushError> {
        if failures.is_empty() { Ok(()) } else { Err(ObservabilityFlushError { failures }) }
    }

    /// What went wrong, one part after the other; at least one of them.
    #[must_use]
    pub fn failures(&self) -> &[PartError] {
        &self.failures
    }
}

impl fmt::Display for ObservabilityFlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.failures.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{failure}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ObservabilityFlushError {}

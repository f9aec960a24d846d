//! What can be wrong with a configuration.

use std::fmt;
use std::io;
use std::path::PathBuf;

use nilometer_core::RegisterError;
use thiserror::Error;

use super::super::error::with_causes;
use super::ConfigOrigin;

/// Says why a configuration is refused: which key, where it was said, and what it says. Values of headers, users and
/// tokens are never told.
///
/// # Examples
///
/// ```
/// use nilometer::ObservabilityConfig;
///
/// let error = ObservabilityConfig::from_toml_str("[prometheus]\nport = 70000").unwrap_err();
/// assert_eq!(error.to_string(), "line 2: `prometheus.port` is `70000`, not a port from 0 to 65535");
///
/// let error = ObservabilityConfig::from_variables([("NILOMETER_PROMETHEUS_PROT", "9464")]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "there is no variable `NILOMETER_PROMETHEUS_PROT`; is it `NILOMETER_PROMETHEUS_PORT`?",
/// );
/// ```
///
/// Its `Debug` is its text and those of its causes, on one line, since that is what is seen of an error that `main` returns:
///
/// ```
/// # use nilometer::ObservabilityConfig;
/// let error = ObservabilityConfig::new("checkout").with_file("no/such/file.toml").unwrap_err();
/// assert!(format!("{error:?}").starts_with("cannot read `no/such/file.toml`: "));
/// ```
#[derive(Error)]
#[non_exhaustive]
pub enum ObservabilityConfigError {
    /// The file is missing, or cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no TOML.
    #[error("{origin}: this is not TOML: {reason}")]
    Syntax {
        /// Where it goes wrong.
        origin: ConfigOrigin,
        /// What is wrong there.
        reason: String,
    },
    /// There is no such key.
    #[error("{origin}: there is no key `{key}`{}", meant(nearest.as_ref()))]
    UnknownKey {
        /// The key, with dots.
        key: String,
        /// Where it stands.
        origin: ConfigOrigin,
        /// The one that may have been meant.
        nearest: Option<String>,
    },
    /// There is no such variable among those that begin with `NILOMETER_`.
    #[error("there is no variable `{name}`{}", meant(nearest.as_ref()))]
    UnknownVariable {
        /// Its name.
        name: String,
        /// The one that may have been meant.
        nearest: Option<String>,
    },
    /// The value has another type than the key, or is out of its range.
    #[error("{origin}: `{key}` is {}not {expected}", told(value.as_ref()))]
    InvalidValue {
        /// The key, with dots.
        key: String,
        /// Where it was said.
        origin: ConfigOrigin,
        /// What was said; nothing where it may be a secret.
        value: Option<String>,
        /// What the key can be.
        expected: &'static str,
    },
    /// The key says nothing without another one.
    #[error("{origin}: `{key}` says nothing without `{other}`")]
    Alone {
        /// The key, with dots.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// The one that is missing.
        other: &'static str,
    },
    /// What the key asks for is not built.
    #[error("{origin}: `{key}` needs the feature `{feature}` of the crate `nilometer`, which is off")]
    FeatureOff {
        /// The key or the section, with dots.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// The feature.
        feature: &'static str,
    },
    /// No registry can have this namespace, or these labels.
    #[error("{origin}: `{key}` cannot be used")]
    Registry {
        /// The key, with dots.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// What is wrong with it.
        source: Box<RegisterError>,
    },
    /// No page can have this path, or these credentials.
    #[cfg(feature = "prometheus")]
    #[error("{origin}: `{key}` cannot be used")]
    Prometheus {
        /// The key or the section, with dots.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// What is wrong with it.
        source: Box<nilometer_prometheus::ServerError>,
    },
    /// OpenTelemetry has no such value: an endpoint that is no URL, a header that HTTP has not.
    #[cfg(feature = "otel")]
    #[error("{origin}: `{key}` cannot be used: {reason}")]
    Otlp {
        /// The key, with dots.
        key: &'static str,
        /// Where it was said.
        origin: ConfigOrigin,
        /// What is wrong with it.
        reason: nilometer_otel::OtelConfigError,
    },
}

impl fmt::Debug for ObservabilityConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self))
    }
}

fn meant(nearest: Option<&String>) -> String {
    nearest.map(|nearest| format!("; is it `{nearest}`?")).unwrap_or_default()
}

fn told(value: Option<&String>) -> String {
    value.map(|value| format!("`{value}`, ")).unwrap_or_default()
}

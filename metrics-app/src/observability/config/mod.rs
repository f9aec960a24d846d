//! What [`Observability::init`](super::Observability::init) is told.
//!
//! - here: [`ObservabilityConfig`]; `builder`: its methods that say one thing.
//! - `sections`: the keys as serde sees them; `keys`: as a list; `setting`: what their values may be;
//!   `untold`: those of them that errors do not show.
//! - `file`, `environment`, `opentelemetry`: who says something. `origin`: who it was. `nearest`: what was meant.
//! - `error`: what is wrong.

mod builder;
mod environment;
mod error;
mod file;
pub(super) mod keys;
mod nearest;
#[cfg(feature = "otel")]
pub(super) mod opentelemetry;
mod origin;
mod sections;
pub(super) mod setting;
mod untold;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::BuildInfo;

pub use self::error::ObservabilityConfigError;
use self::keys::{KEYS, Key};
pub use self::origin::ConfigOrigin;
use self::origin::Origins;
use self::sections::Sections;
use self::setting::Pairs;

/// What is observed, and where it goes: [what there is to say](crate::observability#the-file) and
/// [who can say it](crate::observability#who-says-what).
///
/// Whatever comes later goes before what was there: each method of the configuration, a file, the environment. So
///
/// ```no_run
/// use nilometer::ObservabilityConfig;
///
/// let config = ObservabilityConfig::new("checkout").with_file("observability.toml")?.with_env()?;
/// # Ok::<(), nilometer::ObservabilityConfigError>(())
/// ```
///
/// has the program's defaults below the file's, and the environment above both. Tables, such as attributes and labels, are
/// joined by their names; everything else is replaced.
///
/// It is a part of an application's own configuration too, by serde, and written by it. There, secrets are written as they
/// are; `Debug` leaves them out, and so does what serde is told of an error, unless its format shows the line.
///
/// # Examples
///
/// ```
/// use nilometer::ObservabilityConfig;
///
/// #[derive(serde::Deserialize)]
/// struct ShopConfig {
///     currency: String,
///     observability: ObservabilityConfig,
/// }
///
/// let config: ShopConfig = toml::from_str(
///     r#"
///         currency = "EUR"
///
///         [observability.service]
///         name = "shop"
///
///         [observability.prometheus]
///         port = 9464
///     "#,
/// )?;
/// assert_eq!(config.currency, "EUR");
/// assert_eq!(config.observability.get("prometheus.port").as_deref(), Some("9464"));
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "nothing is observed until `Observability::init` gets it"]
pub struct ObservabilityConfig {
    pub(super) sections: Sections,
    pub(super) origins: Origins,
    pub(super) ignored: Vec<IgnoredOtelVariable>,
    /// `OTEL_SDK_DISABLED`.
    #[cfg(feature = "otel")]
    pub(super) sdk_disabled: bool,
    pub(super) is_global: bool,
    pub(super) build_info: Option<BuildInfo>,
    #[cfg(feature = "tokio")]
    pub(super) runtime: Option<tokio::runtime::Handle>,
}

/// A variable of OpenTelemetry that was set and says nothing, since it is malformed. The value is not kept: it may be a
/// secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredOtelVariable {
    name: String,
    reason: String,
}

impl IgnoredOtelVariable {
    #[cfg(feature = "otel")]
    fn new(name: &str, reason: String) -> IgnoredOtelVariable {
        IgnoredOtelVariable { name: name.to_owned(), reason }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with its value.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl ObservabilityConfig {
    /// What a file says.
    ///
    /// # Errors
    ///
    /// As [`with_file`](Self::with_file).
    pub fn from_file(path: impl AsRef<Path>) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        ObservabilityConfig::default().with_file(path)
    }

    /// What a text says that a file could hold.
    ///
    /// # Errors
    ///
    /// As [`with_toml_str`](Self::with_toml_str).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::ObservabilityConfig;
    ///
    /// let config = ObservabilityConfig::from_toml_str("[shutdown]\ntimeout = '2s'")?;
    /// assert_eq!(config.get("shutdown.timeout").as_deref(), Some("2s"));
    /// # Ok::<(), nilometer::ObservabilityConfigError>(())
    /// ```
    pub fn from_toml_str(text: &str) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        ObservabilityConfig::default().with_toml_str(text)
    }

    /// What the [environment](crate::observability#environment-variables) says.
    ///
    /// # Errors
    ///
    /// As [`with_env`](Self::with_env).
    pub fn from_env() -> Result<ObservabilityConfig, ObservabilityConfigError> {
        ObservabilityConfig::default().with_env()
    }

    /// What variables say that are somewhere else.
    ///
    /// # Errors
    ///
    /// As [`with_env`](Self::with_env).
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::ObservabilityConfig;
    ///
    /// let config = ObservabilityConfig::from_variables([("NILOMETER_SERVICE_NAME", "checkout")])?;
    /// assert_eq!(config.service_name(), Some("checkout"));
    /// # Ok::<(), nilometer::ObservabilityConfigError>(())
    /// ```
    pub fn from_variables<K, V>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<ObservabilityConfig, ObservabilityConfigError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        ObservabilityConfig::default().with_variables(variables)
    }

    /// Lays a file over what is there. Paths in it are as they are for the process, not for the file.
    ///
    /// # Errors
    ///
    /// [`ObservabilityConfigError::Unreadable`], and those of [`with_toml_str`](Self::with_toml_str), which name the file
    /// and the line.
    pub fn with_file(self, path: impl AsRef<Path>) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        let path = path.as_ref();
        let read = std::fs::read_to_string(path);
        let text = read.map_err(|source| {
            let path = path.to_owned();
            ObservabilityConfigError::Unreadable { path, source }
        })?;
        self.with_toml(&text, Some(path))
    }

    /// Lays a text over what is there that a file could hold.
    ///
    /// # Errors
    ///
    /// [`ObservabilityConfigError::Syntax`], [`ObservabilityConfigError::UnknownKey`] and
    /// [`ObservabilityConfigError::InvalidValue`].
    pub fn with_toml_str(self, text: &str) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        self.with_toml(text, None)
    }

    fn with_toml(
        mut self,
        text: &str,
        path: Option<&Path>,
    ) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        let (mut sections, origins) = file::parse(text, path)?;
        for key in KEYS {
            key.lay(&mut self.sections, &mut sections);
        }
        self.origins.lay(origins);
        Ok(self)
    }

    /// Lays the [environment](crate::observability#environment-variables) over what is there: first OpenTelemetry's
    /// variables, then `NILOMETER_*`.
    ///
    /// # Errors
    ///
    /// [`ObservabilityConfigError::UnknownVariable`] and [`ObservabilityConfigError::InvalidValue`], of variables that begin
    /// with `NILOMETER_`. A variable of OpenTelemetry that is malformed is no error, as the specification has it:
    /// [`ignored_variables`](Self::ignored_variables) has it.
    pub fn with_env(self) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        self.with_variables(std::env::vars_os())
    }

    /// As [`with_env`](Self::with_env), with variables that are somewhere else.
    ///
    /// # Errors
    ///
    /// As [`with_env`](Self::with_env).
    pub fn with_variables<K, V>(
        mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Result<ObservabilityConfig, ObservabilityConfigError>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = environment::collect(variables);
        #[cfg(feature = "otel")]
        opentelemetry::lay(&mut self, &variables);
        environment::lay(&mut self, &variables)?;
        Ok(self)
    }

    /// What a key says, as a variable would say it; nothing where nobody has said it.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::ObservabilityConfig;
    ///
    /// let config = ObservabilityConfig::new("checkout").with_attribute("team", "orders");
    /// assert_eq!(config.get("service.name").as_deref(), Some("checkout"));
    /// assert_eq!(config.get("service.attributes").as_deref(), Some("team=orders"));
    /// assert_eq!(config.get("prometheus.port"), None);
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<String> {
        Key::of(key)?.text(&self.sections)
    }

    /// Who has said it; nothing where nobody has.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<&ConfigOrigin> {
        self.origins.get(key)
    }

    /// The same, for errors.
    pub(super) fn origin_of(&self, key: &str) -> ConfigOrigin {
        self.origin(key).cloned().unwrap_or(ConfigOrigin::Program)
    }

    /// Notes who has said what this text says: of a table, each of its names.
    fn note(&mut self, key: &Key, text: &str, origin: &ConfigOrigin) {
        self.origins.set(key.path, origin.clone());
        let pairs = if key.is_table() { Pairs::from_text(text) } else { None };
        for name in pairs.iter().flat_map(|pairs| pairs.0.keys()) {
            self.origins.set(&key.path_of(name), origin.clone());
        }
    }

    /// Whose metrics and spans they are, if that was said.
    #[must_use]
    pub fn service_name(&self) -> Option<&str> {
        self.sections.service.name.as_ref().map(|name| name.0.as_str())
    }

    /// The variables of OpenTelemetry that were malformed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "otel")] {
    /// use nilometer::ObservabilityConfig;
    ///
    /// let config = ObservabilityConfig::from_variables([("OTEL_METRIC_EXPORT_INTERVAL", "10 s")]).unwrap();
    /// assert_eq!(config.ignored_variables()[0].name(), "OTEL_METRIC_EXPORT_INTERVAL");
    /// # }
    /// ```
    #[must_use]
    pub fn ignored_variables(&self) -> &[IgnoredOtelVariable] {
        &self.ignored
    }
}

impl fmt::Debug for ObservabilityConfig {
    /// What was said, without headers, users and tokens, and without what stands before an `@` or behind a `?` of an
    /// endpoint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_map();
        for key in KEYS {
            match key.text(&self.sections) {
                Some(_) if key.is_secret() => shown.entry(&key.path, &format_args!("..")),
                Some(text) if key.path.ends_with(".endpoint") => {
                    shown.entry(&key.path, &without_secrets(&text))
                }
                Some(text) => shown.entry(&key.path, &text),
                None => continue,
            };
        }
        shown.finish()
    }
}

/// An endpoint without what may be a password or a key in it.
fn without_secrets(endpoint: &str) -> &str {
    let behind = endpoint.rsplit('@').next().unwrap_or_default();
    behind.split('?').next().unwrap_or_default()
}

impl Serialize for ObservabilityConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sections.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ObservabilityConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ObservabilityConfig, D::Error> {
        let sections = Sections::deserialize(deserializer)?;
        Ok(ObservabilityConfig { sections, ..ObservabilityConfig::default() })
    }
}

//! A configuration by hand.

use std::time::Duration;

use super::keys::{KEYS, Key};
use super::nearest::nearest;
use super::setting::{Flag, Pairs, Port, Setting, Text, Time};
use crate::BuildInfo;

use super::{ConfigOrigin, ObservabilityConfig, ObservabilityConfigError};

/// By hand. What is said of a text that is empty is unsaid.
impl ObservabilityConfig {
    /// The service of this name, with a page on port 9090, metrics of the process and of the runtime that it is started in,
    /// as far as these features are on, and nothing that is sent.
    pub fn new(service_name: impl Into<String>) -> ObservabilityConfig {
        ObservabilityConfig::default().with_service_name(service_name)
    }

    /// Sets any key to what a variable would say: of a table, to `name=text,name=text`.
    ///
    /// # Errors
    ///
    /// [`ObservabilityConfigError::UnknownKey`] and [`ObservabilityConfigError::InvalidValue`].
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::ObservabilityConfig;
    ///
    /// // As a program takes them from its arguments.
    /// let mut config = ObservabilityConfig::new("checkout");
    /// for (key, value) in [("otlp.metrics.interval", "10s"), ("registry.series_limit", "500")] {
    ///     config = config.with(key, value)?;
    /// }
    /// let error = config.with("prometheus.port", "many").unwrap_err();
    /// assert_eq!(error.to_string(), "the program: `prometheus.port` is `many`, not a port from 0 to 65535");
    /// # Ok::<(), nilometer::ObservabilityConfigError>(())
    /// ```
    pub fn with(mut self, key: &str, value: &str) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        let origin = ConfigOrigin::Program;
        let Some(known) = Key::of(key) else {
            let nearest = nearest(key, KEYS.iter().map(|key| key.path.to_owned()));
            return Err(ObservabilityConfigError::UnknownKey { key: key.to_owned(), origin, nearest });
        };
        if !known.set(&mut self.sections, value) {
            let value = (!known.is_secret()).then(|| value.to_owned());
            let (key, expected) = (key.to_owned(), known.expected());
            return Err(ObservabilityConfigError::InvalidValue { key, origin, value, expected });
        }
        self.note(known, value, &origin);
        Ok(self)
    }

    /// Sets what is right by its type.
    fn set(mut self, key: &'static str, put: impl FnOnce(&mut Self)) -> ObservabilityConfig {
        put(&mut self);
        if self.get(key).is_some() {
            self.origins.set(key, ConfigOrigin::Program);
        } else {
            self.origins.remove(key);
        }
        self
    }

    /// The same of a name in a table.
    fn add(
        self,
        key: &'static str,
        name: String,
        put: impl FnOnce(&mut Self, String),
    ) -> ObservabilityConfig {
        let path = Key::of(key).map(|key| key.path_of(&name));
        let mut config = self.set(key, |config| put(config, name));
        if let Some(path) = path {
            config.origins.set(&path, ConfigOrigin::Program);
        }
        config
    }

    /// Says whose metrics and spans they are.
    pub fn with_service_name(self, name: impl Into<String>) -> ObservabilityConfig {
        self.set("service.name", |config| config.sections.service.name = text(name))
    }

    /// Says which version of the service it is.
    pub fn with_service_version(self, version: impl Into<String>) -> ObservabilityConfig {
        self.set("service.version", |config| config.sections.service.version = text(version))
    }

    /// Says which instance of the service it is, such as the name of its container.
    pub fn with_service_instance(self, instance: impl Into<String>) -> ObservabilityConfig {
        self.set("service.instance", |config| config.sections.service.instance = text(instance))
    }

    /// Adds an attribute of the resource that OTLP tells about: `deployment.environment.name`, for example. One with an empty
    /// name is an error of [`check`](Self::check).
    pub fn with_attribute(self, name: impl Into<String>, value: impl Into<String>) -> ObservabilityConfig {
        self.add("service.attributes", name.into(), |config, name| {
            pair(&mut config.sections.service.attributes, name, value);
        })
    }

    /// Puts `namespace` and `_` before each name that is registered.
    pub fn with_namespace(self, namespace: impl Into<String>) -> ObservabilityConfig {
        self.set("registry.namespace", |config| config.sections.registry.namespace = text(namespace))
    }

    /// Adds a label that every series has.
    pub fn with_constant_label(
        self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> ObservabilityConfig {
        self.add("registry.labels", name.into(), |config, name| {
            pair(&mut config.sections.registry.labels, name, value);
        })
    }

    /// Sets whether there is a page: by default there is, with the feature `prometheus`.
    pub fn with_prometheus(self, enabled: bool) -> ObservabilityConfig {
        self.set("prometheus.enabled", |config| config.sections.prometheus.enabled = Some(Flag(enabled)))
    }

    /// Sets where the page is listened for: by default on port 9090 of every address. Port 0 is one that the system
    /// chooses.
    pub fn with_prometheus_address(self, host: impl Into<String>, port: u16) -> ObservabilityConfig {
        let config = self.set("prometheus.host", |config| config.sections.prometheus.host = text(host));
        config.set("prometheus.port", |config| config.sections.prometheus.port = Some(Port(port)))
    }

    /// Sets whether there are metrics of the process: by default there are, with the feature `process`.
    pub fn with_process(self, enabled: bool) -> ObservabilityConfig {
        self.set("process.enabled", |config| config.sections.process.enabled = Some(Flag(enabled)))
    }

    /// Sets whether there are metrics of a tokio runtime: by default there are, with the feature `tokio`, where
    /// [`Observability::init`](crate::Observability::init) is called in one.
    pub fn with_tokio(self, enabled: bool) -> ObservabilityConfig {
        self.set("tokio.enabled", |config| config.sections.tokio.enabled = Some(Flag(enabled)))
    }

    /// Has metrics of this tokio runtime, wherever [`Observability::init`](crate::Observability::init) is called.
    #[cfg(feature = "tokio")]
    pub fn with_runtime(mut self, runtime: tokio::runtime::Handle) -> ObservabilityConfig {
        self.runtime = Some(runtime);
        self
    }

    /// Sets whether metrics and traces are sent: by default they are where an endpoint is known.
    pub fn with_otlp(self, enabled: bool) -> ObservabilityConfig {
        self.set("otlp.enabled", |config| config.sections.otlp.enabled = Some(Flag(enabled)))
    }

    /// Sends metrics and traces to this receiver: `http://collector:4318`. Whether that is a URL is checked by
    /// [`check`](Self::check).
    pub fn with_otlp_endpoint(self, endpoint: impl Into<String>) -> ObservabilityConfig {
        self.set("otlp.endpoint", |config| config.sections.otlp.endpoint = text(endpoint))
    }

    /// Sends a header along with each request, instead of one of the same name, in upper or lower case. Whether it is one is checked by
    /// [`check`](Self::check).
    pub fn with_otlp_header(self, name: impl Into<String>, value: impl Into<String>) -> ObservabilityConfig {
        self.add("otlp.headers", name.into(), |config, name| {
            let headers = config.sections.otlp.headers.get_or_insert_default();
            headers.0.0.insert(name.to_ascii_lowercase(), value.into());
        })
    }

    /// Sets for how long the last values, the last spans and the last scrapes are waited for where
    /// [`Observability`](crate::Observability) is dropped: 5 seconds by default.
    ///
    /// # Errors
    ///
    /// [`ObservabilityConfigError::InvalidValue`] unless it is whole milliseconds, from 1 to 366 days.
    pub fn with_shutdown_timeout(
        mut self,
        timeout: Duration,
    ) -> Result<ObservabilityConfig, ObservabilityConfigError> {
        let Some(time) = Time::of(timeout) else {
            return Err(ObservabilityConfigError::InvalidValue {
                key: "shutdown.timeout".to_owned(),
                origin: ConfigOrigin::Program,
                value: Some(format!("{timeout:?}")),
                expected: Time::EXPECTED,
            });
        };
        self.sections.shutdown.timeout = Some(time);
        self.origins.set("shutdown.timeout", ConfigOrigin::Program);
        Ok(self)
    }

    /// Shows on the page what is running, which [`build_info!`](crate::build_info!) makes; its version is that of the service
    /// unless something else is said.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::{ObservabilityConfig, build_info};
    ///
    /// let config = ObservabilityConfig::new("checkout").with_build_info(build_info!());
    /// assert_eq!(config.get("service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    /// ```
    pub fn with_build_info(mut self, build: BuildInfo) -> ObservabilityConfig {
        let version = build.version().to_owned();
        self.build_info = Some(build);
        if self.sections.service.version.is_some() { self } else { self.with_service_version(version) }
    }

    /// Sets whether what is started becomes the process's own: the registry that of [`global`](crate::global), and with the
    /// feature `otel` the tracers and the propagator those of `opentelemetry::global`. By default nothing is global.
    ///
    /// It is for libraries that nothing can be passed to. The registry of the process is set once: before anybody has used
    /// it, and not again after a shutdown.
    pub fn with_global(mut self, is_global: bool) -> ObservabilityConfig {
        self.is_global = is_global;
        self
    }
}

fn text(text: impl Into<String>) -> Option<Text> {
    let text = text.into();
    (!text.is_empty()).then_some(Text(text))
}

fn pair(pairs: &mut Option<Pairs>, name: String, value: impl Into<String>) {
    pairs.get_or_insert_default().0.insert(name, value.into());
}

//! A configuration from environment variables.

use std::ffi::OsString;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::config::{above_zero, header};
use super::endpoint::{Compression, Endpoint, Protocol};
use super::{OtelConfig, OtelConfigError, Sampling};

/// An environment variable whose value says nothing, and why. The value is not kept: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoredVariable {
    name: &'static str,
    error: OtelConfigError,
}

impl IgnoredVariable {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What is wrong with its value.
    #[must_use]
    pub fn error(&self) -> &OtelConfigError {
        &self.error
    }
}

impl OtelConfig {
    /// What the environment says; a variable that is empty is not set, and one that is malformed is logged, listed in
    /// [`ignored_variables`](Self::ignored_variables), and otherwise not set either.
    ///
    /// | variable | says |
    /// |---|---|
    /// | `OTEL_SERVICE_NAME` | the service's name, above `service.name` of the next |
    /// | `OTEL_RESOURCE_ATTRIBUTES` | `key=value,key=value`, percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the receiver's URL |
    /// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value,name=value`, percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_TIMEOUT` | milliseconds |
    /// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip`, `zstd` or `none` |
    /// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `grpc` or `http/protobuf` |
    /// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `always_on`, `always_off`, `traceidratio`, and `parentbased_` before each |
    /// | `OTEL_SDK_DISABLED` | `true`: records and sends nothing |
    ///
    /// Those of the exporter exist as `OTEL_EXPORTER_OTLP_TRACES_*` too, which go before; the endpoint of that name is
    /// used as it is. What is called afterwards, [`with_endpoint`](Self::with_endpoint) for example, goes before all of
    /// them.
    ///
    /// # Specification
    ///
    /// OpenTelemetry specification, "Environment variables" and "OTLP exporter configuration".
    pub fn from_env() -> OtelConfig {
        OtelConfig::from_variables(|name| std::env::var_os(name))
    }

    /// The same of variables that are somewhere else.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_otel::OtelConfig;
    ///
    /// let config = OtelConfig::from_variables(|name| match name {
    ///     "OTEL_SERVICE_NAME" => Some("checkout".into()),
    ///     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("collector:4318".into()),
    ///     _ => None,
    /// });
    /// assert_eq!(config.service_name(), "checkout");
    /// // It has no scheme.
    /// assert_eq!(config.ignored_variables()[0].name(), "OTEL_EXPORTER_OTLP_ENDPOINT");
    /// ```
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> OtelConfig {
        let mut variables = Variables { lookup, ignored: Vec::new() };
        let mut config = OtelConfig::default();

        // SPEC: "Resource SDK", "Specifying resource information via an environment variable": discarded as a whole
        // when it is malformed.
        if let Some(pairs) = variables.read("OTEL_RESOURCE_ATTRIBUTES", pairs) {
            for (key, value) in pairs {
                config.set_attribute(key, value);
            }
        }
        if let Some(name) = variables.read("OTEL_SERVICE_NAME", |text| Ok(text.to_owned())) {
            config = config.with_service_name(name);
        }
        let specific =
            variables.read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", |text| Endpoint::try_new(text, true));
        let generic = variables.read("OTEL_EXPORTER_OTLP_ENDPOINT", |text| Endpoint::try_new(text, false));
        config.endpoint = specific.or(generic);
        let specific = variables.read("OTEL_EXPORTER_OTLP_TRACES_HEADERS", headers);
        let generic = variables.read("OTEL_EXPORTER_OTLP_HEADERS", headers);
        config.headers = specific.or(generic).unwrap_or_default();
        let specific = variables.read("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", milliseconds);
        let generic = variables.read("OTEL_EXPORTER_OTLP_TIMEOUT", milliseconds);
        config.timeout = specific.or(generic).unwrap_or(config.timeout);
        let specific = variables.read("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", Compression::from_name);
        let generic = variables.read("OTEL_EXPORTER_OTLP_COMPRESSION", Compression::from_name);
        config.compression = specific.or(generic).flatten();
        let specific = variables.read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", str::parse::<Protocol>);
        let generic = variables.read("OTEL_EXPORTER_OTLP_PROTOCOL", str::parse::<Protocol>);
        config.protocol = specific.or(generic).unwrap_or_default();
        config.sampling = variables.sampling();
        // SPEC: "Environment variables", "Boolean value": `true` in any case, all else is false.
        let disabled = variables.read("OTEL_SDK_DISABLED", |text| Ok(text.eq_ignore_ascii_case("true")));
        config.disabled = disabled.unwrap_or(false);

        for ignored in &variables.ignored {
            tracing::warn!(variable = ignored.name, error = %ignored.error, "an environment variable is ignored");
        }
        config.ignored = variables.ignored;
        config
    }
}

/// Variables, and those that said nothing.
struct Variables<F> {
    lookup: F,
    ignored: Vec<IgnoredVariable>,
}

impl<F: Fn(&str) -> Option<OsString>> Variables<F> {
    fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, OtelConfigError>,
    ) -> Option<T> {
        // SPEC: "Environment variables", "Parsing empty value": as if it were not set.
        let value = (self.lookup)(name).filter(|value| !value.is_empty())?;
        let parsed = value.to_str().ok_or(OtelConfigError::NotUtf8).and_then(parse);
        parsed.map_err(|error| self.ignored.push(IgnoredVariable { name, error })).ok()
    }

    fn sampling(&mut self) -> Sampling {
        let argument = self.read("OTEL_TRACES_SAMPLER_ARG", |text| Ok(text.to_owned()));
        let Some(name) = self.read("OTEL_TRACES_SAMPLER", |text| Ok(text.to_owned())) else {
            return Sampling::default();
        };
        match Sampling::from_name(&name, argument.as_deref()) {
            Ok(sampling) => sampling,
            Err(error @ OtelConfigError::InvalidRatio { .. }) => {
                self.ignored.push(IgnoredVariable { name: "OTEL_TRACES_SAMPLER_ARG", error });
                // SPEC: "Environment variables", OTEL_TRACES_SAMPLER_ARG: as if it were not set.
                Sampling::from_name(&name, None).unwrap_or_default()
            }
            Err(error) => {
                self.ignored.push(IgnoredVariable { name: "OTEL_TRACES_SAMPLER", error });
                Sampling::default()
            }
        }
    }
}

/// Reads `key=value,key=value`; an empty pair between two commas is none.
fn pairs(text: &str) -> Result<Vec<(String, String)>, OtelConfigError> {
    let pairs = text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty());
    let read = |(index, pair): (usize, &str)| {
        let decode = |text: &str| percent_decode_str(text.trim()).decode_utf8().ok().map(Into::into);
        let pair = pair.split_once('=').and_then(|(key, value)| Some((decode(key)?, decode(value)?)));
        let named = pair.filter(|(key, _): &(String, String)| !key.is_empty());
        named.ok_or(OtelConfigError::MalformedPair { place: index + 1 })
    };
    pairs.map(read).collect()
}

fn headers(text: &str) -> Result<http::HeaderMap, OtelConfigError> {
    pairs(text)?.iter().map(|(name, value)| header(name, value)).collect()
}

fn milliseconds(text: &str) -> Result<Duration, OtelConfigError> {
    let refused = || OtelConfigError::InvalidTime { time: text.to_owned() };
    let time = text.trim().parse().map_err(|_| refused())?;
    above_zero(Duration::from_millis(time)).map_err(|_| refused())
}

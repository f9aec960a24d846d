//! A configuration from environment variables.

use std::ffi::OsString;

use super::{OtelConfig, OtelConfigError, Sampling};
use crate::receiver::{Signal, Variables};

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
    /// | `OTEL_EXPORTER_OTLP_INSECURE` | whether a gRPC endpoint without a scheme is `http`, not `https` |
    /// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | a PEM file with the certificates to trust, in place of the machine's |
    /// | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_KEY` | PEM files with what to show a receiver that asks |
    /// | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | `always_on`, `always_off`, `traceidratio`, and `parentbased_` before each |
    /// | `OTEL_SDK_DISABLED`, `OTEL_TRACES_EXPORTER` | `true`, `none`: records and sends nothing |
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
        let mut variables = Variables::new(lookup);
        let mut config = OtelConfig::default();
        for (key, value) in variables.resource() {
            config.set_attribute(key, value);
        }
        config.receiver = variables.receiver(Signal::Traces);
        config.sampling = sampling(&mut variables);
        config.disabled = variables.is_disabled("OTEL_TRACES_EXPORTER");
        config.ignored = variables.ignored(Signal::Traces);
        config
    }
}

fn sampling(variables: &mut Variables<impl Fn(&str) -> Option<OsString>>) -> Sampling {
    let argument = variables.read("OTEL_TRACES_SAMPLER_ARG", |text| Ok(text.to_owned()));
    let Some(name) = variables.read("OTEL_TRACES_SAMPLER", |text| Ok(text.to_owned())) else {
        return Sampling::default();
    };
    match Sampling::from_name(&name, argument.as_deref()) {
        Ok(sampling) => sampling,
        Err(error @ OtelConfigError::InvalidRatio { .. }) => {
            variables.ignore("OTEL_TRACES_SAMPLER_ARG", error);
            // SPEC: "Environment variables", OTEL_TRACES_SAMPLER_ARG: as if it were not set.
            Sampling::from_name(&name, None).unwrap_or_default()
        }
        Err(error) => {
            variables.ignore("OTEL_TRACES_SAMPLER", error);
            Sampling::default()
        }
    }
}

//! A configuration from environment variables.

use std::ffi::OsString;

use super::OtlpExporterConfig;
use crate::Resource;
use crate::receiver::{OtelConfigError, Signal, Variables, milliseconds};

impl OtlpExporterConfig {
    /// What the environment says; a variable that is empty is not set, and one that is malformed is logged, listed in
    /// [`ignored_variables`](Self::ignored_variables), and otherwise not set either.
    ///
    /// | variable | says |
    /// |---|---|
    /// | `OTEL_SERVICE_NAME` | the service's name, above `service.name` of the next |
    /// | `OTEL_RESOURCE_ATTRIBUTES` | `key=value,key=value`, percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_ENDPOINT` | the receiver's URL |
    /// | `OTEL_EXPORTER_OTLP_HEADERS` | `name=value,name=value`, percent-encoded |
    /// | `OTEL_EXPORTER_OTLP_TIMEOUT` | of an attempt, in milliseconds |
    /// | `OTEL_EXPORTER_OTLP_COMPRESSION` | `gzip`, `zstd` or `none` |
    /// | `OTEL_EXPORTER_OTLP_PROTOCOL` | `grpc` or `http/protobuf` |
    /// | `OTEL_EXPORTER_OTLP_INSECURE` | whether a gRPC endpoint without a scheme is `http`, not `https` |
    /// | `OTEL_EXPORTER_OTLP_CERTIFICATE` | a PEM file with the certificates to trust, in place of the machine's |
    /// | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`, `OTEL_EXPORTER_OTLP_CLIENT_KEY` | PEM files with what to show a receiver that asks |
    /// | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | `cumulative`, `delta` or `lowmemory` |
    /// | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | `explicit_bucket_histogram` or `base2_exponential_bucket_histogram` |
    /// | `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_METRIC_EXPORT_TIMEOUT` | milliseconds |
    /// | `OTEL_SDK_DISABLED`, `OTEL_METRICS_EXPORTER` | `true`, `none`: sends nothing |
    ///
    /// Those before the temporality exist as `OTEL_EXPORTER_OTLP_METRICS_*` too, which go before; the endpoint of that
    /// name is used as it is. What is called afterwards, [`with_endpoint`](Self::with_endpoint) for example, goes before
    /// all of them.
    ///
    /// # Specification
    ///
    /// OpenTelemetry specification, "Environment variables", "OTLP exporter configuration" and "Metrics Exporter - OTLP".
    pub fn from_env() -> OtlpExporterConfig {
        OtlpExporterConfig::from_variables(|name| std::env::var_os(name))
    }

    /// The same of variables that are somewhere else.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nilometer_otel::export::OtlpExporterConfig;
    ///
    /// let config = OtlpExporterConfig::from_variables(|name| match name {
    ///     "OTEL_SERVICE_NAME" => Some("checkout".into()),
    ///     "OTEL_METRIC_EXPORT_INTERVAL" => Some("10000".into()),
    ///     "OTEL_EXPORTER_OTLP_TIMEOUT" => Some("10 s".into()),
    ///     _ => None,
    /// });
    /// assert_eq!(config.interval(), Duration::from_secs(10));
    /// // It is no number of milliseconds.
    /// assert_eq!(config.ignored_variables()[0].name(), "OTEL_EXPORTER_OTLP_TIMEOUT");
    /// ```
    pub fn from_variables(lookup: impl Fn(&str) -> Option<OsString>) -> OtlpExporterConfig {
        let mut variables = Variables::new(lookup);
        let mut resource = Resource::default();
        for (key, value) in variables.resource() {
            // A key that is empty is refused where the pairs are read.
            resource = resource.clone().with_attribute(key, value).unwrap_or(resource);
        }
        let mut config = OtlpExporterConfig::new(resource);
        config.receiver = variables.receiver(Signal::Metrics);
        let name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let temporality = variables.read(name, |text| text.parse().map_err(OtelConfigError::from));
        config.temporality = temporality.unwrap_or_default();
        let name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
        let aggregation = variables.read(name, |text| text.parse().map_err(OtelConfigError::from));
        config.aggregation = aggregation.unwrap_or_default();
        let interval = variables.read("OTEL_METRIC_EXPORT_INTERVAL", milliseconds);
        config.interval = interval.unwrap_or(config.interval);
        let timeout = variables.read("OTEL_METRIC_EXPORT_TIMEOUT", milliseconds);
        config.export_timeout = timeout.unwrap_or(config.export_timeout);
        config.disabled = variables.is_disabled("OTEL_METRICS_EXPORTER");
        config.ignored = variables.ignored(Signal::Metrics);
        config
    }
}

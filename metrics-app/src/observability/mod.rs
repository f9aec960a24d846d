//! One call that sets up everything: a registry, its page, and what sends metrics and traces over OTLP.
//!
//! [`Observability::init`] takes an [`ObservabilityConfig`] and returns a guard, which is kept for as long as the program
//! runs, and sends the last values when it goes:
//!
//! ```no_run
//! use nilometer::{Observability, ObservabilityConfig};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = ObservabilityConfig::new("checkout").with_file("observability.toml")?.with_env()?;
//!     let observability = Observability::init(config)?;
//!     let orders = observability.registry().register_counter("orders_total", "Orders.")?.default();
//!     orders.inc();
//!     Ok(())
//! }
//! ```
//!
//! # Who says what
//!
//! The program, a file and the environment can each say everything. What is said later goes before what was said: each
//! method lays what it says over what is there. So the program above has its own defaults lowest, then the file's, and the
//! environment is above both, as whoever deploys expects; `NILOMETER_*` is above OpenTelemetry's variables, being about this
//! program alone. A program that insists says so last. Of attributes, labels, headers and users each name counts by itself;
//! a list is replaced as a whole.
//!
//! What is wrong is an error that names the key, who has said it, and what was said:
//!
//! ```text
//! observability.toml:7: `prometheus.port` is `70000`, not a port from 0 to 65535
//! observability.toml:9: there is no key `otlp.endpiont`; is it `otlp.endpoint`?
//! NILOMETER_SHUTDOWN_TIMEOUT: `shutdown.timeout` is `soon`, not a time from 1ms to 366d, such as `500ms`, `10s` or `1m30s`, or a number of seconds
//! there is no variable `NILOMETER_PROMETHEUS_PROT`; is it `NILOMETER_PROMETHEUS_PORT`?
//! observability.toml:12: `tokio` needs the feature `tokio` of the crate `nilometer`, which is off
//! ```
//!
//! Headers, users and tokens are left out of errors. A section whose feature is off is an error, unless it says
//! `enabled = false`, or only of its parts; OpenTelemetry's variables, which are for all programs of a machine, say nothing then.
//!
//! # The file
//!
//! TOML, of which nothing has to be there. `examples/observability.toml` is one that says most of it.
//!
//! ```
//! # use nilometer::ObservabilityConfig;
//! # let text = r#"
//! [service]
//! name = "checkout"
//! version = "1.4.2"
//! attributes = { "deployment.environment.name" = "staging" }
//!
//! [registry]
//! labels = { region = "eu" }
//! series_limit = 5000
//!
//! [prometheus]
//! host = "127.0.0.1"
//! port = 9464
//!
//! [otlp]
//! endpoint = "http://collector.example:4318"
//! headers = { authorization = "Bearer 4f1c" }
//! timeout = "5s"
//!
//! [otlp.metrics]
//! interval = "10s"
//! temporality = "delta"
//!
//! [otlp.traces]
//! sampler = "parentbased_traceidratio"
//! sampler_ratio = 0.1
//!
//! [shutdown]
//! timeout = "3s"
//! # "#;
//! # let config = ObservabilityConfig::from_toml_str(text)?;
//! # assert_eq!(config.get("otlp.metrics.interval").as_deref(), Some("10s"));
//! # Ok::<(), nilometer::ObservabilityConfigError>(())
//! ```
//!
//! - A **time** is a text of numbers with units, of `ms`, `s`, `m`, `h` and `d`: `"500ms"`, `"1m30s"`; or a number of
//!   seconds. It is from a millisecond to 366 days, in whole milliseconds.
//! - A **flag** is `true` or `false`, a **count** a whole number from 1 on, a **ratio** a number from 0 to 1.
//! - **Pairs** are a table, and `name=text,name=text` in a variable; a **list** is an array, and `text,text` in a variable.
//!   What holds a comma belongs into a file.
//! - A **file** is a path, from the directory that the process is in.
//!
//! # What is sent
//!
//! Nothing is, unless an endpoint is known, `otlp.endpoint` or that of a signal, or `enabled = true`, which sends to this
//! machine. `otlp.enabled = false` switches both signals off, whatever their own sections say, and so does
//! `OTEL_SDK_DISABLED=true`. The keys of `[otlp]` say what OpenTelemetry's variables do, under its rules: what is said of one
//! signal goes before what is said of both, an endpoint of both has `/v1/metrics` or `/v1/traces` appended over HTTP, that of
//! one is used as it is. A variable of OpenTelemetry's that is malformed is ignored, as its specification has it: it is
//! logged, listed by [`ignored_variables`](Observability::ignored_variables), and named on the page by
//! `nilometer_otel_ignored_variable_info`; a key is an error.
//!
//! Where spans are sent, what is observed inside of one names it as its exemplar. That takes the slower path of
//! recording, which `otlp.traces.exemplars = false` saves.
//!
//! # Environment variables
//!
//! Each key has one: its name in capitals, behind `NILOMETER_`. One that is empty is not set. Any other that begins so is an
//! error, but for `NILOMETER_REVISION` and `NILOMETER_RUSTC_VERSION`, which are for [`build_info!`](crate::build_info!), and those
//! that Kubernetes sets where a service has the name `nilometer`: `NILOMETER_PORT`, `NILOMETER_SERVICE_HOST` and their kin.
//!
//! | variable | key | of OpenTelemetry | kind | what, and the default |
//! |---|---|---|---|---|
//! | `NILOMETER_SERVICE_NAME` | `service.name` | `OTEL_SERVICE_NAME` | text | whose metrics and spans they are; `unknown_service` unless said |
//! | `NILOMETER_SERVICE_VERSION` | `service.version` | `OTEL_RESOURCE_ATTRIBUTES` | text | that of the build info, unless said |
//! | `NILOMETER_SERVICE_NAMESPACE` | `service.namespace` | `OTEL_RESOURCE_ATTRIBUTES` | text | what services belong together |
//! | `NILOMETER_SERVICE_INSTANCE` | `service.instance` | `OTEL_RESOURCE_ATTRIBUTES` | text | which one of several |
//! | `NILOMETER_SERVICE_ATTRIBUTES` | `service.attributes` | `OTEL_RESOURCE_ATTRIBUTES` | pairs | more attributes of the resource that OTLP tells about |
//! | `NILOMETER_REGISTRY_NAMESPACE` | `registry.namespace` |  | text | stands before each name that is registered, with `_` |
//! | `NILOMETER_REGISTRY_LABELS` | `registry.labels` |  | pairs | labels that every series has |
//! | `NILOMETER_REGISTRY_SERIES_LIMIT` | `registry.series_limit` |  | count | series per family; 10000 |
//! | `NILOMETER_REGISTRY_TOTAL_SERIES_LIMIT` | `registry.total_series_limit` |  | count | series of all families; 1000000 |
//! | `NILOMETER_REGISTRY_LABEL_LIMIT` | `registry.label_limit` |  | count | labels per series, 64 at most; 32 |
//! | `NILOMETER_REGISTRY_LABEL_VALUE_LIMIT` | `registry.label_value_limit` |  | count | bytes of a label value; 1024 |
//! | `NILOMETER_REGISTRY_COLLECTOR_TIME_LIMIT` | `registry.collector_time_limit` |  | time | how long a foreign collector may take; 2s |
//! | `NILOMETER_REGISTRY_EXPIRE_AFTER` | `registry.expire_after` |  | time | after which series go that nothing changes; never |
//! | `NILOMETER_REGISTRY_DISABLED` | `registry.disabled` |  | list | families that are not shown, by their full names |
//! | `NILOMETER_REGISTRY_SELF_METRICS` | `registry.self_metrics` |  | flag | whether the registry tells about itself; `true` |
//! | `NILOMETER_PROMETHEUS_ENABLED` | `prometheus.enabled` |  | flag | whether there is a page; `true` |
//! | `NILOMETER_PROMETHEUS_HOST` | `prometheus.host` |  | text | where it is listened; `0.0.0.0` |
//! | `NILOMETER_PROMETHEUS_PORT` | `prometheus.port` |  | port | the same; 9090, and 0 for a free one |
//! | `NILOMETER_PROMETHEUS_PATH` | `prometheus.path` |  | text | `/metrics` |
//! | `NILOMETER_PROMETHEUS_COMPRESSION` | `prometheus.compression` |  | flag | for those who accept it; `true` |
//! | `NILOMETER_PROMETHEUS_CREATED_LINES` | `prometheus.created_lines` |  | flag | `_created` in OpenMetrics text; `false` |
//! | `NILOMETER_PROMETHEUS_OWN_METRICS` | `prometheus.own_metrics` |  | flag | the server's own; `true` |
//! | `NILOMETER_PROMETHEUS_SCRAPE_LIMIT` | `prometheus.scrape_limit` |  | count | scrapes at a time; 8 |
//! | `NILOMETER_PROMETHEUS_CONNECTION_LIMIT` | `prometheus.connection_limit` |  | count | connections at a time; 256 |
//! | `NILOMETER_PROMETHEUS_TLS_CERTIFICATE` | `prometheus.tls.certificate` |  | file | PEM; with it, the page is `https` (feature `tls`) |
//! | `NILOMETER_PROMETHEUS_TLS_KEY` | `prometheus.tls.key` |  | file | its key, PEM |
//! | `NILOMETER_PROMETHEUS_TLS_CLIENT_CA` | `prometheus.tls.client_ca` |  | file | who signs the certificates of those who scrape, PEM |
//! | `NILOMETER_PROMETHEUS_AUTH_USERS` | `prometheus.auth.users` |  | pairs | names with bcrypt hashes (feature `auth`) |
//! | `NILOMETER_PROMETHEUS_AUTH_TOKENS` | `prometheus.auth.tokens` |  | list | bearer tokens (feature `auth`) |
//! | `NILOMETER_PROCESS_ENABLED` | `process.enabled` |  | flag | metrics of the process; `true` with the feature `process` |
//! | `NILOMETER_TOKIO_ENABLED` | `tokio.enabled` |  | flag | metrics of the tokio runtime; `true` with the feature `tokio` where there is one |
//! | `NILOMETER_OTLP_ENABLED` | `otlp.enabled` |  | flag | whether anything is sent (feature `otel`); where an endpoint is known |
//! | `NILOMETER_OTLP_ENDPOINT` | `otlp.endpoint` | `OTEL_EXPORTER_OTLP_ENDPOINT` | text | the URL of the receiver; port 4318 of this machine, 4317 with `grpc` |
//! | `NILOMETER_OTLP_PROTOCOL` | `otlp.protocol` | `OTEL_EXPORTER_OTLP_PROTOCOL` | word | `grpc`, `http/protobuf`; the latter |
//! | `NILOMETER_OTLP_HEADERS` | `otlp.headers` | `OTEL_EXPORTER_OTLP_HEADERS` | pairs | sent along with each request |
//! | `NILOMETER_OTLP_TIMEOUT` | `otlp.timeout` | `OTEL_EXPORTER_OTLP_TIMEOUT` | time | of an attempt; 10s |
//! | `NILOMETER_OTLP_COMPRESSION` | `otlp.compression` | `OTEL_EXPORTER_OTLP_COMPRESSION` | word | `gzip`, `zstd` (that feature), `none`; the last |
//! | `NILOMETER_OTLP_INSECURE` | `otlp.insecure` | `OTEL_EXPORTER_OTLP_INSECURE` | flag | whether a gRPC endpoint without a scheme is `http`; `false` |
//! | `NILOMETER_OTLP_CERTIFICATE` | `otlp.certificate` | `OTEL_EXPORTER_OTLP_CERTIFICATE` | file | whom to trust, PEM; the roots of the machine |
//! | `NILOMETER_OTLP_CLIENT_CERTIFICATE` | `otlp.client_certificate` | `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE` | file | what to show a receiver that asks, PEM |
//! | `NILOMETER_OTLP_CLIENT_KEY` | `otlp.client_key` | `OTEL_EXPORTER_OTLP_CLIENT_KEY` | file | its key, PEM |
//! | `NILOMETER_OTLP_METRICS_ENABLED` | `otlp.metrics.enabled` | `OTEL_METRICS_EXPORTER` | flag | whether metrics are sent; as `otlp.enabled` |
//! | `NILOMETER_OTLP_METRICS_ENDPOINT` | `otlp.metrics.endpoint` | `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` | text | the same of metrics alone, used as it is: `http://collector:4318/v1/metrics` |
//! | `NILOMETER_OTLP_METRICS_PROTOCOL` | `otlp.metrics.protocol` | `OTEL_EXPORTER_OTLP_METRICS_PROTOCOL` | word | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_HEADERS` | `otlp.metrics.headers` | `OTEL_EXPORTER_OTLP_METRICS_HEADERS` | pairs | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_TIMEOUT` | `otlp.metrics.timeout` | `OTEL_EXPORTER_OTLP_METRICS_TIMEOUT` | time | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_COMPRESSION` | `otlp.metrics.compression` | `OTEL_EXPORTER_OTLP_METRICS_COMPRESSION` | word | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_INSECURE` | `otlp.metrics.insecure` | `OTEL_EXPORTER_OTLP_METRICS_INSECURE` | flag | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_CERTIFICATE` | `otlp.metrics.certificate` | `OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE` | file | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_CLIENT_CERTIFICATE` | `otlp.metrics.client_certificate` | `OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE` | file | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_CLIENT_KEY` | `otlp.metrics.client_key` | `OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY` | file | the same of metrics alone |
//! | `NILOMETER_OTLP_METRICS_INTERVAL` | `otlp.metrics.interval` | `OTEL_METRIC_EXPORT_INTERVAL` | time | between two exports; 60s |
//! | `NILOMETER_OTLP_METRICS_EXPORT_TIMEOUT` | `otlp.metrics.export_timeout` | `OTEL_METRIC_EXPORT_TIMEOUT` | time | how long an export is worth sending; 30s |
//! | `NILOMETER_OTLP_METRICS_TEMPORALITY` | `otlp.metrics.temporality` | `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` | word | `cumulative`, `delta`, `lowmemory`; the first |
//! | `NILOMETER_OTLP_METRICS_HISTOGRAM_AGGREGATION` | `otlp.metrics.histogram_aggregation` | `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` | word | `explicit_bucket_histogram`, `base2_exponential_bucket_histogram`; the former |
//! | `NILOMETER_OTLP_TRACES_ENABLED` | `otlp.traces.enabled` | `OTEL_TRACES_EXPORTER` | flag | whether traces are sent; as `otlp.enabled` |
//! | `NILOMETER_OTLP_TRACES_ENDPOINT` | `otlp.traces.endpoint` | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | text | the same of traces alone, used as it is: `http://collector:4318/v1/traces` |
//! | `NILOMETER_OTLP_TRACES_PROTOCOL` | `otlp.traces.protocol` | `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL` | word | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_HEADERS` | `otlp.traces.headers` | `OTEL_EXPORTER_OTLP_TRACES_HEADERS` | pairs | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_TIMEOUT` | `otlp.traces.timeout` | `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT` | time | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_COMPRESSION` | `otlp.traces.compression` | `OTEL_EXPORTER_OTLP_TRACES_COMPRESSION` | word | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_INSECURE` | `otlp.traces.insecure` | `OTEL_EXPORTER_OTLP_TRACES_INSECURE` | flag | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_CERTIFICATE` | `otlp.traces.certificate` | `OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE` | file | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_CLIENT_CERTIFICATE` | `otlp.traces.client_certificate` | `OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE` | file | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_CLIENT_KEY` | `otlp.traces.client_key` | `OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY` | file | the same of traces alone |
//! | `NILOMETER_OTLP_TRACES_SAMPLER` | `otlp.traces.sampler` | `OTEL_TRACES_SAMPLER` | word | `parentbased_always_on`, and what else OpenTelemetry has |
//! | `NILOMETER_OTLP_TRACES_SAMPLER_RATIO` | `otlp.traces.sampler_ratio` | `OTEL_TRACES_SAMPLER_ARG` | ratio | of `traceidratio`; 1 |
//! | `NILOMETER_OTLP_TRACES_EXEMPLARS` | `otlp.traces.exemplars` |  | flag | whether observations name their spans; `true` |
//! | `NILOMETER_SHUTDOWN_TIMEOUT` | `shutdown.timeout` |  | time | how long a drop waits; 5s |
//!
//! Of OpenTelemetry's, `OTEL_SDK_DISABLED=true` sends nothing, and `OTEL_METRICS_EXPORTER` and `OTEL_TRACES_EXPORTER` are
//! `otlp` or `none`. Sizes and delays of batches of spans, and limits of spans, are those of the OpenTelemetry SDK:
//! `OTEL_BSP_*`, `OTEL_SPAN_*`.
//!
//! # By hand
//!
//! ```
//! use std::time::Duration;
//!
//! use nilometer::{Observability, ObservabilityConfig, build_info};
//!
//! let config = ObservabilityConfig::new("checkout")
//!     .with_build_info(build_info!())
//!     .with_attribute("deployment.environment.name", "staging")
//!     .with_constant_label("region", "eu")
//!     .with_shutdown_timeout(Duration::from_secs(3))?;
//! # let config = config.with_prometheus(false);
//! let observability = Observability::init(config)?;
//! # Ok::<(), nilometer::ObservabilityError>(())
//! ```
//!
//! [`ObservabilityConfig::with`] says any key at all, as a variable would: for a program's arguments.
//!
//! # What this module does not do
//!
//! - It installs no logger and no subscriber of the crate `tracing`: what goes wrong while sending is logged there, for
//!   whoever listens. `OtelProvider` has a layer that makes spans of it, with the feature `otel-tracing`.
//! - Nothing is global unless [`with_global`](ObservabilityConfig::with_global) says so.
//! - It reads a file once: who changes it starts the program again. Certificates of the page are read again by the server.
//! - It handles no signals: the program decides when it ends, and calls [`shutdown`](Observability::shutdown) or lets the
//!   guard go.
//! - Pushes to a Pushgateway and by remote write are set up by hand, with the feature `push`.
//!
//! - `config`: [`ObservabilityConfig`]. `plan`: what it comes to. `guard`: [`Observability`]. `error`: what goes wrong.
//! - `page`, with `tls` and `auth`; `otlp`; `part`: what there is to start. Each stands for nothing where its feature is off.
//! - `answer`: waiting without a runtime.

mod answer;
#[cfg(feature = "prometheus")]
#[cfg_attr(not(feature = "auth"), path = "auth_off.rs")]
mod auth;
mod config;
mod error;
mod guard;
#[cfg_attr(not(feature = "otel"), path = "otlp_off.rs")]
mod otlp;
#[cfg_attr(not(feature = "prometheus"), path = "page_off.rs")]
mod page;
mod part;
mod plan;
#[cfg(feature = "prometheus")]
#[cfg_attr(not(feature = "tls"), path = "tls_off.rs")]
mod tls;

use nilometer_core::MetricsRegistry;
use nilometer_core::collect::Collector;

pub use self::config::{ConfigOrigin, IgnoredOtelVariable, ObservabilityConfig, ObservabilityConfigError};
pub use self::error::{ObservabilityError, ObservabilityFlushError, PartError};
pub use self::guard::Observability;

/// Has the registry show a collector for as long as there is the one or the other.
#[allow(dead_code, reason = "without features there is nothing to show")]
fn register(
    registry: &MetricsRegistry,
    name: &'static str,
    collector: impl Collector + 'static,
) -> Result<(), ObservabilityError> {
    match registry.register_collector(name, collector) {
        Ok(_) => Ok(()),
        Err(source) => Err(ObservabilityError::Register { name, source: Box::new(source) }),
    }
}

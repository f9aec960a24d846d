//! Metrics for services: declare a struct, record through its handles, serve Prometheus.
//!
//! This is the crate that an application depends on. It re-exports the others, and adds ready-made metric sets.
//!
//! # Examples
//!
//! ```
//! # #[cfg(all(feature = "derive", feature = "prometheus"))]
//! # fn main() -> nilometer::Result<()> {
//! use nilometer::{Counter, Metrics, MetricsRegistry, PrometheusRenderer};
//!
//! #[derive(Metrics)]
//! #[metrics(prefix = "shop")]
//! struct ShopMetrics {
//!     /// Orders taken.
//!     orders_total: Counter,
//! }
//!
//! let registry = MetricsRegistry::new();
//! let metrics = ShopMetrics::register(&registry)?;
//! metrics.orders_total.inc();
//!
//! let page = PrometheusRenderer::render_all(&registry);
//! assert_eq!(
//!     page,
//!     "# HELP shop_orders_total Orders taken.\n# TYPE shop_orders_total counter\nshop_orders_total 1\n",
//! );
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "derive", feature = "prometheus")))]
//! # fn main() {}
//! ```
//!
//! # Contents
//!
//! | from | what |
//! |---|---|
//! | `nilometer-core` | all of it, at the root: [`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`], [`Summary`], [`GaugeHistogram`], [`MaxGauge`], [`StateSet`], [`Info`], [`LongTaskTimer`] and other kinds, their families, [`buckets`], [`label`], [`MetricsRegistry`], and [`collect`] for exporters |
//! | `nilometer-macros` | `#[derive(Metrics)]`, `#[derive(TypedLabels)]`, `#[derive(LabelValue)]` |
//! | `nilometer-prometheus` | the module `prometheus`: the exposition formats and the scrape server |
//! | `nilometer-otel` | the module `otel`, with that feature: OTLP, tracing and propagation; here, exemplars from spans, metrics of work in spans, and a meter provider |
//! | here | one call that sets up everything: [`Observability`], with its configuration, in [`observability`]; the module `application`: metric sets for a stream processor; [`BuildInfo`] and [`build_info!`]; [`guide`], how to come here from other crates, and a cookbook; with their features, the modules `process`, `runtime`, `http`, `kafka`, `facade`; the module `test_util`, with that feature |
//!
//! # Features
//!
//! - `derive` (default): the derives, and `application`, which is declared with them.
//! - `prometheus` (default): the module `prometheus`, and `PrometheusRenderer`, `MetricsServer` and `ServerConfig` at
//!   the root.
//! - `process` (default): the module `process`: processor time, memory, descriptors, threads. It needs no C compiler.
//! - `tokio`: the module `runtime`: metrics of tokio's runtimes, and of futures whose polls are counted.
//! - `auth`, `tls`: besides, authentication for the server, and TLS for it, for pushes and for what `otel` sends; TLS needs a C
//!   compiler. `axum`: besides, a router for axum, and with `tower` a layer that knows axum's routes.
//! - `push`: besides, the module `prometheus::push`: pushes to a Pushgateway, and by remote write.
//! - `zstd`: besides, compression with zstd of pages and of what `otel` sends, for which a C compiler is needed.
//! - `otel`: the module `otel`, OpenTelemetry, and what joins it with metrics; it needs no C compiler. `otel-tracing`: besides,
//!   spans of the crate `tracing`.
//! - `kafka`: the module `kafka`, metrics of `rdkafka`'s clients; with `otel`, context in the headers of messages too. It needs a
//!   C compiler and make.
//! - `metrics`: the module `facade`, a recorder for libraries that record through the crate `metrics`.
//! - `tower`: the module `http`, layers for HTTP servers and clients; `tonic`: besides, those for gRPC.
//! - `test-util`: the module `test_util` and `assert_metric!`, for tests of programs with metrics.
//!
//! # What this crate does not do
//!
//! A registry is a value that is passed; nothing is on the global one that does not ask to be.

#![forbid(unsafe_code)]

#[cfg(feature = "derive")]
pub mod application;

mod build_info;

#[cfg(feature = "metrics")]
pub mod facade;

pub mod guide;

#[cfg(feature = "tower")]
pub mod http;

#[cfg(feature = "kafka")]
pub mod kafka;

pub mod observability;

#[cfg(feature = "otel")]
pub mod otel;

#[cfg(feature = "process")]
pub mod process;

#[cfg(feature = "tokio")]
pub mod runtime;

#[cfg(feature = "test-util")]
pub mod test_util;

#[cfg(any(feature = "metrics", feature = "otel"))]
mod unsupported;

pub use build_info::BuildInfo;
#[doc(inline)]
pub use nilometer_core::*;
#[cfg(feature = "derive")]
pub use nilometer_macros::{LabelValue, Metrics, TypedLabels};
#[cfg(feature = "prometheus")]
pub use nilometer_prometheus as prometheus;
#[cfg(feature = "prometheus")]
pub use nilometer_prometheus::{MetricsServer, PrometheusRenderer, ServerConfig};
pub use observability::{
    ConfigOrigin, IgnoredOtelVariable, Observability, ObservabilityConfig, ObservabilityConfigError,
    ObservabilityError, ObservabilityFlushError, PartError,
};

/// Compiles the programs of the two readme files.
///
/// The repository's is outside of the package, and only tests of the documentation look for it; its programs take these
/// features.
#[cfg(all(doctest, feature = "derive", feature = "prometheus"))]
mod readme {
    #[cfg(all(
        feature = "axum",
        feature = "otel",
        feature = "process",
        feature = "push",
        feature = "test-util",
        feature = "tower"
    ))]
    #[doc = include_str!("../../README.md")]
    mod repository {}
    #[doc = include_str!("../README.md")]
    mod package {}
}

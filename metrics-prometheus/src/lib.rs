//! Prometheus exposition and a scrape server for nilometer.
//!
//! Everything here is generic over `nilometer_core::collect::Collector`, which registries and families implement, and
//! knows nothing else of the core.
//!
//! | module of the source | what it holds |
//! |---|---|
//! | `text` | [`TextEncoder`]: the text format 0.0.4, streamed, and the lines of the other text formats |
//! | `protobuf` | delimited `MetricFamily` messages |
//! | `page`, `format` | [`PageEncoder`]: a page in any [`Format`]; [`Exposition`]: what a format leaves open |
//! | `negotiate`, `compress` | what `Accept` and `Accept-Encoding` ask for; gzip and zstd |
//! | `check`, `exemplar` | which points and exemplars have a place on a page |
//! | `escaping` | names outside the classic alphabet, quoted or by an [`EscapingScheme`] |
//! | `chunk` | [`Output`]: who takes a page, in pieces of bounded size |
//! | `renderer` | [`PrometheusRenderer`]: a page as a `String`; `expected`, how long it will be |
//! | `server` | [`MetricsServer`]: the endpoint on hyper, with TLS (feature `tls`) and authentication (feature `auth`); [`MetricsService`]: the same inside another server, with a router for axum (feature `axum`); [`respond`]: the same for any server; [`ServerStats`]: what they have done |
//! | `own` | the exporter's own families, each on a page once |
//! | `test_util` | with the feature `test-util`: a page read back, for tests |
//! | `push` | to a Pushgateway, and by remote write: a module of its own, with the feature `push` |
//! | `tls` | with the feature `tls`: what PEM files hold, for the server and for pushes |
//! | `number`, `bounds`, `fragment` | how values and upper bounds are spelled, and short texts written |
//!
//! # Examples
//!
//! ```
//! use nilometer_core::collect::{
//!     CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
//! };
//! use nilometer_prometheus::{MetricsServer, PrometheusRenderer, ServerConfig};
//!
//! /// A source of metrics of one's own; a registry is one as well.
//! struct Requests;
//!
//! impl Collector for Requests {
//!     fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
//!         visitor.family(&Descriptor::try_new("requests_total", "Requests.", MetricType::Counter)?)?;
//!         let labels = LabelSet::from_pairs(&[("method", "GET")]);
//!         visitor.point(SeriesLabels::of(&labels), CounterPoint::new(3_u64).into())?;
//!         Ok(())
//!     }
//! }
//!
//! assert_eq!(
//!     PrometheusRenderer::render_all(&Requests),
//!     "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total{method=\"GET\"} 3\n"
//! );
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let config = ServerConfig::new().with_host("127.0.0.1").with_port(0);
//! let server = MetricsServer::new(Requests, config).bind().await?;
//! println!("http://{}/metrics", server.local_addr());
//! # let stop = async {};
//! server.serve_until(stop).await // `stop` is a future, such as `tokio::signal::ctrl_c()`
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What this crate does not do
//!
//! - No HTTP/3, and no authorization beyond who may see the page: whoever may, sees all of it.
//! - Hardly a log: what fails is in the response, in [`ServerError`], in [`ServerStats`], or in [`RenderError`]. Pushes that
//!   fail, and changed certificates of the server, are told to `tracing`.
//! - No check that a foreign collector shows each family and each series once: the registry does that.
#![forbid(unsafe_code)]

mod bounds;
#[cfg(any(feature = "push", feature = "tls"))]
mod causes;
mod check;
mod chunk;
mod compress;
mod escaping;
mod exemplar;
mod expected;
mod format;
mod fragment;
mod negotiate;
mod number;
mod own;
mod page;
mod protobuf;
#[cfg(feature = "push")]
pub mod push;
mod renderer;
mod server;
#[cfg(feature = "test-util")]
pub mod test_util;
mod text;
#[cfg(feature = "tls")]
mod tls;

pub use chunk::Output;
pub use format::{Exposition, Format, TEXT_CONTENT_TYPE};
pub use nilometer_core::collect::EscapingScheme;
pub use page::PageEncoder;
pub use renderer::{PrometheusRenderer, RenderError};
#[cfg(feature = "tls")]
pub use server::TlsConfig;
#[cfg(unix)]
pub use server::UnixSocket;
#[cfg(feature = "auth")]
pub use server::{AuthConfig, AuthError};
pub use server::{
    BoundServer, MetricsBody, MetricsFuture, MetricsServer, MetricsService, ScrapeStatus, ServerConfig,
    ServerError, ServerStats, ServerThread, TruncatedPage, respond,
};
pub use text::TextEncoder;
#[cfg(feature = "tls")]
pub use tls::TlsError;

#[cfg(all(doctest, feature = "auth", feature = "tls"))]
#[doc = include_str!("../README.md")]
struct Readme;

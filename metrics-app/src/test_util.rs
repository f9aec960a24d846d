//! What tests of programs with metrics need: asserting values, comparing registries, a linter, and reading a page back.
//!
//! With the feature `test-util`:
//!
//! ```toml
//! [dev-dependencies]
//! nilometer = { version = "0.1", features = ["test-util"] }
//! ```
//!
//! # Examples
//!
//! ```
//! # #[cfg(all(feature = "derive", feature = "prometheus"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use nilometer::test_util::{lint_descriptors, parse_page};
//! use nilometer::{Counter, Metrics, MetricsRegistry, PrometheusRenderer, assert_metric};
//!
//! #[derive(Metrics)]
//! struct ShopMetrics {
//!     /// Orders taken.
//!     orders_total: Counter,
//! }
//!
//! assert_eq!(lint_descriptors(&ShopMetrics::descriptors()), []);
//!
//! let registry = MetricsRegistry::new();
//! let metrics = ShopMetrics::register(&registry)?;
//! metrics.orders_total.inc();
//! assert_metric!(registry, "orders_total" == 1);
//!
//! // A page that was scraped, as a client would: it is asserted and linted like a registry.
//! let page = parse_page(&PrometheusRenderer::render_all(&registry))?;
//! assert_metric!(page, "orders_total" == 1);
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "derive", feature = "prometheus")))]
//! # fn main() {}
//! ```

pub use nilometer_core::test_util::*;
#[cfg(feature = "prometheus")]
pub use nilometer_prometheus::test_util::*;

//! What tests of programs with metrics need: asserting values, comparing registries, and a linter for names.
//!
//! With the feature `test-util`, for development dependencies.
//!
//! - [`assert_metric!`](crate::assert_metric): a sample has a value, or the test fails with what is there instead.
//! - [`Snapshot`] and [`diff`]: all samples of a registry at one time, and what differs between two.
//! - [`lint`] and [`lint_descriptors`]: the rules of Prometheus' linter, over a registry or over what a set declares.
//!
//! Everything takes a [`Collector`](crate::collect::Collector): a registry, a family, several registries.
//!
//! # Samples
//!
//! They are named as on a page of the text format 0.0.4: a histogram `wait_seconds` has `wait_seconds_bucket` with the label
//! `le`, `wait_seconds_sum` and `wait_seconds_count`; a summary has the label `quantile`, a state set a label of its own
//! name, and an info the value 1. A gauge histogram has what a histogram has.
//!
//! # Examples
//!
//! ```
//! use nilometer_core::test_util::{Snapshot, lint};
//! use nilometer_core::{MetricsRegistry, assert_metric};
//!
//! let registry = MetricsRegistry::new();
//! let requests = registry.register_counter("requests_total", "Requests served.")?;
//! let before = Snapshot::of(&registry)?;
//!
//! requests.get_or_create(&[("method", "GET")]).inc();
//!
//! assert_metric!(registry, "requests_total", { method = "GET" } == 1);
//! let changes = before.diff(&Snapshot::of(&registry)?);
//! assert_eq!(changes.to_string(), "+ requests_total{method=\"GET\"} 1\n");
//! assert_eq!(lint(&registry)?, []);
//! # Ok::<(), nilometer_core::MetricsError>(())
//! ```

mod assert;
mod diff;
mod lint;
mod snapshot;
mod unit;

pub use self::assert::{Expected, Mismatch, Near};
#[doc(hidden)]
pub use self::assert::{assert_absent, assert_sample, label_name};
pub use self::diff::{Change, Diff, diff};
pub use self::lint::{Problem, Rule, lint, lint_descriptors};
pub use self::snapshot::{Sample, Snapshot};
pub use crate::{assert_metric, assert_no_metric};

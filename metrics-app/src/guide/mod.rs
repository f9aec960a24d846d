//! Guides: moving from other crates, and a cookbook.
//!
//! - [`from_prometheus`], [`from_prometheus_client`], [`from_metrics`]: from another crate to this one, a concept at a time,
//!   with the code before and after, what changes on the wire, and how to run both during the move.
//! - [`cookbook`]: labels, buckets, cardinality, tests, async, statics, and what people ask about most.
//! - [`comparison`]: what the crates of the field have and do not have, by version, as looked up in their source.
//!
//! The code in them is run by nilometer's tests. That of the cookbook is this crate's; that of the others needs the crates
//! that they are about, and is run by the benchmarks' package, which is the only one that depends on those.

/// Moving from the crate `prometheus`.
#[cfg_attr(not(doctest), doc = include_str!("from_prometheus.md"))]
pub mod from_prometheus {}

/// Moving from the crate `prometheus-client`.
#[cfg_attr(not(doctest), doc = include_str!("from_prometheus_client.md"))]
pub mod from_prometheus_client {}

/// Moving from the crate `metrics`.
#[cfg_attr(not(doctest), doc = include_str!("from_metrics.md"))]
pub mod from_metrics {}

/// Short answers, each with code that runs.
#[cfg_attr(
    any(not(doctest), all(feature = "derive", feature = "prometheus", feature = "test-util")),
    doc = include_str!("cookbook.md")
)]
pub mod cookbook {}

/// What other crates have, and what they do not have.
#[cfg_attr(not(doctest), doc = include_str!("comparison.md"))]
pub mod comparison {}

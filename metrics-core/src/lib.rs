//! The core of nilometer: metric kinds, labels, families, the registry, and the interface to exporters.
//!
//! Applications depend on `nilometer`, which re-exports all of this; a library that only records can depend on this
//! crate alone.
//!
//! # Examples
//!
//! ```
//! use nilometer_core::{MetricsRegistry, buckets};
//!
//! let registry = MetricsRegistry::new();
//! let requests = registry.register_counter("requests_total", "Requests served.")?;
//! let duration =
//!     registry.register_histogram("request_seconds", "Time to answer.", &buckets::LATENCY_SECONDS)?;
//!
//! requests.get_or_create(&[("method", "GET")]).inc();
//! duration.default().observe(0.013);
//! # Ok::<(), nilometer_core::MetricsError>(())
//! ```
//!
//! # Contents
//!
//! | kinds | [`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`]; [`buckets`], [`Timer`], [`InFlightGuard`] |
//! |---|---|
//! | statics | [`StaticCounter`], [`StaticUpDownCounter`], [`StaticHistogram`] |
//! | families | [`Family`], [`CounterFamily`], [`UpDownCounterFamily`], [`GaugeFamily`], [`HistogramFamily`] |
//! | labels | [`LabelSet`], [`Labels`], the module [`label`] |
//! | registry | [`MetricsRegistry`], [`RegistryConfig`], [`FamilyBuilder`]; [`CardinalityReport`] |
//! | exemplars | [`ExemplarSource`], [`ExemplarError`] |
//! | lifetime | [`OwnedSeries`], [`FamilyBuilder::with_expire_after`], [`Clock`], [`ManualClock`] |
//! | description | [`Descriptor`], [`MetricType`], [`Unit`], the module [`name`] |
//! | declaration | the module [`declare`], which the derive generates against |
//! | export | the module [`collect`], which is all that exporters see |
//! | errors | [`MetricsError`] over [`RegisterError`], [`SeriesError`] and others |
//!
//! # What this crate does not do
//!
//! It writes no format and opens no socket: exporters do. It has no global registry. It never resets a value for a
//! reader. It does not yet have summaries or exponential histograms.

pub mod buckets;
mod caught;
mod cell;
mod clock;
pub mod collect;
mod count;
mod counter;
pub mod declare;
mod descriptor;
mod error;
mod exemplar;
mod family;
mod fixed;
mod gauge;
mod histogram;
mod in_flight;
pub mod label;
mod metric;
pub mod name;
mod prefetch;
mod reclaim;
mod registry;
mod series;
mod setup;
mod sync;
mod timer;
mod unit;
mod updown;

pub use clock::{Clock, ManualClock};
pub use counter::Counter;
pub use descriptor::{Descriptor, MetricType};
pub use error::{MetricsError, Result};
pub use exemplar::{ExemplarError, ExemplarSource, MAX_EXEMPLAR_LENGTH};
pub use family::{
    CounterFamily, DynamicLabels, Family, GaugeFamily, HistogramFamily, OwnedSeries, SeriesError,
    UpDownCounterFamily,
};
pub use fixed::{StaticCounter, StaticError, StaticHistogram, StaticUpDownCounter};
pub use gauge::Gauge;
pub use histogram::{Histogram, HistogramSnapshot};
pub use in_flight::InFlightGuard;
pub use label::{LabelSet, Labels};
pub use metric::Metric;
pub use registry::{
    CardinalityReport, FamilyBuilder, FamilyCardinality, LabelCardinality, MetricsRegistry, RegisterError,
    Registration, RegistrationGuard, RegistryConfig,
};
pub use timer::Timer;
pub use unit::Unit;
pub use updown::UpDownCounter;

/// What [`Counter::metadata`] and its kin return: a family's [`Descriptor`].
pub type MetricMetadata = Descriptor;

/// The README's program, compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

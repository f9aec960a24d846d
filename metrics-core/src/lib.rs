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
//! | kinds | [`Counter`], [`UpDownCounter`], [`Gauge`], [`Histogram`], [`Summary`]; [`buckets`], [`Timer`], [`InFlightGuard`] |
//! |---|---|
//! | more kinds | [`FloatCounter`], [`IntGauge`], [`GaugeHistogram`], [`MaxGauge`], [`MinGauge`], [`StateSet`], [`Info`], [`LongTaskTimer`]; [`Clock`] |
//! | exponential buckets | [`ExponentialConfig`], [`FamilyBuilder::with_exponential`] |
//! | callbacks | [`MetricsRegistry::register_counter_callback`] and its kin, [`CallbackGuard`], [`HistogramReading`] |
//! | statics | [`StaticCounter`], [`StaticFloatCounter`], [`StaticUpDownCounter`], [`StaticHistogram`]; [`StaticMetric`] for any of them |
//! | families | [`Family`], [`CounterFamily`], [`UpDownCounterFamily`], [`GaugeFamily`], [`HistogramFamily`], and those of the other kinds |
//! | labels | [`LabelSet`], [`Labels`], the module [`label`] |
//! | registry | [`MetricsRegistry`] and its [scopes](MetricsRegistry::scope), [`RegistryConfig`], [`FamilyBuilder`]; [`Registries`], several as one; [`global()`], for who asks; [`CardinalityReport`] |
//! | exemplars | [`ExemplarSource`], [`ExemplarError`] |
//! | lifetime | [`OwnedSeries`], [`FamilyBuilder::with_expire_after`], [`Clock`], [`ManualClock`] |
//! | description | [`Descriptor`], [`MetricType`], [`Unit`], the module [`name`] |
//! | declaration | the module [`declare`], which the derive generates against |
//! | export | the module [`collect`], which is all that exporters see |
//! | tests | with the feature `test-util`, the module `test_util` and `assert_metric!` |
//! | errors | [`MetricsError`] over [`RegisterError`], [`SeriesError`] and others |
//!
//! # What this crate does not do
//!
//! It writes no format and opens no socket: exporters do. Nothing is on the global registry that does not ask to be, and
//! no code runs before `main`. It never resets a value for a reader.

mod asking;
pub mod buckets;
mod callback;
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
mod exponential;
mod extreme;
mod family;
mod fixed;
mod float_counter;
mod gauge;
mod gauge_histogram;
mod histogram;
mod in_flight;
mod info;
mod int_gauge;
pub mod label;
mod long_task;
mod metric;
pub mod name;
mod prefetch;
mod reclaim;
mod registry;
mod series;
mod setup;
mod state_set;
mod summary;
mod sync;
#[cfg(feature = "test-util")]
pub mod test_util;
mod timer;
mod unit;
mod updown;
mod window;

pub use callback::{CallbackGuard, HistogramReading};
pub use clock::{Clock, ManualClock};
pub use counter::Counter;
pub use descriptor::{Descriptor, MetricType};
pub use error::{MetricsError, Result};
pub use exemplar::{ExemplarError, ExemplarSource, MAX_EXEMPLAR_LENGTH};
pub use exponential::{ExponentialConfig, ExponentialError};
pub use extreme::{MaxGauge, MinGauge};
pub use family::{
    CounterFamily, DynamicLabels, Family, FloatCounterFamily, GaugeFamily, GaugeHistogramFamily,
    HistogramFamily, InfoFamily, IntGaugeFamily, MaxGaugeFamily, MinGaugeFamily, OwnedSeries, SeriesError,
    StateSetFamily, SummaryFamily, UpDownCounterFamily,
};
pub use fixed::{
    StaticCounter, StaticError, StaticFloatCounter, StaticHistogram, StaticMetric, StaticUpDownCounter,
};
pub use float_counter::FloatCounter;
pub use gauge::Gauge;
pub use gauge_histogram::{GaugeHistogram, PresenceGuard};
pub use histogram::{Histogram, HistogramSnapshot};
pub use in_flight::InFlightGuard;
pub use info::Info;
pub use int_gauge::IntGauge;
pub use label::{LabelSet, Labels};
pub use long_task::{LongTask, LongTaskTimer};
pub use metric::Metric;
pub use registry::{
    CardinalityReport, FamilyBuilder, FamilyCardinality, GlobalError, LabelCardinality, MergeConflict,
    MetricsRegistry, RegisterError, Registration, RegistrationGuard, Registries, RegistryConfig, global,
    set_global,
};
pub use state_set::{StateError, StateSet};
pub use summary::{MAX_AGE_BUCKETS, Summary, SummaryConfig, SummaryError, SummarySnapshot};
pub use timer::Timer;
pub use unit::Unit;
pub use updown::UpDownCounter;

/// What [`Counter::metadata`] and its kin return: a family's [`Descriptor`].
pub type MetricMetadata = Descriptor;

/// The README's program, compiled and run with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

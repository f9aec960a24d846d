//! Families of the kinds that few programs need.

use super::{DynamicLabels, Family};
use crate::extreme::{MaxGauge, MinGauge};
use crate::float_counter::FloatCounter;
use crate::gauge_histogram::GaugeHistogram;
use crate::info::Info;
use crate::int_gauge::IntGauge;
use crate::label::ClosedLabelValue;
use crate::setup::Options;
use crate::state_set::StateSet;
use crate::summary::Summary;

/// A family of counters of fractions with dynamic labels.
pub type FloatCounterFamily = Family<DynamicLabels, FloatCounter>;
/// A family of gauge histograms with dynamic labels.
pub type GaugeHistogramFamily = Family<DynamicLabels, GaugeHistogram>;
/// A family of gauges of whole numbers with dynamic labels.
pub type IntGaugeFamily = Family<DynamicLabels, IntGauge>;
/// A family of gauges with dynamic labels that show the largest value observed lately.
pub type MaxGaugeFamily = Family<DynamicLabels, MaxGauge>;
/// A family of gauges with dynamic labels that show the smallest value observed lately.
pub type MinGaugeFamily = Family<DynamicLabels, MinGauge>;
/// A family of infos with dynamic labels.
pub type InfoFamily = Family<DynamicLabels, Info>;
/// A family of state sets with dynamic labels, of the states of `S`.
pub type StateSetFamily<S> = Family<DynamicLabels, StateSet<S>>;
/// A family of summaries with dynamic labels.
pub type SummaryFamily = Family<DynamicLabels, Summary>;

/// Writes the constructors of families outside of any registry.
macro_rules! standalone {
    ($($family:ident $(<$state:ident: $bound:path>)?),*) => {$(
        impl $(<$state: $bound + 'static>)? $family $(<$state>)? {
            /// A family of its own, outside of any registry, under the default limits.
            ///
            /// What is wrong with it is refused where it could reach a page: by
            /// [`MetricsRegistry::register`](crate::MetricsRegistry::register), and when the family is collected by
            /// itself.
            #[track_caller]
            pub fn new(name: impl Into<String>, help: impl Into<String>) -> Self {
                Family::standalone(name, help, &Options::default())
            }
        }
    )*};
}
standalone!(
    FloatCounterFamily,
    IntGaugeFamily,
    MaxGaugeFamily,
    MinGaugeFamily,
    InfoFamily,
    StateSetFamily<S: ClosedLabelValue>,
    SummaryFamily
);

impl GaugeHistogramFamily {
    /// A family of its own, outside of any registry, under the default limits, with these upper bounds.
    ///
    /// A wrong name and wrong bounds are refused where they could reach a page: by
    /// [`MetricsRegistry::register`](crate::MetricsRegistry::register), and when the family is collected by itself.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, bounds: &[f64]) -> GaugeHistogramFamily {
        Family::standalone(name, help, &Options::with_bounds(bounds))
    }
}

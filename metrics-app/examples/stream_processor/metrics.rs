//! Everything that the example measures.

use nilometer::application::{ProcessorMetrics, StateMetrics, WindowMetrics};
use nilometer::{Counter, Family, Histogram, Metrics, TypedLabels};

/// Delays from an hour early to eight hours late, in seconds.
const DELAY_SECONDS: [f64; 13] =
    [-3600.0, -1800.0, -900.0, -600.0, -300.0, 0.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0];

/// Where a flight departed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, TypedLabels)]
pub(crate) struct AirportLabels<'a> {
    pub(crate) airport: &'a str,
}

/// What flights say about airports.
#[derive(Debug, Clone, Metrics)]
#[metrics(prefix = "flight")]
pub(crate) struct FlightMetrics {
    /// Flights processed, by airport of origin.
    pub(crate) events_total: Family<AirportLabels<'static>, Counter>,
    /// Delay on arrival, by airport of origin; flights that arrive early make it negative, so the sum can fall.
    #[metric(buckets = DELAY_SECONDS, unit = "seconds")]
    pub(crate) delay_seconds: Family<AirportLabels<'static>, Histogram>,
}

/// The library's three sets and the example's own, registered as one.
#[derive(Debug, Clone, Metrics)]
pub(crate) struct StreamMetrics {
    #[metric(flatten)]
    pub(crate) processor: ProcessorMetrics,
    #[metric(flatten)]
    pub(crate) window: WindowMetrics,
    #[metric(flatten)]
    pub(crate) state: StateMetrics,
    #[metric(flatten)]
    pub(crate) flight: FlightMetrics,
}

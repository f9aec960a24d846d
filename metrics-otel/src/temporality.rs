//! What a receiver prefers to get.

use std::str::FromStr;

use nilometer_core::collect::MetricType;
use thiserror::Error;

/// Since when a sum or a histogram counts: the start of the series, or the export before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Temporality {
    Delta,
    Cumulative,
}

/// Which kinds are sent as what was added since the last export that arrived, and which as totals since their start.
///
/// | | counters | histograms | all others |
/// |---|---|---|---|
/// | `Cumulative` | totals | totals | totals |
/// | `Delta`, `LowMemory` | differences | differences | totals |
///
/// The specification tells both apart by counters that are observed rather than incremented, which `LowMemory` leaves
/// cumulative; a collector does not show which those are, so that they are the same here. Neither saves memory here:
/// the store is never reset, so the encoder keeps what was sent before.
///
/// # Examples
///
/// ```
/// use nilometer_otel::TemporalityPreference;
///
/// assert_eq!("Delta".parse::<TemporalityPreference>()?, TemporalityPreference::Delta);
/// assert!("sometimes".parse::<TemporalityPreference>().is_err());
/// # Ok::<(), nilometer_otel::UnknownPreference>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry specification, "Metrics Exporter - OTLP", `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TemporalityPreference {
    /// All totals since the start of the series.
    #[default]
    Cumulative,
    /// Counters and histograms as differences.
    Delta,
    /// The same.
    LowMemory,
}

impl TemporalityPreference {
    /// SPEC: as above: up-down counters are cumulative whatever is preferred.
    pub(crate) fn of(self, kind: MetricType) -> Temporality {
        match (self, kind) {
            (
                TemporalityPreference::Delta | TemporalityPreference::LowMemory,
                MetricType::Counter | MetricType::Histogram,
            ) => Temporality::Delta,
            _ => Temporality::Cumulative,
        }
    }

    /// Whether something is sent as a difference.
    pub(crate) fn has_deltas(self) -> bool {
        self.of(MetricType::Counter) == Temporality::Delta
    }
}

impl FromStr for TemporalityPreference {
    type Err = UnknownPreference;

    /// SPEC: as above: `cumulative`, `delta` and `lowmemory`, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, UnknownPreference> {
        let known = [
            ("cumulative", TemporalityPreference::Cumulative),
            ("delta", TemporalityPreference::Delta),
            ("lowmemory", TemporalityPreference::LowMemory),
        ];
        lookup(&known, text)
    }
}

/// Which buckets are sent of a histogram that has explicit and exponential ones.
///
/// One that was recorded into exponential buckets alone is sent with those, one that has none with explicit ones,
/// whatever is preferred.
///
/// # Examples
///
/// ```
/// use nilometer_otel::HistogramAggregation;
///
/// let parsed: HistogramAggregation = "base2_exponential_bucket_histogram".parse()?;
/// assert_eq!(parsed, HistogramAggregation::Exponential);
/// # Ok::<(), nilometer_otel::UnknownPreference>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry specification, "Metrics Exporter - OTLP", `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum HistogramAggregation {
    /// Those with explicit bounds: the specification's default.
    #[default]
    Explicit,
    /// The exponential ones.
    Exponential,
}

impl FromStr for HistogramAggregation {
    type Err = UnknownPreference;

    /// SPEC: as above: `explicit_bucket_histogram` and `base2_exponential_bucket_histogram`, in upper or lower case.
    fn from_str(text: &str) -> Result<Self, UnknownPreference> {
        let known = [
            ("explicit_bucket_histogram", HistogramAggregation::Explicit),
            ("base2_exponential_bucket_histogram", HistogramAggregation::Exponential),
        ];
        lookup(&known, text)
    }
}

fn lookup<T: Copy>(known: &[(&'static str, T)], text: &str) -> Result<T, UnknownPreference> {
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| UnknownPreference { text: text.to_owned() })
}

/// The specification knows no such preference.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no known preference")]
pub struct UnknownPreference {
    text: String,
}

impl UnknownPreference {
    /// What was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

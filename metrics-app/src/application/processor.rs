//! What a processor does with its events.

use nilometer_core::{Counter, CounterFamily, Gauge, Histogram, buckets};
use nilometer_macros::Metrics;

/// The metrics of a processor's event loop: what it receives, processes and drops, and how long an event takes.
///
/// Fed as the field docs say, received is at rest the sum of processed and of dropped over all reasons.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::application::ProcessorMetrics;
///
/// let registry = MetricsRegistry::new();
/// let metrics = ProcessorMetrics::new(&registry)?;
/// // Resolved once, outside the loop: a lookup by labels is the slower path.
/// let malformed = metrics.events_dropped_total.get_or_create(&[("reason", "malformed")]);
///
/// for event in ["12", "x", "7"] {
///     metrics.events_received_total.inc();
///     let _in_flight = metrics.events_in_flight.track_in_flight();
///     let _timer = metrics.processing_duration_ms.start_timer();
///     match event.parse::<u64>() {
///         Ok(_) => metrics.events_processed_total.inc(),
///         Err(_) => malformed.inc(),
///     }
/// }
///
/// assert_eq!(metrics.events_received_total.get(), 3);
/// assert_eq!(metrics.events_processed_total.get() + malformed.get(), 3);
/// assert_eq!(metrics.processing_duration_ms.snapshot().count(), 3);
/// assert_eq!(metrics.events_in_flight.get(), 0.0);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "stream_processor")]
pub struct ProcessorMetrics {
    /// Events received, whatever became of them.
    pub events_received_total: Counter,
    /// Events processed to their end.
    pub events_processed_total: Counter,
    /// Events received and then dropped, by reason.
    #[metric(labels = ["reason"])]
    pub events_dropped_total: CounterFamily,
    /// Errors met, by kind; an error need not cost an event.
    #[metric(labels = ["kind"])]
    pub errors_total: CounterFamily,
    /// Time from receiving an event to being done with it, in milliseconds.
    #[metric(buckets = buckets::LATENCY_MS, unit = "ms")]
    pub processing_duration_ms: Histogram,
    /// Events received and not yet done with.
    pub events_in_flight: Gauge,
}

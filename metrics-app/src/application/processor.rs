//! What a processor does with its events.

use nilometer_core::{Counter, CounterFamily, Gauge, Histogram, buckets};
use nilometer_macros::Metrics;

/// Events in one batch: 1 to 16,384.
const BATCH_EVENTS: [f64; 8] = buckets::exponential(1.0, 4.0);

/// The metrics of a processor's event loop: what it receives, processes, emits and drops, in what batches, and how long an
/// event takes.
///
#[doc = include_str!("processor.md")]
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
    /// Events that the processor sent on.
    pub events_emitted_total: Counter,
    /// Bytes received, as they came.
    #[metric(unit = "bytes")]
    pub received_bytes_total: Counter,
    /// Bytes sent on, as they went.
    #[metric(unit = "bytes")]
    pub emitted_bytes_total: Counter,
    /// Events in a batch that was received as one.
    #[metric(buckets = BATCH_EVENTS)]
    pub batch_events: Histogram,
    /// Times that an event or a batch was tried once more.
    pub retries_total: Counter,
    /// When the last event was received, in seconds since 1970.
    #[metric(unit = "seconds")]
    pub last_event_timestamp_seconds: Gauge,
}

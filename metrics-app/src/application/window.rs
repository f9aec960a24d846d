//! Event-time windows.

use nilometer_core::{Counter, CounterFamily, Gauge, Histogram, buckets};
use nilometer_macros::Metrics;

/// How far behind the watermark events come, in seconds: in order, then from a minute to a day.
const LATENESS_SECONDS: [f64; 9] = [0.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0, 86_400.0];

/// Events in one window: 1 to 65,536.
const WINDOW_EVENTS: [f64; 9] = buckets::exponential(1.0, 4.0);

/// The metrics of event-time windows: opened, closed and dropped, the watermark, and events that come late.
///
/// The watermark is the event time up to which a processor believes itself complete. An event behind it is late; a
/// late event whose window is still open counts there, one whose window has closed is lost to it.
///
#[doc = include_str!("window.md")]
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::application::WindowMetrics;
///
/// let metrics = WindowMetrics::new(&MetricsRegistry::new())?;
/// metrics.opened_total.inc();
/// metrics.open.inc();
/// // The newest event received is of 978,310,080; the watermark stays a minute behind.
/// metrics.watermark_timestamp_seconds.set(978_310_020.0);
/// metrics.watermark_lag_seconds.set(60.0);
///
/// // An event that is 90 s behind the watermark, in time for its window.
/// metrics.event_lateness_seconds.observe(90.0);
/// metrics.late_events_total.inc();
///
/// metrics.closed_total.inc();
/// metrics.open.dec();
/// metrics.events_per_window.observe(1.0);
/// assert_eq!(metrics.open.get(), 0.0);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "stream_processor_window")]
pub struct WindowMetrics {
    /// Windows opened.
    pub opened_total: Counter,
    /// Windows closed.
    pub closed_total: Counter,
    /// Windows that are open.
    pub open: Gauge,
    /// Events behind the watermark that still found their window open.
    pub late_events_total: Counter,
    /// Events behind the watermark whose window had closed.
    pub missed_events_total: Counter,
    /// How far behind the watermark events came, in event time; 0 for those in order.
    #[metric(buckets = LATENESS_SECONDS, unit = "seconds")]
    pub event_lateness_seconds: Histogram,
    /// Events that a window held when it closed.
    #[metric(buckets = WINDOW_EVENTS)]
    pub events_per_window: Histogram,
    /// The watermark, as seconds since 1970; `time()` minus this is how far it lags.
    #[metric(unit = "seconds")]
    pub watermark_timestamp_seconds: Gauge,
    /// How far the watermark is behind the newest event received, in event time.
    #[metric(unit = "seconds")]
    pub watermark_lag_seconds: Gauge,
    /// Windows given up without a result, by reason.
    #[metric(labels = ["reason"])]
    pub dropped_total: CounterFamily,
    /// Time to work out and send on the result of a window that closes.
    #[metric(buckets = buckets::LATENCY_SECONDS, unit = "seconds")]
    pub close_duration_seconds: Histogram,
}

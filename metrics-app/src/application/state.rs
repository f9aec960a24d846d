//! A keyed store.

use nilometer_core::{Counter, CounterFamily, Gauge, Histogram, buckets};
use nilometer_macros::Metrics;

/// How long checkpoints take, in seconds: from 10 ms to 10 minutes.
const CHECKPOINT_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 600.0];

/// How large checkpoints are: from 4 KiB to 16 GiB.
const CHECKPOINT_BYTES: [f64; 12] = buckets::exponential(4096.0, 4.0);

/// The metrics of the state that a processor keeps by key, and of the checkpoints that it makes of it.
///
#[doc = include_str!("state.md")]
/// # Examples
///
/// ```
/// use std::collections::HashMap;
///
/// use nilometer::MetricsRegistry;
/// use nilometer::application::StateMetrics;
///
/// let metrics = StateMetrics::new(&MetricsRegistry::new())?;
/// let mut state: HashMap<&str, u64> = HashMap::new();
/// for key in ["ATL", "ORD", "ATL"] {
///     if state.contains_key(key) { metrics.hits_total.inc() } else { metrics.misses_total.inc() }
///     *state.entry(key).or_default() += 1;
///     metrics.entries.set(state.len() as f64);
/// }
/// assert_eq!((metrics.hits_total.get(), metrics.misses_total.get()), (1, 2));
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "stream_processor_state")]
pub struct StateMetrics {
    /// Keys held.
    pub entries: Gauge,
    /// Memory held by keys and values; an estimate will do.
    #[metric(unit = "bytes")]
    pub size_bytes: Gauge,
    /// Lookups that found their key.
    pub hits_total: Counter,
    /// Lookups that did not find their key.
    pub misses_total: Counter,
    /// Keys removed to make room or because they were idle.
    pub evictions_total: Counter,
    /// Keys put in that were not held.
    pub insertions_total: Counter,
    /// Keys removed because their time was over.
    pub expirations_total: Counter,
    /// Keys removed because the processor was done with them.
    pub deletions_total: Counter,
    /// Time that a checkpoint took which was completed.
    #[metric(buckets = CHECKPOINT_SECONDS, unit = "seconds")]
    pub checkpoint_duration_seconds: Histogram,
    /// Size of a checkpoint that was completed.
    #[metric(buckets = CHECKPOINT_BYTES, unit = "bytes")]
    pub checkpoint_size_bytes: Histogram,
    /// Checkpoints that failed, by reason.
    #[metric(labels = ["reason"])]
    pub checkpoint_failures_total: CounterFamily,
    /// When the last checkpoint was completed, in seconds since 1970.
    #[metric(unit = "seconds")]
    pub last_checkpoint_timestamp_seconds: Gauge,
}

//! A keyed store.

use nilometer_core::{Counter, Gauge};
use nilometer_macros::Metrics;

/// The metrics of the state that a processor keeps by key.
///
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
}

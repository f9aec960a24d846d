//! Ready-made metric sets for a stream processor.
//!
//! - [`ProcessorMetrics`]: events in, events out, batches, what was dropped and why, how long an event takes.
//! - [`WindowMetrics`]: event-time windows, the watermark and its lag, late events.
//! - [`StateMetrics`]: a keyed store: its size, hits, misses, what leaves it and why, and its checkpoints.
//!
//! Each is declared with `#[derive(Metrics)]`, so it is also a model for a set of one's own. Registering a set twice
//! with one registry returns the same handles.
//!
//! # Examples
//!
//! ```
//! use nilometer::MetricsRegistry;
//! use nilometer::application::{ProcessorMetrics, StateMetrics, WindowMetrics};
//!
//! let registry = MetricsRegistry::new();
//! let processor = ProcessorMetrics::new(&registry)?;
//! let windows = WindowMetrics::new(&registry)?;
//! let state = StateMetrics::new(&registry)?;
//!
//! processor.events_received_total.inc();
//! windows.opened_total.inc();
//! state.entries.set(1.0);
//! # Ok::<(), nilometer::MetricsError>(())
//! ```

mod processor;
mod state;
mod window;

pub use processor::ProcessorMetrics;
pub use state::StateMetrics;
pub use window::WindowMetrics;

#[cfg(test)]
mod tests {
    use nilometer_core::{Descriptor, MetricType, MetricsRegistry};

    use super::*;

    fn descriptors() -> Vec<Descriptor> {
        [ProcessorMetrics::descriptors(), WindowMetrics::descriptors(), StateMetrics::descriptors()].concat()
    }

    #[test]
    fn the_names_do_not_change() {
        let names: Vec<String> =
            descriptors().iter().map(|descriptor| descriptor.name().to_owned()).collect();
        let expected = [
            "stream_processor_events_received_total",
            "stream_processor_events_processed_total",
            "stream_processor_events_dropped_total",
            "stream_processor_errors_total",
            "stream_processor_processing_duration_ms",
            "stream_processor_events_in_flight",
            "stream_processor_events_emitted_total",
            "stream_processor_received_bytes_total",
            "stream_processor_emitted_bytes_total",
            "stream_processor_batch_events",
            "stream_processor_retries_total",
            "stream_processor_last_event_timestamp_seconds",
            "stream_processor_window_opened_total",
            "stream_processor_window_closed_total",
            "stream_processor_window_open",
            "stream_processor_window_late_events_total",
            "stream_processor_window_missed_events_total",
            "stream_processor_window_event_lateness_seconds",
            "stream_processor_window_events_per_window",
            "stream_processor_window_watermark_timestamp_seconds",
            "stream_processor_window_watermark_lag_seconds",
            "stream_processor_window_dropped_total",
            "stream_processor_window_close_duration_seconds",
            "stream_processor_state_entries",
            "stream_processor_state_size_bytes",
            "stream_processor_state_hits_total",
            "stream_processor_state_misses_total",
            "stream_processor_state_evictions_total",
            "stream_processor_state_insertions_total",
            "stream_processor_state_expirations_total",
            "stream_processor_state_deletions_total",
            "stream_processor_state_checkpoint_duration_seconds",
            "stream_processor_state_checkpoint_size_bytes",
            "stream_processor_state_checkpoint_failures_total",
            "stream_processor_state_last_checkpoint_timestamp_seconds",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn counters_and_nothing_else_end_in_total() {
        for descriptor in descriptors() {
            let is_counter = descriptor.metric_type() == MetricType::Counter;
            assert_eq!(descriptor.name().ends_with("_total"), is_counter, "{}", descriptor.name());
        }
    }

    #[test]
    fn a_set_that_is_registered_twice_has_the_same_handles() {
        let registry = MetricsRegistry::new();
        let (first, second) =
            (ProcessorMetrics::new(&registry).unwrap(), ProcessorMetrics::new(&registry).unwrap());
        first.events_received_total.inc();
        second.events_received_total.inc();
        assert_eq!(first.events_received_total.get(), 2);
    }

    #[test]
    fn several_instances_of_a_set_differ_in_their_labels() {
        let registry = MetricsRegistry::new();
        let eu = StateMetrics::register_with(&registry, &[("region", "eu")]).unwrap();
        let us = StateMetrics::register_with(&registry, &[("region", "us")]).unwrap();
        eu.hits_total.inc();
        assert_eq!((eu.hits_total.get(), us.hits_total.get()), (1, 0));
    }
}

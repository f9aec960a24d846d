//! What a propagator tells about what it ignored.

use std::fmt;
use std::sync::Arc;

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};

use super::stats::Counters;

/// Metrics about what a [`Propagator`](super::Propagator) and its clones ignored: a [`Collector`] that
/// [`Propagator::metrics`](super::Propagator::metrics) gives.
///
/// The one family is the counter `nilometer_otel_propagation_ignored_total`. It has a series for each value of its label
/// `reason`, from the start on:
///
/// | `reason` | what |
/// |---|---|
/// | `malformed_trace_parent` | [`PropagationStats::malformed_trace_parents`](super::PropagationStats::malformed_trace_parents) |
/// | `malformed_trace_state` | [`PropagationStats::malformed_trace_states`](super::PropagationStats::malformed_trace_states) |
/// | `malformed_baggage` | [`PropagationStats::malformed_baggage`](super::PropagationStats::malformed_baggage) |
/// | `oversized_baggage` | [`PropagationStats::oversized_baggage`](super::PropagationStats::oversized_baggage) |
/// | `invalid_utf8` | [`PropagationStats::invalid_utf8`](super::PropagationStats::invalid_utf8) |
///
/// Clones show the same. A registry takes the metrics of one propagator, which its clones share.
///
/// # Concurrency
///
/// Collecting takes no lock.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
/// use nilometer_otel::propagation::Propagator;
///
/// let (registry, propagator) = (MetricsRegistry::new(), Propagator::new());
/// registry.register_collector("otel_propagation", propagator.metrics())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct PropagationMetrics(Arc<Counters>);

impl PropagationMetrics {
    pub(super) fn new(counters: Arc<Counters>) -> PropagationMetrics {
        PropagationMetrics(counters)
    }
}

impl fmt::Debug for PropagationMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PropagationMetrics").field(&self.0.stats()).finish()
    }
}

impl Collector for PropagationMetrics {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (name, help) = ("nilometer_otel_propagation_ignored_total", "What was ignored of carriers.");
        visitor.family(&Descriptor::try_new(name, help, MetricType::Counter)?)?;
        let stats = self.0.stats();
        for (reason, count) in [
            ("malformed_trace_parent", stats.malformed_trace_parents()),
            ("malformed_trace_state", stats.malformed_trace_states()),
            ("malformed_baggage", stats.malformed_baggage()),
            ("oversized_baggage", stats.oversized_baggage()),
            ("invalid_utf8", stats.invalid_utf8()),
        ] {
            let labels = LabelSet::try_from_pairs(&[("reason", reason)])?;
            let point = CounterPoint::new(count).with_created(self.0.created);
            visitor.point(SeriesLabels::of(&labels), point.into())?;
        }
        Ok(())
    }
}

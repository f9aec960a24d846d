//! Who names observations as they are made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::caught::{Panicked, caught};
use crate::label::LabelSet;

/// Names observations as they are made, by labels that lead to more about them: the ids of the trace and of the span
/// that the thread is in, most often.
///
/// [`RegistryConfig::with_exemplar_source`](crate::RegistryConfig::with_exemplar_source) plugs one in.
///
/// # Concurrency
///
/// It is called on the threads that record, several at a time, right after an observation was recorded: seldom, once per
/// thread, bucket and collection at most. Whoever records waits for it. A panic is caught, and counted as an exemplar
/// that was dropped.
///
/// # Examples
///
/// ```
/// use nilometer_core::{ExemplarSource, LabelSet, MetricsRegistry, RegistryConfig};
///
/// thread_local! {
///     static TRACE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
/// }
///
/// struct CurrentTrace;
///
/// impl ExemplarSource for CurrentTrace {
///     fn exemplar(&self) -> Option<LabelSet> {
///         let trace = TRACE.get();
///         (trace != 0).then(|| LabelSet::from_pairs(&[("trace_id", &format!("{trace:032x}"))]))
///     }
/// }
///
/// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(CurrentTrace));
/// let duration = registry.register_histogram("request_seconds", "Time to answer.", &[0.1, 1.0])?;
/// TRACE.set(7);
/// duration.default().observe(0.3); // Its bucket has an exemplar now.
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
pub trait ExemplarSource: Send + Sync + 'static {
    /// The labels of an exemplar for what the calling thread has just recorded; `None` where there is nothing to name,
    /// such as outside of a span, or in one that is not sampled.
    fn exemplar(&self) -> Option<LabelSet>;
}

/// A source, and how often it is asked.
#[derive(Clone)]
pub(crate) struct Sampling {
    source: Arc<dyn ExemplarSource>,
    interval: Duration,
}

impl Sampling {
    /// How long an epoch is at least where nothing else is said.
    pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

    pub(crate) fn new(source: Arc<dyn ExemplarSource>, interval: Duration) -> Sampling {
        Sampling { source, interval }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// Asks the source.
    pub(super) fn ask(&self) -> Result<Option<LabelSet>, Panicked> {
        caught(|| self.source.exemplar())
    }
}

impl fmt::Debug for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampling").field("interval", &self.interval).finish_non_exhaustive()
    }
}

//! Observing how long something takes.

use std::time::{Duration, Instant};

use crate::histogram::Histogram;

/// Measures time on the monotonic clock and observes it when it is dropped; made by [`Histogram::start_timer`].
///
/// # Examples
///
/// ```
/// # let registry = nilometer_core::MetricsRegistry::new();
/// # let family = registry.register_histogram("h_seconds", "H.", &[1.0])?;
/// let histogram = family.default();
/// let kept = histogram.start_timer();
/// let thrown_away = histogram.start_timer();
/// let elapsed = kept.stop();
/// thrown_away.discard();
/// assert_eq!(histogram.snapshot().sum(), elapsed.as_secs_f64());
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug)]
#[must_use = "a timer that is dropped at once observes no time"]
pub struct Timer {
    /// `None` once the timer has observed, or was told not to.
    histogram: Option<Histogram>,
    start: Instant,
}

impl Timer {
    pub(crate) fn start(histogram: Histogram) -> Timer {
        Timer { histogram: Some(histogram), start: Instant::now() }
    }

    /// Observes the time since the start, and returns it.
    #[expect(
        clippy::must_use_candidate,
        reason = "stopping is for its effect; the duration is a convenience"
    )]
    pub fn stop(mut self) -> Duration {
        self.finish()
    }

    /// Ends the timer without an observation.
    pub fn discard(mut self) {
        self.histogram = None;
    }

    fn finish(&mut self) -> Duration {
        let elapsed = self.start.elapsed();
        if let Some(histogram) = self.histogram.take() {
            histogram.observe_duration(elapsed);
        }
        elapsed
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.finish();
    }
}

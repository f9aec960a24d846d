//! Observing how long something takes.

use std::time::{Duration, Instant};

use crate::extreme::{MaxGauge, MinGauge};
use crate::fixed::{StaticFloatCounter, StaticHistogram};
use crate::float_counter::FloatCounter;
use crate::histogram::Histogram;
use crate::summary::Summary;

/// Measures time on the monotonic clock and observes it when it is dropped; made by [`Histogram::start_timer`],
/// [`StaticHistogram::start_timer`] and those of [`Summary`], [`MaxGauge`], [`MinGauge`], [`FloatCounter`] and
/// [`StaticFloatCounter`], which adds it.
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
    timed: Option<Timed>,
    start: Instant,
}

/// What a timer observes into.
#[derive(Debug)]
pub(crate) enum Timed {
    Handle(Histogram),
    Static(&'static StaticHistogram),
    Summary(Summary),
    Max(MaxGauge),
    Min(MinGauge),
    FloatCounter(FloatCounter),
    StaticFloatCounter(&'static StaticFloatCounter),
}

impl Timer {
    pub(crate) fn start(timed: Timed) -> Timer {
        Timer { timed: Some(timed), start: Instant::now() }
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
        self.timed = None;
    }

    fn finish(&mut self) -> Duration {
        let elapsed = self.start.elapsed();
        match self.timed.take() {
            Some(Timed::Handle(histogram)) => histogram.observe_duration(elapsed),
            Some(Timed::Static(histogram)) => histogram.observe_duration(elapsed),
            Some(Timed::Summary(summary)) => summary.observe_duration(elapsed),
            Some(Timed::Max(gauge)) => gauge.observe_duration(elapsed),
            Some(Timed::Min(gauge)) => gauge.observe_duration(elapsed),
            Some(Timed::FloatCounter(counter)) => counter.inc_by_duration(elapsed),
            Some(Timed::StaticFloatCounter(counter)) => counter.inc_by_duration(elapsed),
            None => {}
        }
        elapsed
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.finish();
    }
}

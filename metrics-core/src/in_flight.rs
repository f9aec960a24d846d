//! Counting what is in flight.

use crate::fixed::StaticUpDownCounter;
use crate::gauge::Gauge;
use crate::int_gauge::IntGauge;
use crate::updown::UpDownCounter;

/// Keeps a metric one higher until it is dropped, by a panic too; made by [`Gauge::track_in_flight`],
/// [`IntGauge::track_in_flight`], [`UpDownCounter::track_in_flight`] and [`StaticUpDownCounter::track_in_flight`].
///
/// A guard that is leaked is work that never ends: the metric stays one higher.
#[derive(Debug)]
#[must_use = "the work counts as done as soon as the guard is dropped"]
pub struct InFlightGuard {
    tracked: Tracked,
}

/// What a guard keeps one higher.
#[derive(Debug)]
pub(crate) enum Tracked {
    Gauge(Gauge),
    IntGauge(IntGauge),
    UpDownCounter(UpDownCounter),
    Static(&'static StaticUpDownCounter),
}

impl InFlightGuard {
    #[inline]
    pub(crate) fn track(tracked: Tracked) -> InFlightGuard {
        match &tracked {
            Tracked::Gauge(gauge) => gauge.inc(),
            Tracked::IntGauge(gauge) => gauge.inc(),
            Tracked::UpDownCounter(counter) => counter.inc(),
            Tracked::Static(counter) => counter.inc(),
        }
        InFlightGuard { tracked }
    }
}

impl Drop for InFlightGuard {
    #[inline]
    fn drop(&mut self) {
        match &self.tracked {
            Tracked::Gauge(gauge) => gauge.dec(),
            Tracked::IntGauge(gauge) => gauge.dec(),
            Tracked::UpDownCounter(counter) => counter.dec(),
            Tracked::Static(counter) => counter.dec(),
        }
    }
}

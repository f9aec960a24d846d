//! Families that have series of each runtime, or of each worker.

use nilometer_core::Descriptor;
use nilometer_core::collect::{
    CounterPoint, GaugePoint, LabelSet, Number, Point, SeriesLabels, Stopped, Visitor,
};
use tokio::runtime::RuntimeMetrics as Told;

use super::Watched;

/// Where families are shown, each with the series of all runtimes.
pub(super) struct Page<'a> {
    /// With what they tell, asked for once in a collection.
    runtimes: Vec<(&'a Watched, Told)>,
    visitor: &'a mut dyn Visitor,
}

impl<'a> Page<'a> {
    pub(super) fn new(runtimes: &'a [Watched], visitor: &'a mut dyn Visitor) -> Page<'a> {
        let runtimes = runtimes.iter().map(|watched| (watched, watched.handle.metrics())).collect();
        Page { runtimes, visitor }
    }

    /// Shows a gauge of each runtime. What it counts is in memory, so an `i64` holds it.
    pub(super) fn gauge(&mut self, family: &Descriptor, value: fn(&Told) -> usize) -> Result<(), Stopped> {
        self.of_runtimes(family, |told| gauge(value(told)))
    }

    /// Shows a gauge of each worker.
    #[cfg(tokio_unstable)]
    pub(super) fn worker_gauge(
        &mut self,
        family: &Descriptor,
        value: fn(&Told, usize) -> usize,
    ) -> Result<(), Stopped> {
        self.of_workers(family, |told, worker| gauge(value(told, worker)))
    }

    /// Shows a counter of each runtime.
    #[cfg(all(tokio_unstable, target_has_atomic = "64"))]
    pub(super) fn counter(&mut self, family: &Descriptor, total: fn(&Told) -> u64) -> Result<(), Stopped> {
        self.of_runtimes(family, |told| CounterPoint::new(total(told)).into())
    }

    /// Shows a counter of each worker.
    #[cfg(target_has_atomic = "64")]
    pub(super) fn worker_counter<N: Into<Number>>(
        &mut self,
        family: &Descriptor,
        total: fn(&Told, usize) -> N,
    ) -> Result<(), Stopped> {
        self.of_workers(family, |told, worker| CounterPoint::new(total(told, worker)).into())
    }

    fn of_runtimes(
        &mut self,
        family: &Descriptor,
        point: impl Fn(&Told) -> Point<'static>,
    ) -> Result<(), Stopped> {
        self.visitor.family(family)?;
        for (watched, told) in &self.runtimes {
            show(&mut *self.visitor, &watched.labels, point(told))?;
        }
        Ok(())
    }

    #[cfg(any(target_has_atomic = "64", tokio_unstable))]
    fn of_workers(
        &mut self,
        family: &Descriptor,
        point: impl Fn(&Told, usize) -> Point<'static>,
    ) -> Result<(), Stopped> {
        self.visitor.family(family)?;
        for (watched, told) in &self.runtimes {
            for (worker, labels) in watched.workers.iter().enumerate() {
                show(&mut *self.visitor, labels, point(told, worker))?;
            }
        }
        Ok(())
    }
}

fn show(visitor: &mut dyn Visitor, labels: &LabelSet, point: Point<'static>) -> Result<(), Stopped> {
    visitor.point(SeriesLabels::of(labels), point)
}

fn gauge(value: usize) -> Point<'static> {
    GaugePoint::new(i64::try_from(value).unwrap_or(i64::MAX)).into()
}

//! A count that goes up and down.

use std::panic::Location;

use crate::cell::{Near, Run, Values, updown};
use crate::collect::{Point, UpDownCounterPoint};
use crate::descriptor::{Descriptor, MetricType};
use crate::in_flight::{InFlightGuard, Tracked};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::Setup;

/// A handle of an up-down counter: an `i64` that changes by what is added to it, from 0 when its series is made, and
/// wraps at 2^63.
///
/// For what comes and goes: open connections, jobs in a queue, bytes in use. It is [`Counter`](crate::Counter)'s
/// equal in cost, since each thread adds to cells of its own, where the threads that change a [`Gauge`](crate::Gauge)
/// wait for each other. What it cannot do is be set. On a page of Prometheus it is a gauge, in OTLP a sum that is not
/// monotonic.
///
/// Clones count into the same series.
///
/// # Concurrency
///
/// Every method is wait-free and can be called from any thread. [`get`](UpDownCounter::get) is exact once the threads
/// that counted have been joined. While they count, a reader sees of each thread what it had added and subtracted at
/// some moment; whatever it sees subtracted, it sees the additions that happened before. Where each subtraction
/// follows the addition that it takes back, on the same thread or on one that learnt of it, no reader sees a number
/// below zero.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let queued = registry.register_up_down_counter("queue_jobs", "Jobs waiting.")?.default();
/// queued.add(10);
/// queued.dec();
/// assert_eq!(queued.get(), 9);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry, "Metrics API", `UpDownCounter`.
#[derive(Clone)]
#[must_use = "an up-down counter that nothing changes is a line that never moves"]
pub struct UpDownCounter {
    /// The first of the series' cells.
    slot: u32,
    near: Near,
    series: SeriesRef<Run>,
}

impl UpDownCounter {
    /// An up-down counter of its own, outside of any family and registry.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> UpDownCounter {
        let descriptor = Descriptor::unchecked(name, help, MetricType::UpDownCounter, Location::caller());
        <UpDownCounter as sealed::Sealed>::create(
            InfoRef::new(descriptor, Setup::default()),
            labels.into(),
            0,
        )
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.add(1);
    }

    /// Subtracts 1.
    #[inline]
    pub fn dec(&self) {
        self.add(-1);
    }

    /// Adds `delta`, which may be negative.
    #[inline]
    pub fn add(&self, delta: i64) {
        if !updown::add(self.near, delta) {
            updown::add_anywhere(self.slot, delta);
        }
    }

    /// Subtracts `delta`, which may be negative.
    #[inline]
    pub fn sub(&self, delta: i64) {
        // Of the one number whose opposite is out of range, the opposite is itself, modulo 2^64.
        self.add(delta.wrapping_neg());
    }

    /// The number now: what was added, less what was subtracted.
    #[must_use]
    pub fn get(&self) -> i64 {
        updown::get(self.slot)
    }

    /// Adds 1 now and subtracts it when the guard is dropped, on whichever thread that is: for what is in flight.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let in_flight = registry.register_up_down_counter("requests_in_flight", "Being served.")?.default();
    /// let guard = in_flight.track_in_flight();
    /// assert_eq!(in_flight.get(), 1);
    /// std::thread::spawn(|| drop(guard)).join().unwrap();
    /// assert_eq!(in_flight.get(), 0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn track_in_flight(&self) -> InFlightGuard {
        InFlightGuard::track(Tracked::UpDownCounter(self.clone()))
    }
}

handle_basics!(UpDownCounter);

impl Metric for UpDownCounter {
    const TYPE: MetricType = MetricType::UpDownCounter;
}

impl sealed::Sealed for UpDownCounter {
    type Cell = Run;

    const IDENTITY: &'static str = "up-down counter";

    fn cell(_: &FamilyInfo, _: usize) -> Run {
        Run::new(updown::CELLS_OF_UP_DOWN)
    }

    fn handle(series: SeriesRef<Run>) -> UpDownCounter {
        let slot = series.cell.first();
        UpDownCounter { slot, near: series.cell.near(), series }
    }

    fn series(&self) -> &SeriesRef<Run> {
        &self.series
    }

    fn read_all(handles: &[UpDownCounter], values: &mut Values) {
        values.read_up_downs(handles.iter().map(|handle| handle.slot));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        UpDownCounterPoint::new(values.number(at).cast_signed()).into()
    }
}

//! A total that only goes up.

use std::panic::Location;

use crate::cell::{Near, Run, Values, total};
use crate::collect::{CounterPoint, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::Setup;

/// A handle of a counter: a `u64` that only goes up, from 0 when its series is made, and wraps at 2^64.
///
/// Clones count into the same series.
///
/// # Concurrency
///
/// Every method is wait-free and can be called from any thread. [`get`](Counter::get) is exact once the threads that
/// counted have been joined; while they count, what one thread reads never goes down.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let requests = registry.register_counter("requests_total", "Requests.")?.default();
/// requests.inc();
/// requests.inc_by(2);
/// assert_eq!(requests.get(), 3);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a counter that nothing increments is a line that never moves"]
pub struct Counter {
    /// That of the series' cell: recording reads nothing but the handle and the cell.
    slot: u32,
    near: Near,
    series: SeriesRef<Run>,
}

impl Counter {
    /// A counter of its own, outside of any family and registry.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> Counter {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Counter, Location::caller());
        <Counter as sealed::Sealed>::create(InfoRef::new(descriptor, Setup::default()), labels.into(), 0)
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// Adds `delta`.
    #[inline]
    pub fn inc_by(&self, delta: u64) {
        if !total::add(self.near, delta) {
            total::add_anywhere(self.slot, delta);
        }
    }

    /// The total so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        total::get(self.slot)
    }
}

handle_basics!(Counter);

impl Metric for Counter {
    const TYPE: MetricType = MetricType::Counter;
}

impl sealed::Sealed for Counter {
    type Cell = Run;

    const IDENTITY: &'static str = "counter";

    fn cell(_: &FamilyInfo, _: usize) -> Run {
        Run::new(1)
    }

    fn handle(series: SeriesRef<Run>) -> Counter {
        let slot = series.cell.first();
        Counter { slot, near: Near::of(slot), series }
    }

    fn series(&self) -> &SeriesRef<Run> {
        &self.series
    }

    fn read_all(handles: &[Counter], values: &mut Values) {
        values.read_totals(handles.iter().map(|handle| handle.slot));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        CounterPoint::new(values.number(at)).into()
    }
}

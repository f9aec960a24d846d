//! A total that only goes up.

use std::panic::Location;

use crate::cell::{Near, Run, Values, total};
use crate::collect::{CounterPoint, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::exemplar::ExemplarError;
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
            self.inc_slowly(delta);
        }
    }

    #[cold]
    fn inc_slowly(&self, delta: u64) {
        total::add_anywhere(self.slot, delta);
        let exemplars = &self.series.info().exemplars;
        // A static has no cell for the turn.
        if exemplars.is_sampled() && self.series.cell.is_own() {
            exemplars.sample(self.series.address(), 0, increment(delta), self.slot + TURN);
        }
    }

    /// Adds 1, and names this increment as an example, by labels that lead to more about it. An exemplar that is
    /// refused is dropped and counted; see [`try_inc_by_with_exemplar`](Counter::try_inc_by_with_exemplar).
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// # let failures = registry.register_counter("failures_total", "Failures.")?.default();
    /// failures.inc_with_exemplar(&[("trace_id", "0af7651916cd43dd8448eb211c80319c")]);
    /// assert_eq!(failures.get(), 1);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn inc_with_exemplar(&self, labels: &[(&str, &str)]) {
        // What is wrong with an exemplar is counted.
        let _ = self.try_inc_by_with_exemplar(1, labels);
    }

    /// Adds `delta`, and names this increment as an example. The series keeps the last exemplar that it was given.
    ///
    /// This reads a clock, allocates, and tries a lock; it waits for nothing.
    ///
    /// # Errors
    ///
    /// [`ExemplarError`]: the exemplar was dropped, and counted in `nilometer_exemplars_dropped_total`. `delta` was
    /// added in any case.
    pub fn try_inc_by_with_exemplar(&self, delta: u64, labels: &[(&str, &str)]) -> Result<(), ExemplarError> {
        if !total::add(self.near, delta) {
            total::add_anywhere(self.slot, delta);
        }
        self.series.info().exemplars.put(self.series.address(), 0, increment(delta), labels)
    }

    /// The total so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        total::get(self.slot)
    }
}

handle_basics!(Counter);

/// In which of its cells a sampled counter keeps whether a thread has had its turn: behind the total.
const TURN: u32 = 1;

/// An increment as the value of an exemplar.
#[expect(clippy::cast_precision_loss, reason = "an example is near enough")]
fn increment(delta: u64) -> f64 {
    delta as f64
}

impl Metric for Counter {
    const TYPE: MetricType = MetricType::Counter;
}

impl sealed::Sealed for Counter {
    type Cell = Run;

    const IDENTITY: &'static str = "counter";

    const TAKES_EXEMPLARS: bool = true;

    fn cell(info: &FamilyInfo, _: usize) -> Run {
        if info.exemplars.is_sampled() { Run::watched(2) } else { Run::new(1) }
    }

    fn handle(series: SeriesRef<Run>) -> Counter {
        let slot = series.cell.first();
        Counter { slot, near: series.cell.near(), series }
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

//! A total of fractions that only goes up.

use std::panic::Location;
use std::time::Duration;

use crate::cell::{Near, Run, Values, fraction};
use crate::collect::{CounterPoint, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::exemplar::ExemplarError;
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, Odd, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::Setup;
use crate::timer::{Timed, Timer};

/// A handle of a counter of fractions: an `f64` that only goes up, from 0 when its series is made, and stays at the
/// largest finite number once it is there.
///
/// For what is not counted in whole numbers: seconds of processor time, kilowatt hours, money. An increment that is
/// negative, NaN or infinite is ignored and counted in `nilometer_odd_observations_total`.
///
/// Clones count into the same series.
///
/// # Concurrency
///
/// Every method is lock-free and can be called from any thread; each thread adds to a cell of its own. A total that one
/// reader reads never goes down, whatever threads start and end meanwhile. It is complete once the threads that counted
/// have been joined: the increments of each thread are added in their order, and the threads' sums in one order.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let cpu = registry.register_float_counter("cpu_seconds_total", "Time on a processor.")?.default();
/// cpu.inc_by(0.25);
/// cpu.inc_by(-1.0);
/// assert_eq!(cpu.get(), 0.25);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a counter that nothing increments is a line that never moves"]
pub struct FloatCounter {
    slot: u32,
    near: Near,
    series: SeriesRef<Run>,
}

impl FloatCounter {
    /// A counter of its own, outside of any family and registry.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> FloatCounter {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Counter, Location::caller());
        <FloatCounter as sealed::Sealed>::create(InfoRef::new(descriptor, Setup::default()), labels.into(), 0)
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1.0);
    }

    /// Adds `delta`, unless it is negative, NaN or infinite.
    #[inline]
    pub fn inc_by(&self, delta: f64) {
        if !fraction::add(self.near, delta) {
            self.inc_slowly(delta);
        }
    }

    #[cold]
    fn inc_slowly(&self, delta: f64) {
        if let Some(odd) = Odd::of_increment(delta) {
            self.series.info().count_odd(odd);
        } else {
            fraction::add_slowly(self.slot, delta);
            self.sample(delta);
        }
    }

    fn sample(&self, delta: f64) {
        let exemplars = &self.series.info().exemplars;
        // A static has no cell for the turn.
        if exemplars.is_sampled() && self.series.cell.is_own() {
            exemplars.sample(self.series.address(), 0, delta, self.slot + TURN);
        }
    }

    /// Adds `delta`, and names this increment as an example, by labels that lead to more about it. An exemplar that is
    /// refused is dropped and counted; see [`try_inc_by_with_exemplar`](FloatCounter::try_inc_by_with_exemplar).
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// # let cpu = registry.register_float_counter("cpu_seconds_total", "Time.")?.default();
    /// cpu.inc_by_with_exemplar(1.5, &[("trace_id", "0af7651916cd43dd8448eb211c80319c")]);
    /// assert_eq!(cpu.get(), 1.5);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn inc_by_with_exemplar(&self, delta: f64, labels: &[(&str, &str)]) {
        // What is wrong with an exemplar is counted.
        let _ = self.try_inc_by_with_exemplar(delta, labels);
    }

    /// Adds `delta`, and names this increment as an example. The series keeps the last exemplar that it was given. What is
    /// negative, NaN or infinite is no increment, and has no exemplar.
    ///
    /// This reads a clock, allocates, and tries a lock; it waits for nothing.
    ///
    /// # Errors
    ///
    /// [`ExemplarError`]: the exemplar was dropped, and counted in `nilometer_exemplars_dropped_total`. `delta` was
    /// added in any case.
    pub fn try_inc_by_with_exemplar(&self, delta: f64, labels: &[(&str, &str)]) -> Result<(), ExemplarError> {
        if let Some(odd) = Odd::of_increment(delta) {
            self.series.info().count_odd(odd);
            return Ok(());
        }
        if !fraction::add(self.near, delta) {
            fraction::add_slowly(self.slot, delta);
        }
        self.series.info().exemplars.put(self.series.address(), 0, delta, labels)
    }

    /// The total so far.
    #[must_use]
    pub fn get(&self) -> f64 {
        fraction::get(self.slot)
    }

    /// Adds a duration, in the unit that the name ends with before `_total`: seconds where it ends with none.
    pub fn inc_by_duration(&self, duration: Duration) {
        self.inc_by(duration.as_secs_f64() * self.series.info().units_per_second);
    }

    /// Starts a timer that adds the time until it is dropped, as [`inc_by_duration`](FloatCounter::inc_by_duration) does.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let busy = registry.register_float_counter("busy_milliseconds_total", "Time spent.")?.default();
    /// let elapsed = busy.start_timer().stop();
    /// assert_eq!(busy.get(), elapsed.as_secs_f64() * 1000.0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn start_timer(&self) -> Timer {
        Timer::start(Timed::FloatCounter(self.clone()))
    }
}

handle_basics!(FloatCounter);

/// In which of its cells a sampled counter keeps whether a thread has had its turn: behind the total.
const TURN: u32 = 1;

impl Metric for FloatCounter {
    const TYPE: MetricType = MetricType::Counter;
}

impl sealed::Sealed for FloatCounter {
    type Cell = Run;

    const IDENTITY: &'static str = "float counter";

    const TAKES_EXEMPLARS: bool = true;

    fn cell(info: &FamilyInfo, _: usize) -> Run {
        if info.exemplars.is_sampled() { Run::watched(2) } else { Run::new(1) }
    }

    fn handle(series: SeriesRef<Run>) -> FloatCounter {
        let slot = series.cell.first();
        FloatCounter { slot, near: series.cell.near(), series }
    }

    fn series(&self) -> &SeriesRef<Run> {
        &self.series
    }

    fn read_all(handles: &[FloatCounter], values: &mut Values) {
        values.read_fractions(handles.iter().map(|handle| handle.slot));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        CounterPoint::new(f64::from_bits(values.number(at))).into()
    }
}

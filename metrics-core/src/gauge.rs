//! A value that goes up and down.

use std::panic::Location;

use crate::cell::{Room, Value, Values, value};
use crate::collect::{GaugePoint, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::in_flight::{InFlightGuard, Tracked};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::Setup;
use crate::sync::AtomicU64;

/// A handle of a gauge: an `f64` that goes up and down, 0 when its series is made; NaN is allowed.
///
/// Clones change the same series.
///
/// # Concurrency
///
/// Every method is lock-free and can be called from any thread; of several `set` at once, one is the last.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let depth = registry.register_gauge("queue_depth", "Jobs waiting.")?.default();
/// depth.set(10.0);
/// depth.sub(3.5);
/// assert_eq!(depth.get(), 6.5);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a gauge that nothing sets is a line that never moves"]
pub struct Gauge {
    /// That of the series' value, which the series keeps from being another's.
    cell: &'static AtomicU64,
    series: SeriesRef<Value>,
}

impl Gauge {
    /// A gauge of its own, outside of any family and registry.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> Gauge {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Gauge, Location::caller());
        <Gauge as sealed::Sealed>::create(InfoRef::new(descriptor, Setup::default()), labels.into(), 0)
    }

    /// Sets the value.
    #[inline]
    pub fn set(&self, value: f64) {
        value::set(self.cell, value);
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        value::add(self.cell, 1.0);
    }

    /// Subtracts 1.
    #[inline]
    pub fn dec(&self) {
        value::add(self.cell, -1.0);
    }

    /// Adds `delta`, which may be negative.
    #[inline]
    pub fn add(&self, delta: f64) {
        value::add(self.cell, delta);
    }

    /// Subtracts `delta`, which may be negative.
    #[inline]
    pub fn sub(&self, delta: f64) {
        value::add(self.cell, -delta);
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> f64 {
        value::get(self.cell)
    }

    /// Adds 1 now and subtracts it when the guard is dropped: for what is in flight.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let in_flight = registry.register_gauge("requests_in_flight", "Requests being served.")?.default();
    /// {
    ///     let _guard = in_flight.track_in_flight();
    ///     assert_eq!(in_flight.get(), 1.0);
    /// }
    /// assert_eq!(in_flight.get(), 0.0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn track_in_flight(&self) -> InFlightGuard {
        InFlightGuard::track(Tracked::Gauge(self.clone()))
    }
}

handle_basics!(Gauge);

impl Metric for Gauge {
    const TYPE: MetricType = MetricType::Gauge;
}

impl sealed::Sealed for Gauge {
    type Cell = Value;

    const IDENTITY: &'static str = "gauge";

    fn cell(_: &FamilyInfo, others: usize) -> Value {
        Value::new(Room::beside(others))
    }

    fn handle(series: SeriesRef<Value>) -> Gauge {
        Gauge { cell: series.cell.cell(), series }
    }

    fn series(&self) -> &SeriesRef<Value> {
        &self.series
    }

    fn read_all(handles: &[Gauge], values: &mut Values) {
        values.take_numbers(handles.iter().map(|handle| handle.get().to_bits()));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        GaugePoint::new(f64::from_bits(values.number(at))).into()
    }
}

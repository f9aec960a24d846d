//! A whole number that is set, and goes up and down.

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

/// A handle of a gauge of whole numbers: an `i64` that is set or goes up and down, 0 when its series is made, and wraps
/// at 2^63.
///
/// Beside a [`Gauge`](crate::Gauge) it keeps every digit above 2^53, and changes by one instruction. What is never set
/// is cheaper still in an [`UpDownCounter`](crate::UpDownCounter).
///
/// Clones change the same series.
///
/// # Concurrency
///
/// Every method is wait-free and can be called from any thread; of several `set` at once, one is the last.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let offset = registry.register_int_gauge("commit_offset", "The offset committed last.")?.default();
/// offset.set(9_007_199_254_740_993);
/// offset.sub(1);
/// assert_eq!(offset.get(), 9_007_199_254_740_992);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a gauge that nothing sets is a line that never moves"]
pub struct IntGauge {
    /// That of the series' value, which the series keeps from being another's.
    cell: &'static AtomicU64,
    series: SeriesRef<Value>,
}

impl IntGauge {
    /// A gauge of its own, outside of any family and registry.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> IntGauge {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Gauge, Location::caller());
        <IntGauge as sealed::Sealed>::create(InfoRef::new(descriptor, Setup::default()), labels.into(), 0)
    }

    /// Sets the value.
    #[inline]
    pub fn set(&self, value: i64) {
        value::set_int(self.cell, value);
    }

    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        value::add_int(self.cell, 1);
    }

    /// Subtracts 1.
    #[inline]
    pub fn dec(&self) {
        value::add_int(self.cell, -1);
    }

    /// Adds `delta`, which may be negative.
    #[inline]
    pub fn add(&self, delta: i64) {
        value::add_int(self.cell, delta);
    }

    /// Subtracts `delta`, which may be negative.
    #[inline]
    pub fn sub(&self, delta: i64) {
        // Of the one number whose opposite is out of range, the opposite is itself, modulo 2^64.
        value::add_int(self.cell, delta.wrapping_neg());
    }

    /// The value.
    #[must_use]
    pub fn get(&self) -> i64 {
        value::get_int(self.cell)
    }

    /// Adds 1 now and subtracts it when the guard is dropped: for what is in flight.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let in_flight = registry.register_int_gauge("requests_in_flight", "Requests being served.")?.default();
    /// let guard = in_flight.track_in_flight();
    /// assert_eq!(in_flight.get(), 1);
    /// drop(guard);
    /// assert_eq!(in_flight.get(), 0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn track_in_flight(&self) -> InFlightGuard {
        InFlightGuard::track(Tracked::IntGauge(self.clone()))
    }
}

handle_basics!(IntGauge);

impl Metric for IntGauge {
    const TYPE: MetricType = MetricType::Gauge;
}

impl sealed::Sealed for IntGauge {
    type Cell = Value;

    const IDENTITY: &'static str = "int gauge";

    fn cell(_: &FamilyInfo, others: usize) -> Value {
        Value::new(Room::beside(others))
    }

    fn handle(series: SeriesRef<Value>) -> IntGauge {
        IntGauge { cell: series.cell.cell(), series }
    }

    fn series(&self) -> &SeriesRef<Value> {
        &self.series
    }

    fn read_all(handles: &[IntGauge], values: &mut Values) {
        values.take_numbers(handles.iter().map(|handle| handle.get().cast_unsigned()));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        GaugePoint::new(values.number(at).cast_signed()).into()
    }
}

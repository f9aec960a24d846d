//! Counters of fractions that are statics.

use std::time::Duration;

use super::count::basics;
use super::registering::sealed::Sealed as _;
use super::registering::{Adopted, registering};
use super::{About, StaticError, debug};
use crate::cell::{LateRun, fraction};
use crate::declare::Handles;
use crate::float_counter::FloatCounter;
use crate::metric::{Odd, OddCounts};
use crate::registry::{MetricsRegistry, RegisterError};
use crate::timer::{Timed, Timer};
use crate::unit::Unit;

/// A [`FloatCounter`] that is a static: an `f64` that only goes up, from 0.
///
/// Odd increments are taken as [`FloatCounter`] takes them. Those from before it was registered are in
/// `nilometer_odd_observations_total` all the same.
///
/// # Concurrency
///
/// Every method is as [`FloatCounter`]'s, and can be called wherever those of [`StaticCounter`](crate::StaticCounter)
/// can; a timer reads a clock besides.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, StaticFloatCounter};
///
/// static ENERGY: StaticFloatCounter = StaticFloatCounter::new("energy_joules_total", "Energy used.");
///
/// ENERGY.inc_by(0.5);
/// let registry = MetricsRegistry::new();
/// ENERGY.register(&registry)?.inc_by(0.25);
/// assert_eq!(ENERGY.get(), 0.75);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use = "a counter that nothing increments is a line that never moves"]
pub struct StaticFloatCounter {
    run: LateRun,
    odd: OddCounts,
    about: About,
}

basics!(StaticFloatCounter, FloatCounter, 1, odd: OddCounts::new());

impl StaticFloatCounter {
    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1.0);
    }

    /// Adds `delta`, unless it is negative, NaN or infinite.
    #[inline]
    pub fn inc_by(&self, delta: f64) {
        if !fraction::add(self.run.near(), delta) {
            self.inc_slowly(delta);
        }
    }

    #[cold]
    fn inc_slowly(&self, delta: f64) {
        match Odd::of_increment(delta) {
            Some(odd) => self.odd.count(odd),
            None => fraction::add_slowly(self.run.assign(), delta),
        }
    }

    /// Adds a duration, in the unit that the name ends with, as [`FloatCounter::inc_by_duration`] does.
    pub fn inc_by_duration(&self, duration: Duration) {
        let units = Unit::of_name(self.about.name).and_then(Unit::per_second).unwrap_or(1.0);
        self.inc_by(duration.as_secs_f64() * units);
    }

    /// Starts a timer that adds the time until it is dropped.
    pub fn start_timer(&'static self) -> Timer {
        Timer::start(Timed::StaticFloatCounter(self))
    }

    /// The total so far.
    #[must_use]
    pub fn get(&self) -> f64 {
        self.run.assigned().map_or(0.0, fraction::get)
    }
}

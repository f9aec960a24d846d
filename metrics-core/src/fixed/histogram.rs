//! Histograms that are statics.

use std::time::Duration;

use super::registering::sealed::Sealed as _;
use super::registering::{Adopted, registering};
use super::{About, StaticError, debug};
use crate::buckets::check_bounds;
use crate::cell::{Bounds, LateRun, distribution};
use crate::declare::Handles;
use crate::histogram::{Histogram, HistogramSnapshot};
use crate::metric::sealed::Sealed as _;
use crate::metric::{Odd, OddCounts};
use crate::registry::{MetricsRegistry, RegisterError};
use crate::timer::{Timed, Timer};
use crate::unit::Unit;

/// A [`Histogram`] that is a static.
///
/// Odd values are taken as [`Histogram`] takes them. Those that were observed before it was registered are in
/// `nilometer_odd_observations_total` all the same.
///
/// # Concurrency
///
/// [`observe`](StaticHistogram::observe) is lock-free, as [`Histogram::observe`] is, and can be called wherever a
/// [`StaticCounter`](crate::StaticCounter) can count; a timer reads a clock besides. A reader sees what it would see of a
/// [`Histogram`].
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, StaticHistogram, buckets};
///
/// static WAIT: StaticHistogram =
///     StaticHistogram::new("wait_seconds", "Time waited.", &buckets::LATENCY_SECONDS);
///
/// WAIT.observe(0.03);
/// let registry = MetricsRegistry::new();
/// assert_eq!(WAIT.register(&registry)?.snapshot().count(), 1);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use = "a histogram that observes nothing is a line that never moves"]
pub struct StaticHistogram {
    run: LateRun,
    bounds: Bounds<&'static [f64]>,
    units_per_second: f64,
    odd: OddCounts,
    about: About,
}

impl StaticHistogram {
    /// A histogram with these upper bounds, `+Inf` not among them.
    ///
    /// # Panics
    ///
    /// When the name or the bounds break a rule: in a static, a compile error.
    /// [`try_new`](StaticHistogram::try_new) does not.
    ///
    /// ```compile_fail,E0080
    /// # use nilometer_core::StaticHistogram;
    /// static WAIT: StaticHistogram = StaticHistogram::new("wait_seconds", "Time waited.", &[1.0, 0.5]);
    /// ```
    #[track_caller]
    pub const fn new(name: &'static str, help: &'static str, bounds: &'static [f64]) -> StaticHistogram {
        assert!(check_bounds(bounds).is_ok(), "bounds are finite and increase, from 1 to 256 of them");
        StaticHistogram::of(About::new(name, help), bounds)
    }

    /// A histogram with these upper bounds, `+Inf` not among them.
    ///
    /// # Errors
    ///
    /// [`StaticError`] when the name or the bounds break a rule.
    #[track_caller]
    pub const fn try_new(
        name: &'static str,
        help: &'static str,
        bounds: &'static [f64],
    ) -> Result<StaticHistogram, StaticError> {
        match (About::try_new(name, help), check_bounds(bounds)) {
            (Ok(about), Ok(())) => Ok(StaticHistogram::of(about, bounds)),
            (Err(error), _) => Err(StaticError::Name(error)),
            (_, Err(error)) => Err(StaticError::Bounds(error)),
        }
    }

    const fn of(about: About, bounds: &'static [f64]) -> StaticHistogram {
        let per_second = match Unit::of_name(about.name) {
            Some(unit) => unit.per_second(),
            None => None,
        };
        StaticHistogram {
            run: LateRun::new(distribution::cells(bounds.len() + 1)),
            bounds: Bounds::of_static(bounds),
            units_per_second: match per_second {
                Some(units) => units,
                None => 1.0,
            },
            odd: OddCounts::new(),
            about,
        }
    }

    /// Counts `value` in its bucket and adds it to the sum.
    #[inline]
    pub fn observe(&self, value: f64) {
        if !distribution::observe(self.run.near(), value, |value| self.bounds.bucket(value)) {
            self.observe_slowly(value);
        }
    }

    #[cold]
    fn observe_slowly(&self, value: f64) {
        let bucket = self.bounds.bucket(value);
        if value.is_nan() {
            return self.odd.count(Odd::Nan);
        }
        let mut finite = value;
        if value.is_infinite() {
            self.odd.count(Odd::Infinite);
            finite = 0.0;
        }
        distribution::observe_slowly(self.run.assign(), bucket, finite);
    }

    /// Observes a duration in the unit that the name ends with, as [`Histogram::observe_duration`] does.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64() * self.units_per_second);
    }

    /// Starts a timer that observes the time until it is dropped.
    pub fn start_timer(&'static self) -> Timer {
        Timer::start(Timed::Static(self))
    }

    /// The counts and the sum, read once and consistent with each other. This one allocates.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot::read(Bounds::from(&self.bounds), self.run.assigned())
    }

    /// The upper bounds, inclusive, without the `+Inf` that comes last.
    #[must_use]
    pub fn bucket_bounds(&self) -> &'static [f64] {
        self.bounds.as_static()
    }

    fn declared_bounds(&self) -> &'static [f64] {
        self.bucket_bounds()
    }

    fn adopted(&'static self, handles: &mut Handles) -> Result<Adopted<Histogram>, RegisterError> {
        let adopted: Adopted<Histogram> = Adopted::by(handles, &self.run)?;
        adopted.metric.series().info().add_odd_of_static(&self.odd);
        Ok(adopted)
    }
}

registering!(StaticHistogram, Histogram);
debug!(StaticHistogram);

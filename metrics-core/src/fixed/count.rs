//! Counters and up-down counters that are statics.

use super::registering::sealed::Sealed as _;
use super::registering::{Adopted, registering};
use super::{About, StaticError, debug};
use crate::cell::{LateRun, total, updown};
use crate::counter::Counter;
use crate::declare::Handles;
use crate::in_flight::{InFlightGuard, Tracked};
use crate::registry::{MetricsRegistry, RegisterError};
use crate::updown::UpDownCounter;

/// Writes what a kind of one or two cells has like the other one.
macro_rules! basics {
    ($kind:ident, $handle:ident, $cells:expr $(, $odd:ident: $counts:expr)?) => {
        impl $kind {
            /// A metric of this name and help, at zero.
            ///
            /// # Panics
            ///
            /// When the name is not a metric name: in a static, a compile error. [`try_new`](Self::try_new) does not.
            ///
            /// ```compile_fail,E0080
            #[doc = concat!("use nilometer_core::", stringify!($kind), ";")]
            ///
            #[doc = concat!("static BAD: ", stringify!($kind), " = ", stringify!($kind), "::new(\"no name\", \"Help.\");")]
            /// ```
            #[track_caller]
            pub const fn new(name: &'static str, help: &'static str) -> $kind {
                $kind { run: LateRun::new($cells), $($odd: $counts,)? about: About::new(name, help) }
            }

            /// A metric of this name and help, at zero.
            ///
            /// # Errors
            ///
            /// [`StaticError::Name`] when the name is not a metric name.
            #[track_caller]
            pub const fn try_new(name: &'static str, help: &'static str) -> Result<$kind, StaticError> {
                match About::try_new(name, help) {
                    Ok(about) => Ok($kind { run: LateRun::new($cells), $($odd: $counts,)? about }),
                    Err(error) => Err(StaticError::Name(error)),
                }
            }

            fn declared_bounds(&self) -> &'static [f64] {
                &[]
            }

            fn adopted(&'static self, handles: &mut Handles) -> Result<Adopted<$handle>, RegisterError> {
                let adopted = Adopted::by(handles, &self.run)?;
                $(let adopted = adopted.with_odd(&self.$odd);)?
                Ok(adopted)
            }
        }

        registering!($kind, $handle);
        debug!($kind);
    };
}
pub(super) use basics;

/// A [`Counter`] that is a static: a `u64` that only goes up, from 0, and wraps at 2^64.
///
/// It counts from the program's first instruction on, whether or not a registry ever shows it.
///
/// # Concurrency
///
/// Every method is as [`Counter`]'s, wait-free and callable from any thread. Counting calls no allocator but the
/// system's, and never itself: it works inside of a `#[global_allocator]`, in the destructor of a thread-local, and
/// after `main`. The first count of all takes a lock for a moment.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, StaticCounter};
///
/// static REQUESTS: StaticCounter = StaticCounter::new("requests_total", "Requests.");
///
/// REQUESTS.inc();
/// let registry = MetricsRegistry::new();
/// let requests = REQUESTS.register(&registry)?;
/// requests.inc();
/// assert_eq!(REQUESTS.get(), 2);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use = "a counter that nothing increments is a line that never moves"]
pub struct StaticCounter {
    run: LateRun,
    about: About,
}

basics!(StaticCounter, Counter, 1);

impl StaticCounter {
    /// Adds 1.
    #[inline]
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// Adds `delta`.
    #[inline]
    pub fn inc_by(&self, delta: u64) {
        if !total::add(self.run.near(), delta) {
            self.inc_first(delta);
        }
    }

    #[cold]
    fn inc_first(&self, delta: u64) {
        total::add_anywhere(self.run.assign(), delta);
    }

    /// The total so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.run.assigned().map_or(0, total::get)
    }
}

/// An [`UpDownCounter`] that is a static: an `i64` that changes by what is added to it, from 0, and wraps at 2^63.
///
/// # Concurrency
///
/// Every method is as [`UpDownCounter`]'s, and can be called wherever those of [`StaticCounter`] can.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, StaticUpDownCounter};
///
/// static OPEN: StaticUpDownCounter = StaticUpDownCounter::new("connections", "Connections that are open.");
///
/// let first = OPEN.track_in_flight();
/// OPEN.inc();
/// drop(first);
/// assert_eq!(OPEN.register(&MetricsRegistry::new())?.get(), 1);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[must_use = "an up-down counter that nothing changes is a line that never moves"]
pub struct StaticUpDownCounter {
    run: LateRun,
    about: About,
}

basics!(StaticUpDownCounter, UpDownCounter, updown::CELLS_OF_UP_DOWN);

impl StaticUpDownCounter {
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
        if !updown::add(self.run.near(), delta) {
            self.add_first(delta);
        }
    }

    #[cold]
    fn add_first(&self, delta: i64) {
        updown::add_anywhere(self.run.assign(), delta);
    }

    /// Subtracts `delta`, which may be negative.
    #[inline]
    pub fn sub(&self, delta: i64) {
        self.add(delta.wrapping_neg());
    }

    /// The number now: what was added, less what was subtracted.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.run.assigned().map_or(0, updown::get)
    }

    /// Adds 1 now and subtracts it when the guard is dropped, on whichever thread that is: for what is in flight.
    pub fn track_in_flight(&'static self) -> InFlightGuard {
        InFlightGuard::track(Tracked::Static(self))
    }
}

//! A registry by a clock that a test moves.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use nilometer_core::{ManualClock, MetricsRegistry, RegistryConfig};

/// A registry, and the clock that it goes by.
pub(crate) fn hand() -> (MetricsRegistry, Hand) {
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
    (registry, Hand { clock, now: Cell::new(0) })
}

/// The clock, and how many seconds it has been moved on.
pub(crate) struct Hand {
    clock: ManualClock,
    now: Cell<u64>,
}

impl Hand {
    /// Moves the clock on to so many seconds.
    pub(crate) fn set(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds - self.now.replace(seconds)));
    }
}

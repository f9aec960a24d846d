//! Windows of time, which move when they are looked at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// How long a window is that nothing else is said of: a minute, which is longer than most intervals between scrapes.
pub(crate) const WINDOW: Duration = Duration::from_mins(1);

/// The windows of one family. They are counted; each begins with a collection.
#[derive(Debug)]
pub(crate) struct Windows {
    length: Duration,
    clock: Clock,
    /// When the current window began, in the clock's nanoseconds.
    began: AtomicU64,
    number: AtomicU64,
}

impl Windows {
    /// Windows of this length, which is not zero, the first of which begins now.
    pub(crate) fn new(length: Duration, clock: &Clock) -> Windows {
        let began = AtomicU64::new(clock.uptime());
        Windows { length, clock: clock.clone(), began, number: AtomicU64::new(0) }
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// The number of the current window.
    pub(crate) fn number(&self) -> u64 {
        // ORDERING: Relaxed, the number publishes nothing: each series has its own, which follows it.
        self.number.load(Ordering::Relaxed)
    }

    /// Ends the current window if its time is over. Reads the clock.
    pub(crate) fn tick(&self) {
        let now = self.clock.uptime();
        // ORDERING: Relaxed, here and below, as above; of collections that are here at once, one exchanges it.
        let began = self.began.load(Ordering::Relaxed);
        let is_over = u128::from(now.saturating_sub(began)) >= self.length.as_nanos();
        if is_over && self.began.compare_exchange(began, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.number.fetch_add(1, Ordering::Relaxed);
        }
    }
}

//! What time it is, for what has to know: when a series began, and how long it has been idle.
//!
//! Recording asks no clock. Making a series does, and so does collecting a family whose series expire.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where a registry has its time from: the system, or a [`ManualClock`].
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use nilometer_core::{ManualClock, MetricsRegistry, RegistryConfig};
///
/// let clock = ManualClock::new(SystemTime::UNIX_EPOCH);
/// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock));
/// clock.advance(Duration::from_secs(60));
/// # let _ = registry;
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Manual>>,
}

/// A clock that stands still until it is moved: for tests of what depends on time.
///
/// Clones are one clock.
///
/// # Concurrency
///
/// It can be read and moved by any thread at any time.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Manual>);

#[derive(Debug)]
struct Manual {
    start: SystemTime,
    /// Nanoseconds since the start.
    elapsed: AtomicU64,
    base: Base,
}

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: SystemTime) -> ManualClock {
        ManualClock(Arc::new(Manual { start, elapsed: AtomicU64::new(0), base: Base::new() }))
    }

    /// Moves the clock on. It goes 584 years at most, and stops there.
    pub fn advance(&self, by: Duration) {
        let further = |elapsed: u64| Some(elapsed.saturating_add(nanoseconds(by)));
        // ORDERING: Relaxed, here and in `elapsed`: a number that no other memory depends on.
        let _ = self.0.elapsed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, further);
    }
}

impl Manual {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.elapsed.load(Ordering::Relaxed))
    }
}

impl From<&ManualClock> for Clock {
    fn from(clock: &ManualClock) -> Clock {
        Clock { manual: Some(Arc::clone(&clock.0)) }
    }
}

impl Clock {
    /// The system's clock, which is the default.
    #[must_use]
    pub fn system() -> Clock {
        Clock::default()
    }

    /// The time of day.
    fn now(&self) -> SystemTime {
        self.manual.as_deref().map_or_else(SystemTime::now, |manual| {
            manual.start.checked_add(manual.elapsed()).unwrap_or(manual.start)
        })
    }

    /// Nanoseconds since a moment before the first call, never fewer than before: those that a computer sleeps are not
    /// counted.
    pub(crate) fn uptime(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let start = || START.get_or_init(Instant::now).elapsed();
        nanoseconds(self.manual.as_deref().map_or_else(start, Manual::elapsed))
    }

    fn base(&self) -> &Base {
        static SYSTEM: Base = Base::new();
        self.manual.as_deref().map_or(&SYSTEM, |manual| &manual.base)
    }

    /// When something begins that is made now.
    pub(crate) fn created(&self) -> Created {
        self.created_at(self.now())
    }

    /// What stands for a moment of this clock or of another one.
    pub(crate) fn created_at(&self, time: SystemTime) -> Created {
        let units = units(time);
        let base = self.base().get(units);
        Created(u32::try_from(units.saturating_sub(base)).map_or(LAST, |units| units.min(LAST)))
    }

    /// The moment that something of this clock stands for.
    pub(crate) fn time_of(&self, created: Created) -> SystemTime {
        let units = self.base().get(0) + u64::from(created.0);
        let nanoseconds = u32::try_from(units % PER_SECOND).unwrap_or(0) * NANOSECONDS;
        UNIX_EPOCH + Duration::new(units / PER_SECOND, nanoseconds)
    }

    /// The same for many, one after the other.
    pub(crate) fn times(&self) -> Times<'_> {
        Times { clock: self, last: None }
    }
}

/// Moments of one clock: series that are made together began at the same one, which is worked out once.
#[derive(Debug)]
pub(crate) struct Times<'a> {
    clock: &'a Clock,
    last: Option<(Created, SystemTime)>,
}

impl Times<'_> {
    /// The moment that something of the clock stands for.
    #[inline]
    pub(crate) fn of(&mut self, created: Created) -> SystemTime {
        match self.last {
            Some((last, time)) if last == created => time,
            _ => self.work_out(created),
        }
    }

    #[inline(never)]
    fn work_out(&mut self, created: Created) -> SystemTime {
        let time = self.clock.time_of(created);
        self.last = Some((created, time));
        time
    }
}

/// When a series began, in sixteenths of a second since the [`Base`] of its clock.
///
/// Series by the hundred thousand have one each, so it has 4 bytes. Time is rounded down: a series never began later than
/// its created timestamp says, if the clock is not set back, and at most a sixteenth of a second before.
/// After eight years, what is made is said to be made then; and what is made while the clock is more than half a year
/// behind what it was at first, half a year before that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Created(u32);

impl Created {
    /// As a number, which is below `u32::MAX`.
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn from_number(number: u32) -> Created {
        Created(number)
    }
}

/// What all later moments are taken for: one less than what stands for none.
const LAST: u32 = u32::MAX - 1;

/// How many units a second has.
const PER_SECOND: u64 = 16;

/// How many nanoseconds a unit has.
const NANOSECONDS: u32 = 62_500_000;

/// How far the clock can go back behind the first time that it was asked: half a year, in units.
const SLACK: u64 = 182 * 24 * 60 * 60 * PER_SECOND;

/// What a clock's [`Created`] count from, in units since 1970: fixed when the clock is first asked.
#[derive(Debug)]
struct Base(AtomicU64);

impl Base {
    /// What no clock has for its base.
    const UNSET: u64 = u64::MAX;

    const fn new() -> Base {
        Base(AtomicU64::new(Base::UNSET))
    }

    /// The base, for a clock that shows so many units.
    fn get(&self, now: u64) -> u64 {
        // ORDERING: Relaxed, here and below: the number alone is shared, and is set once.
        let base = self.0.load(Ordering::Relaxed);
        if base != Base::UNSET {
            return base;
        }
        let new = now.saturating_sub(SLACK);
        match self.0.compare_exchange(Base::UNSET, new, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => new,
            Err(other) => other,
        }
    }
}

/// Whole units since 1970; none for a time before.
fn units(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().saturating_mul(PER_SECOND) + u64::from(since.subsec_nanos() / NANOSECONDS)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_created_time_is_the_last_sixteenth_of_a_second() {
        let clock = Clock::from(&ManualClock::new(at(1_700_000_000_000)));
        clock.created();
        for (now, sixteenths) in
            [(0, 0), (62, 0), (63, 1), (125, 2), (999, 15), (1_000, 16), (86_400_001, 1_382_400)]
        {
            let shown = at(1_700_000_000_000) + sixteenths * Duration::from_micros(62_500);
            assert_eq!(clock.time_of(clock.created_at(at(1_700_000_000_000 + now))), shown, "{now}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_or_runs_for_very_long_stops_at_the_ends() {
        const DAY: u64 = 86_400_000;
        let start = 20_000 * DAY;
        let clock = Clock::from(&ManualClock::new(at(start)));
        clock.created();
        for (time, shown) in [
            (start - 100 * DAY, start - 100 * DAY),
            (start - 182 * DAY, start - 182 * DAY),
            (start - 300 * DAY, start - 182 * DAY),
            (0, start - 182 * DAY),
            (start + 8 * 365 * DAY, start + 8 * 365 * DAY),
        ] {
            let created = clock.time_of(clock.created_at(at(time)));
            assert_eq!(created, at(shown), "{time}");
        }
        let last = clock.time_of(Created(LAST));
        assert_eq!(clock.time_of(clock.created_at(at(start + 20 * 365 * DAY))), last);
    }

    #[test]
    fn two_clocks_of_one_kind_have_one_time_and_a_manual_one_stands_still() {
        let manual = ManualClock::new(at(5_000));
        let (clock, other) = (Clock::from(&manual), Clock::from(&manual.clone()));
        let created = clock.created();
        manual.advance(Duration::from_secs(3));
        assert_eq!(other.time_of(created), at(5_000));
        assert_eq!(other.time_of(other.created()), at(8_000));
        assert_eq!((clock.uptime(), other.uptime()), (3_000_000_000, 3_000_000_000));
    }

    #[test]
    fn the_system_s_clock_says_now() {
        let clock = Clock::system();
        let before = SystemTime::now();
        let created = clock.time_of(clock.created());
        assert!(created <= SystemTime::now());
        assert!(before.duration_since(created).is_ok_and(|early| early < Duration::from_millis(64)));
        let uptime = clock.uptime();
        assert!(clock.uptime() >= uptime);
    }

    #[test]
    fn times_are_those_of_the_clock_in_any_order() {
        let clock = Clock::from(&ManualClock::new(at(0)));
        let mut times = clock.times();
        for number in [0, 0, 16, 16, 0, LAST] {
            assert_eq!(times.of(Created(number)), clock.time_of(Created(number)));
        }
    }
}

//! When each event is due.

use std::time::{Duration, Instant};

/// How far behind its schedule a stream may fall before it stops catching up.
///
/// An input that pauses for longer goes on at its rate, without a burst for the time it paused.
const SLACK: Duration = Duration::from_secs(1);

/// A schedule of so many events per second: event n is due n/rate after the first, however long each one took.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Events per second; 0 is as fast as possible.
    rate: u32,
    /// When the schedule began, and how many events ago.
    origin: Option<Instant>,
    events: u64,
}

impl Pace {
    pub(crate) fn new(rate: u32) -> Pace {
        Pace { rate, origin: None, events: 0 }
    }

    /// How long to wait for the next event to be due, at the time `now`.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        if self.rate == 0 {
            return Duration::ZERO;
        }
        let origin = *self.origin.get_or_insert(now);
        let due = origin + self.offset();
        if now.saturating_duration_since(due) > SLACK {
            self.origin = Some(now);
            self.events = 1;
            return Duration::ZERO;
        }
        self.events += 1;
        due.saturating_duration_since(now)
    }

    /// The time from the schedule's beginning to the next event, to the nanosecond.
    fn offset(&self) -> Duration {
        let rate = u64::from(self.rate);
        Duration::from_secs(self.events / rate)
            + Duration::from_nanos(self.events % rate * 1_000_000_000 / rate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_due_at_multiples_of_the_interval() {
        let start = Instant::now();
        let mut pace = Pace::new(500);
        let waits: Vec<u128> = (0..4).map(|_| pace.wait(start).as_millis()).collect();
        assert_eq!(waits, [0, 2, 4, 6]);
    }

    #[test]
    fn the_schedule_does_not_drift() {
        let start = Instant::now();
        let mut pace = Pace::new(3);
        for event in 0..300_000 {
            let due = start + Duration::from_nanos(event * 1_000_000_000 / 3);
            assert_eq!(pace.wait(due), Duration::ZERO);
        }
        assert_eq!(pace.wait(start), Duration::from_secs(100_000));
    }

    #[test]
    fn time_lost_within_the_slack_is_caught_up() {
        let start = Instant::now();
        let mut pace = Pace::new(10);
        pace.wait(start);
        assert_eq!(pace.wait(start + Duration::from_millis(250)), Duration::ZERO);
        assert_eq!(pace.wait(start + Duration::from_millis(250)), Duration::ZERO);
        assert_eq!(pace.wait(start + Duration::from_millis(250)), Duration::from_millis(50));
    }

    #[test]
    fn a_long_pause_of_the_input_is_no_reason_for_a_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(10);
        pace.wait(start);
        let later = start + Duration::from_mins(1);
        assert_eq!(pace.wait(later), Duration::ZERO);
        assert_eq!(pace.wait(later), Duration::from_millis(100));
    }

    #[test]
    fn a_rate_of_zero_never_waits() {
        let now = Instant::now();
        let mut pace = Pace::new(0);
        assert!((0..1000).all(|_| pace.wait(now).is_zero()));
    }
}

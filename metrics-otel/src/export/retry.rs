//! How long to wait before a request is made again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Delays that double, up to the longest, of which up to half is left out at random, so that those who failed together
/// do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Backoff {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { first: Duration::from_millis(500), longest: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// How long to wait after so many failures in a row, from 1 on.
    pub(super) fn delay(self, failures: u32) -> Duration {
        // The standard library seeds each hash map with a random number.
        self.jittered(failures, RandomState::new().hash_one(failures))
    }

    fn jittered(self, failures: u32, random: u64) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first.checked_mul(doubled).map_or(self.longest, |delay| delay.min(self.longest));
        // The random number's upper half, as a part of 2^32.
        let part = u32::try_from(random >> 32).unwrap_or(u32::MAX);
        full.saturating_sub((full / 2).mul_f64(f64::from(part) / 4_294_967_296.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_lose_at_most_half() {
        let backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        for (failures, full) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (40, 1000), (u32::MAX, 1000)]
        {
            assert_eq!(backoff.jittered(failures, 0), Duration::from_millis(full));
            let shortest = backoff.jittered(failures, u64::MAX);
            assert!(shortest >= Duration::from_millis(full / 2), "{failures}: {shortest:?}");
            assert!(shortest < Duration::from_millis(full * 51 / 100), "{failures}: {shortest:?}");
        }
        let huge = Backoff { first: Duration::MAX, longest: Duration::ZERO };
        assert_eq!(huge.jittered(7, 0), Duration::ZERO);
        let delays: std::collections::HashSet<_> = (0..50).map(|_| backoff.delay(5)).collect();
        assert!(delays.len() > 10, "they differ: {delays:?}");
    }
}

//! When a push that failed is made again.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How often and after how long a push is made again that failed for a while: that got no answer, or 429 or 5xx. Others
/// are not made again.
///
/// Each delay is twice the one before, up to a longest one, and a random part of up to half of it is taken off, so that
/// many processes do not come back at one time. A receiver that says `Retry-After` is left alone for that long.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_prometheus::push::RetryPolicy;
///
/// let policy = RetryPolicy::new().with_attempts(5).with_delays(Duration::from_millis(50), Duration::from_secs(5));
/// assert_eq!(policy.attempts(), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    attempts: u32,
    first: Duration,
    longest: Duration,
    max_retry_after: Duration,
}

impl Default for RetryPolicy {
    /// 3 attempts of a single push, delays from 100 milliseconds to 10 seconds, `Retry-After` up to a minute.
    fn default() -> Self {
        RetryPolicy {
            attempts: 3,
            first: Duration::from_millis(100),
            longest: Duration::from_secs(10),
            max_retry_after: Duration::from_mins(1),
        }
    }
}

impl RetryPolicy {
    /// The default policy.
    #[must_use]
    pub fn new() -> RetryPolicy {
        RetryPolicy::default()
    }

    /// Sets how often a single push is attempted in all, at least once, and a background one to a Pushgateway at each
    /// interval. Remote write in the background goes on until the queue is full.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the delay after the first failure, and the longest one.
    #[must_use]
    pub fn with_delays(mut self, first: Duration, longest: Duration) -> Self {
        self.first = first;
        self.longest = longest.max(first);
        self
    }

    /// Sets how long a `Retry-After` is followed. In the background, a longer one is taken for this; a single push that is
    /// asked to wait longer fails at once.
    #[must_use]
    pub fn with_max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest;
        self
    }

    /// How often a single push is attempted in all.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The delay after the first failure.
    #[must_use]
    pub fn first_delay(&self) -> Duration {
        self.first
    }

    /// The longest delay.
    #[must_use]
    pub fn longest_delay(&self) -> Duration {
        self.longest
    }

    /// How long a `Retry-After` is followed.
    #[must_use]
    pub fn max_retry_after(&self) -> Duration {
        self.max_retry_after
    }

    /// The delay after so many failures in a row, from 1 on.
    pub(super) fn delay(&self, failures: u32) -> Duration {
        self.jittered(failures, random())
    }

    /// The same with a random number.
    fn jittered(&self, failures: u32, random: u64) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let full = self.first.checked_mul(doubled).map_or(self.longest, |delay| delay.min(self.longest));
        let half = full / 2;
        // The random number's upper half, as a part of 2^32.
        let part = (u128::from(random >> 32) * half.as_nanos()) >> 32;
        full.saturating_sub(Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX)).min(half))
    }
}

/// A random number, from the seeds that the standard library gives each hash map.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// For how long the receiver wants to be left alone.
///
/// SPEC: RFC 9110, section 10.2.3: seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_lose_at_most_half() {
        let policy = RetryPolicy::new().with_delays(Duration::from_millis(100), Duration::from_secs(1));
        for (failures, full) in
            [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1000), (40, 1000), (u32::MAX, 1000)]
        {
            assert_eq!(policy.jittered(failures, 0), Duration::from_millis(full));
            let shortest = policy.jittered(failures, u64::MAX);
            assert!(shortest >= Duration::from_millis(full / 2), "{failures}: {shortest:?}");
            assert!(shortest < Duration::from_millis(full * 51 / 100), "{failures}: {shortest:?}");
        }
        let huge = RetryPolicy::new().with_delays(Duration::MAX, Duration::ZERO);
        assert_eq!(huge.jittered(7, 0), Duration::MAX);
        let delays: std::collections::HashSet<_> = (0..50).map(|_| policy.delay(5)).collect();
        assert!(delays.len() > 10, "they differ: {delays:?}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(of("120"), Some(Duration::from_mins(2)));
        assert_eq!(of(" 0 "), Some(Duration::ZERO));
        assert_eq!(of("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(of("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "past");
        for bad in ["", "soon", "-1", "1.5"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}

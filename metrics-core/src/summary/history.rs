//! What of a summary was observed lately.
//!
//! Recording knows no window: it counts all that was ever observed. Whoever reads keeps what it has read, once in each
//! part of the window; what was observed since then is what is there now less that. So no reader takes anything from
//! another, and none is needed for recording.

use std::sync::Arc;

use crate::cell::sketch::{Bucket, Precision};
use crate::clock::Clock;

use super::config::{SummaryConfig, SummaryError};

/// How much is in each bucket, in their order.
pub(super) type Counts = Vec<(Bucket, u64)>;

/// What a summary family's series share.
#[derive(Debug)]
pub(crate) struct Summarized {
    pub(super) config: SummaryConfig,
    pub(super) precision: Precision,
    pub(super) parts: Parts,
    pub(super) clock: Clock,
}

impl Summarized {
    pub(crate) fn try_new(config: SummaryConfig, clock: &Clock) -> Result<Summarized, SummaryError> {
        config.check()?;
        Ok(Summarized::new(config, clock))
    }

    /// Of a configuration that was checked.
    pub(super) fn new(config: SummaryConfig, clock: &Clock) -> Summarized {
        let max_age = u64::try_from(config.max_age().as_nanos()).unwrap_or(u64::MAX);
        let length = (max_age / u64::from(config.age_buckets())).max(1);
        Summarized {
            precision: Precision::of_error(config.relative_error()),
            parts: Parts { length, all_but_one: max_age.saturating_sub(length) },
            clock: clock.clone(),
            config,
        }
    }

    pub(crate) fn config(&self) -> &SummaryConfig {
        &self.config
    }
}

/// How long the parts of a window are, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    /// One of them, which is not zero.
    pub(super) length: u64,
    /// All of them but one.
    pub(super) all_but_one: u64,
}

/// The counts of one series at some moments, which are at least a part of the window apart.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The oldest first: the one that the window begins with, if it is so old, and those that it will begin with. So
    /// there are at most as many as parts, or two where there is one part.
    moments: Vec<Moment>,
    /// The latest moment at which somebody read, in nanoseconds of the clock.
    latest: u64,
}

#[derive(Debug)]
struct Moment {
    /// In nanoseconds of the clock.
    at: u64,
    /// How much was observed at all.
    count: u64,
    /// Moments between which nothing was observed share them.
    counts: Arc<[u8]>,
}

impl History {
    /// Puts what is in the window at `now` into `counts`. `count` is how much was observed at all, and `read` puts all of it
    /// there; it is kept for later if it is time for that.
    ///
    /// The window begins with the last moment that is as old as all parts but one, or else with the series: so an
    /// observation is in it for at least that long, after which it is as if it had never been.
    pub(super) fn window(
        &mut self,
        now: u64,
        parts: Parts,
        count: u64,
        counts: &mut Counts,
        read: impl FnOnce(&mut Counts),
    ) {
        counts.clear();
        // Who has looked at the clock before somebody who has read meanwhile reads what came after that one, who has not
        // seen it yet.
        self.latest = self.latest.max(now);
        let now = self.latest;
        let age = |moment: &Moment| now.saturating_sub(moment.at);
        let begin = self.moments.iter().rposition(|moment| age(moment) >= parts.all_but_one.max(1));
        self.moments.drain(..begin.unwrap_or(0));
        let is_idle = begin.is_some() && self.moments[0].count == count;
        if !is_idle {
            read(counts);
        }
        let is_due = match self.moments.last() {
            Some(last) => age(last) >= parts.length,
            // Before anything was observed, there is nothing to be less.
            None => count > 0,
        };
        if is_due {
            let same = self.moments.last().filter(|last| last.count == count);
            let packed = same.map_or_else(|| pack(counts).into(), |last| Arc::clone(&last.counts));
            self.moments.push(Moment { at: now, count, counts: packed });
        }
        if begin.is_some() {
            Packed(&self.moments[0].counts).take_off(counts);
        }
    }

    /// How many bytes the counts take.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let mut seen = Vec::new();
        for moment in &self.moments {
            if !seen.iter().any(|other| Arc::ptr_eq(other, &moment.counts)) {
                seen.push(Arc::clone(&moment.counts));
            }
        }
        seen.iter().map(|counts| counts.len()).sum()
    }
}

/// Counts by buckets, in the order of the buckets: of each, how far it is from the one before, and how much is in it, both
/// as numbers of as many bytes as they need.
fn pack(counts: &[(Bucket, u64)]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(4 * counts.len());
    let mut before = i32::MIN;
    for &(bucket, count) in counts {
        push(&mut packed, u64::from(bucket.0.wrapping_sub(before).cast_unsigned()));
        push(&mut packed, count);
        before = bucket.0;
    }
    packed
}

/// Seven bits in each byte, the lowest first; the eighth says that there are more.
fn push(packed: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return packed.push(low);
        }
        packed.push(low | 0x80);
    }
}

/// Counts that were packed.
#[derive(Debug, Clone, Copy)]
struct Packed<'a>(&'a [u8]);

impl Packed<'_> {
    /// Takes these counts off those of the same buckets and others; leaves out what is nothing then.
    fn take_off(self, counts: &mut Counts) {
        let mut before = self.unpack().peekable();
        counts.retain_mut(|(bucket, count)| {
            while before.next_if(|(earlier, _)| earlier < bucket).is_some() {}
            if let Some((_, earlier)) = before.next_if(|(earlier, _)| earlier == bucket) {
                // Never more than now, of counts that were read one after the other.
                *count = count.saturating_sub(earlier);
            }
            *count > 0
        });
    }

    fn unpack(self) -> impl Iterator<Item = (Bucket, u64)> {
        let mut bytes = self.0.iter();
        let mut number = move || {
            let mut number = 0;
            for (place, &byte) in (0..).step_by(7).zip(&mut bytes) {
                number |= u64::from(byte & 0x7F) << place;
                if byte & 0x80 == 0 {
                    return Some(number);
                }
            }
            None
        };
        let mut before = i32::MIN;
        std::iter::from_fn(move || {
            let step = u32::try_from(number()?).ok()?;
            before = before.wrapping_add(step.cast_signed());
            Some((Bucket(before), number()?))
        })
    }
}

/// Quantiles of what is in a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranks<'a> {
    /// How much is in each bucket, in their order.
    pub(super) counts: &'a [(Bucket, u64)],
    pub(super) precision: Precision,
}

impl Ranks<'_> {
    /// The values of quantiles that increase, NaN where nothing is in the window: each that of the observation that has
    /// the quantile's rank, `⌈q·n⌉`-th of `n`, or the first for 0.
    pub(super) fn quantiles(self, quantiles: &[f64]) -> impl Iterator<Item = (f64, f64)> {
        let total: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let mut buckets = self.counts.iter();
        let (mut value, mut below) = (f64::NAN, 0);
        quantiles.iter().map(move |&quantile| {
            let rank = rank(quantile, total);
            while below < rank {
                let Some(&(bucket, count)) = buckets.next() else { break };
                value = self.precision.value(bucket);
                below += count;
            }
            (quantile, value)
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a quantile is from 0 to 1; of more than 2^53 observations, the rank is off by less than any error"
)]
fn rank(quantile: f64, total: u64) -> u64 {
    // Less what rounding can have added, to the quantile and to the product: 0.55 of 100 is the 55th, not the 56th.
    let rank = quantile * total as f64 * (1.0 - f64::EPSILON);
    (rank.ceil() as u64).clamp(1.min(total), total)
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(clippy::unwrap_used, reason = "a helper of tests, outside of what clippy takes for one")]
    fn parts(max_age: u64, age_buckets: u32) -> Parts {
        let config = SummaryConfig::new().with_max_age(Duration::from_nanos(max_age));
        Summarized::try_new(config.with_age_buckets(age_buckets), &Clock::system()).unwrap().parts
    }

    fn unpacked(packed: Packed<'_>) -> Vec<(Bucket, u64)> {
        packed.unpack().collect()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let cases: [&[(i32, u64)]; 4] = [
            &[],
            &[(0, 1)],
            &[(-65_536, u64::MAX), (-1, 127), (0, 128), (1, 1 << 35), (65_536, 3)],
            &[(i32::MIN, 1), (i32::MAX, 2)],
        ];
        for case in cases {
            let counts: Vec<_> = case.iter().map(|&(bucket, count)| (Bucket(bucket), count)).collect();
            assert_eq!(unpacked(Packed(&pack(&counts))), counts);
        }
    }

    #[test]
    fn counts_are_less_what_was_there_before() {
        let counts = |counts: &[(i32, u64)]| -> Vec<_> {
            counts.iter().map(|&(bucket, count)| (Bucket(bucket), count)).collect()
        };
        let before = pack(&counts(&[(-3, 2), (0, 5), (4, 1)]));
        let mut now = counts(&[(-7, 1), (-3, 2), (0, 9), (4, 1), (5, 6)]);
        Packed(&before).take_off(&mut now);
        assert_eq!(now, counts(&[(-7, 1), (0, 4), (5, 6)]));
    }

    /// One more observation before each moment, of which the window has those that came after the moment that it begins
    /// with.
    #[test]
    fn a_window_begins_with_the_last_moment_that_is_as_old_as_all_parts_but_one() {
        let begins = |parts: Parts, moments: &[u64]| -> Vec<u64> {
            let mut history = History::default();
            let look = |(&now, count)| {
                let mut counts = Vec::new();
                history.window(now, parts, count, &mut counts, |counts| counts.push((Bucket(1), count)));
                counts.first().map_or(0, |(_, window)| count - window)
            };
            moments.iter().zip(1..).map(look).collect()
        };
        // Parts of 10, of which four are 40.
        let steps: Vec<u64> = (0..=12).map(|step| step * 5).collect();
        assert_eq!(begins(parts(50, 5), &steps), [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 3, 3, 5]);
        assert_eq!(
            begins(parts(50, 5), &[0, 39, 40, 79, 80, 500, 500, 539, 540]),
            [0, 0, 1, 2, 2, 4, 4, 4, 6]
        );
        // One part: all that was observed since it began, until it is over.
        assert_eq!(begins(parts(10, 1), &[0, 5, 9, 10, 10, 11, 20, 21]), [0, 1, 1, 1, 1, 4, 4, 7]);
        assert_eq!(begins(parts(10, 2), &[0, 5, 10, 10, 12, 15]), [0, 1, 2, 2, 2, 3]);
    }

    #[test]
    fn a_series_is_not_read_in_whose_window_nothing_was_observed() {
        let (mut history, mut reads) = (History::default(), Vec::new());
        for now in 0..200 {
            let count = if now < 100 { 7 } else { 8 };
            let mut counts = Vec::new();
            history.window(now, parts(50, 5), count, &mut counts, |counts| {
                reads.push(now);
                counts.push((Bucket(1), count));
            });
            let expected = if now < 40 { 7 } else { u64::from((100..140).contains(&now)) };
            assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), expected, "at {now}");
        }
        assert_eq!(reads, (0..40).chain(100..140).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_whose_turn_comes_late_takes_nothing_from_another() {
        let (mut history, parts) = (History::default(), parts(50, 5));
        let mut look = |now, count| {
            let mut counts = Vec::new();
            history.window(now, parts, count, &mut counts, |counts| {
                counts.extend((count > 0).then_some((Bucket(1), count)));
            });
            counts
        };
        assert_eq!(look(100, 0), []);
        // It has looked at the clock before the other one, and reads what was observed after that one had read.
        assert_eq!(look(95, 1), [(Bucket(1), 1)]);
        assert_eq!(look(139, 1), [(Bucket(1), 1)]);
        assert_eq!(look(140, 1), []);
    }

    #[test]
    fn moments_are_few_and_share_what_they_have_in_common() {
        let mut history = History::default();
        let counts = [(Bucket(5), 100), (Bucket(7), 3)];
        for (age_buckets, most) in [(1, 2), (2, 2), (5, 5), (60, 60)] {
            for now in 0..1_000 {
                let read = |read: &mut Counts| read.extend(counts);
                history.window(now, parts(600, age_buckets), 103, &mut Vec::new(), read);
                assert!(history.moments.len() <= most, "{} of {most}", history.moments.len());
            }
            assert_eq!(history.bytes(), pack(&counts).len());
            history = History::default();
        }
    }

    #[test]
    fn ranks_are_those_of_the_observations_in_order() {
        let precision = Precision::of_error(0.01);
        // What is one observation of each of ten values.
        let counts: Vec<_> = (0..10).map(|bucket| (Bucket(bucket), 1)).collect();
        let ranks = Ranks { counts: &counts, precision };
        let values =
            |quantiles: &[f64]| -> Vec<f64> { ranks.quantiles(quantiles).map(|(_, value)| value).collect() };
        let expected = [0, 0, 0, 4, 5, 9].map(|bucket| precision.value(Bucket(bucket)));
        assert_eq!(values(&[0.0, 0.05, 0.1, 0.5, 0.51, 1.0]), expected);
        let nothing = Ranks { counts: &[], precision };
        assert!(nothing.quantiles(&[0.0, 1.0]).all(|(_, value)| value.is_nan()));
    }

    #[test]
    fn ranks_are_those_of_quantiles_as_they_are_written() {
        for total in (1..300).chain([1_000, 99_900, 1_000_000, 123_456_789, 1 << 40]) {
            for thousandths in 0..=1000_u32 {
                let expected = (u64::from(thousandths) * total).div_ceil(1000).max(1);
                assert_eq!(
                    rank(f64::from(thousandths) / 1000.0, total),
                    expected,
                    "{thousandths} of {total}"
                );
            }
        }
    }
}

//! Exponential buckets, over changes of scale.

use nilometer_core::collect::{ExponentialBuckets, ExponentialRange};

/// Buckets that are kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets {
    scale: i32,
    zero_threshold: f64,
    zero_count: u64,
    positive: Range,
    negative: Range,
}

/// Consecutive buckets, the first of which has the index `offset`.
#[derive(Debug, Clone, Default)]
struct Range {
    offset: i32,
    counts: Vec<u64>,
}

/// The buckets that were acknowledged and those that were shown, with their sums.
#[derive(Debug, Default)]
pub(super) struct Exponential {
    acknowledged: Buckets,
    shown: Buckets,
    sums: [f64; 2],
}

impl Exponential {
    /// Whether these buckets can be those that were shown last after more observations: no bucket has become less, and
    /// if the scale is another, it is lower.
    pub(super) fn is_before(&self, total: &ExponentialBuckets<'_>, room: &mut Buckets) -> bool {
        [&self.shown, &self.acknowledged].into_iter().all(|before| {
            room.copy(total);
            room.try_subtract(before)
        })
    }

    /// Puts into `room` what was added to what was acknowledged, where that is before it; returns the sum that was
    /// acknowledged.
    pub(super) fn follow(&mut self, total: &ExponentialBuckets<'_>, sum: f64, room: &mut Buckets) -> f64 {
        self.shown.copy(total);
        self.sums[1] = sum;
        room.copy(total);
        let is_before = room.try_subtract(&self.acknowledged);
        debug_assert!(is_before);
        room.positive.trim();
        room.negative.trim();
        self.sums[0]
    }

    pub(super) fn settle(&mut self) {
        let Buckets { scale, zero_threshold, zero_count, positive, negative } = &self.shown;
        (self.acknowledged.scale, self.acknowledged.zero_threshold) = (*scale, *zero_threshold);
        self.acknowledged.zero_count = *zero_count;
        self.acknowledged.positive.copy(positive.offset, &positive.counts);
        self.acknowledged.negative.copy(negative.offset, &negative.counts);
        self.sums[0] = self.sums[1];
    }
}

impl Buckets {
    /// The same as a point has them.
    pub(crate) fn borrowed(&self) -> Option<ExponentialBuckets<'_>> {
        let buckets = ExponentialBuckets::try_new(
            self.scale,
            ExponentialRange::new(self.positive.offset, &self.positive.counts),
            ExponentialRange::new(self.negative.offset, &self.negative.counts),
        );
        buckets.and_then(|buckets| buckets.try_with_zero(self.zero_threshold, self.zero_count)).ok()
    }

    fn copy(&mut self, shown: &ExponentialBuckets<'_>) {
        self.scale = shown.scale();
        (self.zero_threshold, self.zero_count) = (shown.zero_threshold(), shown.zero_count());
        self.positive.copy(shown.positive().offset(), shown.positive().counts());
        self.negative.copy(shown.negative().offset(), shown.negative().counts());
    }

    /// Takes earlier buckets away, at this scale and with this zero threshold. `false` where they cannot be earlier,
    /// and then it is not known what is left.
    fn try_subtract(&mut self, before: &Buckets) -> bool {
        let is_empty = before.zero_count == 0 && before.positive.is_empty() && before.negative.is_empty();
        if is_empty {
            return true;
        }
        if before.scale < self.scale || before.zero_threshold > self.zero_threshold {
            return false;
        }
        let shift = before.scale.abs_diff(self.scale);
        let mut in_zero = before.zero_count;
        // Where the bucket of what is near zero has grown, it has taken others in.
        let bounds = (before.zero_threshold < self.zero_threshold).then(|| before.borrowed()).flatten();
        let is_within = |index: i64| {
            let bound =
                bounds.zip(i32::try_from(index).ok()).map(|(bounds, index)| bounds.upper_bound(index));
            bound.is_some_and(|bound| bound <= self.zero_threshold)
        };
        for (range, before) in
            [(&mut self.positive, &before.positive), (&mut self.negative, &before.negative)]
        {
            for (index, &count) in
                (i64::from(before.offset)..).zip(&before.counts).filter(|(_, count)| **count > 0)
            {
                if is_within(index) {
                    in_zero = in_zero.wrapping_add(count);
                } else if !range.try_subtract(index >> shift, count) {
                    return false;
                }
            }
        }
        let left = self.zero_count.checked_sub(in_zero);
        self.zero_count = left.unwrap_or(0);
        left.is_some()
    }
}

impl Range {
    fn copy(&mut self, offset: i32, counts: &[u64]) {
        self.offset = offset;
        self.counts.clear();
        self.counts.extend_from_slice(counts);
    }

    fn is_empty(&self) -> bool {
        self.counts.iter().all(|&count| count == 0)
    }

    fn try_subtract(&mut self, index: i64, count: u64) -> bool {
        let place = usize::try_from(index - i64::from(self.offset)).ok();
        let Some(now) = place.and_then(|place| self.counts.get_mut(place)) else { return false };
        let left = now.checked_sub(count);
        *now = left.unwrap_or(0);
        left.is_some()
    }

    /// Leaves out the empty buckets at both ends.
    fn trim(&mut self) {
        let Some(first) = self.counts.iter().position(|&count| count > 0) else {
            self.counts.clear();
            self.offset = 0;
            return;
        };
        let last = self.counts.iter().rposition(|&count| count > 0).unwrap_or(first);
        self.counts.truncate(last + 1);
        self.counts.drain(..first);
        self.offset = self.offset.saturating_add(i32::try_from(first).unwrap_or(i32::MAX));
    }
}

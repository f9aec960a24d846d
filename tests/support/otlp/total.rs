//! What is sent as a difference.

use std::collections::BTreeMap;

use nilometer_core::collect::{ExponentialBuckets, ExponentialRange};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;

use crate::shown::Exponential;

/// What can be subtracted.
#[derive(Debug, Clone)]
pub(super) enum Total {
    Whole(u64),
    Float(f64),
    Explicit(Vec<f64>, Vec<u64>, f64),
    Exponential(Spread, f64),
}

/// Exponential buckets by their index.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spread {
    pub(super) scale: i32,
    pub(super) zero: (f64, u64),
    pub(super) sides: [BTreeMap<i64, u64>; 2],
}

impl Total {
    /// Nothing of the same form.
    pub(super) fn zero(&self) -> Total {
        match self {
            Total::Whole(_) => Total::Whole(0),
            Total::Float(_) => Total::Float(0.0),
            Total::Explicit(bounds, counts, _) => Total::Explicit(bounds.clone(), vec![0; counts.len()], 0.0),
            Total::Exponential(spread, _) => {
                let sides = [BTreeMap::new(), BTreeMap::new()];
                Total::Exponential(Spread { scale: spread.scale, zero: (0.0, 0), sides }, 0.0)
            }
        }
    }

    /// `None` where that is not before this.
    pub(super) fn minus(&self, before: &Total) -> Option<Total> {
        match (self, before) {
            (Total::Whole(now), Total::Whole(before)) => now.checked_sub(*before).map(Total::Whole),
            (Total::Float(now), Total::Float(before)) => {
                let added = if now > before { now - before } else { 0.0 };
                (now >= before).then_some(Total::Float(added))
            }
            (Total::Explicit(bounds, now, sum), Total::Explicit(others, before, last))
                if bounds
                    .iter()
                    .map(|bound| bound.to_bits())
                    .eq(others.iter().map(|bound| bound.to_bits())) =>
            {
                let counts = now.iter().zip(before).map(|(now, before)| now.checked_sub(*before));
                Some(Total::Explicit(bounds.clone(), counts.collect::<Option<_>>()?, sum - last))
            }
            (Total::Exponential(now, sum), Total::Exponential(before, last)) => {
                Some(Total::Exponential(now.minus(before)?, sum - last))
            }
            _ => None,
        }
    }
}

impl Spread {
    pub(super) fn of(shown: &Exponential) -> Spread {
        let side = |(offset, counts): &(i32, Vec<u64>)| {
            let counts = (i64::from(*offset)..).zip(counts.iter().copied());
            counts.filter(|(_, count)| *count > 0).collect()
        };
        Spread { scale: shown.scale, zero: shown.zero, sides: [side(&shown.positive), side(&shown.negative)] }
    }

    pub(super) fn minus(&self, before: &Spread) -> Option<Spread> {
        if before.zero.1 == 0 && before.sides.iter().all(BTreeMap::is_empty) {
            return Some(self.clone());
        }
        if before.scale < self.scale || before.zero.0 > self.zero.0 {
            return None;
        }
        let empty = ExponentialRange::EMPTY;
        let bounds = ExponentialBuckets::try_new(before.scale, empty, empty).ok()?;
        let mut left = self.clone();
        let mut at_zero = before.zero.1;
        for (side, before_side) in left.sides.iter_mut().zip(&before.sides) {
            for (&index, &count) in before_side {
                let upper = i32::try_from(index).map_or(f64::INFINITY, |index| bounds.upper_bound(index));
                if self.zero.0 > before.zero.0 && upper <= self.zero.0 {
                    at_zero = at_zero.wrapping_add(count);
                    continue;
                }
                let merged = index.div_euclid(1 << (before.scale - self.scale));
                let place = side.get_mut(&merged)?;
                *place = place.checked_sub(count)?;
                side.retain(|_, count| *count > 0);
            }
        }
        left.zero.1 = left.zero.1.checked_sub(at_zero)?;
        Some(left)
    }
}

/// Buckets from the first that has something to the last.
pub(super) fn range(side: &BTreeMap<i64, u64>) -> Option<Buckets> {
    let (first, last) = (*side.keys().next()?, *side.keys().next_back()?);
    let bucket_counts = (first..=last).map(|index| side.get(&index).copied().unwrap_or(0)).collect();
    Some(Buckets { offset: i32::try_from(first).ok()?, bucket_counts })
}

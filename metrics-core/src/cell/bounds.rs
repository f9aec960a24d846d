//! Which bucket a value belongs to.

use std::hint::select_unpredictable;

use crate::buckets::{BucketError, check_bounds};

/// How many bounds are halved in four steps, a number that is known when the program is compiled.
const SHORT: usize = 15;

/// A histogram's upper bounds.
#[derive(Debug, Clone)]
pub struct Bounds {
    /// The bounds, where they are few, and then `+Inf`, which no value is above.
    short: [f64; SHORT],
    /// All bounds; where they are not few, then `+Inf` up to one less than a power of two.
    padded: Box<[f64]>,
    /// How many bounds there are.
    len: usize,
}

impl Default for Bounds {
    /// No bounds.
    fn default() -> Bounds {
        Bounds::of(&[])
    }
}

impl Bounds {
    pub(crate) fn try_new(bounds: &[f64]) -> Result<Bounds, BucketError> {
        check_bounds(bounds)?;
        Ok(Bounds::of(bounds))
    }

    fn of(bounds: &[f64]) -> Bounds {
        let mut short = [f64::INFINITY; SHORT];
        let mut padded = bounds.to_vec();
        if bounds.len() > SHORT {
            padded.resize((bounds.len() + 1).next_power_of_two() - 1, f64::INFINITY);
        } else {
            short[..bounds.len()].copy_from_slice(bounds);
        }
        Bounds { short, padded: padded.into(), len: bounds.len() }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.padded[..self.len]
    }

    /// How many buckets there are, that of `+Inf` counted.
    pub(crate) fn buckets(&self) -> usize {
        self.len + 1
    }

    /// The number of the first bucket whose upper bound is not below `value`; 0 for NaN.
    ///
    /// Halved without a branch: which bucket a value falls into is what a branch predictor cannot know.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are few bounds")]
    pub(crate) fn bucket(&self, value: f64) -> u32 {
        let below = if self.len <= SHORT { below(&self.short, value) } else { below(&self.padded, value) };
        below as u32
    }
}

/// How many of `bounds`, which increase and are one less than a power of two, are below `value`.
#[inline]
fn below(bounds: &[f64], value: f64) -> usize {
    debug_assert!((bounds.len() + 1).is_power_of_two());
    let mut found = 0;
    let mut half = bounds.len().div_ceil(2);
    while half > 0 {
        let next = found + half;
        // SAFETY: what is added to `found` is half of the power of two, then half of that, and so on: together one
        // less than it, which is the length.
        let bound = unsafe { bounds.get_unchecked(next - 1) };
        found = select_unpredictable(*bound < value, next, found);
        half /= 2;
    }
    found
}

impl PartialEq for Bounds {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_bounds_finds_the_first_bucket_that_is_not_below() {
        for len in 1..=crate::buckets::MAX_BOUNDS {
            let list: Vec<f64> =
                (0..len).map(|index| f64::from(u32::try_from(index).unwrap()) - 3.0).collect();
            let bounds = Bounds::try_new(&list).unwrap();
            assert_eq!(bounds.buckets(), len + 1);
            for &bound in &list {
                for value in [bound - 0.5, bound, bound + 0.5] {
                    let expected = list.iter().position(|bound| *bound >= value).unwrap_or(len);
                    assert_eq!(bounds.bucket(value) as usize, expected, "{value} in {len} bounds");
                }
            }
            assert_eq!(bounds.bucket(f64::NEG_INFINITY), 0);
            assert_eq!(bounds.bucket(f64::INFINITY) as usize, len);
            assert_eq!(bounds.bucket(f64::MAX) as usize, len);
        }
    }
}

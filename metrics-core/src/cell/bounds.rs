//! Which bucket a value belongs to.

use std::hint::select_unpredictable;
use std::ops::Deref;

use crate::buckets::{BucketError, check_bounds};

/// How many bounds are halved in four steps, a number that is known when the program is compiled.
const SHORT: usize = 15;

/// A histogram's upper bounds, of its own or, in a static, somebody else's.
#[derive(Debug, Clone)]
pub struct Bounds<S = Box<[f64]>> {
    /// The bounds, where they are few, and then `+Inf`, which no value is above.
    short: [f64; SHORT],
    all: S,
}

impl Default for Bounds {
    /// No bounds.
    fn default() -> Bounds {
        Bounds { short: short(&[]), all: Box::default() }
    }
}

impl Bounds {
    pub(crate) fn try_new(bounds: &[f64]) -> Result<Bounds, BucketError> {
        check_bounds(bounds)?;
        Ok(Bounds { short: short(bounds), all: bounds.into() })
    }
}

impl Bounds<&'static [f64]> {
    /// Bounds that were checked.
    pub(crate) const fn of_static(all: &'static [f64]) -> Bounds<&'static [f64]> {
        Bounds { short: short(all), all }
    }

    pub(crate) const fn as_static(&self) -> &'static [f64] {
        self.all
    }
}

impl From<&Bounds<&'static [f64]>> for Bounds {
    fn from(bounds: &Bounds<&'static [f64]>) -> Bounds {
        Bounds { short: bounds.short, all: bounds.all.into() }
    }
}

const fn short(bounds: &[f64]) -> [f64; SHORT] {
    let mut short = [f64::INFINITY; SHORT];
    let mut index = 0;
    while index < bounds.len() && bounds.len() <= SHORT {
        short[index] = bounds[index];
        index += 1;
    }
    short
}

impl<S: Deref<Target = [f64]>> Bounds<S> {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.all
    }

    /// How many buckets there are, that of `+Inf` counted.
    pub(crate) fn buckets(&self) -> usize {
        self.all.len() + 1
    }

    /// The number of the first bucket whose upper bound is not below `value`; 0 for NaN.
    ///
    /// Halved without a branch: which bucket a value falls into is what a branch predictor cannot know.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are few bounds")]
    pub(crate) fn bucket(&self, value: f64) -> u32 {
        if self.all.len() <= SHORT {
            below_few(&self.short, value) as u32
        } else {
            below(&self.all, value) as u32
        }
    }
}

/// How many of `bounds`, which increase, are below `value`.
#[inline]
fn below_few(bounds: &[f64; SHORT], value: f64) -> usize {
    let mut found = 0;
    let mut half = SHORT.div_ceil(2);
    while half > 0 {
        let next = found + half;
        // No step goes past the last bound: 8, 4, 2 and 1 are 15.
        found = select_unpredictable(bounds[next - 1] < value, next, found);
        half /= 2;
    }
    found
}

/// How many of `bounds`, which increase and of which there is one at least, are below `value`.
fn below(bounds: &[f64], value: f64) -> usize {
    let (mut found, mut left) = (0, bounds.len());
    while left > 1 {
        let half = left / 2;
        // SAFETY: `found` and `left` together are never more than the length, and `half` is less than `left`.
        let bound = unsafe { bounds.get_unchecked(found + half - 1) };
        found = select_unpredictable(*bound < value, found + half, found);
        left -= half;
    }
    found + usize::from(bounds[found] < value)
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

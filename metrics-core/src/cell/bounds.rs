//! Which bucket a value belongs to.

use std::hint::select_unpredictable;
use std::ops::Deref;

use crate::buckets::{BucketError, check_bounds};

/// How many bounds are all compared with a value, as many at once as there are.
const SHORT: usize = 16;

/// How many of them are compared together.
const LANES: usize = 4;

/// A histogram's upper bounds, of its own or, in a static, somebody else's.
#[derive(Debug, Clone)]
pub(crate) struct Bounds<S = Box<[f64]>> {
    /// The bounds, where they are few, and then `+Inf`, which no value is above.
    short: [f64; SHORT],
    /// How many of those are compared, in fours; 0 where there are more bounds than that.
    fours: u32,
    all: S,
}

impl Default for Bounds {
    /// No bounds.
    fn default() -> Bounds {
        Bounds { short: short(&[]), fours: fours(0), all: Box::default() }
    }
}

impl Bounds {
    pub(crate) fn try_new(bounds: &[f64]) -> Result<Bounds, BucketError> {
        check_bounds(bounds)?;
        Ok(Bounds { short: short(bounds), fours: fours(bounds.len()), all: bounds.into() })
    }
}

impl Bounds<&'static [f64]> {
    /// Bounds that were checked.
    pub(crate) const fn of_static(all: &'static [f64]) -> Bounds<&'static [f64]> {
        Bounds { short: short(all), fours: fours(all.len()), all }
    }

    pub(crate) const fn as_static(&self) -> &'static [f64] {
        self.all
    }
}

impl From<&Bounds<&'static [f64]>> for Bounds {
    fn from(bounds: &Bounds<&'static [f64]>) -> Bounds {
        Bounds { short: bounds.short, fours: bounds.fours, all: bounds.all.into() }
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

#[expect(clippy::cast_possible_truncation, reason = "there are few bounds")]
const fn fours(len: usize) -> u32 {
    match len {
        0 => 1,
        1..=SHORT => len.div_ceil(LANES) as u32,
        _ => 0,
    }
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
    /// Without a branch on the value: which bucket it falls into is what a branch predictor cannot know. Few bounds are
    /// all compared, since each step of a search waits for the one before, and what is recorded next waits for all of
    /// them: where this value's bucket is written to has to be known before others can be read.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are few bounds")]
    pub(crate) fn bucket(&self, value: f64) -> u32 {
        if self.fours > 0 {
            below_few(&self.short, self.fours, value)
        } else {
            below(&self.all, value) as u32
        }
    }
}

/// How many of the first `fours` times four bounds are below `value`.
#[cfg(target_arch = "x86_64")]
#[inline]
fn below_few(bounds: &[f64; SHORT], fours: u32, value: f64) -> u32 {
    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_castpd_si128, _mm_cmplt_pd, _mm_cvtsi128_si32, _mm_set_pd, _mm_set1_pd,
        _mm_setzero_si128, _mm_shuffle_epi32, _mm_sub_epi32,
    };

    #[target_feature(enable = "sse2")]
    #[inline]
    fn count(bounds: &[f64; SHORT], fours: u32, value: f64) -> u32 {
        let value = _mm_set1_pd(value);
        // All ones, or -1, in the lanes of bounds that are below.
        let below = |low: f64, high: f64| _mm_castpd_si128(_mm_cmplt_pd(_mm_set_pd(high, low), value));
        let mut counts: [__m128i; 2] = [_mm_setzero_si128(); 2];
        for [one, two, three, four] in bounds.as_chunks().0.iter().take(fours as usize) {
            counts[0] = _mm_sub_epi32(counts[0], below(*one, *two));
            counts[1] = _mm_sub_epi32(counts[1], below(*three, *four));
        }
        let sums = _mm_add_epi32(counts[0], counts[1]);
        let sum = _mm_add_epi32(sums, _mm_shuffle_epi32::<0b1110>(sums));
        _mm_cvtsi128_si32(sum).cast_unsigned()
    }

    // SAFETY: every x86-64 processor has SSE2.
    unsafe { count(bounds, fours, value) }
}

/// How many of the first `fours` times four bounds are below `value`.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn below_few(bounds: &[f64; SHORT], fours: u32, value: f64) -> u32 {
    let compared = bounds.as_chunks::<LANES>().0.iter().take(fours as usize).flatten();
    compared.map(|bound| u32::from(*bound < value)).sum()
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

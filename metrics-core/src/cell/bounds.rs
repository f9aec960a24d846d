//! Which bucket a value belongs to.

use crate::buckets::{BucketError, check_bounds};

/// How many bounds are compared all at once, rather than searched.
const SHORT: usize = 16;

/// A histogram's upper bounds.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    /// The bounds, where they are few, and then `+Inf`, which no value is above.
    short: Option<[f64; SHORT]>,
    all: Box<[f64]>,
}

impl Bounds {
    pub(crate) fn try_new(bounds: &[f64]) -> Result<Bounds, BucketError> {
        check_bounds(bounds)?;
        let short = (bounds.len() <= SHORT).then(|| {
            let mut short = [f64::INFINITY; SHORT];
            short[..bounds.len()].copy_from_slice(bounds);
            short
        });
        Ok(Bounds { short, all: bounds.into() })
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[f64] {
        &self.all
    }

    /// How many buckets there are, that of `+Inf` counted.
    pub(crate) fn buckets(&self) -> usize {
        self.all.len() + 1
    }

    /// The number of the first bucket whose upper bound is not below `value`, which is not NaN.
    ///
    /// Few bounds are compared without a branch, two or more at a time: which bucket a value falls into is what a
    /// branch predictor cannot know. Many are halved, also without a branch.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "there are few bounds")]
    pub(crate) fn bucket(&self, value: f64) -> u32 {
        match &self.short {
            Some(short) => short.iter().map(|bound| u64::from(*bound < value)).sum::<u64>() as u32,
            None => self.all.partition_point(|bound| *bound < value) as u32,
        }
    }
}

impl PartialEq for Bounds {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all
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

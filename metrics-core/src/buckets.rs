//! Upper bounds of histogram buckets: ready-made ones, makers, and the rules.
//!
//! Bounds are finite, increasing, and inclusive (`le` means less than or equal); the bucket for `+Inf` comes by itself.
//!
//! # Examples
//!
//! ```
//! use nilometer_core::buckets;
//!
//! const QUEUE_LENGTHS: [f64; 5] = buckets::exponential(1.0, 4.0);
//! assert_eq!(QUEUE_LENGTHS, [1.0, 4.0, 16.0, 64.0, 256.0]);
//! const PERCENT: [f64; 4] = buckets::linear(25.0, 25.0);
//! assert_eq!(PERCENT, [25.0, 50.0, 75.0, 100.0]);
//! ```

use thiserror::Error;

use crate::descriptor::MetricType;

/// The most bounds that a histogram can have.
///
/// Each bucket is a line of every scrape of every series; a histogram that seems to need more is better off
/// exponential.
pub const MAX_BOUNDS: usize = 256;

/// The most bounds that a gauge histogram can have, which keeps what came and what left apart.
pub const MAX_GAUGE_BOUNDS: usize = 254;

/// Latencies in milliseconds, from 1 ms to 10 s.
pub const LATENCY_MS: [f64; 13] =
    [1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0];

/// Latencies in seconds, from 5 ms to 10 s: the default buckets of the Prometheus client libraries.
pub const LATENCY_SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Sizes in bytes, powers of four from 256 B to 64 MiB.
pub const SIZE_BYTES: [f64; 10] = exponential(256.0, 4.0);

/// Says why bounds were refused.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum BucketError {
    /// There is no bound.
    #[error("a histogram has at least one bound")]
    Empty,
    /// There are more than [`MAX_BOUNDS`].
    #[error("{count} bounds where {MAX_BOUNDS} are allowed")]
    TooMany {
        /// How many were given.
        count: usize,
    },
    /// There are more than [`MAX_GAUGE_BOUNDS`], of a gauge histogram.
    #[error("{count} bounds where a gauge histogram can have {MAX_GAUGE_BOUNDS}")]
    TooManyOfGauge {
        /// How many were given.
        count: usize,
    },
    /// A bound is NaN or infinite; the bucket for `+Inf` comes by itself.
    #[error("bound {index} is `{value}`: bounds are finite, and `+Inf` comes by itself")]
    NotFinite {
        /// Which one, counted from 0.
        index: usize,
        /// The bound.
        value: f64,
    },
    /// A bound is not above the one before it.
    #[error("bound {index} is `{value}`, which is not above `{previous}` before it")]
    NotIncreasing {
        /// Which one, counted from 0.
        index: usize,
        /// The bound before it.
        previous: f64,
        /// The bound.
        value: f64,
    },
    /// The width or the factor makes no increasing bounds.
    #[error("a step of `{step}` from `{start}` makes no increasing bounds")]
    Step {
        /// The first bound.
        start: f64,
        /// The width (linear) or the factor (exponential).
        step: f64,
    },
}

/// The most bounds that a metric of this kind can have, if it has any.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricType;
/// use nilometer_core::buckets::{MAX_BOUNDS, MAX_GAUGE_BOUNDS, max_bounds};
///
/// assert_eq!(max_bounds(MetricType::Histogram), MAX_BOUNDS);
/// assert_eq!(max_bounds(MetricType::GaugeHistogram), MAX_GAUGE_BOUNDS);
/// ```
#[must_use]
pub const fn max_bounds(kind: MetricType) -> usize {
    match kind {
        MetricType::GaugeHistogram => MAX_GAUGE_BOUNDS,
        _ => MAX_BOUNDS,
    }
}

/// Checks that `bounds` are finite and increasing, at least one and at most [`MAX_BOUNDS`].
///
/// # Errors
///
/// [`BucketError`], naming the first bound that is wrong.
///
/// # Examples
///
/// ```
/// use nilometer_core::buckets::{BucketError, LATENCY_MS, check_bounds};
///
/// const _: () = assert!(check_bounds(&LATENCY_MS).is_ok());
/// let error = check_bounds(&[1.0, 3.0, 2.0]).unwrap_err();
/// assert_eq!(error, BucketError::NotIncreasing { index: 2, previous: 3.0, value: 2.0 });
/// ```
pub const fn check_bounds(bounds: &[f64]) -> Result<(), BucketError> {
    if bounds.is_empty() {
        return Err(BucketError::Empty);
    }
    if bounds.len() > MAX_BOUNDS {
        return Err(BucketError::TooMany { count: bounds.len() });
    }
    let mut index = 0;
    while index < bounds.len() {
        let value = bounds[index];
        if !value.is_finite() {
            return Err(BucketError::NotFinite { index, value });
        }
        if index > 0 && value <= bounds[index - 1] {
            return Err(BucketError::NotIncreasing { index, previous: bounds[index - 1], value });
        }
        index += 1;
    }
    Ok(())
}

/// `N` bounds, `width` apart, from `start` on.
///
/// # Panics
///
/// When the width makes no increasing bounds, or `N` is 0 or above [`MAX_BOUNDS`]: in a constant, a compile error.
/// [`try_linear`] does not.
#[must_use]
pub const fn linear<const N: usize>(start: f64, width: f64) -> [f64; N] {
    match try_linear(start, width) {
        Ok(bounds) => bounds,
        #[expect(clippy::panic, reason = "a const constructor with a `try_` twin")]
        Err(_) => panic!("linear buckets need a positive width and from 1 to 256 finite, distinct bounds"),
    }
}

/// `N` bounds, `width` apart, from `start` on.
///
/// # Errors
///
/// [`BucketError`] when these are no increasing bounds.
pub const fn try_linear<const N: usize>(start: f64, width: f64) -> Result<[f64; N], BucketError> {
    if width.is_nan() || width <= 0.0 {
        return Err(BucketError::Step { start, step: width });
    }
    let mut bounds = [start; N];
    let mut index = 1;
    while index < N {
        #[expect(clippy::cast_precision_loss, reason = "an index of at most 256 is exact")]
        let steps = index as f64;
        bounds[index] = start + width * steps;
        index += 1;
    }
    match check_bounds(&bounds) {
        Ok(()) => Ok(bounds),
        Err(error) => Err(error),
    }
}

/// `N` bounds, each `factor` times the one before, from `start` on.
///
/// # Panics
///
/// When start or factor makes no increasing bounds, or `N` is 0 or above [`MAX_BOUNDS`]: in a constant, a compile
/// error. [`try_exponential`] does not.
#[must_use]
pub const fn exponential<const N: usize>(start: f64, factor: f64) -> [f64; N] {
    match try_exponential(start, factor) {
        Ok(bounds) => bounds,
        #[expect(clippy::panic, reason = "a const constructor with a `try_` twin")]
        Err(_) => {
            panic!("exponential buckets need a positive start, a factor above 1 and from 1 to 256 bounds")
        }
    }
}

/// `N` bounds, each `factor` times the one before, from `start` on.
///
/// # Errors
///
/// [`BucketError`] when these are no increasing bounds.
pub const fn try_exponential<const N: usize>(start: f64, factor: f64) -> Result<[f64; N], BucketError> {
    if start.is_nan() || factor.is_nan() || start <= 0.0 || factor <= 1.0 {
        return Err(BucketError::Step { start, step: factor });
    }
    let mut bounds = [start; N];
    let mut index = 1;
    while index < N {
        bounds[index] = bounds[index - 1] * factor;
        index += 1;
    }
    match check_bounds(&bounds) {
        Ok(()) => Ok(bounds),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_bounds_are_named() {
        let table: [(&[f64], BucketError); 4] = [
            (&[], BucketError::Empty),
            (&[1.0, f64::INFINITY], BucketError::NotFinite { index: 1, value: f64::INFINITY }),
            (&[1.0, 1.0], BucketError::NotIncreasing { index: 1, previous: 1.0, value: 1.0 }),
            (&[0.0; 257], BucketError::TooMany { count: 257 }),
        ];
        for (bounds, error) in table {
            assert_eq!(check_bounds(bounds), Err(error));
        }
        assert!(matches!(check_bounds(&[f64::NAN]), Err(BucketError::NotFinite { index: 0, .. })));
    }

    #[test]
    fn steps_that_do_not_increase_are_refused() {
        assert!(try_linear::<3>(1.0, 0.0).is_err());
        assert!(try_linear::<3>(1.0, f64::NAN).is_err());
        assert!(try_linear::<3>(1e300, 1.0).is_err());
        assert!(try_exponential::<3>(0.0, 2.0).is_err());
        assert!(try_exponential::<3>(1.0, 1.0).is_err());
        assert!(try_exponential::<3>(1e200, 1e200).is_err());
        assert!(try_linear::<0>(1.0, 1.0).is_err());
    }
}

//! What a histogram with exponential buckets is set up with.

use std::ops::RangeInclusive;

use thiserror::Error;

use crate::collect::SCALES;

/// How fine the exponential buckets of a histogram are, and how many there may be.
///
/// A histogram with them needs no bounds: its buckets are where its observations are. Prometheus calls it a *native*
/// histogram. At scale `s`, two to the power of `s` buckets double a value, so the bounds of one are
/// `2^(2^-s)` apart: 9 % at scale 3, and a quantile that is computed from them is off by as much, at most.
///
/// [`FamilyBuilder::with_exponential`](crate::FamilyBuilder::with_exponential) takes it, and so does
/// `#[metric(exponential)]`.
///
/// | what | default | allowed |
/// |---|---|---|
/// | scale at the start | 3 | -4 to 8 |
/// | zero threshold | 2^-128 | 0 and above, finite |
/// | buckets on either side of zero | 160 | 8 to 216 |
/// | bounds where a format has explicit buckets alone | 2^-10, 2^-9, .. 2^20 | 2^-1022 to 2^1023, up to 64 |
///
/// A histogram has room for so many of both: its explicit bounds, its own or those of the fallback, and twice the limit, or
/// twice 132 where that is more, are 502 at most. So there can be 182 bounds with 160 buckets, and 70 with 216. Where there
/// is room left, threads take turns for [exemplars](crate::ExemplarSource) there; where there is none, no source is asked. A
/// series takes 8 bytes for each bound and 16 for each bucket, in each thread that observes.
///
/// # Resolution
///
/// Each thread's observations begin at the first scale. Where buckets on one side of zero, from the first that holds
/// something to the last, would be more than the limit, pairs of them are joined, which lowers the scale by one, until
/// they fit; what a reader sees has the lowest scale of all threads, or a lower one if all together need it. It never
/// rises again. At scale -4, the lowest that Prometheus has, there are 132 buckets at most, and no limit is below
/// that.
///
/// # Fallback
///
/// A format that knows explicit buckets alone shows buckets whose bounds are powers of two over a range that is fixed
/// when the histogram is registered. They are the same at every scrape, and their counts are exact, whatever the scale.
/// A histogram that has [bounds](crate::FamilyBuilder::with_buckets) as well shows those.
///
/// # Examples
///
/// ```
/// use nilometer_core::{ExponentialConfig, Histogram, MetricsRegistry};
///
/// let registry = MetricsRegistry::new();
/// let size = registry
///     .family::<Histogram>("upload_size_bytes", "Size of uploads.")
///     .with_exponential(ExponentialConfig::new().with_scale(4).with_fallback(8..=32))
///     .register()?
///     .default();
/// size.observe(70_000.0);
/// assert_eq!(size.snapshot().count(), 1);
/// assert_eq!(size.bucket_bounds().first(), Some(&256.0));
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "it does nothing until a family is registered with it"]
pub struct ExponentialConfig {
    pub(crate) scale: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) bucket_limit: usize,
    pub(crate) fallback: RangeInclusive<i32>,
}

/// How many buckets there may be on either side of zero: so many that there is room for the bounds of any fallback.
pub(crate) const LIMITS: RangeInclusive<usize> = 8..=216;

/// How many bounds a fallback can have.
pub(crate) const MAX_FALLBACK: i32 = 64;

/// The powers of two that are normal numbers.
const EXPONENTS: RangeInclusive<i32> = -1022..=1023;

impl ExponentialConfig {
    /// The defaults.
    pub const fn new() -> ExponentialConfig {
        ExponentialConfig {
            scale: 3,
            // 2^-128.
            zero_threshold: f64::from_bits((1023 - 128) << 52),
            bucket_limit: 160,
            fallback: -10..=20,
        }
    }

    /// Sets the scale to begin with, from -4 to 8. Prometheus calls it the schema.
    pub const fn with_scale(mut self, scale: i32) -> ExponentialConfig {
        self.scale = scale;
        self
    }

    /// Sets how far from zero an observation may be to count as zero, in the histogram's unit.
    pub const fn with_zero_threshold(mut self, threshold: f64) -> ExponentialConfig {
        self.zero_threshold = threshold;
        self
    }

    /// Sets how many buckets there may be on either side of zero, from 8 to 216, before the resolution is lowered. Memory
    /// is taken for twice as many, in each thread that observes. Above 235, there is no room for the default fallback.
    pub const fn with_bucket_limit(mut self, buckets: usize) -> ExponentialConfig {
        self.bucket_limit = buckets;
        self
    }

    /// Sets for which exponents of two there are bounds where a format knows explicit buckets alone. Ignored where the
    /// histogram has bounds of its own.
    pub const fn with_fallback(mut self, exponents: RangeInclusive<i32>) -> ExponentialConfig {
        self.fallback = exponents;
        self
    }

    /// All of it, in the words of an error.
    pub(crate) fn identity(&self) -> String {
        let ExponentialConfig { scale, zero_threshold, bucket_limit, fallback } = self;
        let (first, last) = (fallback.start(), fallback.end());
        format!(
            "scale {scale}, zero threshold {zero_threshold:e}, {bucket_limit} buckets, fallback 2^{first} to 2^{last}"
        )
    }

    /// Checks that it is within what is allowed. Registering checks as well that there is room for the explicit bounds, which
    /// are not known here: [`ExponentialError::Room`].
    ///
    /// # Errors
    ///
    /// [`ExponentialError`], naming the first setting that is not.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{ExponentialConfig, ExponentialError};
    ///
    /// const FINE: ExponentialConfig = ExponentialConfig::new().with_scale(8);
    /// const _: () = assert!(FINE.check().is_ok());
    /// let error = ExponentialConfig::new().with_scale(9).check().unwrap_err();
    /// assert_eq!(error, ExponentialError::Scale { scale: 9 });
    /// ```
    pub const fn check(&self) -> Result<(), ExponentialError> {
        let (first, last) = (*self.fallback.start(), *self.fallback.end());
        if self.scale < *SCALES.start() || self.scale > *SCALES.end() {
            Err(ExponentialError::Scale { scale: self.scale })
        } else if !(self.zero_threshold >= 0.0 && self.zero_threshold < f64::INFINITY) {
            Err(ExponentialError::ZeroThreshold { threshold: self.zero_threshold })
        } else if self.bucket_limit < *LIMITS.start() || self.bucket_limit > *LIMITS.end() {
            Err(ExponentialError::BucketLimit { buckets: self.bucket_limit })
        } else if first < *EXPONENTS.start()
            || last > *EXPONENTS.end()
            || last < first
            || last - first >= MAX_FALLBACK
        {
            Err(ExponentialError::Fallback { first, last })
        } else {
            Ok(())
        }
    }
}

impl Default for ExponentialConfig {
    fn default() -> ExponentialConfig {
        ExponentialConfig::new()
    }
}

/// Says why a histogram cannot have such exponential buckets.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum ExponentialError {
    /// Prometheus has no such scale.
    #[error("scale {scale} is not from -4 to 8")]
    Scale {
        /// The scale.
        scale: i32,
    },
    /// The zero threshold is negative, NaN or infinite.
    #[error("`{threshold}` is no zero threshold, which is 0 or above and finite")]
    ZeroThreshold {
        /// The threshold.
        threshold: f64,
    },
    /// There are too few or too many buckets.
    #[error("{buckets} buckets where 8 to 216 are allowed")]
    BucketLimit {
        /// How many there were to be.
        buckets: usize,
    },
    /// The bounds for formats without exponential buckets are none, too many, or not all normal numbers.
    #[error("exponents {first} to {last} are not 1 to {MAX_FALLBACK} of those from -1022 to 1023")]
    Fallback {
        /// The exponent of the first bound.
        first: i32,
        /// That of the last.
        last: i32,
    },
    /// A histogram has more explicit bounds and exponential buckets than it can have of both.
    #[error("{bounds} bounds and {buckets} buckets on either side of zero, which is room for {most} bounds")]
    Room {
        /// How many bounds there are.
        bounds: usize,
        /// How many exponential buckets there may be on either side of zero.
        buckets: usize,
        /// How many bounds there can be with those.
        most: usize,
    },
}

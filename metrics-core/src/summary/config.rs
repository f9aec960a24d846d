//! What a summary shows, and how exactly.

use std::time::Duration;

use thiserror::Error;

/// The most parts that the window of a summary can be cut into.
pub const MAX_AGE_BUCKETS: u32 = 60;

/// The smallest and the largest relative error that a summary can be asked for.
const ERRORS: [f64; 2] = [0.001, 0.25];

/// Which quantiles a [`Summary`](crate::Summary) shows, of how long a time, and how exactly.
///
/// By default 0.5, 0.9 and 0.99 of about 10 minutes, in 5 parts, each within 1 % of the true value. It is checked where a
/// family is registered, or a summary made, with it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_core::{MetricsRegistry, Summary, SummaryConfig};
///
/// let config = SummaryConfig::new()
///     .with_quantiles(&[0.5, 0.999])
///     .with_max_age(Duration::from_mins(5))
///     .with_age_buckets(10)
///     .with_relative_error(0.005);
/// let registry = MetricsRegistry::new();
/// let builder = registry.family::<Summary>("answer_seconds", "Time to answer.");
/// let answers = builder.with_summary(config).register()?;
/// answers.default().observe(0.02);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "it says what a summary is to be like, and makes none"]
pub struct SummaryConfig {
    quantiles: Vec<f64>,
    max_age: Duration,
    age_buckets: u32,
    relative_error: f64,
}

impl Default for SummaryConfig {
    fn default() -> SummaryConfig {
        SummaryConfig {
            quantiles: vec![0.5, 0.9, 0.99],
            max_age: Duration::from_mins(10),
            age_buckets: 5,
            relative_error: 0.01,
        }
    }
}

impl SummaryConfig {
    /// What holds by default.
    pub fn new() -> SummaryConfig {
        SummaryConfig::default()
    }

    /// Shows these quantiles, each from 0 to 1, in increasing order; with none of them, a count and a sum alone.
    pub fn with_quantiles(mut self, quantiles: &[f64]) -> SummaryConfig {
        self.quantiles = quantiles.to_vec();
        self
    }

    /// Shows quantiles of what was observed in about this time, which is more than zero.
    pub fn with_max_age(mut self, max_age: Duration) -> SummaryConfig {
        self.max_age = max_age;
        self
    }

    /// Moves the window in so many steps, from 1 to [`MAX_AGE_BUCKETS`]: the more there are, the nearer it is to `max_age`
    /// at any time, and the more memory each series takes.
    pub fn with_age_buckets(mut self, age_buckets: u32) -> SummaryConfig {
        self.age_buckets = age_buckets;
        self
    }

    /// Shows quantiles that are at most this far from the true ones, relative to these: from 0.001 to 0.25. Half the error
    /// takes twice the memory.
    pub fn with_relative_error(mut self, relative_error: f64) -> SummaryConfig {
        self.relative_error = relative_error;
        self
    }

    /// The quantiles.
    #[must_use]
    pub fn quantiles(&self) -> &[f64] {
        &self.quantiles
    }

    /// How long observations stay in the window, about.
    #[must_use]
    pub fn max_age(&self) -> Duration {
        self.max_age
    }

    /// In how many steps the window moves.
    #[must_use]
    pub fn age_buckets(&self) -> u32 {
        self.age_buckets
    }

    /// The largest relative error.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// Checks that it can be had.
    ///
    /// # Errors
    ///
    /// [`SummaryError`], for the first thing that is wrong with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{SummaryConfig, SummaryError};
    ///
    /// let error = SummaryConfig::new().with_quantiles(&[0.5, 90.0]).check().unwrap_err();
    /// assert_eq!(error, SummaryError::Quantile { quantile: 90.0 });
    /// ```
    pub fn check(&self) -> Result<(), SummaryError> {
        check_quantiles(&self.quantiles)?;
        if self.max_age.is_zero() {
            return Err(SummaryError::MaxAge);
        }
        if !is_number_of_age_buckets(self.age_buckets) {
            return Err(SummaryError::AgeBuckets { age_buckets: self.age_buckets });
        }
        if !is_relative_error(self.relative_error) {
            return Err(SummaryError::RelativeError { relative_error: self.relative_error });
        }
        Ok(())
    }

    /// In the words of an error.
    pub(crate) fn identity(&self) -> String {
        let SummaryConfig { quantiles, max_age, age_buckets, relative_error } = self;
        format!("{quantiles:?} within {relative_error} over {max_age:?} in {age_buckets} parts")
    }
}

/// Checks that quantiles are from 0 to 1, in increasing order.
///
/// # Errors
///
/// [`SummaryError::Quantile`] and [`SummaryError::NotIncreasing`], for the first that is wrong.
pub const fn check_quantiles(quantiles: &[f64]) -> Result<(), SummaryError> {
    let mut index = 0;
    while index < quantiles.len() {
        let quantile = quantiles[index];
        // Not for NaN.
        if !(quantile >= 0.0 && quantile <= 1.0) {
            return Err(SummaryError::Quantile { quantile });
        }
        if index > 0 && quantile <= quantiles[index - 1] {
            return Err(SummaryError::NotIncreasing { previous: quantiles[index - 1], quantile });
        }
        index += 1;
    }
    Ok(())
}

/// Whether a window can be cut into so many parts.
#[must_use]
pub const fn is_number_of_age_buckets(age_buckets: u32) -> bool {
    age_buckets >= 1 && age_buckets <= MAX_AGE_BUCKETS
}

/// Whether a summary can be asked for this relative error.
#[must_use]
pub const fn is_relative_error(relative_error: f64) -> bool {
    relative_error >= ERRORS[0] && relative_error <= ERRORS[1]
}

/// Says why a summary cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// A quantile is NaN, below 0 or above 1.
    #[error("quantile `{quantile}` is not from 0 to 1")]
    Quantile {
        /// The quantile.
        quantile: f64,
    },
    /// A quantile is not above the one before it.
    #[error("quantile `{quantile}` is not above `{previous}` before it")]
    NotIncreasing {
        /// The quantile before it.
        previous: f64,
        /// The quantile.
        quantile: f64,
    },
    /// The window has no length.
    #[error("a summary of no time: `max_age` is more than zero")]
    MaxAge,
    /// The window cannot be cut into so many parts.
    #[error("{age_buckets} age buckets where 1 to {MAX_AGE_BUCKETS} are allowed")]
    AgeBuckets {
        /// How many were asked for.
        age_buckets: u32,
    },
    /// The relative error is NaN, too small or too large.
    #[error("a relative error of `{relative_error}` where 0.001 to 0.25 are allowed")]
    RelativeError {
        /// The relative error.
        relative_error: f64,
    },
}

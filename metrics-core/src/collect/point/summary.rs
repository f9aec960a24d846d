//! Summaries.

use std::time::SystemTime;

use super::PointError;

/// A summary at one collection: quantiles that the program has computed, and how many observations there were, with
/// their sum.
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::SummaryPoint;
///
/// let point = SummaryPoint::try_new(&[(0.5, 0.21), (0.99, 1.7)], 1000, 312.5)?;
/// assert_eq!(point.count(), 1000);
/// assert!(SummaryPoint::try_new(&[(1.5, 0.21)], 1000, 312.5).is_err());
/// # Ok::<(), nilometer_core::collect::PointError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SummaryPoint<'a> {
    quantiles: &'a [(f64, f64)],
    count: u64,
    sum: f64,
    pub(super) created: Option<SystemTime>,
}

impl<'a> SummaryPoint<'a> {
    /// A point with these quantiles, each from 0 to 1 with its value, in increasing order. The value is NaN where there
    /// was no observation lately.
    ///
    /// # Errors
    ///
    /// [`PointError::Quantile`] when a quantile is not within 0 and 1, or is not above the one before.
    pub fn try_new(
        quantiles: &'a [(f64, f64)],
        count: u64,
        sum: f64,
    ) -> Result<SummaryPoint<'a>, PointError> {
        let mut before = None;
        for &(quantile, _) in quantiles {
            if !(0.0..=1.0).contains(&quantile) || before.is_some_and(|before| quantile <= before) {
                return Err(PointError::Quantile { quantile });
            }
            before = Some(quantile);
        }
        Ok(SummaryPoint::trusted(quantiles, count, sum))
    }

    /// A point whose quantiles are known to be right.
    pub(crate) fn trusted(quantiles: &'a [(f64, f64)], count: u64, sum: f64) -> SummaryPoint<'a> {
        SummaryPoint { quantiles, count, sum, created: None }
    }

    /// Says when the series began, without observations.
    #[must_use]
    pub fn with_created(mut self, created: impl Into<Option<SystemTime>>) -> SummaryPoint<'a> {
        self.created = created.into();
        self
    }

    /// Each quantile with its value, in increasing order.
    #[must_use]
    pub fn quantiles(&self) -> &'a [(f64, f64)] {
        self.quantiles
    }

    /// How many observations there were since the series began.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all observations since the series began.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// When the series began, where that is known.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        self.created
    }
}

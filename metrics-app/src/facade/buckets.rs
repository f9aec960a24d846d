//! Which buckets histograms have, as the facade says nothing of that.

use nilometer_core::buckets::{BucketError, LATENCY_MS, LATENCY_SECONDS, SIZE_BYTES, check_bounds};
use nilometer_core::{ExponentialConfig, Unit};

use super::error::FacadeError;

/// Bounds for what has no known unit: three to a decade, from a thousandth to ten thousand.
pub(super) const ANY: [f64; 22] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0,
    500.0, 1000.0, 2500.0, 5000.0, 10000.0,
];

/// Which histograms bounds are for.
#[derive(Debug, Clone)]
pub(super) enum Fit {
    Name(String),
    Prefix(String),
    Suffix(String),
    Others,
}

impl Fit {
    fn fits(&self, name: &str) -> bool {
        match self {
            Fit::Name(full) => name == full,
            Fit::Prefix(prefix) => name.starts_with(prefix),
            Fit::Suffix(suffix) => name.ends_with(suffix),
            Fit::Others => true,
        }
    }

    /// What decides before what: a name, then its beginning or its end, then all others.
    fn rank(&self) -> u8 {
        match self {
            Fit::Name(_) => 2,
            Fit::Prefix(_) | Fit::Suffix(_) => 1,
            Fit::Others => 0,
        }
    }

    fn names(&self) -> String {
        match self {
            Fit::Name(full) => full.clone(),
            Fit::Prefix(prefix) => format!("{prefix}*"),
            Fit::Suffix(suffix) => format!("*{suffix}"),
            Fit::Others => "*".to_owned(),
        }
    }
}

/// Bounds by name, in the order in which they were stated.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    stated: Vec<(Fit, Box<[f64]>)>,
    pub(super) exponential: Option<ExponentialConfig>,
}

impl Buckets {
    pub(super) fn add(&mut self, fit: Fit, bounds: &[f64]) {
        self.stated.push((fit, bounds.into()));
    }

    /// Checks all that was stated.
    ///
    /// # Errors
    ///
    /// [`FacadeError::Buckets`] for the first that are not bounds, [`FacadeError::Exponential`].
    pub(super) fn check(&self) -> Result<(), FacadeError> {
        for (fit, bounds) in &self.stated {
            check_bounds(bounds)
                .map_err(|source: BucketError| FacadeError::Buckets { names: fit.names(), source })?;
        }
        self.exponential.as_ref().map_or(Ok(()), ExponentialConfig::check).map_err(FacadeError::Exponential)
    }

    /// The bounds for `name`, the name of a family before the registry's prefix, whose unit was described or is at its
    /// end: of several of one rank, the last that were stated.
    pub(super) fn of(&self, name: &str, described: Option<metrics::Unit>) -> &[f64] {
        let fitting = self.stated.iter().filter(|(fit, _)| fit.fits(name));
        match fitting.max_by_key(|(fit, _)| fit.rank()) {
            Some((_, bounds)) => bounds,
            None => default_of(name, described),
        }
    }
}

fn default_of(name: &str, described: Option<metrics::Unit>) -> &'static [f64] {
    let unit = described.map(|unit| Unit::new(unit.as_str())).or_else(|| Unit::of_name(name));
    match unit {
        Some(Unit::SECONDS) => &LATENCY_SECONDS,
        Some(Unit::MILLISECONDS | Unit::MS) => &LATENCY_MS,
        Some(Unit::BYTES) => &SIZE_BYTES,
        _ => &ANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_before_its_ends_and_those_before_all_others() {
        let mut buckets = Buckets::default();
        buckets.add(Fit::Name("a_seconds".to_owned()), &[1.0]);
        buckets.add(Fit::Prefix("a_".to_owned()), &[2.0]);
        buckets.add(Fit::Suffix("_bytes".to_owned()), &[3.0]);
        buckets.add(Fit::Others, &[4.0]);
        for (name, bound) in [("a_seconds", 1.0), ("a_wait", 2.0), ("a_bytes", 3.0), ("b", 4.0)] {
            assert_eq!(buckets.of(name, None), [bound], "{name}");
        }
        assert!(buckets.check().is_ok());
    }

    #[test]
    fn the_unit_decides_where_nothing_was_stated() {
        let buckets = Buckets::default();
        assert!(check_bounds(&ANY).is_ok());
        assert_eq!(buckets.of("wait_seconds", None), LATENCY_SECONDS);
        assert_eq!(buckets.of("wait", Some(metrics::Unit::Seconds)), LATENCY_SECONDS);
        assert_eq!(buckets.of("wait", Some(metrics::Unit::Milliseconds)), LATENCY_MS);
        assert_eq!(buckets.of("body_bytes", None), SIZE_BYTES);
        assert_eq!(buckets.of("rows", None), ANY);
    }

    #[test]
    fn bounds_that_are_none_are_named() {
        let mut buckets = Buckets::default();
        buckets.add(Fit::Suffix("_bytes".to_owned()), &[2.0, 1.0]);
        let error = buckets.check().unwrap_err();
        assert_eq!(error.to_string(), "invalid bucket bounds for `*_bytes`");
    }
}

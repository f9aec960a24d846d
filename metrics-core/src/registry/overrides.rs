//! Bucket bounds that a deployment has instead of those that are declared.

/// Which families bounds are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    Name(String),
    Prefix(String),
    Suffix(String),
}

impl Fit {
    fn fits(&self, name: &str) -> bool {
        match self {
            Fit::Name(full) => name == full,
            Fit::Prefix(prefix) => name.starts_with(prefix),
            Fit::Suffix(suffix) => name.ends_with(suffix),
        }
    }
}

/// Bounds by name, by beginning and by end, in the order in which they were stated; not checked.
#[derive(Debug, Clone, Default)]
pub(super) struct BucketOverrides(Vec<(Fit, Box<[f64]>)>);

impl BucketOverrides {
    pub(super) fn add(&mut self, fit: Fit, bounds: &[f64]) {
        self.0.push((fit, bounds.into()));
    }

    /// The bounds for `name`: those for the name itself before all others, and of several the last.
    pub(super) fn of(&self, name: &str) -> Option<&[f64]> {
        let fitting = || self.0.iter().rev().filter(|(fit, _)| fit.fits(name));
        let exact = fitting().find(|(fit, _)| matches!(fit, Fit::Name(_)));
        exact.or_else(|| fitting().next()).map(|(_, bounds)| &**bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_before_its_beginning_and_its_end_and_the_last_of_a_sort_counts() {
        let mut overrides = BucketOverrides::default();
        overrides.add(Fit::Name("http_wait_seconds".to_owned()), &[1.0]);
        overrides.add(Fit::Prefix("http_".to_owned()), &[2.0]);
        overrides.add(Fit::Suffix("_seconds".to_owned()), &[3.0]);
        let table = [
            ("http_wait_seconds", Some([1.0])),
            ("http_size_bytes", Some([2.0])),
            ("http_read_seconds", Some([3.0])),
            ("http", None),
            ("seconds", None),
        ];
        for (name, bounds) in table {
            assert_eq!(overrides.of(name), bounds.as_ref().map(|bounds| &bounds[..]), "{name}");
        }
        overrides.add(Fit::Prefix("http_".to_owned()), &[4.0]);
        assert_eq!(overrides.of("http_read_seconds"), Some(&[4.0][..]));
        assert_eq!(overrides.of("http_wait_seconds"), Some(&[1.0][..]));
        overrides.add(Fit::Name("http_wait_seconds".to_owned()), &[5.0]);
        assert_eq!(overrides.of("http_wait_seconds"), Some(&[5.0][..]));
    }
}

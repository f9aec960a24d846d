//! Samples as Prometheus stores them, whatever format they came in.

use std::collections::BTreeMap;

/// The labels of a sample.
pub type Labels = BTreeMap<String, String>;

/// Samples by name and labels, each with the bits of its value, so that they can be compared whole. All NaNs are one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Samples(pub BTreeMap<(String, Labels), u64>);

impl Samples {
    /// Adds a sample.
    ///
    /// # Panics
    ///
    /// When there is one of that name and those labels.
    pub fn add(&mut self, name: &str, labels: Labels, value: f64) {
        let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        let before = self.0.insert((name.to_owned(), labels), bits);
        assert_eq!(before, None, "a second sample of `{name}`");
    }
}

/// A bound or a quantile as the value of a label, in one spelling whatever the format's own is.
#[must_use]
pub fn bound_text(bound: f64) -> String {
    format!("{bound:?}")
}

/// Labels with one more.
#[must_use]
pub fn with(labels: &Labels, name: &str, value: impl Into<String>) -> Labels {
    let mut labels = labels.clone();
    labels.insert(name.to_owned(), value.into());
    labels
}

//! A family's `le` or `quantile` labels, spelled once.

use crate::fragment::Fragment;
use crate::number::push_bound;

/// The labels of the bounds seen last, each with the brace and the space that follow it: `le="0.1"} `.
///
/// All series of a family have the same bounds, so they are spelled for its first series and copied for the others.
/// Quantiles are spelled like bounds.
pub(crate) struct BoundLabels {
    name: &'static str,
    bounds: Vec<f64>,
    /// One for each bound and one for `+Inf`, and what earlier families left; empty until bounds were seen.
    labels: Vec<Fragment>,
}

impl BoundLabels {
    pub(crate) fn new(name: &'static str) -> BoundLabels {
        BoundLabels { name, bounds: Vec::new(), labels: Vec::new() }
    }

    /// The labels of `bounds` in their order, and that of `+Inf`.
    pub(crate) fn of(&mut self, bounds: &[f64]) -> &[Fragment] {
        if self.labels.is_empty() || self.bounds != bounds {
            self.spell(bounds);
        }
        &self.labels[..=bounds.len()]
    }

    #[cold]
    fn spell(&mut self, bounds: &[f64]) {
        self.bounds.clear();
        self.bounds.extend_from_slice(bounds);
        self.labels.resize_with(self.labels.len().max(bounds.len() + 1), Fragment::default);
        let mut text = String::new();
        for (label, &bound) in self.labels.iter_mut().zip(bounds.iter().chain([&f64::INFINITY])) {
            text.clear();
            text.push_str(self.name);
            text.push_str("=\"");
            push_bound(bound, &mut text);
            text.push_str("\"} ");
            label.set(&text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_the_bounds_at_hand() {
        let mut labels = BoundLabels::new("le");
        let mut check = |bounds: &[f64], expected: &[&str]| {
            let got: Vec<_> = labels.of(bounds).iter().map(|label| label.as_str().to_owned()).collect();
            assert_eq!(got, expected);
        };
        check(&[], &["le=\"+Inf\"} "]);
        check(&[0.5, 1.0], &["le=\"0.5\"} ", "le=\"1.0\"} ", "le=\"+Inf\"} "]);
        check(&[0.5, 1.0], &["le=\"0.5\"} ", "le=\"1.0\"} ", "le=\"+Inf\"} "]);
        check(&[0.5, 2.0], &["le=\"0.5\"} ", "le=\"2.0\"} ", "le=\"+Inf\"} "]);
    }
}

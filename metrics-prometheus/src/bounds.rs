//! A family's `le` labels, spelled once.

use crate::number::push_bound;

/// The `le` labels of the bounds seen last, each with the brace and the space that follow it.
///
/// All series of a family have the same bounds, so they are spelled for its first series and copied for the others.
#[derive(Default)]
pub(crate) struct BoundLabels {
    bounds: Vec<f64>,
    /// `le="0.1"} le="1.0"} le="+Inf"} `, without what is between them.
    text: String,
    /// Where each label ends in `text`; empty until bounds were seen.
    ends: Vec<usize>,
}

impl BoundLabels {
    /// The labels of `bounds` in their order, and that of `+Inf`.
    pub(crate) fn of(&mut self, bounds: &[f64]) -> impl Iterator<Item = &[u8]> {
        if self.ends.is_empty() || self.bounds != bounds {
            self.spell(bounds);
        }
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text.as_bytes()[start..end])
    }

    #[cold]
    fn spell(&mut self, bounds: &[f64]) {
        self.bounds.clear();
        self.bounds.extend_from_slice(bounds);
        self.text.clear();
        self.ends.clear();
        for &bound in bounds.iter().chain([&f64::INFINITY]) {
            self.text.push_str("le=\"");
            push_bound(bound, &mut self.text);
            self.text.push_str("\"} ");
            self.ends.push(self.text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_the_bounds_at_hand() {
        let mut labels = BoundLabels::default();
        let mut check = |bounds: &[f64], expected: &[&str]| {
            let got: Vec<_> =
                labels.of(bounds).map(|label| str::from_utf8(label).unwrap().to_owned()).collect();
            assert_eq!(got, expected);
        };
        check(&[], &["le=\"+Inf\"} "]);
        check(&[0.5, 1.0], &["le=\"0.5\"} ", "le=\"1.0\"} ", "le=\"+Inf\"} "]);
        check(&[0.5, 1.0], &["le=\"0.5\"} ", "le=\"1.0\"} ", "le=\"+Inf\"} "]);
        check(&[0.5, 2.0], &["le=\"0.5\"} ", "le=\"2.0\"} ", "le=\"+Inf\"} "]);
    }
}

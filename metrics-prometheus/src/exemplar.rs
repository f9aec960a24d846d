//! Which exemplars are written, and where.

use std::slice::Iter;

use nilometer_core::collect::{EscapingScheme, Exemplar, SeriesLabels};

use crate::escaping::are_as_they_stand;

/// How many code points the names and the values of an exemplar's labels have at most, together.
///
/// SPEC: OpenMetrics 1.0.0, "Exemplars". Prometheus 2.42 and 3.5 refuse longer ones in protobuf too.
const MAX_CODE_POINTS: usize = 128;

/// Whether an exemplar is short enough for a reader to take it, as a page of this scheme has it. One that is not is left
/// out, never what it is an example of.
pub(crate) fn fits(exemplar: &Exemplar<'_>, scheme: EscapingScheme) -> bool {
    let labels = exemplar.labels();
    let changes = !are_as_they_stand(SeriesLabels::of(labels), scheme);
    let code_points = |(name, value): (&str, &str)| {
        let name = if changes { scheme.label_name(name).chars().count() } else { name.chars().count() };
        name + value.chars().count()
    };
    labels.iter().map(code_points).sum::<usize>() <= MAX_CODE_POINTS
}

/// Hands out a histogram's exemplars, bucket by bucket.
pub(crate) struct BucketExemplars<'a> {
    exemplars: Iter<'a, Exemplar<'a>>,
    scheme: EscapingScheme,
    /// The upper bound of the bucket before.
    below: f64,
}

impl<'a> BucketExemplars<'a> {
    pub(crate) fn new(exemplars: &'a [Exemplar<'a>], scheme: EscapingScheme) -> BucketExemplars<'a> {
        BucketExemplars { exemplars: exemplars.iter(), scheme, below: f64::NEG_INFINITY }
    }

    /// The first exemplar of the next bucket that fits, by the bucket's upper bound; bounds increase from call to call.
    pub(crate) fn up_to(&mut self, bound: f64) -> Option<&'a Exemplar<'a>> {
        let below = std::mem::replace(&mut self.below, bound);
        let mut found = None;
        while let Some(exemplar) = self.exemplars.as_slice().first() {
            // Those that are further on are for the buckets that follow; a NaN has no bucket.
            if exemplar.value() > bound {
                break;
            }
            self.exemplars.next();
            let inside =
                exemplar.value() > below || (below == f64::NEG_INFINITY && exemplar.value() <= bound);
            if inside && found.is_none() && fits(exemplar, self.scheme) {
                found = Some(exemplar);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use nilometer_core::collect::LabelSet;

    use super::*;

    #[test]
    fn names_and_values_together_have_128_code_points_at_most() {
        let fits_with = |value: &str| {
            let labels = LabelSet::from_pairs(&[("trace_id", value), ("b", "")]);
            fits(&Exemplar::new(&labels, 1.0, SystemTime::UNIX_EPOCH), EscapingScheme::Underscores)
        };
        assert!(fits_with(""));
        assert!(fits_with(&"é".repeat(120)));
        assert!(!fits_with(&"é".repeat(121)));
        assert!(fits_with(&"\"\n".repeat(60)), "escapes do not count");
    }

    #[test]
    fn names_are_measured_as_the_page_has_them() {
        let fits_by = |name: &str| {
            let labels = LabelSet::try_from_utf8_pairs(&[(name, &"x".repeat(125))]).unwrap();
            let exemplar = Exemplar::new(&labels, 1.0, SystemTime::UNIX_EPOCH);
            EscapingScheme::ALL.map(|scheme| fits(&exemplar, scheme))
        };
        assert_eq!(fits_by("a.b"), [true, true, false, false], "`a_dot_b`, `U__a_2e_b`");
        assert_eq!(fits_by("a_b"), [true, true, false, true], "`a__b`");
    }

    #[test]
    fn each_bucket_has_the_first_of_its_own() {
        let empty = LabelSet::empty();
        let long = LabelSet::from_pairs(&[("a", &"x".repeat(200))]);
        let of = |labels, value| Exemplar::new(labels, value, SystemTime::UNIX_EPOCH);
        let find = |exemplars: &[Exemplar<'_>]| {
            let mut exemplars = BucketExemplars::new(exemplars, EscapingScheme::AllowUtf8);
            [1.0, 2.0, f64::INFINITY].map(|bound| exemplars.up_to(bound).map(Exemplar::value))
        };
        let values = |values: &[f64]| values.iter().map(|&value| of(&empty, value)).collect::<Vec<_>>();
        assert_eq!(find(&[]), [None, None, None]);
        assert_eq!(find(&values(&[0.5, 1.0, 1.5, 2.5])), [Some(0.5), Some(1.5), Some(2.5)]);
        assert_eq!(find(&values(&[1.0, 2.0])), [Some(1.0), Some(2.0), None]);
        assert_eq!(find(&values(&[f64::INFINITY])), [None, None, Some(f64::INFINITY)]);
        assert_eq!(find(&values(&[f64::NEG_INFINITY, 5.0])), [Some(f64::NEG_INFINITY), None, Some(5.0)]);
        assert_eq!(find(&values(&[f64::NAN, 1.5])), [None, Some(1.5), None]);
        assert_eq!(find(&values(&[1.5, 0.5])), [None, Some(1.5), None], "out of order");
        assert_eq!(find(&[of(&long, 0.5), of(&empty, 0.7)]), [Some(0.7), None, None]);
    }
}

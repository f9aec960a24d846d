//! Which exemplars are written, and where.

use std::slice::Iter;

use nilometer_core::collect::Exemplar;

/// How many code points the names and the values of an exemplar's labels have at most, together.
///
/// SPEC: OpenMetrics 1.0.0, "Exemplars". Prometheus 2.42 and 3.5 refuse longer ones in protobuf too.
const MAX_CODE_POINTS: usize = 128;

/// Whether an exemplar is short enough for a reader to take it. One that is not is left out, never what it is an
/// example of.
pub(crate) fn fits(exemplar: &Exemplar<'_>) -> bool {
    let texts = exemplar.labels().iter().flat_map(|(name, value)| [name, value]);
    texts.map(|text| text.chars().count()).sum::<usize>() <= MAX_CODE_POINTS
}

/// Hands out a histogram's exemplars, bucket by bucket.
pub(crate) struct BucketExemplars<'a> {
    exemplars: Iter<'a, Exemplar<'a>>,
    /// The upper bound of the bucket before.
    below: f64,
}

impl<'a> BucketExemplars<'a> {
    pub(crate) fn new(exemplars: &'a [Exemplar<'a>]) -> BucketExemplars<'a> {
        BucketExemplars { exemplars: exemplars.iter(), below: f64::NEG_INFINITY }
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
            if inside && found.is_none() && fits(exemplar) {
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
            fits(&Exemplar::new(&labels, 1.0, SystemTime::UNIX_EPOCH))
        };
        assert!(fits_with(""));
        assert!(fits_with(&"é".repeat(120)));
        assert!(!fits_with(&"é".repeat(121)));
        assert!(fits_with(&"\"\n".repeat(60)), "escapes do not count");
    }

    #[test]
    fn each_bucket_has_the_first_of_its_own() {
        let empty = LabelSet::empty();
        let long = LabelSet::from_pairs(&[("a", &"x".repeat(200))]);
        let of = |labels, value| Exemplar::new(labels, value, SystemTime::UNIX_EPOCH);
        let find = |exemplars: &[Exemplar<'_>]| {
            let mut exemplars = BucketExemplars::new(exemplars);
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

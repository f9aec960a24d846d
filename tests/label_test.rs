//! Label sets outside of any family.
//!
//! In a file, and so a process, of its own: what is refused here is counted for the whole process, and would stand on
//! the pages of other tests.

use std::collections::HashSet;

use nilometer_core::label::LabelError;
use nilometer_core::name::NameError;
use nilometer_core::{LabelSet, Labels, MetricsRegistry};
use nilometer_tests::scrape;

/// Pairs that break a rule, what is said of them, and the reason they are counted under.
type Refused<'a> = (&'a [(&'a str, &'a str)], LabelError, &'static str);

const OVERFLOW: [(&str, &str); 1] = [("nilometer_overflow", "true")];

#[test]
fn a_set_is_sorted_whatever_the_order_and_drops_empty_values() {
    let set = LabelSet::from_pairs(&[("status", "200"), ("method", "GET"), ("none", "")]);
    assert_eq!(set.as_prometheus(), r#"{method="GET",status="200"}"#);
    assert_eq!(set, LabelSet::from_pairs(&[("method", "GET"), ("status", "200")]));
    assert_eq!((set.len(), set.get("status"), set.get("none")), (2, Some("200"), None));
    let labels = Labels::from_pairs(&[("status", "200"), ("method", "GET")]);
    assert_eq!(LabelSet::from_labels(&labels), set);
    assert_eq!(set.into_labels().pairs().collect::<Vec<_>>(), [("method", "GET"), ("status", "200")]);
    assert_eq!(LabelSet::from_pairs(&[]), LabelSet::empty());
    assert_eq!(LabelSet::empty().as_prometheus(), "");
}

#[test]
fn sets_are_keys_that_equal_content_finds() {
    let mut seen = HashSet::new();
    assert!(seen.insert(LabelSet::from_pairs(&[("a", "b"), ("c", "d")])));
    assert!(!seen.insert(LabelSet::from_pairs(&[("c", "d"), ("a", "b")])));
    assert!(seen.insert(LabelSet::from_pairs(&[("a", "bc"), ("c", "d")])));
    assert!(seen.insert(LabelSet::from_pairs(&[("a", "b\",c=\"d")])));
}

#[test]
fn what_is_refused_is_the_overflow_set_counted_by_reason_and_its_twin_says_why() {
    let invalid = |name: &str, source| LabelError::InvalidName { name: name.to_owned(), source };
    let long = "x".repeat(1_025);
    let many: Vec<String> = (0..33).map(|index| format!("l{index}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "v")).collect();
    let table: [Refused<'_>; 5] = [
        (&[("le", "1")], invalid("le", NameError::Reserved), "invalid_name"),
        (&[("a-b", "1")], invalid("a-b", NameError::Character { index: 1 }), "invalid_name"),
        (&[("a", "1"), ("a", "2")], LabelError::DuplicateName { name: "a".to_owned() }, "duplicate_name"),
        (
            &[("a", &long)],
            LabelError::ValueTooLong { name: "a".to_owned(), length: 1_025, max: 1_024 },
            "value_too_long",
        ),
        (&many, LabelError::TooMany { count: 33, max: 32 }, "too_many_labels"),
    ];
    let registry = MetricsRegistry::new();
    for (pairs, error, reason) in table {
        assert_eq!(LabelSet::try_from_pairs(pairs), Err(error.clone()));
        assert_eq!(Labels::try_from_pairs(pairs), Err(error));
        let count = || scrape(&registry).count("nilometer_rejected_label_sets_total", &[("reason", reason)]);
        let before = count().unwrap_or(0);
        assert_eq!(LabelSet::from_pairs(pairs).iter().collect::<Vec<_>>(), OVERFLOW);
        assert_eq!(Labels::from_pairs(pairs).pairs().collect::<Vec<_>>(), OVERFLOW);
        assert_eq!(count(), Some(before + 2), "{reason}");
    }
}

//! Label sets that were refused outside of any family: counted for the whole process, hence a test program of its own.

mod common;

use common::page;
use nilometer_core::{LabelSet, MetricsRegistry};

#[test]
fn a_set_that_was_refused_outside_of_any_family_is_counted() {
    let registry = MetricsRegistry::new();
    assert_eq!(LabelSet::from_pairs(&[("le", "1")]).len(), 1);
    let page = page(&registry);
    assert_eq!(page[0], "nilometer_rejected_label_sets_total counter");
    assert_eq!(page[1], "  {reason=\"invalid_name\"} 1");
}

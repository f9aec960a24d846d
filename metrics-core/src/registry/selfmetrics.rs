//! What a registry tells about itself: only what has happened, so that a page without trouble has no line of these.

use std::sync::Arc;

use super::catalog::Entry;
use super::foreign::Foreign;
use crate::collect::{CounterPoint, SeriesLabels, Stopped, Visitor};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::{LabelSet, Query, rejected_sets};

const OVERFLOW: &str = "nilometer_overflow_total";
const ODD: &str = "nilometer_odd_observations_total";
const REJECTED: &str = "nilometer_rejected_label_sets_total";
const FAILURES: &str = "nilometer_collector_failures_total";

/// The names that no other family can have.
pub(super) const NAMES: [&str; 4] = [OVERFLOW, ODD, REJECTED, FAILURES];

/// Shows the registry's own families that have a series above zero.
pub(super) fn collect(
    entries: &[Arc<Entry>],
    collectors: &[Arc<Foreign>],
    constant: &LabelSet,
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    let mut overflows = Vec::new();
    let mut odd = Vec::new();
    for entry in entries {
        let name = entry.descriptor().name();
        add_up(name, entry, |info, add| info.overflows().for_each(add), &mut overflows);
        add_up(name, entry, |info, add| info.odd().for_each(add), &mut odd);
    }
    let mut failures = Vec::new();
    for foreign in collectors {
        for (reason, count) in foreign.failures() {
            failures.push(Line { of: foreign.name().to_owned(), reason, count });
        }
    }
    let rejected = rejected_sets().map(|(reason, count)| Line { of: String::new(), reason, count }).collect();

    let mut page = SelfPage { constant, visitor };
    page.family(
        FAILURES,
        "What foreign collectors showed or should have shown and is not served.",
        "collector",
        failures,
    )?;
    page.family(
        ODD,
        "Observations that were NaN (ignored) or infinite (not added to the sum).",
        "family",
        odd,
    )?;
    page.family(OVERFLOW, "Lookups that went to a family's overflow series.", "family", overflows)?;
    page.family(REJECTED, "Label sets made outside of any family that became the overflow set.", "", rejected)
}

/// One series of a self-metric: `{<label>="<of>",reason="<reason>"} count`.
struct Line {
    of: String,
    reason: &'static str,
    count: u64,
}

/// Adds the counts of all instances of a family up, by reason.
fn add_up(
    name: &str,
    entry: &Entry,
    read: impl Fn(&crate::metric::FamilyInfo, &mut dyn FnMut((&'static str, u64))),
    out: &mut Vec<Line>,
) {
    let first = out.len();
    for family in entry.families() {
        let mut at = first;
        read(family.info(), &mut |(reason, count)| {
            if at == out.len() {
                out.push(Line { of: name.to_owned(), reason, count: 0 });
            }
            out[at].count += count;
            at += 1;
        });
    }
}

struct SelfPage<'a> {
    constant: &'a LabelSet,
    visitor: &'a mut dyn Visitor,
}

impl SelfPage<'_> {
    fn family(&mut self, name: &str, help: &str, label: &str, lines: Vec<Line>) -> Result<(), Stopped> {
        let mut descriptor = None;
        for Line { of, reason, count } in lines.into_iter().filter(|line| line.count > 0) {
            if descriptor.is_none() {
                let new =
                    Descriptor::unchecked(name, help, MetricType::Counter, std::panic::Location::caller());
                self.visitor.family(descriptor.insert(new))?;
            }
            let pairs = [(label, of.as_str()), ("reason", reason)];
            // An empty value is no label; names are this module's, and a constant label of the same name wins.
            let pairs: Vec<_> =
                pairs.into_iter().filter(|(name, _)| self.constant.get(name).is_none()).collect();
            if let Ok(query) = Query::new(&pairs) {
                let labels = LabelSet::from_query(&query);
                let labels = SeriesLabels::with_constant(self.constant, &labels);
                self.visitor.point(labels, CounterPoint::new(count).into())?;
            }
        }
        Ok(())
    }
}

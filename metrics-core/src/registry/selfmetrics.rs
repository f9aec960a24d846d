//! What a registry tells about itself: only what has happened, so that a page without trouble has no line of these.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::Arc;

use super::catalog::Entry;
use super::config::RegistryConfig;
use super::foreign::Foreign;
use crate::collect::{CounterPoint, GaugePoint, SeriesLabels, Stopped, Visitor};
use crate::descriptor::{Descriptor, MetricType};
use crate::family::ErasedFamily;
use crate::label::{LabelSet, rejected_sets};

const OVERFLOW: &str = "nilometer_overflow_total";
const ODD: &str = "nilometer_odd_observations_total";
const REJECTED: &str = "nilometer_rejected_label_sets_total";
const EXEMPLARS: &str = "nilometer_exemplars_dropped_total";
const FAILURES: &str = "nilometer_collector_failures_total";
const DETACHED: &str = "nilometer_detached_series_total";
const DETACHED_LIVE: &str = "nilometer_detached_series_live";
const SERIES: &str = "nilometer_series";
const SERIES_LIMIT: &str = "nilometer_series_limit";

/// The names that no other family can have.
pub(super) const NAMES: [&str; 9] =
    [OVERFLOW, ODD, REJECTED, FAILURES, EXEMPLARS, DETACHED, DETACHED_LIVE, SERIES, SERIES_LIMIT];

/// Shows the registry's own families that have a series above zero.
pub(super) fn collect(
    entries: &[Arc<Entry>],
    collectors: &[Arc<Foreign>],
    config: &RegistryConfig,
    constant: &LabelSet,
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    let mut overflows = Vec::new();
    let mut odd = Vec::new();
    let mut exemplars = Vec::new();
    let (mut detached, mut live) = (Vec::new(), Vec::new());
    let mut failures = Vec::new();
    for entry in entries {
        let name = entry.descriptor().name();
        add_up(name, entry, |info, add| add(("", info.detached.total())), &mut detached);
        add_up(name, entry, |info, add| add(("", info.detached.live())), &mut live);
        add_up(name, entry, |info, add| info.overflows().for_each(add), &mut overflows);
        add_up(name, entry, |info, add| info.odd().for_each(add), &mut odd);
        add_up(name, entry, |info, add| info.exemplars.dropped().for_each(add), &mut exemplars);
        add_up(name, entry, |info, add| info.failures().for_each(add), &mut failures);
    }
    for foreign in collectors {
        for (reason, count) in foreign.failures() {
            failures.push(Line { of: foreign.name().to_owned(), reason, count });
        }
    }
    let rejected = rejected_sets().map(|(reason, count)| Line { of: String::new(), reason, count }).collect();

    let mut page = SelfPage { config, constant, visitor };
    let counter = MetricType::Counter;
    let help = "What foreign collectors and callbacks showed or should have shown and is not served, or under another \
                escaped name.";
    page.family(FAILURES, help, counter, "collector", failures)?;
    let help = "Series that were removed and still have handles, which record where nobody looks.";
    page.family(DETACHED_LIVE, help, MetricType::Gauge, "family", live)?;
    let help = "Series that were removed while somebody had a handle.";
    page.family(DETACHED, help, counter, "family", detached)?;
    let help = "Exemplars that were dropped; their observations were recorded.";
    page.family(EXEMPLARS, help, counter, "family", exemplars)?;
    let help = "Observations and increments that were NaN or negative (ignored) or infinite (not added).";
    page.family(ODD, help, counter, "family", odd)?;
    let help = "Lookups that went to a family's overflow series.";
    page.family(OVERFLOW, help, counter, "family", overflows)?;
    let help = "Label sets made outside of any family that became the overflow set.";
    page.family(REJECTED, help, counter, "", rejected)
}

/// Shows how many series families have, those that have some, and how many they may have.
pub(super) fn collect_series(
    entries: &[Arc<Entry>],
    config: &RegistryConfig,
    constant: &LabelSet,
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    let line = |entry: &Arc<Entry>, number: fn(&dyn ErasedFamily) -> usize| {
        let sum =
            entry.families().iter().fold(0, |sum, family| usize::saturating_add(sum, number(&**family)));
        Line { of: entry.descriptor().name().to_owned(), reason: "", count: sum as u64 }
    };
    let mut page = SelfPage { config, constant, visitor };
    let series = entries.iter().map(|entry| line(entry, |family| family.len())).collect();
    page.family(SERIES, "Series of each family.", MetricType::Gauge, "family", series)?;
    let limits = entries.iter().map(|entry| line(entry, |family| family.series_limit())).collect();
    page.family(SERIES_LIMIT, "Series that each family may have.", MetricType::Gauge, "family", limits)
}

/// One series of a self-metric: `{<label>="<of>",reason="<reason>"} count`, without what is empty.
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
            out[at].count = out[at].count.wrapping_add(count);
            at += 1;
        });
    }
}

struct SelfPage<'a> {
    config: &'a RegistryConfig,
    constant: &'a LabelSet,
    visitor: &'a mut dyn Visitor,
}

impl SelfPage<'_> {
    fn family(
        &mut self,
        name: &str,
        help: &str,
        metric_type: MetricType,
        label: &str,
        lines: Vec<Line>,
    ) -> Result<(), Stopped> {
        let series = self.series(label, lines);
        if series.is_empty() || self.config.is_disabled(name) {
            return Ok(());
        }
        let descriptor = Descriptor::unchecked(name, help, metric_type, Location::caller());
        self.visitor.family(&descriptor)?;
        for (labels, count) in &series {
            let labels = SeriesLabels::with_constant(self.constant, labels);
            let point = match metric_type {
                MetricType::Gauge => GaugePoint::new(*count).into(),
                _ => CounterPoint::new(*count).into(),
            };
            self.visitor.point(labels, point)?;
        }
        Ok(())
    }

    /// The lines above zero by their labels, in their order.
    ///
    /// A constant label of the same name wins; lines that only that label told apart are one series then.
    fn series(&self, label: &str, lines: Vec<Line>) -> Vec<(LabelSet, u64)> {
        let mut series: Vec<(LabelSet, u64)> = Vec::new();
        let mut places: HashMap<LabelSet, usize> = HashMap::new();
        for Line { of, reason, count } in lines.into_iter().filter(|line| line.count > 0) {
            // An empty value is no label.
            let pairs = [(label, of.as_str()), ("reason", reason)];
            let pairs: Vec<_> =
                pairs.into_iter().filter(|(name, _)| self.constant.get(name).is_none()).collect();
            let Ok(labels) = LabelSet::unchecked(&pairs) else { continue };
            let place = *places.entry(labels.clone()).or_insert(series.len());
            if place == series.len() {
                series.push((labels, 0));
            }
            series[place].1 = series[place].1.wrapping_add(count);
        }
        series
    }
}

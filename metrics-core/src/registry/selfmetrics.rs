//! What a registry tells about itself: only what has happened, so that a page without trouble has no line of these.

use std::collections::{BTreeMap, HashMap};
use std::panic::Location;
use std::sync::Arc;

use super::catalog::Entry;
use super::config::RegistryConfig;
use super::foreign::Foreign;
use crate::collect::{CounterPoint, GaugePoint, SeriesLabels, Stopped, Visitor};
use crate::descriptor::{Descriptor, MetricType};
use crate::family::ErasedFamily;
use crate::label::{LabelSet, rejected_sets};

/// A self-metric.
#[derive(Clone, Copy)]
pub(super) struct Described {
    pub(super) name: &'static str,
    metric_type: MetricType,
    /// In their order.
    labels: &'static [&'static str],
    help: &'static str,
}

const OVERFLOW: Described = Described {
    name: "nilometer_overflow_total",
    metric_type: MetricType::Counter,
    labels: &["family", "reason"],
    help: "Lookups that went to a family's overflow series.",
};
const ODD: Described = Described {
    name: "nilometer_odd_observations_total",
    metric_type: MetricType::Counter,
    labels: &["family", "reason"],
    help: "Observations and increments that were NaN or negative (ignored) or infinite (not added).",
};
const REJECTED: Described = Described {
    name: "nilometer_rejected_label_sets_total",
    metric_type: MetricType::Counter,
    labels: &["reason"],
    help: "Label sets made outside of any family that became the overflow set.",
};
const EXEMPLARS: Described = Described {
    name: "nilometer_exemplars_dropped_total",
    metric_type: MetricType::Counter,
    labels: &["family", "reason"],
    help: "Exemplars that were dropped; their observations were recorded.",
};
const FAILURES: Described = Described {
    name: "nilometer_collector_failures_total",
    metric_type: MetricType::Counter,
    labels: &["collector", "reason"],
    help: "What foreign collectors and callbacks showed or should have shown and is not served, or under another \
           escaped name.",
};
const DETACHED: Described = Described {
    name: "nilometer_detached_series_total",
    metric_type: MetricType::Counter,
    labels: &["family"],
    help: "Series that were removed while somebody had a handle.",
};
const DETACHED_LIVE: Described = Described {
    name: "nilometer_detached_series_live",
    metric_type: MetricType::Gauge,
    labels: &["family"],
    help: "Series that were removed and still have handles, which record where nobody looks.",
};
const SERIES: Described = Described {
    name: "nilometer_series",
    metric_type: MetricType::Gauge,
    labels: &["family"],
    help: "Series of each family.",
};
const SERIES_LIMIT: Described = Described {
    name: "nilometer_series_limit",
    metric_type: MetricType::Gauge,
    labels: &["family"],
    help: "Series that each family may have.",
};
const REFUSED: Described = Described {
    name: "nilometer_refused_statics_total",
    metric_type: MetricType::Counter,
    labels: &["family", "reason"],
    help: "Statics that asked to be on this registry, and could not be registered.",
};
/// Told of several registries together, not of one.
pub(super) const MERGE: Described = Described {
    name: "nilometer_merge_conflicts_total",
    metric_type: MetricType::Counter,
    labels: &["family", "reason"],
    help: "Families and series that are not served, or under another escaped name, because of another \
           registry's.",
};

/// All of them.
const ALL: [Described; 11] = [
    OVERFLOW,
    ODD,
    REJECTED,
    FAILURES,
    EXEMPLARS,
    DETACHED,
    DETACHED_LIVE,
    SERIES,
    SERIES_LIMIT,
    REFUSED,
    MERGE,
];

/// The names that no other family can have.
pub(super) const NAMES: [&str; ALL.len()] = {
    let mut names = [""; ALL.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = ALL[index].name;
        index += 1;
    }
    names
};

/// What there is to tell about one registry.
pub(super) struct About<'a> {
    pub(super) entries: &'a [Arc<Entry>],
    pub(super) collectors: &'a [Arc<Foreign>],
    pub(super) refused_statics: &'a [&'static str],
    pub(super) config: &'a RegistryConfig,
    pub(super) constant: &'a LabelSet,
    /// Whether what belongs to the process is told as well.
    pub(super) with_process: bool,
}

/// The families of a page that tell about registries, by name.
#[derive(Default)]
pub(super) struct SelfPage(BTreeMap<&'static str, SelfFamily>);

struct SelfFamily {
    described: Described,
    series: Vec<(LabelSet, u64)>,
    /// Where in `series` each set is.
    places: HashMap<LabelSet, usize>,
}

impl SelfPage {
    /// Adds what there is to tell about a registry, all that is above zero.
    pub(super) fn add(&mut self, about: &About<'_>) {
        let mut overflows = Vec::new();
        let mut odd = Vec::new();
        let mut exemplars = Vec::new();
        let (mut detached, mut live) = (Vec::new(), Vec::new());
        let mut failures = Vec::new();
        for entry in about.entries {
            let name = entry.descriptor().name();
            add_up(name, entry, |info, add| add(("", info.detached.total())), &mut detached);
            add_up(name, entry, |info, add| add(("", info.detached.live())), &mut live);
            add_up(name, entry, |info, add| info.overflows().for_each(add), &mut overflows);
            add_up(name, entry, |info, add| info.odd().for_each(add), &mut odd);
            add_up(name, entry, |info, add| info.exemplars.dropped().for_each(add), &mut exemplars);
            add_up(name, entry, |info, add| info.failures().for_each(add), &mut failures);
        }
        for foreign in about.collectors {
            for (reason, count) in foreign.failures() {
                failures.push(Line { of: foreign.name().to_owned(), reason, count });
            }
        }
        let refused = about.refused_statics.iter();
        let refused = refused.map(|&name| Line { of: name.to_owned(), reason: "refused", count: 1 });
        let rejected = about.with_process.then(rejected_sets).into_iter().flatten();
        let rejected = rejected.map(|(reason, count)| Line { of: String::new(), reason, count });

        for (described, lines) in [
            (FAILURES, failures),
            (DETACHED_LIVE, live),
            (DETACHED, detached),
            (EXEMPLARS, exemplars),
            (ODD, odd),
            (OVERFLOW, overflows),
            (REFUSED, refused.collect()),
            (REJECTED, rejected.collect()),
        ] {
            self.lines(about, described, lines);
        }
    }

    /// Adds what kept something of several registries from being on one page.
    pub(super) fn add_conflicts<'a>(
        &mut self,
        conflicts: impl Iterator<Item = (&'a str, &'static str, u64)>,
    ) {
        for (family, reason, count) in conflicts {
            self.series(MERGE, &[("family", family), ("reason", reason)], count);
        }
    }

    /// Adds how many series families have, those that have some, and how many they may have.
    pub(super) fn add_series(&mut self, about: &About<'_>) {
        let line = |entry: &Arc<Entry>, number: fn(&dyn ErasedFamily) -> usize| {
            let families = entry.families().iter();
            let sum = families.fold(0, |sum, family| usize::saturating_add(sum, number(&**family)));
            Line { of: entry.descriptor().name().to_owned(), reason: "", count: sum as u64 }
        };
        let series = about.entries.iter().map(|entry| line(entry, |family| family.len()));
        self.lines(about, SERIES, series);
        let limits = about.entries.iter().map(|entry| line(entry, |family| family.series_limit()));
        self.lines(about, SERIES_LIMIT, limits);
    }

    /// Adds the lines above zero, with the registry's constant labels.
    ///
    /// A constant label of the same name wins; lines that only that label told apart are one series then.
    fn lines(&mut self, about: &About<'_>, described: Described, lines: impl IntoIterator<Item = Line>) {
        if about.config.is_disabled(described.name) {
            return;
        }
        for Line { of: subject, reason, count } in lines.into_iter().filter(|line| line.count > 0) {
            let own = described.labels.iter().map(|&name| match name {
                "reason" => (name, reason),
                _ => (name, subject.as_str()),
            });
            let own = own.filter(|(name, _)| about.constant.get(name).is_none());
            let pairs: Vec<(&str, &str)> = about.constant.iter().chain(own).collect();
            self.series(described, &pairs, count);
        }
    }

    fn series(&mut self, described: Described, pairs: &[(&str, &str)], count: u64) {
        let Ok(labels) = LabelSet::unchecked(pairs) else { return };
        let new = || SelfFamily { described, series: Vec::new(), places: HashMap::new() };
        let family = self.0.entry(described.name).or_insert_with(new);
        let place = *family.places.entry(labels.clone()).or_insert(family.series.len());
        if place == family.series.len() {
            family.series.push((labels, 0));
        }
        family.series[place].1 = family.series[place].1.wrapping_add(count);
    }

    /// Shows all that was added.
    pub(super) fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped> {
        for family in self.0.values() {
            let Described { name, metric_type, help, .. } = family.described;
            let descriptor = Descriptor::unchecked(name, help, metric_type, Location::caller());
            visitor.family(&descriptor)?;
            for (labels, count) in &family.series {
                let point = match metric_type {
                    MetricType::Gauge => GaugePoint::new(*count).into(),
                    _ => CounterPoint::new(*count).into(),
                };
                visitor.point(SeriesLabels::of(labels), point)?;
            }
        }
        Ok(())
    }
}

/// One series of a self-metric: the values of its labels, and its value.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_readme_has_the_self_metrics_and_no_others() {
        let readme = include_str!("../../README.md");
        let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| `nilometer_")).collect();
        let expected = ALL.map(|Described { name, metric_type, labels, help }| {
            let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
            format!("| `{name}` | {} | {} | {help} |", metric_type.as_str(), labels.join(", "))
        });
        assert_eq!(rows, expected);
    }
}

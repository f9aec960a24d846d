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

const OVERFLOW: &str = "nilometer_overflow_total";
const ODD: &str = "nilometer_odd_observations_total";
const REJECTED: &str = "nilometer_rejected_label_sets_total";
const EXEMPLARS: &str = "nilometer_exemplars_dropped_total";
const FAILURES: &str = "nilometer_collector_failures_total";
const DETACHED: &str = "nilometer_detached_series_total";
const DETACHED_LIVE: &str = "nilometer_detached_series_live";
const SERIES: &str = "nilometer_series";
const SERIES_LIMIT: &str = "nilometer_series_limit";

/// Told of several registries together, not of one.
pub(super) const MERGE: &str = "nilometer_merge_conflicts_total";
const REFUSED: &str = "nilometer_refused_statics_total";

/// The names that no other family can have.
pub(super) const NAMES: [&str; 11] = [
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

/// A self-metric's name, kind and help.
type Described = (&'static str, MetricType, &'static str);

/// The families of a page that tell about registries, by name.
#[derive(Default)]
pub(super) struct SelfPage(BTreeMap<&'static str, SelfFamily>);

struct SelfFamily {
    metric_type: MetricType,
    help: &'static str,
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

        let counter = MetricType::Counter;
        let help = "What foreign collectors and callbacks showed or should have shown and is not served, or under another \
             escaped name.";
        self.lines(about, (FAILURES, counter, help), "collector", failures);
        let help = "Series that were removed and still have handles, which record where nobody looks.";
        self.lines(about, (DETACHED_LIVE, MetricType::Gauge, help), "family", live);
        let help = "Series that were removed while somebody had a handle.";
        self.lines(about, (DETACHED, counter, help), "family", detached);
        let help = "Exemplars that were dropped; their observations were recorded.";
        self.lines(about, (EXEMPLARS, counter, help), "family", exemplars);
        let help = "Observations and increments that were NaN or negative (ignored) or infinite (not added).";
        self.lines(about, (ODD, counter, help), "family", odd);
        self.lines(
            about,
            (OVERFLOW, counter, "Lookups that went to a family's overflow series."),
            "family",
            overflows,
        );
        let help = "Statics that asked to be on this registry, and could not be registered.";
        self.lines(about, (REFUSED, counter, help), "family", refused);
        let help = "Label sets made outside of any family that became the overflow set.";
        self.lines(about, (REJECTED, counter, help), "", rejected);
    }

    /// Adds what kept something of several registries from being on one page.
    pub(super) fn add_conflicts<'a>(
        &mut self,
        conflicts: impl Iterator<Item = (&'a str, &'static str, u64)>,
    ) {
        let help = "Families and series that are not served, or under another escaped name, because of another \
                    registry's.";
        for (family, reason, count) in conflicts {
            self.series((MERGE, MetricType::Counter, help), &[("family", family), ("reason", reason)], count);
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
        self.lines(about, (SERIES, MetricType::Gauge, "Series of each family."), "family", series);
        let limits = about.entries.iter().map(|entry| line(entry, |family| family.series_limit()));
        let help = "Series that each family may have.";
        self.lines(about, (SERIES_LIMIT, MetricType::Gauge, help), "family", limits);
    }

    /// Adds the lines above zero, with the registry's constant labels.
    ///
    /// A constant label of the same name wins; lines that only that label told apart are one series then.
    fn lines(
        &mut self,
        about: &About<'_>,
        of: Described,
        label: &str,
        lines: impl IntoIterator<Item = Line>,
    ) {
        if about.config.is_disabled(of.0) {
            return;
        }
        for Line { of: subject, reason, count } in lines.into_iter().filter(|line| line.count > 0) {
            // An empty value is no label.
            let own = [(label, subject.as_str()), ("reason", reason)];
            let own = own.into_iter().filter(|(name, _)| about.constant.get(name).is_none());
            let pairs: Vec<(&str, &str)> = about.constant.iter().chain(own).collect();
            self.series(of, &pairs, count);
        }
    }

    fn series(&mut self, (name, metric_type, help): Described, pairs: &[(&str, &str)], count: u64) {
        let Ok(labels) = LabelSet::unchecked(pairs) else { return };
        let new = || SelfFamily { metric_type, help, series: Vec::new(), places: HashMap::new() };
        let family = self.0.entry(name).or_insert_with(new);
        let place = *family.places.entry(labels.clone()).or_insert(family.series.len());
        if place == family.series.len() {
            family.series.push((labels, 0));
        }
        family.series[place].1 = family.series[place].1.wrapping_add(count);
    }

    /// Shows all that was added.
    pub(super) fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped> {
        for (name, family) in &self.0 {
            let descriptor =
                Descriptor::unchecked(*name, family.help, family.metric_type, Location::caller());
            visitor.family(&descriptor)?;
            for (labels, count) in &family.series {
                let point = match family.metric_type {
                    MetricType::Gauge => GaugePoint::new(*count).into(),
                    _ => CounterPoint::new(*count).into(),
                };
                visitor.point(SeriesLabels::of(labels), point)?;
            }
        }
        Ok(())
    }
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

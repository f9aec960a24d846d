//! Where series come from.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use super::catalog::Entry;
use crate::family::Budget;

/// How many series a registry has, by family, and how many values each label: made by
/// [`MetricsRegistry::cardinality`](crate::MetricsRegistry::cardinality).
///
/// It displays itself as a table, the families with most series first, the labels with most values first.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, RegistryConfig};
///
/// let registry = MetricsRegistry::with_config(RegistryConfig::new().with_registry_limit(50_000));
/// let family = registry.register_counter("requests_total", "Requests.")?;
/// family.get_or_create(&[("method", "GET"), ("path", "/")]).inc();
/// family.get_or_create(&[("method", "GET"), ("path", "/cart")]).inc();
/// let expected = "\
/// 2 of 50000 series in 1 family
/// requests_total: 2 of 10000 series
///     path: 2 values
///     method: 1 value
/// ";
/// assert_eq!(registry.cardinality().to_string(), expected);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardinalityReport {
    series: usize,
    limit: usize,
    families: Vec<FamilyCardinality>,
    /// How many families there are, in a report that was cut too.
    count: usize,
}

/// How many series a family has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyCardinality {
    name: String,
    series: usize,
    limit: usize,
    overflowed: u64,
    labels: Vec<LabelCardinality>,
}

/// How many values a label has in one family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelCardinality {
    name: String,
    values: usize,
    series: usize,
}

impl CardinalityReport {
    pub(super) fn new(entries: &[Arc<Entry>], budget: &Budget) -> CardinalityReport {
        let mut families: Vec<_> = entries.iter().map(|entry| FamilyCardinality::new(entry)).collect();
        families.sort_by(|one, other| {
            (Reverse(one.series), &one.name).cmp(&(Reverse(other.series), &other.name))
        });
        let series = families.iter().map(|family| family.series).sum();
        CardinalityReport { series, limit: budget.max(), count: families.len(), families }
    }

    /// How many series there are, overflow series aside.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series
    }

    /// How many series there may be.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The families, those that are not served included: the one with most series first, then by name.
    #[must_use]
    pub fn families(&self) -> &[FamilyCardinality] {
        &self.families
    }

    /// The same report with so many families at most, and so many labels of each: the first ones.
    #[must_use]
    pub fn top(mut self, most: usize) -> CardinalityReport {
        self.families.truncate(most);
        self.families.iter_mut().for_each(|family| family.labels.truncate(most));
        self
    }
}

impl FamilyCardinality {
    fn new(entry: &Entry) -> FamilyCardinality {
        let mut labels: BTreeMap<String, (HashSet<Box<str>>, usize)> = BTreeMap::new();
        let (mut series, mut limit, mut overflowed) = (0, 0_usize, 0);
        for family in entry.families() {
            limit = limit.saturating_add(family.series_limit());
            overflowed += family.info().overflows().map(|(_, count)| count).sum::<u64>();
            family.visit_labels(&mut |set| {
                series += 1;
                for (name, value) in set {
                    if !labels.contains_key(name) {
                        labels.insert(name.to_owned(), Default::default());
                    }
                    if let Some((values, series)) = labels.get_mut(name) {
                        *series += 1;
                        if !values.contains(value) {
                            values.insert(value.into());
                        }
                    }
                }
            });
        }
        let labels = labels.into_iter();
        let label = |(name, (values, series)): (_, (HashSet<_>, _))| LabelCardinality {
            name,
            values: values.len(),
            series,
        };
        let mut labels: Vec<_> = labels.map(label).collect();
        // Stable, so that labels with as many values stay in the order of their names.
        labels.sort_by_key(|label| Reverse(label.values));
        FamilyCardinality { name: entry.descriptor().name().to_owned(), series, limit, overflowed, labels }
    }

    /// The family's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many series it has, its overflow series aside; those of all its instances together.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series
    }

    /// How many series it may have; all its instances together.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// How many lookups went to the overflow series, for whatever reason: `nilometer_overflow_total` tells which.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The labels of its series, constant ones aside: the one with most values first, then by name.
    #[must_use]
    pub fn labels(&self) -> &[LabelCardinality] {
        &self.labels
    }
}

impl LabelCardinality {
    /// The label's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many different values it has.
    #[must_use]
    pub fn values(&self) -> usize {
        self.values
    }

    /// How many series have it.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series
    }
}

impl fmt::Display for CardinalityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.count == 1 { "family" } else { "families" };
        writeln!(f, "{} of {} series in {} {noun}", self.series, self.limit, self.count)?;
        self.families.iter().try_for_each(|family| fmt::Display::fmt(family, f))
    }
}

impl fmt::Display for FamilyCardinality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {} series", self.name, self.series, self.limit)?;
        if self.overflowed > 0 {
            let noun = if self.overflowed == 1 { "lookup" } else { "lookups" };
            write!(f, ", {} {noun} past a limit or refused", self.overflowed)?;
        }
        writeln!(f)?;
        self.labels.iter().try_for_each(|label| writeln!(f, "    {label}"))
    }
}

impl fmt::Display for LabelCardinality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.values == 1 { "value" } else { "values" };
        write!(f, "{}: {} {noun}", self.name, self.values)
    }
}

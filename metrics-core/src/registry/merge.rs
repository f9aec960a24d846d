//! Several registries on one page.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::catalog::{Entry, Owners, difference, free_names};
use super::foreign::{self, Rules};
use super::selfmetrics::{self, SelfPage};
use super::{Inner, MetricsRegistry};
use crate::collect::{CollectError, Collector, Point, SeriesLabels, Stopped, Visitor};
use crate::descriptor::Descriptor;
use crate::label::LabelSet;
use crate::name::EscapingScheme;

/// How many series of one family are kept in mind to find those that two registries have, unless more are asked for.
const SERIES_BOUND: usize = 100_000;

/// Several registries as one collector: for one exporter that serves the application's registry, a library's and the
/// [global](crate::global) one.
///
/// Families of one name and identity are one family, with the series of all registries under one header. Registries that
/// come first have precedence: a family of a later one is left out where its name, or another name that it takes on a
/// page, belongs to a family of another identity (`identity`, `name_taken`), and so is a series whose labels, constant
/// ones included, an earlier registry has in the same family (`duplicate_series`), or would have where names are escaped
/// (`label_names`). A family with a [UTF-8 name](Descriptor::has_utf8_name) that becomes another's where it is escaped is
/// served all the same, escaped by [`values`](EscapingScheme::Values), and counted (`escaped_name_taken`). The counts, by
/// scrape, are in `nilometer_merge_conflicts_total` and in [`conflicts`](Registries::conflicts); give registries that have
/// the same metrics a constant label that tells them apart. Foreign collectors are merged by the same rules, and count what they
/// lose as they do within one registry; those of all registries run side by side, each for as long as its registry's
/// [limit](crate::RegistryConfig::with_collector_time_limit). What registries tell about themselves is merged; equal series add up.
///
/// Other collectors join by [`MetricsRegistry::register_collector`].
///
/// # What is kept in memory
///
/// Own families stream, one after the other. Of a family that several registries have, and whose constant labels do not
/// tell them apart, the label sets of one scrape are kept while it is shown, up to a
/// [bound](Registries::with_series_bound); past it, the series of later registries are left out (`too_many_series`).
/// What foreign collectors show is kept for all registries together, each collector's up to its registry's
/// [`collector_buffer`](crate::RegistryConfig::collector_buffer).
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, Registries, RegistryConfig};
///
/// let tenant = |name| {
///     MetricsRegistry::with_config(RegistryConfig::new().with_constant_labels(&[("tenant", name)]))
/// };
/// let (one, other) = (tenant("one"), tenant("other"));
/// for registry in [&one, &other] {
///     registry.register_counter("jobs_total", "Jobs.")?.default().inc();
/// }
/// // A collector, as each of them is: for a renderer, a server, or a push.
/// let both = Registries::new([one, other]);
/// assert!(both.conflicts().is_empty());
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
pub struct Registries {
    inner: Arc<[Arc<Inner>]>,
    series_bound: usize,
    left_out: Arc<Mutex<BTreeMap<(String, &'static str), u64>>>,
}

/// What was left out of pages that several registries share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeConflict {
    family: String,
    reason: &'static str,
    count: u64,
}

impl MergeConflict {
    /// The name of the family.
    #[must_use]
    pub fn family(&self) -> &str {
        &self.family
    }

    /// Why: `identity`, `name_taken`, `escaped_name_taken`, `duplicate_series`, `label_names` or `too_many_series`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// How many times a family or a series was left out, or a family served under another escaped name, over all scrapes.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// The families of one name that are on one page together.
struct Shared {
    /// What the page is told instead of the first one's, where another family has what the name becomes.
    descriptor: Option<Descriptor>,
    /// In the order of their registries.
    parts: Vec<Arc<Entry>>,
}

impl Shared {
    fn new(entry: &Arc<Entry>) -> Shared {
        Shared { descriptor: None, parts: vec![Arc::clone(entry)] }
    }

    fn descriptor(&self) -> &Descriptor {
        self.descriptor.as_ref().unwrap_or_else(|| self.parts[0].descriptor())
    }
}

/// What a registry has to show by itself, and the names that it takes.
type Served = (Vec<Arc<Entry>>, Arc<Owners>);

impl Registries {
    /// These registries, the one with precedence first; one that stands twice counts once.
    #[must_use]
    pub fn new(registries: impl IntoIterator<Item = MetricsRegistry>) -> Registries {
        let mut distinct: Vec<Arc<Inner>> = Vec::new();
        for MetricsRegistry { inner, .. } in registries {
            if !distinct.iter().any(|known| Arc::ptr_eq(known, &inner)) {
                distinct.push(inner);
            }
        }
        Registries { inner: distinct.into(), series_bound: SERIES_BOUND, left_out: Arc::default() }
    }

    /// Sets how many series of one family are kept in mind to find those that two registries have: 100,000 by default,
    /// which takes a few megabytes while the family is shown.
    #[must_use]
    pub fn with_series_bound(mut self, series: usize) -> Registries {
        self.series_bound = series;
        self
    }

    /// What was left out so far, by family and reason.
    #[must_use]
    pub fn conflicts(&self) -> Vec<MergeConflict> {
        let left_out = self.left_out.lock();
        let conflict = |((family, reason), count): (&(String, &'static str), &u64)| MergeConflict {
            family: family.clone(),
            reason,
            count: *count,
        };
        left_out.iter().map(conflict).collect()
    }

    fn leave_out(&self, family: &str, reason: &'static str, times: u64) {
        if times > 0 {
            *self.left_out.lock().entry((family.to_owned(), reason)).or_default() += times;
        }
    }

    /// Which families are shown together, by name, and the names that they take.
    fn plan(&self, served: &[Served]) -> (BTreeMap<String, Shared>, Vec<Arc<Owners>>) {
        let mut page: BTreeMap<String, Shared> = BTreeMap::new();
        let Some(((first, owners), others)) = served.split_first() else { return (page, Vec::new()) };
        for entry in first {
            page.insert(entry.descriptor().name().to_owned(), Shared::new(entry));
        }
        let mut more = Owners::default();
        for entry in others.iter().flat_map(|(entries, _)| entries) {
            let descriptor = entry.descriptor();
            let name = descriptor.name();
            if let Some(shared) = page.get_mut(name) {
                match difference(&*shared.parts[0].families()[0], &*entry.families()[0]) {
                    None => shared.parts.push(Arc::clone(entry)),
                    Some(_) => self.leave_out(name, "identity", 1),
                }
                continue;
            }
            let is_free = |names: &[String]| !owners.takes_any(names) && !more.takes_any(names);
            let Some((names, by_values)) = free_names(descriptor, is_free) else {
                self.leave_out(name, "name_taken", 1);
                continue;
            };
            let mut shared = Shared::new(entry);
            if by_values {
                self.leave_out(name, "escaped_name_taken", 1);
                shared.descriptor = Some(descriptor.clone().escaped_by_values());
            }
            more.extend(names.into_iter().map(|taken| (taken, name.to_owned())));
            page.insert(name.to_owned(), shared);
        }
        (page, vec![Arc::clone(owners), Arc::new(more)])
    }

    /// Shows the series of a family that several registries have.
    fn show(&self, name: &str, parts: &[Arc<Entry>], visitor: &mut dyn Visitor) -> Result<(), Stopped> {
        if !may_collide(parts) {
            return parts.iter().try_for_each(|entry| entry.visit_points(visitor));
        }
        let mut once = Once {
            visitor,
            seen: HashSet::new(),
            bound: self.series_bound,
            is_full: false,
            is_last: false,
            duplicates: 0,
            escaped_duplicates: 0,
        };
        let mut unseen = 0;
        let shown = parts.iter().enumerate().try_for_each(|(at, entry)| {
            once.is_last = at + 1 == parts.len();
            if once.is_full {
                let mut count = Census(0);
                let counted = entry.visit_points(&mut count);
                unseen += count.0;
                return counted;
            }
            entry.visit_points(&mut once)
        });
        self.leave_out(name, "duplicate_series", once.duplicates);
        self.leave_out(name, "label_names", once.escaped_duplicates);
        self.leave_out(name, "too_many_series", unseen);
        shown
    }
}

impl Collector for Registries {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let served: Vec<Served> =
            self.inner.iter().map(|registry| registry.catalog.read().served()).collect();
        let (page, owners) = self.plan(&served);
        for (name, shared) in &page {
            visitor.family(shared.descriptor())?;
            match &shared.parts[..] {
                [entry] => entry.visit_points(visitor)?,
                parts => self.show(name, parts, visitor)?,
            }
        }
        let collectors: Vec<_> = self.inner.iter().map(|registry| registry.collectors.all()).collect();
        let asking = self.inner.iter().zip(&collectors);
        let asking: Vec<_> = asking.map(|(registry, all)| foreign::begin(registry, all)).collect();
        let asked = self.inner.iter().zip(&collectors).zip(&asking);
        let asked: Vec<_> = asked
            .filter(|(_, asking)| asking.is_some())
            .map(|((registry, all), _)| (&all[..], Rules { config: &registry.config, owners: &owners }))
            .collect();
        foreign::collect_merged(&asked, visitor)?;
        drop(asking);

        let mut about_selves = SelfPage::default();
        let mut with_process = true;
        for (at, registry) in self.inner.iter().enumerate() {
            registry.tell(&mut about_selves, &served[at].0, &collectors[at], with_process);
            with_process &= !registry.config.self_metrics();
        }
        if self.inner.iter().any(|registry| registry.config.tells(selfmetrics::MERGE.name)) {
            let conflicts = self.conflicts();
            about_selves.add_conflicts(
                conflicts.iter().map(|conflict| (conflict.family(), conflict.reason, conflict.count)),
            );
        }
        about_selves.collect(visitor)?;
        Ok(())
    }
}

impl fmt::Debug for Registries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registries").field("registries", &self.inner.len()).finish_non_exhaustive()
    }
}

/// Whether series of two of these entries could have equal labels: not where a constant label tells them apart.
fn may_collide(parts: &[Arc<Entry>]) -> bool {
    let constants = |entry: &Arc<Entry>| -> Vec<LabelSet> {
        entry.families().iter().map(|family| family.constant().cloned().unwrap_or_default()).collect()
    };
    let constants: Vec<Vec<LabelSet>> = parts.iter().map(constants).collect();
    let differ = |one: &LabelSet, other: &LabelSet| {
        one.iter().any(|(name, value)| other.get(name).is_some_and(|other| other != value))
    };
    constants.iter().enumerate().any(|(at, one)| {
        let others = constants[at + 1..].iter().flatten();
        others.into_iter().any(|other| one.iter().any(|one| !differ(one, other)))
    })
}

/// Lets each label set through once.
struct Once<'a> {
    visitor: &'a mut dyn Visitor,
    seen: HashSet<LabelSet>,
    bound: usize,
    /// Whether a set could not be kept in mind, so that the entries after this one cannot be checked.
    is_full: bool,
    /// Whether no entry comes after this one.
    is_last: bool,
    duplicates: u64,
    /// Series whose labels are another's only where names are escaped.
    escaped_duplicates: u64,
}

/// What labels become where names are escaped: nothing else where all are classic.
///
/// By dots, two names become one only if they do by underscores too.
fn escaped(labels: SeriesLabels<'_>) -> impl Iterator<Item = LabelSet> {
    let schemes = [EscapingScheme::Underscores, EscapingScheme::Values];
    let schemes = schemes.into_iter().filter(move |_| labels.has_utf8_names());
    schemes.filter_map(move |scheme| {
        let names: Vec<_> = labels.iter().map(|(name, value)| (scheme.label_name(name), value)).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(|(name, value)| (&**name, *value)).collect();
        LabelSet::unchecked(&pairs).ok()
    })
}

impl Visitor for Once<'_> {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        self.visitor.family(descriptor)
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let set = labels.to_set();
        if self.seen.contains(&set) {
            self.duplicates += 1;
            return Ok(());
        }
        let escaped: Vec<LabelSet> = escaped(labels).collect();
        if escaped.iter().any(|form| self.seen.contains(form)) {
            self.escaped_duplicates += 1;
            return Ok(());
        }
        if self.seen.len() + escaped.len() < self.bound {
            self.seen.insert(set);
            self.seen.extend(escaped);
        } else if !self.is_last {
            self.is_full = true;
        }
        self.visitor.point(labels, point)
    }
}

/// Counts series.
struct Census(u64);

impl Visitor for Census {
    fn family(&mut self, _: &Descriptor) -> Result<(), Stopped> {
        Ok(())
    }

    fn point(&mut self, _: SeriesLabels<'_>, _: Point<'_>) -> Result<(), Stopped> {
        self.0 += 1;
        Ok(())
    }
}

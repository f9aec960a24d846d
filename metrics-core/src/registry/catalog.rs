//! The families that are registered, and which names they take.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::error::RegisterError;
use super::selfmetrics;
use crate::collect::{Stopped, Visitor};
use crate::declare::Slot;
use crate::descriptor::{Descriptor, MetricType};
use crate::family::{Budget, ErasedFamily};
use crate::label::LabelSet;
use crate::name::EscapingScheme;

/// Families by name, and the owner of every name that could stand on a page.
#[derive(Debug)]
pub(super) struct Catalog {
    families: BTreeMap<String, Arc<Entry>>,
    /// Shared with the scrapes that run, so that each has one answer from its beginning to its end.
    owners: Arc<Owners>,
}

/// Every name in any format, with the family that takes it: a histogram `x` takes `x_bucket`, `x_sum` and so on, a
/// counter `x_total` takes `x`, which is what OpenMetrics calls it, and `x.y` takes what it becomes when it is escaped.
#[derive(Debug, Clone, Default)]
pub(super) struct Owners(HashMap<String, String>);

impl Owners {
    pub(super) fn takes_any(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.0.contains_key(name))
    }
}

/// Owners of one's own, for a page that several registries share.
impl Extend<(String, String)> for Owners {
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, taken: I) {
        self.0.extend(taken);
    }
}

/// What has one name: the instances of a family, which differ in the values of their constant labels alone.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    families: Vec<Arc<dyn ErasedFamily>>,
    /// Whether it is served. One that is not takes its own name alone, and no other on a page.
    enabled: bool,
}

impl Entry {
    pub(super) fn families(&self) -> &[Arc<dyn ErasedFamily>] {
        &self.families
    }

    /// Shows the series of all instances to `visitor`, which has been shown the descriptor.
    pub(super) fn visit_points(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped> {
        self.families.iter().try_for_each(|family| family.visit_points(visitor))
    }

    pub(super) fn descriptor(&self) -> &Descriptor {
        // An entry is made with one family and never loses it.
        &self.families[0].info().descriptor
    }
}

/// What adding a family did, so that it can be undone.
enum Added {
    Nothing(Arc<dyn ErasedFamily>),
    Instance,
    Entry,
}

impl Catalog {
    pub(super) fn new() -> Catalog {
        let mut owners = HashMap::new();
        for name in selfmetrics::NAMES {
            let kind = if name.ends_with("_total") { MetricType::Counter } else { MetricType::Gauge };
            owners.extend(raw_names(name, kind).map(|taken| (taken, name.to_owned())));
        }
        Catalog { families: BTreeMap::new(), owners: Arc::new(Owners(owners)) }
    }

    /// All entries that are served, by name, and the names that they take.
    pub(super) fn served(&self) -> (Vec<Arc<Entry>>, Arc<Owners>) {
        let entries = self.families.values().filter(|entry| entry.enabled).map(Arc::clone).collect();
        (entries, Arc::clone(&self.owners))
    }

    /// All entries by name, those that are not served among them.
    pub(super) fn all(&self) -> Vec<Arc<Entry>> {
        self.families.values().map(Arc::clone).collect()
    }

    /// Adds the family of every slot, or none of them; says what was added by which name, in their order. A slot whose
    /// family is there gets that one.
    fn add_each(&mut self, slots: &mut [Slot]) -> Result<Vec<(String, Added)>, RegisterError> {
        let mut undo = Vec::new();
        for slot in slots.iter_mut() {
            let added = self.add(&slot.family, slot.enabled).and_then(|added| {
                match added {
                    Added::Nothing(existing) => slot.family = existing,
                    added => undo.push((slot.family.info().descriptor.name().to_owned(), added)),
                }
                slot.init()
            });
            if let Err(error) = added {
                self.undo_all(undo);
                return Err(error);
            }
        }
        Ok(undo)
    }

    fn undo_all(&mut self, added: Vec<(String, Added)>) {
        added.into_iter().rev().for_each(|(name, added)| self.undo(&name, &added));
    }

    /// Adds the family of every slot, or puts the one that is there into its place, and calls `then` with them; nothing
    /// is added when that fails. Nobody sees the families in between.
    pub(super) fn add_all<R>(
        &mut self,
        mut slots: Vec<Slot>,
        then: impl FnOnce(Vec<Slot>) -> Result<R, RegisterError>,
    ) -> Result<R, RegisterError> {
        let undo = self.add_each(&mut slots)?;
        then(slots).inspect_err(|_| self.undo_all(undo))
    }

    /// Adds a family that was made elsewhere, and attaches it.
    pub(super) fn adopt(
        &mut self,
        family: &Arc<dyn ErasedFamily>,
        constant: &LabelSet,
        budget: &Arc<Budget>,
    ) -> Result<(), RegisterError> {
        let name = family.info().descriptor.name();
        if let Some(entry) = self.families.get(name)
            && entry.families.iter().any(|known| Arc::ptr_eq(known, family))
        {
            return family.attach(constant, budget);
        }
        if let Some(entry) = self.families.get(name) {
            return Err(taken(entry, family));
        }
        self.check_owners(family)?;
        family.attach(constant, budget)?;
        self.insert(family, true);
        Ok(())
    }

    /// Removes the entry `name` with all its instances.
    pub(super) fn remove(&mut self, name: &str) -> Option<Arc<Entry>> {
        let entry = self.families.remove(name)?;
        if entry.enabled {
            Arc::make_mut(&mut self.owners).0.retain(|_, owner| owner != name);
        }
        Some(entry)
    }

    /// Removes the instance of the entry `name` that has these constant labels, and the entry with its last instance.
    pub(super) fn remove_instance(
        &mut self,
        name: &str,
        constant: &LabelSet,
    ) -> Option<Arc<dyn ErasedFamily>> {
        let entry = self.families.get_mut(name)?;
        let place = entry.families.iter().position(|family| family.constant() == Some(constant))?;
        if entry.families.len() == 1 {
            return self.remove(name).map(|entry| Arc::clone(&entry.families[0]));
        }
        Some(Arc::make_mut(entry).families.remove(place))
    }

    /// Removes this very family, if it is there.
    pub(super) fn remove_family(&mut self, family: &Arc<dyn ErasedFamily>) -> Option<Arc<dyn ErasedFamily>> {
        let name = family.info().descriptor.name();
        let entry = self.families.get(name)?;
        entry.families.iter().find(|known| Arc::ptr_eq(known, family))?;
        let constant = family.constant()?.clone();
        self.remove_instance(name, &constant)
    }

    fn add(&mut self, family: &Arc<dyn ErasedFamily>, enabled: bool) -> Result<Added, RegisterError> {
        let name = family.info().descriptor.name();
        let Some(entry) = self.families.get_mut(name) else {
            if enabled {
                self.check_owners(family)?;
            }
            self.insert(family, enabled);
            return Ok(Added::Entry);
        };
        if let Some(conflict) = conflict(entry, &**family) {
            return Err(conflict);
        }
        let constant = family.constant();
        if let Some(existing) = entry.families.iter().find(|known| known.constant() == constant) {
            return Ok(Added::Nothing(Arc::clone(existing)));
        }
        family.info().descriptor.join(entry.descriptor());
        Arc::make_mut(entry).families.push(Arc::clone(family));
        Ok(Added::Instance)
    }

    fn undo(&mut self, name: &str, added: &Added) {
        match added {
            Added::Nothing(_) => {}
            Added::Entry => drop(self.remove(name)),
            Added::Instance => {
                if let Some(entry) = self.families.get_mut(name) {
                    Arc::make_mut(entry).families.pop();
                }
            }
        }
    }

    fn check_owners(&self, family: &Arc<dyn ErasedFamily>) -> Result<(), RegisterError> {
        let descriptor = &family.info().descriptor;
        for taken in page_names(descriptor) {
            if let Some(owner) = self.owners.0.get(&taken) {
                let (name, owner) = (descriptor.name().to_owned(), owner.clone());
                return Err(RegisterError::Collision { name, taken, owner });
            }
        }
        Ok(())
    }

    fn insert(&mut self, family: &Arc<dyn ErasedFamily>, enabled: bool) {
        let descriptor = &family.info().descriptor;
        let name = descriptor.name().to_owned();
        if enabled {
            let taken = page_names(descriptor);
            Arc::make_mut(&mut self.owners).0.extend(taken.map(|taken| (taken, name.clone())));
        }
        self.families.insert(name, Arc::new(Entry { families: vec![Arc::clone(family)], enabled }));
    }
}

/// Every name that a family can take on a page, in any format, by any escaping scheme and with created timestamps.
fn page_names(descriptor: &Descriptor) -> impl Iterator<Item = String> + use<> {
    let names = |scheme| names_by(descriptor, scheme);
    // By dots, two names become one only if they do by underscores too.
    let escaped = [EscapingScheme::Underscores, EscapingScheme::Values].map(names);
    let is_escaped = descriptor.has_utf8_name();
    names(EscapingScheme::AllowUtf8).chain(escaped.into_iter().filter(move |_| is_escaped).flatten())
}

/// Every name that a family can take on a page whose names are by `scheme`.
fn names_by(descriptor: &Descriptor, scheme: EscapingScheme) -> impl Iterator<Item = String> + use<> {
    raw_names(&descriptor.escaped_name(scheme), descriptor.metric_type())
}

/// The names that a family can have where others have theirs, and whether what its name becomes is taken while the name
/// itself is not: it is served escaped by [`values`](EscapingScheme::Values) then, which makes no two names one.
pub(super) fn free_names(
    descriptor: &Descriptor,
    is_free: impl Fn(&[String]) -> bool,
) -> Option<(Vec<String>, bool)> {
    let all: Vec<String> = page_names(descriptor).collect();
    if is_free(&all) {
        return Some((all, false));
    }
    let unique = [EscapingScheme::AllowUtf8, EscapingScheme::Values];
    let unique: Vec<String> = unique.into_iter().flat_map(|scheme| names_by(descriptor, scheme)).collect();
    (descriptor.has_utf8_name() && is_free(&unique)).then_some((unique, true))
}

/// The name and what formats make of it.
///
/// SPEC: OpenMetrics 1.0.0, metric families and the suffixes of each type: a counter's family is named without
/// `_total`, and an info's without `_info`.
fn raw_names(name: &str, metric_type: MetricType) -> impl Iterator<Item = String> + use<> {
    let (base, suffixes): (&str, &[&str]) = match metric_type {
        MetricType::Counter => (name.strip_suffix("_total").unwrap_or(name), &["", "_total", "_created"]),
        MetricType::Gauge | MetricType::UpDownCounter | MetricType::StateSet => (name, &[""]),
        MetricType::Histogram => (name, &["", "_bucket", "_count", "_sum", "_created"]),
        MetricType::GaugeHistogram => (name, &["", "_bucket", "_count", "_sum", "_gcount", "_gsum"]),
        MetricType::Summary => (name, &["", "_count", "_sum", "_created"]),
        MetricType::Info => (name.strip_suffix("_info").unwrap_or(name), &["", "_info"]),
    };
    let base = base.to_owned();
    suffixes.iter().map(move |suffix| format!("{base}{suffix}"))
}

/// The error for a family that was made elsewhere and whose name is taken.
fn taken(entry: &Entry, family: &Arc<dyn ErasedFamily>) -> RegisterError {
    let identity = "series of its own".to_owned();
    conflict(entry, &**family).unwrap_or_else(|| {
        refusal(entry, "series", "series made by another registration".to_owned(), identity)
    })
}

/// What keeps `family` from being an instance of `entry`, if anything does.
fn conflict(entry: &Entry, family: &dyn ErasedFamily) -> Option<RegisterError> {
    let existing = &*entry.families[0];
    let constant = |family: &dyn ErasedFamily| {
        let names: Vec<&str> = family.constant().into_iter().flatten().map(|(name, _)| name).collect();
        names.join(", ")
    };
    let constant_names = || {
        let (existing, requested) = (constant(existing), constant(family));
        let differs = family.constant().is_some() && existing != requested;
        differs.then_some(("constant label names", existing, requested))
    };
    let kind = || {
        let ((existing, old), (requested, new)) = (existing.kind(), family.kind());
        (existing != requested).then(|| ("kind", old.to_owned(), new.to_owned()))
    };
    let (what, existing, requested) = difference(existing, family).or_else(constant_names).or_else(kind)?;
    Some(refusal(entry, what, existing, requested))
}

/// What is different about two families of one name, and how each has it: constant labels aside, which are the
/// registration's.
pub(super) fn difference(
    existing: &dyn ErasedFamily,
    requested: &dyn ErasedFamily,
) -> Option<(&'static str, String, String)> {
    let (old, new) = (&existing.info().descriptor, &requested.info().descriptor);
    let sides = [
        ("type", existing.identity().to_owned(), requested.identity().to_owned()),
        ("help", old.help().to_owned(), new.help().to_owned()),
        ("unit", unit(old), unit(new)),
        ("label names", label_names(old), label_names(new)),
    ];
    let setups = existing.info().setup.identity().into_iter().zip(requested.info().setup.identity());
    let setups = setups.map(|((what, existing), (_, requested))| (what, existing, requested));
    sides.into_iter().chain(setups).find(|(_, existing, requested)| existing != requested)
}

fn refusal(entry: &Entry, what: &'static str, existing: String, requested: String) -> RegisterError {
    let descriptor = entry.descriptor();
    RegisterError::Conflict {
        name: descriptor.name().to_owned(),
        what,
        existing,
        requested,
        location: descriptor.location(),
    }
}

/// What an error says for what a family leaves open; no unit and no label name can read like it.
const NOT_DECLARED: &str = "not declared";

fn unit(descriptor: &Descriptor) -> String {
    descriptor.unit().map_or_else(|| NOT_DECLARED.to_owned(), |unit| unit.to_string())
}

fn label_names(descriptor: &Descriptor) -> String {
    descriptor
        .label_names()
        .map_or_else(|| NOT_DECLARED.to_owned(), |names| format!("[{}]", names.join(", ")))
}

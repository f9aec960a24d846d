//! Collectors that are not this crate's families.
//!
//! What they show is checked before it reaches an exporter, and for that it is buffered: up to a bound, and only their
//! own. A collector that panics loses what it had not shown yet; the others lose nothing.

mod buffer;
mod owned;

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use self::buffer::{Buffer, BufferedFamily};
use super::catalog::{Owners, names_by, page_names};
use super::config::RegistryConfig;
use super::error::RegisterError;
use crate::asking::Asking;
use crate::caught::caught;
use crate::collect::{CollectError, Collector, SeriesLabels, Stopped, Visitor};
use crate::label::LabelSet;
use crate::label::forms::NameForms;
use crate::name::EscapingScheme;

/// Why something that a collector showed, or should have shown, is not on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Panic,
    Error,
    TooLarge,
    NameTaken,
    DuplicateSeries,
    WrongType,
    ConstantLabel,
    InvalidDescriptor,
    Cycle,
    EscapedNameTaken,
    LabelNames,
}

/// Every failure, in the order of its number, with its spelling in `nilometer_collector_failures_total`.
pub(super) const FAILURES: [(Failure, &str); 11] = [
    (Failure::Panic, "panic"),
    (Failure::Error, "error"),
    (Failure::TooLarge, "too_large"),
    (Failure::NameTaken, "name_taken"),
    (Failure::DuplicateSeries, "duplicate_series"),
    (Failure::WrongType, "wrong_type"),
    (Failure::ConstantLabel, "constant_label"),
    (Failure::InvalidDescriptor, "invalid_descriptor"),
    (Failure::Cycle, "cycle"),
    (Failure::EscapedNameTaken, "escaped_name_taken"),
    (Failure::LabelNames, "label_names"),
];

/// A collector with its name and what went wrong with it.
pub(super) struct Foreign {
    name: String,
    collector: Box<dyn Collector>,
    failures: [AtomicU64; FAILURES.len()],
}

impl Foreign {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    // ORDERING: Relaxed, counts that no other memory depends on.

    fn count(&self, failure: Failure, times: u64) {
        self.failures[failure as usize].fetch_add(times, Ordering::Relaxed);
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.failures.iter().map(|count| count.load(Ordering::Relaxed));
        FAILURES.iter().map(|(_, name)| *name).zip(counts)
    }
}

/// The foreign collectors of a registry, in the order in which they came.
#[derive(Default)]
pub(super) struct Collectors {
    list: Arc<RwLock<Vec<Arc<Foreign>>>>,
}

impl Collectors {
    pub(super) fn all(&self) -> Vec<Arc<Foreign>> {
        self.list.read().clone()
    }

    pub(super) fn add(
        &self,
        name: String,
        collector: Box<dyn Collector>,
    ) -> Result<Registration, RegisterError> {
        let mut list = self.list.write();
        if list.iter().any(|known| known.name == name) {
            return Err(RegisterError::CollectorExists { name });
        }
        let foreign = Arc::new(Foreign { name, collector, failures: Default::default() });
        let registration =
            Registration { list: Arc::downgrade(&self.list), foreign: Arc::downgrade(&foreign) };
        list.push(foreign);
        Ok(registration)
    }
}

/// A foreign collector's place in a registry; dropping it changes nothing.
#[derive(Debug, Clone)]
pub struct Registration {
    list: Weak<RwLock<Vec<Arc<Foreign>>>>,
    foreign: Weak<Foreign>,
}

impl Registration {
    /// Takes the collector off the registry; a scrape that has begun may still ask it.
    pub fn unregister(self) {
        self.remove();
    }

    /// Takes the collector off the registry when the guard is dropped.
    pub fn guard(self) -> RegistrationGuard {
        RegistrationGuard { registration: self }
    }

    fn remove(&self) {
        let Some(list) = self.list.upgrade() else { return };
        let mut list = list.write();
        let place = list.iter().position(|known| Arc::as_ptr(known) == self.foreign.as_ptr());
        // What is taken out is dropped after the lock.
        let removed = place.map(|place| list.remove(place));
        drop(list);
        drop(removed);
    }
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Foreign").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Takes a foreign collector off its registry when it is dropped; made by [`Registration::guard`].
#[derive(Debug)]
#[must_use = "the collector is unregistered as soon as the guard is dropped"]
pub struct RegistrationGuard {
    registration: Registration,
}

impl Drop for RegistrationGuard {
    fn drop(&mut self) {
        self.registration.remove();
    }
}

/// What decides which of the families and series that a collector shows are served.
pub(super) struct Rules<'a> {
    pub(super) config: &'a RegistryConfig,
    pub(super) constant: &'a LabelSet,
    /// The names that the registry's own families take in this scrape.
    pub(super) owners: &'a Owners,
}

/// Shows what each collector has to `visitor`, checked.
pub(super) fn collect_all(
    collectors: &[Arc<Foreign>],
    rules: &Rules<'_>,
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    let mut seen: HashSet<String> = HashSet::new();
    for foreign in collectors {
        for mut family in ask(foreign, rules.config.collector_buffer()) {
            let descriptor = &family.descriptor;
            if !descriptor.is_fit_for_a_page() {
                foreign.count(Failure::InvalidDescriptor, 1);
                continue;
            }
            if rules.config.is_disabled(descriptor.name()) {
                continue;
            }
            let is_free = |names: &[String]| {
                !names.iter().any(|name| seen.contains(name)) && !rules.owners.takes_any(names)
            };
            let mut names: Vec<String> = page_names(descriptor).collect();
            if !is_free(&names) {
                // What the name becomes may be taken while the name itself is not, and one that is its own is left.
                let unique = [EscapingScheme::AllowUtf8, EscapingScheme::Values];
                names = unique.into_iter().flat_map(|scheme| names_by(descriptor, scheme)).collect();
                if !descriptor.has_utf8_name() || !is_free(&names) {
                    foreign.count(Failure::NameTaken, 1);
                    continue;
                }
                foreign.count(Failure::EscapedNameTaken, 1);
                family.descriptor = family.descriptor.escaped_by_values();
            }
            seen.extend(names);
            show(foreign, &family, rules.constant, visitor)?;
        }
    }
    Ok(())
}

/// Lets the collector fill a buffer of so many bytes, and counts what went wrong.
fn ask(foreign: &Arc<Foreign>, bound: usize) -> Vec<BufferedFamily> {
    let Some(_asking) = Asking::begin(Arc::as_ptr(foreign)) else {
        foreign.count(Failure::Cycle, 1);
        return Vec::new();
    };
    let mut buffer = Buffer::new(bound);
    match caught(|| foreign.collector.collect(&mut buffer)) {
        Ok(Ok(())) => {}
        Ok(Err(CollectError::Stopped(_))) if buffer.is_full() => {}
        Ok(Err(_)) => foreign.count(Failure::Error, 1),
        Err(_) => foreign.count(Failure::Panic, 1),
    }
    foreign.count(Failure::TooLarge, u64::from(buffer.is_full()));
    foreign.count(Failure::WrongType, buffer.wrong_type());
    buffer.into_families()
}

fn show(
    foreign: &Foreign,
    family: &BufferedFamily,
    constant: &LabelSet,
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    visitor.family(&family.descriptor)?;
    let mut shown = HashSet::new();
    // Where all names are classic, no two of them become one.
    let mut forms = NameForms::default();
    let has_utf8_names =
        constant.has_utf8_names() || family.points.iter().any(|(labels, _)| labels.has_utf8_names());
    if has_utf8_names {
        forms.add(constant.iter().map(|(name, _)| name));
    }
    for (labels, point) in &family.points {
        if labels.iter().any(|(name, _)| constant.get(name).is_some()) {
            foreign.count(Failure::ConstantLabel, 1);
        } else if has_utf8_names && forms.take(labels.iter().map(|(name, _)| name)).is_err() {
            foreign.count(Failure::LabelNames, 1);
        } else if shown.insert(labels) {
            point.show(|point| visitor.point(SeriesLabels::with_constant(constant, labels), point))?;
        } else {
            foreign.count(Failure::DuplicateSeries, 1);
        }
    }
    Ok(())
}

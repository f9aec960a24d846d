//! Collectors that are not this crate's families.
//!
//! What they show is checked before it reaches an exporter, and for that it is buffered: up to a bound, and only their
//! own. A collector that panics loses what it had not shown yet; the others lose nothing. Nor does one that takes longer
//! than its limit hurt the others: each runs on a thread of its own.
//!
//! - `buffer`: what one collector shows in one scrape; `owned`, its points; `value`, which of them there can be.
//! - `timed`: the collectors' threads.

mod buffer;
mod owned;
mod timed;
mod value;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::RwLock;

use self::buffer::{Buffer, BufferedFamily};
use self::timed::{Begun, Run, Worker};
use super::catalog::{Owners, free_names};
use super::config::RegistryConfig;
use super::error::RegisterError;
use crate::asking::Asking;
use crate::caught::caught;
use crate::collect::{CollectError, Collector, SeriesLabels, Stopped, Visitor};
use crate::descriptor::Descriptor;
use crate::label::LabelSet;
use crate::label::forms::NameForms;

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
    InvalidValue,
    Timeout,
}

/// Every failure, in the order of its number, with its spelling in `nilometer_collector_failures_total`.
pub(super) const FAILURES: [(Failure, &str); 13] = [
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
    (Failure::InvalidValue, "invalid_value"),
    (Failure::Timeout, "timeout"),
];

/// A collector with its name and what went wrong with it.
pub(super) struct Foreign {
    name: String,
    collector: Box<dyn Collector>,
    /// The labels that all of its series get.
    constant: LabelSet,
    failures: [AtomicU64; FAILURES.len()],
    worker: Worker,
}

impl Foreign {
    fn new(name: String, collector: Box<dyn Collector>, constant: LabelSet) -> Foreign {
        Foreign { name, collector, constant, failures: Default::default(), worker: Worker::default() }
    }

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
        constant: LabelSet,
    ) -> Result<Registration, RegisterError> {
        let mut list = self.list.write();
        if list.iter().any(|known| known.name == name) {
            return Err(RegisterError::CollectorExists { name });
        }
        let foreign = Arc::new(Foreign::new(name, collector, constant));
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
    /// Takes the collector off the registry, and waits for nothing; a scrape that has begun may still ask it.
    ///
    /// The collector is dropped here where no scrape has it any more, and by the last that has it otherwise: by its own
    /// thread, where it is [late](crate::RegistryConfig::with_collector_time_limit) and has not ended.
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
    /// The names that registries' own families take in this scrape.
    pub(super) owners: &'a [Arc<Owners>],
}

impl Rules<'_> {
    /// Whether no family of a registry's own has one of these names.
    fn are_free(&self, names: &[String]) -> bool {
        !self.owners.iter().any(|owners| owners.takes_any(names))
    }
}

/// Begins to ask a registry's collectors, unless this thread is asking them already: who collects a registry from within
/// one of them gets what the registry has by itself. So each of them is asked once, however many there are and however
/// often they do that; the one that did is counted.
pub(super) fn begin<R>(registry: &Arc<R>, collectors: &[Arc<Foreign>]) -> Option<Asking> {
    let asking = Asking::begin(Arc::as_ptr(registry));
    if asking.is_none() {
        let asked = collectors.iter().filter(|foreign| Asking::is_asked(Arc::as_ptr(foreign)));
        asked.for_each(|foreign| foreign.count(Failure::Cycle, 1));
    }
    asking
}

/// Shows what each collector has to `visitor`, checked.
pub(super) fn collect_all(
    collectors: &[Arc<Foreign>],
    rules: &Rules<'_>,
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    let mut seen: HashSet<String> = HashSet::new();
    for asked in begin_all(collectors, rules.config) {
        let foreign = asked.foreign;
        for mut family in checked(asked, rules) {
            let is_free =
                |names: &[String]| !names.iter().any(|name| seen.contains(name)) && rules.are_free(names);
            if let Some(names) = claim(foreign, &mut family, is_free) {
                seen.extend(names);
                show(&[(Arc::clone(foreign), family)], visitor)?;
            }
        }
    }
    Ok(())
}

/// Shows what the collectors of several registries have, each registry with its own rules: families of one name and
/// identity as one, where they come from different registries.
///
/// All of it is buffered, each collector's up to its bound.
pub(super) fn collect_merged(
    registries: &[(&[Arc<Foreign>], Rules<'_>)],
    visitor: &mut dyn Visitor,
) -> Result<(), Stopped> {
    let mut merged: Vec<Vec<(Arc<Foreign>, BufferedFamily)>> = Vec::new();
    let mut takers: HashMap<String, usize> = HashMap::new();
    let asked = registries.iter().map(|(collectors, rules)| begin_all(collectors, rules.config));
    let asked: Vec<Vec<Asked<'_>>> = asked.collect();
    for ((_, rules), asked) in registries.iter().zip(asked) {
        let first_of_registry = merged.len();
        let mut joined: HashSet<usize> = HashSet::new();
        for asked in asked {
            let foreign = asked.foreign;
            for mut family in checked(asked, rules) {
                let namesake = takers.get(family.descriptor.name()).copied().filter(|&place| {
                    place < first_of_registry
                        && is_one_family(&merged[place][0].1.descriptor, &family.descriptor)
                });
                if let Some(place) = namesake {
                    if joined.insert(place) {
                        merged[place].push((Arc::clone(foreign), family));
                    } else {
                        foreign.count(Failure::NameTaken, 1);
                    }
                    continue;
                }
                let is_free = |names: &[String]| {
                    !names.iter().any(|name| takers.contains_key(name)) && rules.are_free(names)
                };
                if let Some(names) = claim(foreign, &mut family, is_free) {
                    takers.extend(names.into_iter().map(|name| (name, merged.len())));
                    merged.push(vec![(Arc::clone(foreign), family)]);
                }
            }
        }
    }
    merged.iter().try_for_each(|parts| show(parts, visitor))
}

fn is_one_family(one: &Descriptor, other: &Descriptor) -> bool {
    (one.name(), one.metric_type(), one.help(), one.unit())
        == (other.name(), other.metric_type(), other.help(), other.unit())
}

/// A collector that has been asked, or is to be.
struct Asked<'a> {
    foreign: &'a Arc<Foreign>,
    how: How,
}

enum How {
    /// When its turn comes, by the thread that collects.
    Here,
    There(Arc<Run>),
    Late,
}

/// Asks all of a registry's collectors that have threads of their own.
fn begin_all<'a>(collectors: &'a [Arc<Foreign>], config: &RegistryConfig) -> Vec<Asked<'a>> {
    let buffer = config.collector_buffer();
    let asked = collectors.iter().map(|foreign| {
        let begun = config.collector_time_limit().map(|limit| timed::begin(foreign, buffer, limit));
        let how = match begun {
            None | Some(Begun::NoThread) => How::Here,
            Some(Begun::There(run)) => How::There(run),
            Some(Begun::Late) => How::Late,
        };
        Asked { foreign, how }
    });
    asked.collect()
}

/// The families that the collector has and that are fit to be served, names aside.
fn checked(Asked { foreign, how }: Asked<'_>, rules: &Rules<'_>) -> Vec<BufferedFamily> {
    let families = match how {
        How::Here => Some(ask(foreign, rules.config.collector_buffer(), &|| true)),
        How::There(run) => timed::finished(&run),
        How::Late => None,
    };
    foreign.count(Failure::Timeout, u64::from(families.is_none()));
    let mut families = families.unwrap_or_default();
    families.retain(|family| {
        let is_fit = family.descriptor.is_fit_for_a_page();
        foreign.count(Failure::InvalidDescriptor, u64::from(!is_fit));
        is_fit && !rules.config.is_disabled(family.descriptor.name())
    });
    families
}

/// The names under which the family is served, if it is: those that it could take, or fewer, and counted, where what its
/// name becomes is another's.
fn claim(
    foreign: &Foreign,
    family: &mut BufferedFamily,
    is_free: impl Fn(&[String]) -> bool,
) -> Option<Vec<String>> {
    let Some((names, by_values)) = free_names(&family.descriptor, is_free) else {
        foreign.count(Failure::NameTaken, 1);
        return None;
    };
    if by_values {
        foreign.count(Failure::EscapedNameTaken, 1);
        family.descriptor = family.descriptor.clone().escaped_by_values();
    }
    Some(names)
}

/// Lets the collector fill a buffer of so many bytes while that is wanted, and counts what went wrong.
fn ask(foreign: &Arc<Foreign>, bound: usize, is_wanted: &dyn Fn() -> bool) -> Vec<BufferedFamily> {
    let Some(_asking) = Asking::begin(Arc::as_ptr(foreign)) else {
        foreign.count(Failure::Cycle, 1);
        return Vec::new();
    };
    let mut buffer = Buffer::new(bound, is_wanted);
    match caught(|| foreign.collector.collect(&mut buffer)) {
        Ok(Ok(())) => {}
        Ok(Err(CollectError::Stopped(_))) if buffer.has_stopped() => {}
        Ok(Err(_)) => foreign.count(Failure::Error, 1),
        Err(_) => foreign.count(Failure::Panic, 1),
    }
    foreign.count(Failure::TooLarge, u64::from(buffer.is_full()));
    foreign.count(Failure::WrongType, buffer.wrong_type());
    foreign.count(Failure::InvalidValue, buffer.impossible());
    buffer.into_families()
}

/// Shows a family that one collector has, or several as one.
fn show(parts: &[(Arc<Foreign>, BufferedFamily)], visitor: &mut dyn Visitor) -> Result<(), Stopped> {
    let Some((_, first)) = parts.first() else { return Ok(()) };
    visitor.family(&first.descriptor)?;
    let mut shown = HashSet::new();
    // Where all names are classic, no two of them become one.
    let has_utf8_names = parts.iter().any(|(foreign, family)| {
        foreign.constant.has_utf8_names() || family.points.iter().any(|(labels, _)| labels.has_utf8_names())
    });
    let mut forms = NameForms::default();
    for (foreign, family) in parts {
        let constant = &foreign.constant;
        for (labels, point) in &*family.points {
            if labels.iter().any(|(name, _)| constant.get(name).is_some()) {
                foreign.count(Failure::ConstantLabel, 1);
                continue;
            }
            let series = SeriesLabels::with_constant(constant, labels);
            if has_utf8_names && forms.take(series.iter().map(|(name, _)| name)).is_err() {
                foreign.count(Failure::LabelNames, 1);
            } else if shown.insert(series.to_set()) {
                point.show(|point| visitor.point(series, point))?;
            } else {
                foreign.count(Failure::DuplicateSeries, 1);
            }
        }
    }
    Ok(())
}

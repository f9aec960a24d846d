//! The metrics of one kind: which family each name has, and which handle each key.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, PoisonError, RwLock};

use metrics::{Key, SharedString};
use nilometer_core::{DynamicLabels, Family, Metric, MetricType, RegisterError};

use super::Shared;
use super::cache::Cache;
use super::handle::{Handle, OfName};
use super::labels::with_labels;
use super::unsupported::Reason;

/// The metrics of one kind.
#[derive(Debug)]
pub(super) struct Store<M: Metric> {
    names: RwLock<Names<M>>,
    pub(super) cache: Cache<Handle<M>>,
}

#[derive(Debug)]
struct Names<M: Metric> {
    used: HashMap<Box<str>, Named<M>>,
    described: HashMap<Box<str>, Described>,
}

/// What a name stands for once it was used.
#[derive(Debug)]
enum Named<M: Metric> {
    Family { family: Family<DynamicLabels, M>, of: Arc<OfName> },
    Nowhere(Arc<Handle<M>>),
}

impl<M: Metric> Clone for Named<M> {
    fn clone(&self) -> Self {
        match self {
            Named::Family { family, of } => Named::Family { family: family.clone(), of: Arc::clone(of) },
            Named::Nowhere(handle) => Named::Nowhere(Arc::clone(handle)),
        }
    }
}

/// What was said of a name, by whom it was said first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) unit: Option<metrics::Unit>,
    pub(super) text: SharedString,
}

impl<M: Metric> Store<M> {
    pub(super) fn new(keys: usize) -> Store<M> {
        let names = Names { used: HashMap::new(), described: HashMap::new() };
        Store { names: RwLock::new(names), cache: Cache::new(keys) }
    }

    /// The handle for a key.
    #[inline]
    pub(super) fn handle(&self, key: &Key, shared: &Shared) -> Arc<Handle<M>> {
        self.cache.get(key).unwrap_or_else(|| self.make(key, shared))
    }

    #[cold]
    fn make(&self, key: &Key, shared: &Shared) -> Arc<Handle<M>> {
        match self.named(key.name(), shared) {
            // Handles of these are not kept by their keys, of which there may be any number.
            Named::Nowhere(handle) => handle,
            Named::Family { family, of } => with_labels(key, shared.naming, |labels| {
                match family.try_get_or_create(labels) {
                    Ok(metric) => self.cache.keep(key, Arc::new(Handle::new(metric, &of))),
                    // The overflow series, of which any number of keys can be, and which this counts.
                    Err(_) => Arc::new(Handle::new(family.get_or_create(labels), &of)),
                }
            }),
        }
    }

    fn named(&self, name: &str, shared: &Shared) -> Named<M> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let known = names.used.get(name).cloned();
        drop(names);
        known.unwrap_or_else(|| self.admit(name, shared))
    }

    /// Gives a name its family when it is used first.
    #[cold]
    fn admit(&self, name: &str, shared: &Shared) -> Named<M> {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let Names { used, described } = &mut *names;
        if let Some(known) = used.get(name) {
            return known.clone();
        }
        let of = Arc::new(OfName::new(name, &shared.unsupported));
        let nowhere = |reason| {
            shared.unsupported.count(name, reason);
            Named::Nowhere(Arc::new(Handle::nowhere(&of)))
        };
        if !shared.take_name() {
            // There may be any number of names past the limit: none of them is kept.
            return nowhere(Reason::NameLimit);
        }
        let new = match shared.register(name, described.get(name)) {
            Ok(family) => Named::Family { family, of },
            Err(reason) => nowhere(reason),
        };
        used.insert(name.into(), new.clone());
        new
    }

    /// Says what a name means and what its unit is: what was said first counts.
    pub(super) fn describe(&self, name: &str, described: &Described, shared: &Shared) {
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let Names { used, described: all } = &mut *names;
        let has_room = all.len() < shared.name_limit;
        let first = match all.entry(name.into()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) if has_room => entry.insert(described.clone()),
            Entry::Vacant(_) => return shared.unsupported.count(name, Reason::NameLimit),
        };
        if first.text != described.text {
            shared.unsupported.count(name, Reason::Description);
        }
        if first.unit != described.unit {
            shared.unsupported.count(name, Reason::Unit);
        }
        let Some(Named::Family { family, .. }) = used.get(name) else { return };
        if !first.text.is_empty() && !family.describe(&first.text) && first.text == described.text {
            shared.unsupported.count(name, Reason::Description);
        }
        let (wanted, unit) = shared.naming.family(name, first.unit, M::TYPE == MetricType::Counter);
        let is_named_so = family.metadata().name() == shared.registry.full_name(&wanted);
        let is_told = is_named_so && unit.is_none_or(|unit| family.declare_unit(unit));
        if !is_told && first.unit == described.unit {
            shared.unsupported.count(name, Reason::Unit);
        }
    }
}

impl Shared {
    /// Registers the family of a name.
    fn register<M: Metric>(
        &self,
        name: &str,
        described: Option<&Described>,
    ) -> Result<Family<DynamicLabels, M>, Reason> {
        let asked = described.and_then(|described| described.unit);
        let (full, unit) = self.naming.family(name, asked, M::TYPE == MetricType::Counter);
        // Held until it is known whether the name is had: what another kind asks for meanwhile waits.
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.get(full.as_str()).is_some_and(|owner| **owner != *name) {
            return Err(Reason::Conflict);
        }
        let register = |help: &str| {
            let builder = self.registry.family::<M>(full.as_str(), help);
            let builder = match unit {
                Some(unit) => builder.with_unit(unit),
                None => builder,
            };
            if M::TYPE != MetricType::Histogram {
                return builder.register();
            }
            let builder = builder.with_buckets(self.buckets.of(&full, asked));
            match &self.buckets.exponential {
                Some(config) => builder.with_exponential(config.clone()).register(),
                None => builder.register(),
            }
        };
        let help = described.map_or("", |described| &described.text);
        let registered = match register(help) {
            // The family is the program's own, and what it says of it is better than nothing.
            Err(RegisterError::Conflict { what: "help", existing, .. }) => {
                if !help.is_empty() {
                    self.unsupported.count(name, Reason::Description);
                }
                register(&existing)
            }
            registered => registered,
        };
        let family = registered.map_err(|error| match error {
            RegisterError::Conflict { .. } | RegisterError::Collision { .. } => Reason::Conflict,
            RegisterError::InvalidName { .. } => Reason::Name,
            _ => Reason::Refused,
        })?;
        owners.insert(full.into(), name.into());
        Ok(family)
    }
}

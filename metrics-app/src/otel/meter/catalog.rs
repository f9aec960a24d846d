//! Which names instruments have taken.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use nilometer_core::collect::Descriptor;
use nilometer_core::{DynamicLabels, Family, Metric, MetricType, MetricsRegistry, RegisterError, Unit};

use super::name::{Naming, Shape, is_instrument_name, is_instrument_unit};
use super::observed::{Observed, ObservedFamily};
use super::unit::Suffix;
use super::unsupported::Reason;

/// The kinds of instrument that there are for a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    FloatCounter,
    UpDownCounter,
    FloatUpDownCounter,
    IntGauge,
    Gauge,
    Histogram,
    ObservableCounter,
    ObservableUpDownCounter,
    ObservableGauge,
}

impl Kind {
    fn shape(self) -> Shape {
        match self {
            Kind::Counter | Kind::FloatCounter | Kind::ObservableCounter => Shape::Total,
            Kind::IntGauge | Kind::Gauge | Kind::ObservableGauge => Shape::Gauge,
            _ => Shape::Other,
        }
    }

    /// Whether a series is the sum of all that has gone up and down since its beginning.
    fn is_level(self) -> bool {
        matches!(self, Kind::UpDownCounter | Kind::FloatUpDownCounter)
    }

    /// What an observable instrument is in a registry.
    fn metric_type(self) -> MetricType {
        match self {
            Kind::ObservableCounter => MetricType::Counter,
            Kind::ObservableUpDownCounter => MetricType::UpDownCounter,
            _ => MetricType::Gauge,
        }
    }
}

/// What a library asks for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) name: Cow<'static, str>,
    pub(super) description: Option<Cow<'static, str>>,
    pub(super) unit: Option<Cow<'static, str>>,
}

/// The family of an instrument, and whether its description is another than the one that was asked for.
pub(super) struct Found<F> {
    pub(super) family: F,
    pub(super) is_described_otherwise: bool,
}

/// Families by their names in lower case.
///
/// SPEC: OpenTelemetry, "Metrics API", "Instrument name syntax": names are case-insensitive, and the first one is shown.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    known: Mutex<HashMap<String, Known>>,
    pub(super) observed: Arc<Observed>,
}

/// What an instrument's name stands for.
#[derive(Debug)]
struct Known {
    kind: Kind,
    /// The instrument's name in lower case.
    instrument: String,
    /// The word for the instrument's unit, which the name need not end with.
    word: Option<String>,
    name: String,
    help: String,
    unit: Option<Unit>,
    observed: Option<Arc<ObservedFamily>>,
}

impl Known {
    fn new(asked: &Asked, naming: Naming) -> Result<Known, Reason> {
        let Asked { kind, name, description, unit } = asked;
        if !is_instrument_name(name) {
            return Err(Reason::InstrumentName);
        }
        if unit.as_ref().is_some_and(|unit| !is_instrument_unit(unit)) {
            return Err(Reason::InstrumentUnit);
        }
        let instrument = name.to_ascii_lowercase();
        let suffix = Suffix::of(unit.as_ref(), kind.shape() == Shape::Gauge);
        let word = suffix.as_ref().map(|suffix| suffix.as_str().to_owned());
        let (name, unit) = naming.family(name, suffix, kind.shape());
        let help = description.as_deref().unwrap_or_default().to_owned();
        Ok(Known { kind: *kind, instrument, word, name, help, unit, observed: None })
    }

    /// Whether the measurements of both make one family. They do not where names become one that are not the same.
    fn goes_with(&self, other: &Known) -> bool {
        let is_one_unit = self.word.is_none() || other.word.is_none() || self.word == other.word;
        self.kind == other.kind && self.instrument == other.instrument && is_one_unit
    }
}

impl Catalog {
    /// The family of an instrument that is told what to record.
    pub(super) fn family<M: Metric>(
        &self,
        registry: &MetricsRegistry,
        naming: Naming,
        asked: &Asked,
        boundaries: &[f64],
    ) -> Result<Found<Family<DynamicLabels, M>>, Reason> {
        self.find(naming, asked, |known| {
            let register = |known: &Known| {
                let builder = registry.family::<M>(known.name.as_str(), known.help.as_str());
                let builder = builder.with_buckets(boundaries);
                let builder = match known.unit {
                    Some(unit) => builder.with_unit(unit),
                    None => builder,
                };
                // What has been added is not to be added again: without it, what is taken off later is below zero.
                let builder = if known.kind.is_level() { builder.with_expire_after(None) } else { builder };
                builder.register()
            };
            match register(known) {
                // SPEC: "Prometheus and OpenMetrics Compatibility", "Metric Metadata": points are not dropped for their
                // help. The family is the program's own.
                Err(RegisterError::Conflict { what: "help", existing, .. }) => {
                    known.help = existing;
                    register(known)
                }
                registered => registered,
            }
            .map_err(|error| reason_of(&error))
        })
    }

    /// The family of an instrument that callbacks observe.
    pub(super) fn observed(
        &self,
        registry: &MetricsRegistry,
        naming: Naming,
        asked: &Asked,
    ) -> Result<Found<Arc<ObservedFamily>>, Reason> {
        self.find(naming, asked, |known| {
            if let Some(family) = &known.observed {
                return Ok(Arc::clone(family));
            }
            let make = if naming.is_utf8 { Descriptor::try_new_utf8 } else { Descriptor::try_new };
            let name = registry.full_name(&known.name);
            let descriptor = make(name, known.help.clone(), known.kind.metric_type());
            let descriptor = descriptor.map_err(|_| Reason::InstrumentName)?;
            let descriptor = match known.unit {
                Some(unit) => descriptor.with_unit(unit),
                None => descriptor,
            };
            let family = self.observed.add(descriptor, registry.config().series_limit());
            known.observed = Some(Arc::clone(&family));
            Ok(family)
        })
    }

    /// Gives an instrument the family that it gets by `get`: that of the instruments that have its name already, where
    /// there are some.
    fn find<F>(
        &self,
        naming: Naming,
        asked: &Asked,
        get: impl FnOnce(&mut Known) -> Result<F, Reason>,
    ) -> Result<Found<F>, Reason> {
        let mut known = Known::new(asked, naming)?;
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let asked_help = known.help.clone();
        let (family, help) = match all.entry(known.name.to_ascii_lowercase()) {
            Entry::Occupied(mut entry) => {
                if !entry.get().goes_with(&known) {
                    return Err(Reason::Conflict);
                }
                let entry = entry.get_mut();
                let family = get(entry)?;
                entry.word = entry.word.take().or(known.word);
                (family, entry.help.clone())
            }
            Entry::Vacant(entry) => {
                let family = get(&mut known)?;
                let help = known.help.clone();
                entry.insert(known);
                (family, help)
            }
        };
        Ok(Found { family, is_described_otherwise: help != asked_help })
    }
}

/// Why a registry's refusal keeps an instrument from having a family.
fn reason_of(error: &RegisterError) -> Reason {
    match error {
        RegisterError::Conflict { .. } | RegisterError::Collision { .. } => Reason::Conflict,
        RegisterError::Bounds { .. } => Reason::Boundaries,
        RegisterError::InvalidName { .. } => Reason::InstrumentName,
        _ => Reason::Refused,
    }
}

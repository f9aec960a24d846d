//! Instruments whose values callbacks observe, at every collection.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nilometer_core::LabelSet;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, GaugePoint, MetricType, Number, Point, SeriesLabels,
    UpDownCounterPoint, Visitor,
};
use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Callback};

use super::attribute::Labelling;
use super::unsupported::Reason;

/// All families of observable instruments, `None` after the end: a collector of the registry.
#[derive(Debug)]
pub(super) struct Observed(Mutex<Option<Vec<Arc<ObservedFamily>>>>);

/// One family of observable instruments: one instrument of each scope, or several.
pub(super) struct ObservedFamily {
    descriptor: Descriptor,
    /// How many series it may have.
    limit: usize,
    /// `None` after the end, so that what comes too late is not kept.
    sources: Mutex<Option<Vec<Arc<dyn Source>>>>,
}

/// Code of a library's own that observes values.
trait Source: Send + Sync {
    fn observe(&self, into: &Observations);
}

/// The callbacks of one instrument.
struct Callbacks<T> {
    callbacks: Vec<Callback<T>>,
    labelling: Labelling,
}

/// What was observed in one collection.
struct Observations {
    limit: usize,
    series: Mutex<Series>,
}

#[derive(Default)]
struct Series {
    values: Vec<(LabelSet, Number)>,
    /// Where in `values` each set is.
    places: HashMap<LabelSet, usize>,
}

/// What a callback is given.
struct Observer<'a> {
    labelling: &'a Labelling,
    into: &'a Observations,
}

impl Default for Observed {
    fn default() -> Observed {
        Observed(Mutex::new(Some(Vec::new())))
    }
}

impl Observed {
    /// Adds a family without callbacks; one that gets none any more after the end.
    pub(super) fn add(&self, descriptor: Descriptor, limit: usize) -> Arc<ObservedFamily> {
        let mut families = lock(&self.0);
        let sources = Mutex::new(families.as_ref().map(|_| Vec::new()));
        let family = Arc::new(ObservedFamily { descriptor, limit, sources });
        if let Some(families) = &mut *families {
            families.push(Arc::clone(&family));
        }
        family
    }

    /// Drops all callbacks, and those that come from now on.
    pub(super) fn end(&self) {
        let families = lock(&self.0).take().unwrap_or_default();
        // What is taken out is dropped after the locks: it may be anything. One that panics keeps no other.
        let sources: Vec<_> = families.iter().filter_map(|family| lock(&family.sources).take()).collect();
        drop(sources);
    }
}

impl Collector for Observed {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        // No lock is held while a callback runs, or the visitor.
        let families = lock(&self.0).clone().unwrap_or_default();
        families.iter().try_for_each(|family| family.collect(visitor))
    }
}

impl ObservedFamily {
    /// Adds an instrument; of one without callbacks there is nothing to keep.
    pub(super) fn observe_by<T>(&self, callbacks: Vec<Callback<T>>, labelling: Labelling)
    where
        T: Into<Number> + Send + Sync + 'static,
    {
        if callbacks.is_empty() {
            return;
        }
        let source: Arc<dyn Source> = Arc::new(Callbacks { callbacks, labelling });
        // One that comes too late is dropped after the lock.
        if let Some(sources) = &mut *lock(&self.sources) {
            sources.push(source);
        }
    }

    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let sources = lock(&self.sources).clone().unwrap_or_default();
        let observations = Observations { limit: self.limit, series: Mutex::default() };
        for source in &sources {
            source.observe(&observations);
        }
        let series = observations.series.into_inner().unwrap_or_else(PoisonError::into_inner);
        if series.values.is_empty() {
            return Ok(());
        }
        visitor.family(&self.descriptor)?;
        for (labels, value) in &series.values {
            visitor.point(SeriesLabels::of(labels), self.point(*value))?;
        }
        Ok(())
    }

    fn point(&self, value: Number) -> Point<'static> {
        match self.descriptor.metric_type() {
            MetricType::Counter => CounterPoint::new(value).into(),
            MetricType::UpDownCounter => UpDownCounterPoint::new(value).into(),
            _ => GaugePoint::new(value).into(),
        }
    }
}

impl fmt::Debug for ObservedFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedFamily").field("name", &self.descriptor.name()).finish_non_exhaustive()
    }
}

impl<T: Into<Number> + Send + Sync> Source for Callbacks<T> {
    fn observe(&self, into: &Observations) {
        let observer = Observer { labelling: &self.labelling, into };
        for callback in &self.callbacks {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| callback(&observer))) {
                // Nor does what the panic carries escape, which may panic when it is dropped.
                if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                    std::mem::forget(another);
                }
                self.labelling.count(Reason::CallbackPanic);
            }
        }
    }
}

impl<T: Into<Number>> AsyncInstrument<T> for Observer<'_> {
    /// Of several observations of one series, the last counts.
    fn observe(&self, measurement: T, attributes: &[KeyValue]) {
        let make = if self.labelling.naming.is_utf8 {
            LabelSet::try_from_utf8_pairs
        } else {
            LabelSet::try_from_pairs
        };
        let Ok(labels) = self.labelling.with(attributes, make) else {
            return self.labelling.count(Reason::Attributes);
        };
        let mut series = lock(&self.into.series);
        let value = measurement.into();
        let place = series.places.get(&labels).copied();
        match place {
            Some(place) => series.values[place].1 = value,
            None if series.values.len() < self.into.limit => {
                let place = series.values.len();
                series.places.insert(labels.clone(), place);
                series.values.push((labels, value));
            }
            None => {
                drop(series);
                self.labelling.count(Reason::SeriesLimit);
            }
        }
    }
}

/// A lock that nobody panics under but for want of memory: what it keeps is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

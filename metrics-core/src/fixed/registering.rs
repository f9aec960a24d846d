//! How statics come onto a registry: one by one, many at once, or by themselves.

use std::sync::atomic::{AtomicBool, Ordering};

use super::About;
use crate::cell::{LateRun, Run};
use crate::declare::{Declaration, Handles};
use crate::family::{DynamicLabels, Family};
use crate::metric::{Metric, OddCounts};
use crate::registry::{MetricsRegistry, RegisterError, global};

/// A metric that is a static, of any kind: what [`MetricsRegistry::register_statics`] takes.
///
/// Sealed: the kinds are [`StaticCounter`](crate::StaticCounter), [`StaticFloatCounter`](crate::StaticFloatCounter),
/// [`StaticUpDownCounter`](crate::StaticUpDownCounter) and [`StaticHistogram`](crate::StaticHistogram).
pub trait StaticMetric: sealed::Sealed + Sync {
    /// The name, without what a registry puts before it.
    fn name(&self) -> &'static str;
}

pub(super) mod sealed {
    use super::{Declaration, Handles, RegisterError};

    /// What a static asks of a registry.
    #[derive(Debug)]
    pub struct Declared(pub(crate) Declaration);

    /// Ends an adoption, which stays or is taken back.
    pub(crate) type Settle = Box<dyn FnOnce(bool)>;

    /// The half of [`StaticMetric`](super::StaticMetric) that is this crate's own affair.
    pub trait Sealed {
        /// What it asks of a registry.
        fn declared(&self) -> Declared;

        /// Makes its cells the series of the family that it asked for.
        fn adopt(&'static self, handles: &mut Handles) -> Result<Settle, RegisterError>;
    }
}

/// The series that has a static's cells.
pub(super) struct Adopted<M: Metric> {
    pub(super) metric: M,
    family: Family<DynamicLabels, M>,
    /// What was odd about what the static recorded.
    odd: Option<&'static OddCounts>,
    is_new: bool,
}

impl<M: Metric<Cell = Run>> Adopted<M> {
    /// Makes `run` the cells of the series without labels of the next family.
    pub(super) fn by(handles: &mut Handles, run: &'static LateRun) -> Result<Adopted<M>, RegisterError> {
        let (family, slot): (Family<DynamicLabels, M>, _) = (handles.family(), run.assign());
        let mut is_new = false;
        let metric = family.get_or_adopt(&[], Some(run.created()), || {
            is_new = true;
            Run::lent(slot)
        });
        let descriptor = family.metadata();
        let name = || descriptor.name().to_owned();
        let metric = metric.map_err(|source| RegisterError::Series { name: name(), source })?;
        if metric.series().cell.first() != slot {
            return Err(RegisterError::Conflict {
                name: name(),
                what: "series",
                existing: "a series of its own".to_owned(),
                requested: "the series of a static".to_owned(),
                location: descriptor.location(),
            });
        }
        Ok(Adopted { metric, family, odd: None, is_new })
    }

    pub(super) fn with_odd(self, odd: &'static OddCounts) -> Adopted<M> {
        Adopted { odd: Some(odd), ..self }
    }

    /// The series, which stays.
    pub(super) fn kept(self) -> M {
        if let Some(odd) = self.odd {
            self.metric.series().info().add_odd_of_static(odd);
        }
        self.metric
    }

    /// Leaves a family that was there before as it was.
    fn taken_back(self) {
        if self.is_new {
            self.family.remove_own(&self.metric);
        }
    }

    pub(super) fn settle(self, stays: bool) {
        if stays {
            drop(self.kept());
        } else {
            self.taken_back();
        }
    }
}

/// Whether a static has asked to be on the global registry.
#[derive(Debug)]
pub(super) struct Asked(AtomicBool);

impl Asked {
    pub(super) const fn no() -> Asked {
        Asked(AtomicBool::new(false))
    }

    // ORDERING: Relaxed, a hint: who asks twice gets the same series again.

    #[inline]
    pub(super) fn is_due(&self) -> bool {
        !self.0.load(Ordering::Relaxed)
    }

    fn done(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl About {
    /// Registers `metric` with the global registry, which counts what cannot be.
    #[cold]
    #[track_caller]
    pub(super) fn ask(&self, metric: &'static dyn StaticMetric) {
        let registry = global();
        if registry.register_statics(&[metric]).is_err() {
            registry.count_refused_static(self.name);
        }
        self.asked.done();
    }
}

impl MetricsRegistry {
    /// Shows all of `statics` on this registry, or none: each as its own `register` does.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] for the first that cannot be had, as [`StaticCounter::register`](crate::StaticCounter::register)
    /// has them. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{MetricsRegistry, StaticCounter, StaticHistogram, StaticMetric, buckets};
    ///
    /// static READS: StaticCounter = StaticCounter::new("reads_total", "Reads.");
    /// static WAIT: StaticHistogram = StaticHistogram::new("wait_seconds", "Wait.", &buckets::LATENCY_SECONDS);
    ///
    /// /// What a library has for whoever wants to see it.
    /// pub static METRICS: [&dyn StaticMetric; 2] = [&READS, &WAIT];
    ///
    /// let registry = MetricsRegistry::new();
    /// registry.register_statics(&METRICS)?;
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn register_statics(&self, statics: &[&'static dyn StaticMetric]) -> Result<(), RegisterError> {
        let declarations = statics.iter().map(|metric| metric.declared().0).collect();
        self.register_all_and(declarations, |handles| {
            let mut adopted = Vec::with_capacity(statics.len());
            let all = statics.iter().try_for_each(|metric| {
                adopted.push(metric.adopt(handles)?);
                Ok(())
            });
            adopted.into_iter().rev().for_each(|settle| settle(all.is_ok()));
            all
        })
    }
}

/// Writes how a kind of static comes onto a registry.
macro_rules! registering {
    ($kind:ident, $handle:ident) => {
        impl $kind {
            /// Shows it on `registry`: its cells become those of the series without labels of the family of its name,
            /// under the registry's namespace and prefix.
            ///
            /// What was recorded before is there, and whoever records into the static, into the handle or into
            /// [`default`](crate::Family::default) of a family that is registered with the same identity records into
            /// the same series. It can be registered with several registries; with one of them, the second time gives
            /// the same series again. Once it is unregistered it goes on recording, and can come back.
            ///
            /// # Errors
            ///
            /// [`RegisterError`]: the name is taken by something else, also when what has it is a series without
            /// labels that was recorded into before the static came ([`RegisterError::Conflict`], `series`), or there
            /// is no room for a series ([`RegisterError::Series`]). Nothing has changed then.
            pub fn register(&'static self, registry: &MetricsRegistry) -> Result<$handle, RegisterError> {
                registry
                    .register_all_and(vec![self.declared().0], |handles| Ok(self.adopted(handles)?.kept()))
            }

            /// The static, on the [global registry](crate::global) from the first call on.
            ///
            /// After that it is one load more than the static by itself. One that cannot be registered records all the
            /// same, where nobody looks, and is counted in `nilometer_refused_statics_total`;
            /// [`register`](Self::register) tells why. The first call takes locks and allocates: in an allocator, record
            /// into the static itself.
            ///
            /// # Examples
            ///
            /// ```
            /// use nilometer_core::{StaticCounter, global};
            ///
            /// static EVENTS: StaticCounter = StaticCounter::new("events_total", "Events.");
            ///
            /// EVENTS.global().inc();
            /// assert_eq!(global().register_counter("events_total", "Events.")?.default().get(), 1);
            /// # Ok::<(), nilometer_core::MetricsError>(())
            /// ```
            #[inline]
            #[track_caller]
            pub fn global(&'static self) -> &'static $kind {
                if self.about.asked.is_due() {
                    self.about.ask(self);
                }
                self
            }
        }

        impl crate::fixed::StaticMetric for $kind {
            fn name(&self) -> &'static str {
                self.about.name
            }
        }

        impl crate::fixed::registering::sealed::Sealed for $kind {
            fn declared(&self) -> crate::fixed::registering::sealed::Declared {
                let declaration = self.about.declaration::<$handle>(self.declared_bounds());
                crate::fixed::registering::sealed::Declared(declaration)
            }

            fn adopt(
                &'static self,
                handles: &mut crate::declare::Handles,
            ) -> Result<crate::fixed::registering::sealed::Settle, RegisterError> {
                let adopted = self.adopted(handles)?;
                Ok(Box::new(move |stays| adopted.settle(stays)))
            }
        }
    };
}
pub(super) use registering;

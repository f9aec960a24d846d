//! A family whose kind is not known: what a registry keeps, and how its series are shown.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::hint::black_box;
use std::sync::Arc;

use super::SeriesError;
use super::budget::Budget;
use super::chunks::Chunks;
use super::core::FamilyCore;
use super::expiry::{Seen, fingerprint};
use super::init::ClosedLabels;
use super::order::{Note, Reading};
use crate::cell::Values;
use crate::collect::{SeriesLabels, Stopped, Visitor};
use crate::exemplar::Exemplars;
use crate::label::LabelSet;
use crate::metric::{FamilyInfo, Metric};
use crate::registry::RegisterError;

/// A family of any kind, as a registry keeps it.
pub(crate) trait ErasedFamily: fmt::Debug + Send + Sync {
    fn info(&self) -> &FamilyInfo;

    /// What tells its kind from every other, in the words of an error.
    fn identity(&self) -> &'static str;

    /// The type of its handles, by which a state set of one enum differs from that of another; and what it is called.
    fn kind(&self) -> (TypeId, &'static str);

    /// Why it can never be shown.
    fn defect(&self) -> Option<&RegisterError>;

    /// The constant labels that its registry gave it.
    fn constant(&self) -> Option<&LabelSet>;

    /// Gives it the constant labels and the budget of a registry; once, but for the same registry again.
    fn attach(&self, constant: &LabelSet, budget: &Arc<Budget>) -> Result<(), RegisterError>;

    /// Makes the series of all these labels that are not there.
    fn init_all(&self, labels: ClosedLabels) -> Result<(), SeriesError>;

    /// How many series there are, the overflow series aside.
    fn len(&self) -> usize;

    /// How many there may be.
    fn series_limit(&self) -> usize;

    /// Calls `each` with the labels of every series, the overflow series aside, without a lock held.
    fn visit_labels(&self, each: &mut dyn FnMut(&LabelSet));

    /// Shows every series to `visitor`, which has been shown the descriptor.
    fn visit_points(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped>;

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

impl<M: Metric> ErasedFamily for FamilyCore<M> {
    fn info(&self) -> &FamilyInfo {
        self.info()
    }

    fn identity(&self) -> &'static str {
        M::IDENTITY
    }

    fn kind(&self) -> (TypeId, &'static str) {
        (TypeId::of::<M>(), type_name::<M>())
    }

    fn defect(&self) -> Option<&RegisterError> {
        self.defect()
    }

    fn constant(&self) -> Option<&LabelSet> {
        self.constant()
    }

    fn attach(&self, constant: &LabelSet, budget: &Arc<Budget>) -> Result<(), RegisterError> {
        self.attach(constant, budget)
    }

    fn init_all(&self, labels: ClosedLabels) -> Result<(), SeriesError> {
        self.init_all(labels)
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn series_limit(&self) -> usize {
        self.series_limit()
    }

    fn visit_labels(&self, each: &mut dyn FnMut(&LabelSet)) {
        let mut chunks = Chunks::new(self, Reading::Values);
        while let Some(handles) = chunks.next_chunk() {
            for metric in handles {
                each(metric.series_labels().as_set());
            }
        }
    }

    fn visit_points(&self, visitor: &mut dyn Visitor) -> Result<(), Stopped> {
        let none = LabelSet::empty();
        let constant = self.constant().unwrap_or(&none);
        let mut values = Values::default();
        let mut exemplars = Exemplars::default();
        let mut seen = Vec::new();
        M::begin(self.info());
        let mut times = self.lifetime().clock.times();
        let expires = self.lifetime().expire_after.is_some();
        let mut show = |handles: &[M], notes: &[Note], seen: &mut Vec<Seen<_>>| {
            // PERF: `encode/text_page` in `benches/LEDGER.md`. The labels of many series come from memory at once, where
            // an exporter that writes one series after the other would wait for each.
            black_box(handles.iter().map(|metric| metric.series_labels().as_set().touch()).sum::<usize>());
            M::read_all(handles, &mut values);
            exemplars.read(&self.info().exemplars, handles.iter().map(|metric| metric.series().address()));
            handles.iter().zip(notes).enumerate().try_for_each(|(at, (metric, note))| {
                let labels = SeriesLabels::with_constant(constant, metric.series_labels().as_set());
                let is_shown = metric.is_shown(at, &values);
                let created = M::HAS_CREATED.then(|| times.of(note.created));
                let point = || {
                    let mut point = metric.point(at, &values);
                    if let Some(created) = created {
                        point.set_created(created);
                    }
                    point
                };
                // PERF: `instructions/encode` in `benches/counts`. A point is large, and each copy of it shows: it is made
                // where it is shown, unless there is more to do with it.
                if !expires && exemplars.is_empty() {
                    return if is_shown { visitor.point(labels, point()) } else { Ok(()) };
                }
                let point = is_shown.then(point);
                if expires {
                    seen.push(Seen::new(metric.series(), fingerprint(point.as_ref()), *note));
                }
                let Some(point) = point else { return Ok(()) };
                exemplars.with(at, point, |point| visitor.point(labels, point))
            })
        };
        let mut chunks = Chunks::new(self, Reading::Values);
        while chunks.next_chunk().is_some() {
            show(chunks.handles(), chunks.notes(), &mut seen)?;
            self.age(&mut seen);
        }
        let overflow = self.existing_overflow();
        let created = overflow.as_ref().and_then(|_| self.write(|table| table.overflow_created()));
        let last = created.map(|created| Note { created, sleep: 0 });
        // It may have gone meanwhile, with all others, and is not shown then.
        show(overflow.as_slice(), last.as_slice(), &mut seen)?;
        self.info().exemplars.collected();
        Ok(())
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

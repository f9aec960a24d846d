//! Handles that free their series when they are dropped.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;

use super::SeriesError;
use super::core::FamilyCore;
use crate::metric::Metric;

/// A handle that owns its series: when the last owner is dropped, the series is removed from its family.
///
/// It is for what comes and goes with something that the program has, such as a connection or a worker: the series is
/// there for as long as one of its owners lives. It derefs to the handle. Clones are owners too, and so is what
/// [`Family::owned`](crate::Family::owned) returns for the same labels. Other handles of the series own nothing: when the
/// last owner goes, they are left with a series that nobody shows, as after [`Family::remove`](crate::Family::remove).
///
/// Past a limit, or with labels that are refused, it is a handle of the overflow series, which it does not own.
///
/// # Concurrency
///
/// Recording is the handle's own; making, cloning and dropping an owner takes a lock of the family for a moment.
///
/// # Examples
///
/// ```
/// use nilometer_core::GaugeFamily;
///
/// let family = GaugeFamily::new("connection_queue_depth", "Messages that wait, by connection.");
/// let depth = family.owned(&[("connection", "7")]);
/// depth.set(3.0);
/// assert_eq!(family.len(), 1);
/// drop(depth);
/// assert_eq!(family.len(), 0);
/// ```
#[must_use = "the series is removed when its last owner is dropped"]
pub struct OwnedSeries<M: Metric> {
    metric: M,
    /// None for one that does not own its series.
    core: Option<Arc<FamilyCore<M>>>,
}

/// How many owners each series has that has some, by its address, which is its own as long as an owner has a handle.
///
/// The lock is taken before the table's, and held while that is: an owner that comes finds the series there, or makes
/// it, and is counted, before one that goes can remove it.
#[derive(Debug, Default)]
pub(super) struct Owners(Mutex<BTreeMap<usize, usize>>);

impl<M: Metric> FamilyCore<M> {
    pub(super) fn try_owned(self: &Arc<Self>, pairs: &[(&str, &str)]) -> Result<OwnedSeries<M>, SeriesError> {
        // Before the lock, as this is the user's code.
        self.normalized(pairs, |pairs| {
            let mut owners = self.owners().0.lock();
            let metric = self.find_or_create(pairs)?;
            *owners.entry(address(&metric)).or_default() += 1;
            Ok(OwnedSeries { metric, core: Some(Arc::clone(self)) })
        })
    }

    pub(super) fn owned(self: &Arc<Self>, pairs: &[(&str, &str)]) -> OwnedSeries<M> {
        self.try_owned(pairs)
            .unwrap_or_else(|error| OwnedSeries { metric: self.overflow(&error), core: None })
    }
}

fn address<M: Metric>(metric: &M) -> usize {
    (&raw const **metric.series()).addr()
}

impl<M: Metric> Deref for OwnedSeries<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.metric
    }
}

impl<M: Metric> Clone for OwnedSeries<M> {
    fn clone(&self) -> OwnedSeries<M> {
        if let Some(core) = &self.core {
            *core.owners().0.lock().entry(address(&self.metric)).or_default() += 1;
        }
        OwnedSeries { metric: self.metric.clone(), core: self.core.clone() }
    }
}

impl<M: Metric> Drop for OwnedSeries<M> {
    fn drop(&mut self) {
        let Some(core) = &self.core else { return };
        let mut owners = core.owners().0.lock();
        let address = address(&self.metric);
        let Some(count) = owners.get_mut(&address) else { return };
        *count -= 1;
        if *count == 0 {
            owners.remove(&address);
            core.remove_own(&self.metric);
        }
    }
}

impl<M: Metric> fmt::Debug for OwnedSeries<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedSeries")
            .field("name", &self.metric.series().info().descriptor.name())
            .field("labels", self.metric.series_labels())
            .field("is_owner", &self.core.is_some())
            .finish_non_exhaustive()
    }
}

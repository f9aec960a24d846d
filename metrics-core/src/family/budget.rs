//! How many series a registry has left.

use crate::sync::{AtomicUsize, Ordering};

/// A number of series that all families of a registry share.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    used: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Budget {
        Budget { max, used: AtomicUsize::new(0) }
    }

    pub(crate) fn max(&self) -> usize {
        self.max
    }

    // ORDERING: Relaxed throughout. The number alone is shared, and read-modify-writes of one atomic never miss each
    // other, so two threads cannot both take the last series.

    /// Takes one series, if one is left.
    pub(super) fn take(&self) -> bool {
        let more = |used| (used < self.max).then_some(used + 1);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Counts series that were made before there was a registry to ask.
    pub(super) fn add(&self, series: usize) {
        self.used.fetch_add(series, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, series: usize) {
        self.used.fetch_sub(series, Ordering::Relaxed);
    }
}

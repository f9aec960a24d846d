//! What handles of one series share.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use crate::count::Count;
use crate::family::Place;
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef};

/// One series.
///
/// Of a family's hundred thousand, each takes an allocation of this and one of its label set, so this is as small as it
/// can be: 24 bytes, for which an allocator has a block of 32. That is why the family is not in it. It has a reference
/// of what its family's series share, which stands in every [`SeriesRef`] and in the family's table instead.
#[derive(Debug)]
pub struct Series<C> {
    count: Count,
    /// Where it stands in its family.
    pub(crate) place: Place,
    pub(crate) labels: Labels,
    pub(crate) cell: C,
}

/// A reference to a series, which is freed with the last one.
///
/// The count is the series'; the family's goes up and down with the series alone. So a handle is cloned with one addition.
pub struct SeriesRef<C> {
    series: NonNull<Series<C>>,
    /// Never null, and valid while the series is there.
    info: InfoPtr,
}

/// What a series has of its family: a pointer that is valid as long as the series is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InfoPtr(NonNull<FamilyInfo>);

// SAFETY: what it points at is shared by references, and is `Sync`.
unsafe impl Send for InfoPtr {}
// SAFETY: as above.
unsafe impl Sync for InfoPtr {}

// SAFETY: it is a shared reference of the series, as `Arc` is one; whoever drops the last drops the series.
unsafe impl<C: Send + Sync> Send for SeriesRef<C> {}
// SAFETY: as above.
unsafe impl<C: Send + Sync> Sync for SeriesRef<C> {}

impl<C> Series<C> {
    /// How many references there are, about: others come and go.
    pub(crate) fn references(&self) -> u32 {
        self.count.now()
    }

    /// Whether there is one reference alone, which the caller knows of.
    pub(crate) fn is_alone(&self) -> bool {
        self.count.is_one()
    }

    /// Says that the series was taken out of its family while others have handles of it. Called by who still has a
    /// reference, once.
    pub(crate) fn detach(&self, info: &FamilyInfo) {
        self.place.detach();
        info.detached.begin();
    }
}

impl<C> SeriesRef<C> {
    pub(crate) fn new(info: InfoRef, labels: Labels, cell: C) -> SeriesRef<C> {
        let series = Series { count: Count::one(), place: Place::new(), labels, cell };
        SeriesRef { series: NonNull::from(Box::leak(Box::new(series))), info: InfoPtr(info.into_raw()) }
    }

    /// What the series of its family share.
    #[inline]
    pub(crate) fn info(&self) -> &FamilyInfo {
        // SAFETY: the series has a reference of it, and is there as long as this is.
        unsafe { self.info.0.as_ref() }
    }

    /// Whether both are references of one series.
    pub(crate) fn is_same(&self, other: &SeriesRef<C>) -> bool {
        self.series == other.series
    }

    /// What tells it from every other series as long as it is there.
    #[inline]
    pub(crate) fn address(&self) -> usize {
        self.series.addr().get()
    }

    /// The series, with the reference, which [`from_raw`](SeriesRef::from_raw) takes up again.
    pub(crate) fn into_raw(self) -> NonNull<Series<C>> {
        ManuallyDrop::new(self).series
    }

    /// The reference that [`into_raw`](SeriesRef::into_raw) gave.
    ///
    /// # Safety
    ///
    /// The pointer is from `into_raw`, with a reference that is this one's from now on, and `info` is of this series'
    /// family.
    #[inline]
    pub(crate) unsafe fn from_raw(series: NonNull<Series<C>>, info: InfoPtr) -> SeriesRef<C> {
        SeriesRef { series, info }
    }

    #[cold]
    fn free(&mut self) {
        self.info().exemplars.forget(self.address());
        if self.place.is_detached() {
            self.info().detached.end();
        }
        // SAFETY: it is from a box, and this was the last reference.
        drop(unsafe { Box::from_raw(self.series.as_ptr()) });
        // SAFETY: the series' reference, which was made with it and is taken here alone.
        drop(unsafe { InfoRef::from_raw(self.info.0) });
    }
}

impl InfoPtr {
    pub(crate) fn of(info: &InfoRef) -> InfoPtr {
        InfoPtr(info.as_ptr())
    }
}

impl<C> Deref for SeriesRef<C> {
    type Target = Series<C>;

    #[inline]
    fn deref(&self) -> &Series<C> {
        // SAFETY: there is a reference, this one.
        unsafe { self.series.as_ref() }
    }
}

impl<C> Clone for SeriesRef<C> {
    #[inline]
    fn clone(&self) -> SeriesRef<C> {
        self.count.add();
        SeriesRef { series: self.series, info: self.info }
    }
}

impl<C> Drop for SeriesRef<C> {
    #[inline]
    fn drop(&mut self) {
        if self.count.take() {
            self.free();
        }
    }
}

impl<C: fmt::Debug> fmt::Debug for SeriesRef<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(all(test, not(nilometer_loom)))]
mod tests {
    use super::*;
    use crate::cell::{Run, Value};

    #[test]
    fn a_series_takes_24_bytes_and_a_handle_as_many() {
        assert_eq!(size_of::<Series<Run>>(), 24);
        assert_eq!(size_of::<Series<Value>>(), 24);
        for handle in [
            size_of::<crate::Counter>(),
            size_of::<crate::UpDownCounter>(),
            size_of::<crate::Gauge>(),
            size_of::<Option<crate::Histogram>>(),
            size_of::<crate::GaugeHistogram>(),
            size_of::<Option<crate::Summary>>(),
            size_of::<crate::FloatCounter>(),
            size_of::<crate::IntGauge>(),
            size_of::<crate::StateSet<bool>>(),
        ] {
            assert_eq!(handle, 24);
        }
    }
}

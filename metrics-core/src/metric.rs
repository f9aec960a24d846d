//! What a family needs to know of a kind of metric.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::buckets::BucketError;
use crate::cell::{Bounds, Values};
use crate::collect::Point;
use crate::descriptor::{Descriptor, MetricType};
use crate::family::Place;
use crate::label::{Labels, REASONS, Reason};

/// A kind of metric: [`Counter`](crate::Counter), [`UpDownCounter`](crate::UpDownCounter), [`Gauge`](crate::Gauge),
/// [`Histogram`](crate::Histogram).
///
/// Sealed: kinds are added here, together with every exporter that has to know them.
pub trait Metric: Clone + Send + Sync + sealed::Sealed + 'static {
    /// The kind as pages name it.
    const TYPE: MetricType;
}

pub(crate) mod sealed {
    use super::{Arc, FamilyInfo, FamilyOptions, Labels, Place, Point, Series, Values};

    /// The half of [`Metric`](super::Metric) that is this crate's own affair.
    pub trait Sealed: Sized {
        /// What all series of a family share beside their descriptor.
        type Options: FamilyOptions;

        /// What each series has of its own.
        type Cell: Send + Sync;

        /// A cell at zero.
        fn cell(options: &Self::Options) -> Self::Cell;

        /// The handle of a series.
        fn handle(series: Arc<Series<Self::Cell>>) -> Self;

        /// The series of the handle.
        fn series(&self) -> &Arc<Series<Self::Cell>>;

        /// Reads many series of one family at once.
        fn read_all(handles: &[Self], values: &mut Values);

        /// The values of this series, which was the one at `at` when they were read.
        fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a>;

        /// A new series at zero.
        fn create(info: Arc<FamilyInfo>, labels: Labels, options: &Self::Options) -> Self {
            Self::around(info, labels, Self::cell(options))
        }

        /// A series of a cell that is there already.
        fn around(info: Arc<FamilyInfo>, labels: Labels, cell: Self::Cell) -> Self {
            Self::handle(Arc::new(Series { info, labels, place: Place::new(), cell }))
        }

        /// The series' labels.
        fn series_labels(&self) -> &Labels {
            &self.series().labels
        }

        /// Whether both are handles of one series.
        fn same_series(&self, other: &Self) -> bool {
            Arc::ptr_eq(self.series(), other.series())
        }
    }
}

/// What all series of a family share beside their descriptor: the bounds of its buckets, or nothing.
///
/// The default is what a family gets whose bounds were refused: it records, and is never shown.
pub trait FamilyOptions: Clone + Default + Debug + Send + Sync + 'static {
    /// The options for these bounds, which a kind without buckets ignores.
    fn from_bounds(bounds: &[f64]) -> Result<Self, BucketError>;

    /// The bounds, none for a kind without buckets.
    fn bounds(&self) -> &[f64];
}

impl FamilyOptions for () {
    fn from_bounds(_: &[f64]) -> Result<(), BucketError> {
        Ok(())
    }

    fn bounds(&self) -> &[f64] {
        &[]
    }
}

impl FamilyOptions for Arc<Bounds> {
    fn from_bounds(bounds: &[f64]) -> Result<Arc<Bounds>, BucketError> {
        Bounds::try_new(bounds).map(Arc::new)
    }

    fn bounds(&self) -> &[f64] {
        self.as_slice()
    }
}

/// What a family's series share: its descriptor, and the counts of what went wrong in it.
#[derive(Debug)]
pub struct FamilyInfo {
    pub(crate) descriptor: Descriptor,
    overflows: [AtomicU64; REASONS.len()],
    odd: OddCounts,
    /// Those of the static that has a series here.
    odd_of_static: OnceLock<&'static OddCounts>,
    /// How many of the histogram's unit make a second.
    pub(crate) units_per_second: f64,
}

/// An observation that is no number, or no finite one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    Nan,
    Infinite,
}

/// Every oddity, in the order of its number, with its spelling in `nilometer_odd_observations_total`.
pub(crate) const ODD: [(Odd, &str); 2] = [(Odd::Nan, "nan"), (Odd::Infinite, "infinite")];

/// How often each oddity was observed.
#[derive(Debug)]
pub(crate) struct OddCounts([AtomicU64; ODD.len()]);

impl OddCounts {
    pub(crate) const fn new() -> OddCounts {
        OddCounts([const { AtomicU64::new(0) }; ODD.len()])
    }

    // ORDERING: Relaxed in both, counts that no other memory depends on.

    #[cold]
    pub(crate) fn count(&self, odd: Odd) {
        self.0[odd as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self, odd: Odd) -> u64 {
        self.0[odd as usize].load(Ordering::Relaxed)
    }
}

impl FamilyInfo {
    pub(crate) fn new(descriptor: Descriptor) -> Arc<FamilyInfo> {
        let unit = descriptor.unit().or_else(|| crate::unit::Unit::of_name(descriptor.name()));
        Arc::new(FamilyInfo {
            units_per_second: unit.and_then(crate::unit::Unit::per_second).unwrap_or(1.0),
            descriptor,
            overflows: Default::default(),
            odd: OddCounts::new(),
            odd_of_static: OnceLock::new(),
        })
    }

    // ORDERING: Relaxed throughout, counts that no other memory depends on.

    pub(crate) fn count_overflow(&self, reason: Reason) {
        self.overflows[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_odd(&self, odd: Odd) {
        self.odd.count(odd);
    }

    /// Adds the counts of a static, once.
    pub(crate) fn add_odd_of_static(&self, counts: &'static OddCounts) {
        self.odd_of_static.get_or_init(|| counts);
    }

    pub(crate) fn overflows(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        REASONS.iter().zip(&self.overflows).map(|((_, name), count)| (*name, count.load(Ordering::Relaxed)))
    }

    pub(crate) fn odd(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let of_static = self.odd_of_static.get();
        ODD.iter().map(move |&(odd, name)| {
            (name, self.odd.get(odd).wrapping_add(of_static.map_or(0, |counts| counts.get(odd))))
        })
    }
}

/// One series: what handles share.
#[derive(Debug)]
pub struct Series<C> {
    pub(crate) info: Arc<FamilyInfo>,
    pub(crate) labels: Labels,
    /// Where it stands in its family.
    pub(crate) place: Place,
    pub(crate) cell: C,
}

/// Writes the parts of a kind that all kinds have alike: its `Debug`, its metadata and its labels.
macro_rules! handle_basics {
    ($kind:ident) => {
        impl $kind {
            /// The family's name, help and kind.
            #[must_use]
            pub fn metadata(&self) -> &$crate::MetricMetadata {
                &self.series.info.descriptor
            }

            /// The series' own labels.
            #[must_use]
            pub fn labels(&self) -> &$crate::Labels {
                &self.series.labels
            }
        }

        impl std::fmt::Debug for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($kind))
                    .field("name", &self.metadata().name())
                    .field("labels", self.labels())
                    .finish_non_exhaustive()
            }
        }
    };
}
pub(crate) use handle_basics;

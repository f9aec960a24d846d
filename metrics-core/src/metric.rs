//! What a family needs to know of a kind of metric.

use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::panic::Location;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::callback::{FAILURES, Failure};
use crate::cell::Values;
use crate::collect::Point;
use crate::count::Count;
use crate::descriptor::{Descriptor, MetricType};
use crate::exemplar;
use crate::label::{Labels, REASONS, Reason};
use crate::setup::{Options, Setup, SetupError};

/// A kind of metric: [`Counter`](crate::Counter), [`UpDownCounter`](crate::UpDownCounter), [`Gauge`](crate::Gauge),
/// [`Histogram`](crate::Histogram), and the others that families are made of.
///
/// Sealed: kinds are added here, together with every exporter that has to know them.
pub trait Metric: Clone + Send + Sync + sealed::Sealed + 'static {
    /// The kind as pages name it.
    const TYPE: MetricType;
}

pub(crate) mod sealed {
    use super::{FamilyInfo, InfoRef, Labels, Options, Point, Setup, SetupError, Values};
    use crate::series::SeriesRef;

    /// The half of [`Metric`](super::Metric) that is this crate's own affair.
    pub trait Sealed: Sized {
        /// What each series has of its own.
        type Cell: Send + Sync;

        /// What tells the kind from every other, in the words of an error.
        const IDENTITY: &'static str;

        /// Whether its series can have exemplars.
        const TAKES_EXEMPLARS: bool = false;

        /// Whether pages show its series with a label of the family's name.
        const NAME_IS_LABEL: bool = false;

        /// Whether it is known when its series began: not where they are counted elsewhere.
        const HAS_CREATED: bool = true;

        /// Whether its families have windows, which can be of any length.
        const TAKES_WINDOW: bool = false;

        /// Whether its families can have exponential buckets.
        const TAKES_EXPONENTIAL: bool = false;

        /// What a family's series share of what was asked for; nothing for a kind that asks for nothing.
        fn setup(options: &Options) -> Result<Setup, SetupError> {
            let _ = options;
            Ok(Setup::default())
        }

        /// Begins a collection of a family's series.
        fn begin(info: &FamilyInfo) {
            let _ = info;
        }

        /// A cell at zero, for a series of a family that has so many others.
        fn cell(info: &FamilyInfo, others: usize) -> Self::Cell;

        /// The handle of a series.
        fn handle(series: SeriesRef<Self::Cell>) -> Self;

        /// The series of the handle.
        fn series(&self) -> &SeriesRef<Self::Cell>;

        /// Reads many series of one family at once.
        fn read_all(handles: &[Self], values: &mut Values);

        /// Whether this series, which was the one at `at` when the values were read, has any.
        fn is_shown(&self, at: usize, values: &Values) -> bool {
            let _ = (at, values);
            true
        }

        /// The values of this series, which was the one at `at` when they were read.
        fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a>;

        /// A new series at zero, of a family that has so many others.
        fn create(info: InfoRef, labels: Labels, others: usize) -> Self {
            let cell = Self::cell(&info, others);
            Self::around(info, labels, cell)
        }

        /// A series of a cell that is there already.
        fn around(info: InfoRef, labels: Labels, cell: Self::Cell) -> Self {
            Self::handle(SeriesRef::new(info, labels, cell))
        }

        /// The series' labels.
        fn series_labels(&self) -> &Labels {
            &self.series().labels
        }

        /// Whether both are handles of one series.
        fn same_series(&self, other: &Self) -> bool {
            self.series().is_same(other.series())
        }
    }
}

/// What a family's series share: its descriptor, the bounds of its buckets, and the counts of what went wrong in it.
#[derive(Debug)]
pub struct FamilyInfo {
    count: Count,
    pub(crate) descriptor: Descriptor,
    pub(crate) setup: Setup,
    pub(crate) exemplars: exemplar::Store,
    overflows: [AtomicU64; REASONS.len()],
    odd: OddCounts,
    pub(crate) detached: DetachedCounts,
    /// Those of the static that has a series here.
    odd_of_static: OnceLock<&'static OddCounts>,
    failures: [AtomicU64; FAILURES.len()],
    /// How many of the histogram's unit make a second.
    pub(crate) units_per_second: f64,
}

/// An observation or an increment that is no number, no finite one, or negative where none may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    Nan,
    Infinite,
    Negative,
}

/// Every oddity, in the order of its number, with its spelling in `nilometer_odd_observations_total`.
pub(crate) const ODD: [(Odd, &str); 3] =
    [(Odd::Nan, "nan"), (Odd::Infinite, "infinite"), (Odd::Negative, "negative")];

impl Odd {
    /// What is odd about an increment of a total of fractions that only goes up, if anything is.
    pub(crate) fn of_increment(delta: f64) -> Option<Odd> {
        match delta {
            _ if delta.is_nan() => Some(Odd::Nan),
            _ if delta.is_infinite() => Some(Odd::Infinite),
            _ if delta < 0.0 => Some(Odd::Negative),
            _ => None,
        }
    }
}

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

/// How many series were taken out of a family while somebody had handles of them.
#[derive(Debug, Default)]
pub(crate) struct DetachedCounts {
    total: AtomicU64,
    ended: AtomicU64,
}

impl DetachedCounts {
    // ORDERING: Relaxed throughout, counts that no other memory depends on.

    pub(crate) fn begin(&self) {
        self.total.fetch_add(1, Ordering::Relaxed);
    }

    /// The last handle of one is gone.
    pub(crate) fn end(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// How many still have handles.
    pub(crate) fn live(&self) -> u64 {
        let ended = self.ended.load(Ordering::Relaxed);
        self.total().saturating_sub(ended)
    }
}

/// A reference to what a family's series share: the family has one, and so has each series.
#[derive(Debug)]
pub struct InfoRef(NonNull<FamilyInfo>);

// SAFETY: it is a shared reference, as `Arc` is one, of what is `Send` and `Sync`.
unsafe impl Send for InfoRef {}
// SAFETY: as above.
unsafe impl Sync for InfoRef {}

impl InfoRef {
    pub(crate) fn new(descriptor: Descriptor, mut setup: Setup) -> InfoRef {
        let unit = descriptor.unit().or_else(|| crate::unit::Unit::of_name(descriptor.name()));
        let info = FamilyInfo {
            count: Count::one(),
            units_per_second: unit.and_then(crate::unit::Unit::per_second).unwrap_or(1.0),
            descriptor,
            exemplars: exemplar::Store::new(setup.sampling.take()),
            setup,
            overflows: Default::default(),
            odd: OddCounts::new(),
            detached: DetachedCounts::default(),
            odd_of_static: OnceLock::new(),
            failures: Default::default(),
        };
        InfoRef(NonNull::from(Box::leak(Box::new(info))))
    }

    pub(crate) fn as_ptr(&self) -> NonNull<FamilyInfo> {
        self.0
    }

    /// What it refers to, with the reference, which [`from_raw`](InfoRef::from_raw) takes up again.
    pub(crate) fn into_raw(self) -> NonNull<FamilyInfo> {
        ManuallyDrop::new(self).0
    }

    /// The reference that [`into_raw`](InfoRef::into_raw) gave.
    ///
    /// # Safety
    ///
    /// The pointer is from `into_raw`, with a reference that is this one's from now on.
    pub(crate) unsafe fn from_raw(info: NonNull<FamilyInfo>) -> InfoRef {
        InfoRef(info)
    }
}

impl Deref for InfoRef {
    type Target = FamilyInfo;

    #[inline]
    fn deref(&self) -> &FamilyInfo {
        // SAFETY: there is a reference, this one.
        unsafe { self.0.as_ref() }
    }
}

impl Clone for InfoRef {
    fn clone(&self) -> InfoRef {
        self.count.add();
        InfoRef(self.0)
    }
}

impl Drop for InfoRef {
    fn drop(&mut self) {
        if self.count.take() {
            // SAFETY: it is from a box, and this was the last reference.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

impl FamilyInfo {
    // ORDERING: Relaxed throughout, counts that no other memory depends on.

    pub(crate) fn count_overflow(&self, reason: Reason) {
        self.overflows[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_odd(&self, odd: Odd) {
        self.odd.count(odd);
    }

    pub(crate) fn count_failure(&self, failure: Failure) {
        self.failures[failure as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let counts = self.failures.iter().map(|count| count.load(Ordering::Relaxed));
        FAILURES.iter().map(|(_, name)| *name).zip(counts)
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

/// A series that nobody looks at, of a family of its own.
pub(crate) fn noop<M: Metric>(location: &'static Location<'static>) -> M {
    let setup = M::setup(&Options::default()).unwrap_or_default();
    M::create(InfoRef::new(Descriptor::noop(M::TYPE, location), setup), Labels::empty(), 0)
}

/// Writes the parts of a kind that all kinds have alike: its `Debug`, its metadata and its labels.
macro_rules! handle_basics {
    ($kind:ident $(<$parameter:ident: $bound:path>)?) => {
        impl $(<$parameter: $bound>)? $kind $(<$parameter>)? {
            /// A handle for code that runs without metrics: it records where nobody looks.
            ///
            /// It costs what any handle costs: recording takes as long, and the series takes about a hundred bytes until
            /// its last handle is dropped.
            #[track_caller]
            pub fn noop() -> Self
            where
                Self: $crate::metric::Metric,
            {
                $crate::metric::noop(std::panic::Location::caller())
            }

            /// The family's name, help and kind.
            #[must_use]
            pub fn metadata(&self) -> &$crate::MetricMetadata {
                &self.series.info().descriptor
            }

            /// The series' own labels.
            #[must_use]
            pub fn labels(&self) -> &$crate::Labels {
                &self.series.labels
            }
        }

        impl $(<$parameter: $bound>)? std::fmt::Debug for $kind $(<$parameter>)? {
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

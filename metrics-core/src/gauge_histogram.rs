//! A distribution of what is there at the moment.

use std::panic::Location;

use crate::buckets::{BucketError, MAX_GAUGE_BOUNDS};
use crate::cell::{Bounds, Near, Run, Values, presence};
use crate::collect::{HistogramPoint, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::histogram::HistogramSnapshot;
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, Odd, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::{Options, Setup, SetupError};

/// A handle of a gauge histogram: how many things are there at the moment, by a value that each has, and the sum of
/// these values. Its buckets go up and down, where those of a [`Histogram`](crate::Histogram) only go up.
///
/// It is for values that do not change while the thing is there: the sizes of what waits in a queue, the prices of open
/// orders. What changes by itself, such as an age, is for
/// [`register_gauge_histogram_callback`](crate::MetricsRegistry::register_gauge_histogram_callback).
///
/// Clones count in the same series. A value counts in the first bucket whose upper bound is not below it. NaN is
/// ignored; an infinite value counts in the outermost bucket and is not part of the sum; both are counted in
/// `nilometer_odd_observations_total`.
///
/// OpenMetrics has a type for it, `gaugehistogram`; the page of `nilometer-prometheus` says what other formats make of
/// it. It has no exemplars and no created timestamp.
///
/// # What is taken out
///
/// [`sub`](GaugeHistogram::sub) takes out a value that [`add`](GaugeHistogram::add) put in, and nothing checks that it
/// did. A bucket out of which more was taken than was put in shows 0, until as much was put in. [`track`](GaugeHistogram::track)
/// cannot go wrong. A series that [expires](crate::FamilyBuilder::with_expire_after) or is removed is forgotten with all that
/// is there: what is taken out of the one that comes after it was not put in there. Whoever keeps a handle or a guard takes
/// out of the one that it is of.
///
/// The sum is the difference of two totals, of what came and of what has left, each as exact as an `f64` is: whole numbers
/// are exact until all that ever came sums to 2^53. Where nothing is there, the sum is 0.
///
/// # Concurrency
///
/// Every method is lock-free and can be called from any thread; something can be taken out on another thread than it was
/// put in on. A reader never sees something gone that it does not see come, so no bucket is ever seen too low because of
/// what is going on, and no sum of values that are not negative below 0. What comes and goes while a reader reads may be
/// counted or not, and its value may be in the sum or not.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let family = registry.register_gauge_histogram("queued_rows", "Rows of queued batches.", &[10.0, 100.0])?;
/// let queued = family.default();
/// queued.add(7.0);
/// queued.add(70.0);
/// queued.sub(7.0);
/// let now = queued.snapshot();
/// assert_eq!((now.count(), now.sum()), (1, 70.0));
/// assert_eq!(now.buckets().collect::<Vec<_>>(), [(10.0, 0), (100.0, 1), (f64::INFINITY, 1)]);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a gauge histogram of nothing is a line that never moves"]
pub struct GaugeHistogram {
    /// The first of the series' cells.
    slot: u32,
    near: Near,
    series: SeriesRef<Run>,
}

impl GaugeHistogram {
    /// A gauge histogram of its own, outside of any family and registry.
    ///
    /// # Errors
    ///
    /// [`BucketError`] when the bounds are not bounds, or more than [`MAX_GAUGE_BOUNDS`].
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::buckets::BucketError;
    /// use nilometer_core::{GaugeHistogram, Labels};
    ///
    /// let sizes = GaugeHistogram::try_new("queued_bytes", "Sizes.", Labels::empty(), &[256.0, 4096.0])?;
    /// assert_eq!(sizes.bucket_bounds(), [256.0, 4096.0]);
    /// # Ok::<(), BucketError>(())
    /// ```
    #[track_caller]
    pub fn try_new(
        name: impl Into<String>,
        help: impl Into<String>,
        labels: impl Into<Labels>,
        bounds: &[f64],
    ) -> Result<GaugeHistogram, BucketError> {
        let descriptor = Descriptor::unchecked(name, help, MetricType::GaugeHistogram, Location::caller());
        let info = InfoRef::new(descriptor, Setup::of_bounds(few_bounds(bounds)?));
        Ok(<GaugeHistogram as sealed::Sealed>::create(info, labels.into(), 0))
    }

    /// Counts something with this value, which is there from now on: in its bucket, and in the sum.
    #[inline]
    pub fn add(&self, value: f64) {
        let bucket = self.bounds().bucket(value);
        if !presence::come(self.near, bucket, value) {
            self.add_slowly(bucket, value);
        }
    }

    #[cold]
    fn add_slowly(&self, bucket: u32, value: f64) {
        if let Some(value) = self.finite(value) {
            presence::come_slowly(self.slot, bucket, value);
        }
    }

    /// Takes out something with this value, which is there no longer.
    #[inline]
    pub fn sub(&self, value: f64) {
        let bounds = self.bounds();
        let bucket = bounds.bucket(value);
        if !presence::leave(self.near, bounds.buckets(), bucket, value) {
            self.sub_slowly(bucket, value);
        }
    }

    #[cold]
    fn sub_slowly(&self, bucket: u32, value: f64) {
        if let Some(value) = self.finite(value) {
            presence::leave_slowly(self.slot, self.bounds().buckets(), bucket, value);
        }
    }

    /// What a value is in the sum, if it is one at all; what is odd about it is counted.
    fn finite(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            self.series.info().count_odd(Odd::Nan);
            return None;
        }
        if value.is_infinite() {
            self.series.info().count_odd(Odd::Infinite);
            return Some(0.0);
        }
        Some(value)
    }

    /// Counts something with this value until the guard is dropped, on whichever thread that is.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let queued = registry.register_gauge_histogram("queued_bytes", "Sizes.", &[256.0, 4096.0])?.default();
    /// let guard = queued.track(1000.0);
    /// assert_eq!(queued.snapshot().count(), 1);
    /// std::thread::spawn(|| drop(guard)).join().unwrap();
    /// assert_eq!(queued.snapshot().count(), 0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn track(&self, value: f64) -> PresenceGuard {
        self.add(value);
        PresenceGuard { histogram: self.clone(), value }
    }

    #[inline]
    fn bounds(&self) -> &Bounds {
        &self.series.info().setup.bounds
    }

    /// The counts and the sum of what is there.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        HistogramSnapshot::read_by(self.bounds().clone(), |counts| presence::get(self.slot, counts))
    }

    /// The upper bounds, inclusive, without the `+Inf` that comes last.
    #[must_use]
    pub fn bucket_bounds(&self) -> &[f64] {
        self.bounds().as_slice()
    }
}

/// Bounds, of which there are not too many for a run of both what came and what left.
fn few_bounds(bounds: &[f64]) -> Result<Bounds, BucketError> {
    let checked = Bounds::try_new(bounds)?;
    if bounds.len() > MAX_GAUGE_BOUNDS {
        return Err(BucketError::TooManyOfGauge { count: bounds.len() });
    }
    Ok(checked)
}

handle_basics!(GaugeHistogram);

/// Keeps something counted in a gauge histogram until it is dropped, by a panic too; made by [`GaugeHistogram::track`].
///
/// A guard that is leaked is something that never goes: the gauge histogram counts it for ever.
#[derive(Debug)]
#[must_use = "the thing counts as gone as soon as the guard is dropped"]
pub struct PresenceGuard {
    histogram: GaugeHistogram,
    value: f64,
}

impl PresenceGuard {
    /// The value that is counted.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }
}

impl Drop for PresenceGuard {
    #[inline]
    fn drop(&mut self) {
        self.histogram.sub(self.value);
    }
}

impl Metric for GaugeHistogram {
    const TYPE: MetricType = MetricType::GaugeHistogram;
}

impl sealed::Sealed for GaugeHistogram {
    type Cell = Run;

    const IDENTITY: &'static str = "gauge histogram";

    fn setup(options: &Options) -> Result<Setup, SetupError> {
        Ok(Setup::of_bounds(few_bounds(&options.bounds)?))
    }

    fn cell(info: &FamilyInfo, _: usize) -> Run {
        Run::new(presence::cells(info.setup.bounds.buckets()))
    }

    fn handle(series: SeriesRef<Run>) -> GaugeHistogram {
        let slot = series.cell.first();
        GaugeHistogram { slot, near: series.cell.near(), series }
    }

    fn series(&self) -> &SeriesRef<Run> {
        &self.series
    }

    fn read_all(handles: &[GaugeHistogram], values: &mut Values) {
        let Some(first) = handles.first() else { return };
        values.read_presences(handles.iter().map(|handle| handle.slot), first.bounds().buckets());
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        let (counts, sum) = values.distribution(at, self.bounds().buckets());
        Point::GaugeHistogram(HistogramPoint::trusted(self.bounds().as_slice(), counts, sum))
    }
}

//! A distribution over buckets: with explicit upper bounds, exponential ones, or both.

use std::panic::Location;
use std::time::Duration;

use crate::buckets::BucketError;
use crate::cell::exponential::{self, Exponentials, Shape};
use crate::cell::{Bounds, Near, Run, Values, distribution};
use crate::collect::{ExponentialBuckets, HistogramPoint, OwnedExponential, Point};
use crate::descriptor::{Descriptor, MetricType};
use crate::exemplar::ExemplarError;
use crate::exponential::{ExponentialConfig, ExponentialError};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, Odd, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::{Exponential, Options, Setup, SetupError};
use crate::timer::{Timed, Timer};

/// A handle of a histogram: of one with explicit bounds, with exponential buckets
/// ([`ExponentialConfig`](crate::ExponentialConfig)), or with both, which then hold the same observations at every
/// moment.
///
/// Clones observe into the same series. An observation counts in the first bucket whose upper bound is not below it.
/// NaN is ignored; an infinite value counts in the outermost bucket and is not added to the sum; both are counted in
/// `nilometer_odd_observations_total`. Where there are exponential buckets, the outermost one is that which was the
/// thread's outermost when its first infinite value came, or that of 1 (-1) if it had observed no other.
///
/// # Concurrency
///
/// [`observe`](Histogram::observe) can be called from any thread, and is lock-free, with one exception: threads that have
/// no cells of their own, past the memory for those, while they end, and inside the program's allocator, take turns to
/// write to one histogram with exponential buckets, for some tens of instructions each. A reader never sees a count that
/// differs from the sum of the buckets it sees, nor a sum that lacks an observation which it sees counted; the sum of
/// observations that are not negative never goes down.
///
/// # Examples
///
/// ```
/// use nilometer_core::{MetricsRegistry, buckets};
///
/// let registry = MetricsRegistry::new();
/// let family = registry.register_histogram("wait_seconds", "Time waited.", &buckets::LATENCY_SECONDS)?;
/// let wait = family.default();
/// wait.observe(0.03);
/// assert_eq!(wait.snapshot().count(), 1);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a histogram that observes nothing is a line that never moves"]
pub struct Histogram {
    /// The first of the series' cells.
    slot: u32,
    near: Near,
    series: SeriesRef<Run>,
}

impl Histogram {
    /// A histogram of its own, outside of any family and registry.
    ///
    /// # Errors
    ///
    /// [`BucketError`] when the bounds are not bounds.
    #[track_caller]
    pub fn try_new(
        name: impl Into<String>,
        help: impl Into<String>,
        labels: impl Into<Labels>,
        bounds: &[f64],
    ) -> Result<Histogram, BucketError> {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Histogram, Location::caller());
        let info = InfoRef::new(descriptor, Setup::of_bounds(Bounds::try_new(bounds)?));
        Ok(<Histogram as sealed::Sealed>::create(info, labels.into(), 0))
    }

    /// A histogram of its own with exponential buckets alone, outside of any family and registry.
    ///
    /// # Errors
    ///
    /// [`ExponentialError`](crate::ExponentialError) when there can be no such buckets.
    #[track_caller]
    pub fn try_exponential(
        name: impl Into<String>,
        help: impl Into<String>,
        labels: impl Into<Labels>,
        config: ExponentialConfig,
    ) -> Result<Histogram, ExponentialError> {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Histogram, Location::caller());
        let info = InfoRef::new(descriptor, setup_of(Bounds::default(), Some(config))?);
        Ok(<Histogram as sealed::Sealed>::create(info, labels.into(), 0))
    }

    /// Counts `value` in its bucket and adds it to the sum.
    #[inline]
    pub fn observe(&self, value: f64) {
        if !distribution::observe(self.near, value, |value| self.bounds().bucket(value)) {
            self.observe_otherwise(value);
        }
    }

    /// Observes what the cells of a distribution with explicit bounds, if they are at hand, do not take.
    ///
    /// PERF: `exponential/observe` in `benches/LEDGER.md`. All that is called from here is called last: nothing has to be
    /// kept meanwhile.
    #[inline(never)]
    fn observe_otherwise(&self, value: f64) {
        let info = self.series.info();
        if let Some(Exponential { shape, .. }) = &info.setup.exponential
            && exponential::observe_fast(self.slot, shape, value)
        {
            if info.exemplars.is_sampled() {
                self.sample_exponentially(shape, value);
            }
        } else {
            self.observe_anything(value);
        }
    }

    #[inline(never)]
    fn observe_anything(&self, value: f64) {
        let info = self.series.info();
        let Some(Exponential { shape, .. }) = &info.setup.exponential else {
            return self.observe_slowly(value);
        };
        if value.is_nan() {
            return info.count_odd(Odd::Nan);
        }
        if value.is_infinite() {
            info.count_odd(Odd::Infinite);
        }
        exponential::observe(self.slot, shape, value);
        if info.exemplars.is_sampled() {
            self.sample_exponentially(shape, value);
        }
    }

    #[cold]
    fn sample_exponentially(&self, shape: &Shape, value: f64) {
        let bucket = shape.bounds().bucket(value);
        if let Some(turn) = shape.turn(bucket) {
            self.series.info().exemplars.sample(self.series.address(), bucket, value, self.slot + turn);
        }
    }

    #[cold]
    fn observe_slowly(&self, value: f64) {
        let bucket = self.bounds().bucket(value);
        if value.is_nan() {
            return self.series.info().count_odd(Odd::Nan);
        }
        let mut finite = value;
        if value.is_infinite() {
            self.series.info().count_odd(Odd::Infinite);
            finite = 0.0;
        }
        distribution::observe_slowly(self.slot, bucket, finite);
        let exemplars = &self.series.info().exemplars;
        // A static has no cell for the turn.
        if exemplars.is_sampled() && self.series.cell.is_own() {
            let turn = self.slot + distribution::turn(self.bounds().buckets(), bucket);
            exemplars.sample(self.series.address(), bucket, value, turn);
        }
    }

    /// Observes `value`, and names this observation as an example, by labels that lead to more about it. An exemplar
    /// that is refused is dropped and counted; see
    /// [`try_observe_with_exemplar`](Histogram::try_observe_with_exemplar).
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// # let duration = registry.register_histogram("h_seconds", "H.", &[1.0])?.default();
    /// duration.observe_with_exemplar(7.5, &[("trace_id", "0af7651916cd43dd8448eb211c80319c")]);
    /// assert_eq!(duration.snapshot().count(), 1);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn observe_with_exemplar(&self, value: f64, labels: &[(&str, &str)]) {
        // What is wrong with an exemplar is counted.
        let _ = self.try_observe_with_exemplar(value, labels);
    }

    /// Observes `value`, and names this observation as an example. Each bucket keeps the last exemplar that it was given.
    /// What is NaN is no observation, and has no exemplar.
    ///
    /// This reads a clock, allocates, and tries a lock; it waits for nothing.
    ///
    /// # Errors
    ///
    /// [`ExemplarError`]: the exemplar was dropped, and counted in `nilometer_exemplars_dropped_total`. `value` was
    /// observed in any case.
    pub fn try_observe_with_exemplar(
        &self,
        value: f64,
        labels: &[(&str, &str)],
    ) -> Result<(), ExemplarError> {
        self.observe(value);
        if value.is_nan() {
            return Ok(());
        }
        let bucket = self.shown_bounds().bucket(value);
        self.series.info().exemplars.put(self.series.address(), bucket, value, labels)
    }

    /// The bounds that pages show.
    fn shown_bounds(&self) -> &Bounds {
        let exponential = self.series.info().setup.exponential.as_ref();
        exponential.map_or_else(|| self.bounds(), |exponential| exponential.shape.bounds())
    }

    /// Those that were asked for; none where the others are a fallback.
    ///
    /// PERF: `histogram/observe` in `benches/LEDGER.md`. They lie in what the handle points at: the search waits for one
    /// load.
    #[inline]
    fn bounds(&self) -> &Bounds {
        &self.series.info().setup.bounds
    }

    /// Observes a duration in the histogram's unit: its declared one, or the one that its name ends with, such as
    /// `_ms` or `_minutes`.
    ///
    /// Where neither is a unit of time that [`Unit`](crate::Unit) knows, the duration is observed in seconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let family = registry.register_histogram("parse_duration_ms", "Parsing.", &nilometer_core::buckets::LATENCY_MS)?;
    /// family.default().observe_duration(Duration::from_secs(2));
    /// assert_eq!(family.default().snapshot().sum(), 2000.0);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(duration.as_secs_f64() * self.series.info().units_per_second);
    }

    /// Starts a timer that observes the time until it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// # let family = registry.register_histogram("h_seconds", "H.", &[1.0])?;
    /// let histogram = family.default();
    /// {
    ///     let _timer = histogram.start_timer();
    ///     // the work
    /// }
    /// assert_eq!(histogram.snapshot().count(), 1);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn start_timer(&self) -> Timer {
        Timer::start(Timed::Handle(self.clone()))
    }

    /// The counts and the sum, read once and consistent with each other.
    #[must_use]
    pub fn snapshot(&self) -> HistogramSnapshot {
        match &self.series.info().setup.exponential {
            Some(exponential) => HistogramSnapshot::read_exponential(exponential, self.slot),
            None => HistogramSnapshot::read(self.bounds().clone(), Some(self.slot)),
        }
    }

    /// The upper bounds, inclusive, without the `+Inf` that comes last. Of a histogram with exponential buckets alone,
    /// those that formats show which know no others.
    #[must_use]
    pub fn bucket_bounds(&self) -> &[f64] {
        self.shown_bounds().as_slice()
    }
}

handle_basics!(Histogram);

/// What a histogram held at one moment, or a gauge histogram, whose observations are of what is there.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSnapshot {
    bounds: Bounds,
    counts: Vec<u64>,
    sum: f64,
    exponential: Option<OwnedExponential>,
}

impl HistogramSnapshot {
    /// Reads the cells at `slot`; without one, nothing was observed.
    pub(crate) fn read(bounds: Bounds, slot: Option<u32>) -> HistogramSnapshot {
        HistogramSnapshot::read_by(bounds, |counts| slot.map_or(0.0, |slot| distribution::get(slot, counts)))
    }

    /// What `read` puts into the counts, one for each bucket, and the sum that it returns.
    pub(crate) fn read_by(bounds: Bounds, read: impl FnOnce(&mut [u64]) -> f64) -> HistogramSnapshot {
        let mut counts = vec![0; bounds.buckets()];
        let sum = read(&mut counts);
        HistogramSnapshot { bounds, counts, sum, exponential: None }
    }

    fn read_exponential(exponential: &Exponential, slot: u32) -> HistogramSnapshot {
        let (bounds, mut read) = (exponential.shape.bounds().clone(), Exponentials::default());
        let mut counts = vec![0; bounds.buckets()];
        let sum = exponential::get(slot, &exponential.shape, &mut counts, &mut read);
        let exponential = Some(OwnedExponential::from(read.get(0, &exponential.shape)));
        HistogramSnapshot { bounds, counts, sum, exponential }
    }

    /// How many observations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.point().count()
    }

    /// The sum of the observations.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// Each upper bound, `+Inf` included, with how many observations were at or below it.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.point().cumulative()
    }

    /// The exponential buckets, where the histogram has some.
    #[must_use]
    pub fn exponential(&self) -> Option<ExponentialBuckets<'_>> {
        self.exponential.as_ref().map(OwnedExponential::borrowed)
    }

    fn point(&self) -> HistogramPoint<'_> {
        HistogramPoint::trusted(self.bounds.as_slice(), &self.counts, self.sum)
    }
}

impl Metric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl sealed::Sealed for Histogram {
    type Cell = Run;

    const IDENTITY: &'static str = "histogram";

    fn setup(options: &Options) -> Result<Setup, SetupError> {
        let config = options.exponential.clone();
        let is_alone = config.is_some() && options.bounds.is_empty();
        let bounds = if is_alone { Bounds::default() } else { Bounds::try_new(&options.bounds)? };
        Ok(setup_of(bounds, config)?)
    }

    const TAKES_EXEMPLARS: bool = true;
    const TAKES_EXPONENTIAL: bool = true;

    fn cell(info: &FamilyInfo, _: usize) -> Run {
        if let Some(exponential) = &info.setup.exponential {
            // What explicit bounds alone take does not find it at hand.
            return Run::watched(exponential.shape.cells());
        }
        let buckets = info.setup.bounds.buckets();
        if info.exemplars.is_sampled() {
            Run::watched(distribution::cells_with_turns(buckets))
        } else {
            Run::new(distribution::cells(buckets))
        }
    }

    fn handle(series: SeriesRef<Run>) -> Histogram {
        let slot = series.cell.first();
        Histogram { slot, near: series.cell.near(), series }
    }

    fn series(&self) -> &SeriesRef<Run> {
        &self.series
    }

    fn read_all(handles: &[Histogram], values: &mut Values) {
        let Some(first) = handles.first() else { return };
        let slots = handles.iter().map(|handle| handle.slot);
        match &first.series.info().setup.exponential {
            Some(exponential) => values.read_exponentials(slots, &exponential.shape),
            None => values.read_distributions(slots, first.bounds().buckets()),
        }
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        if let Some(exponential) = &self.series.info().setup.exponential {
            return exponential_point(&exponential.shape, at, values).into();
        }
        let (counts, sum) = values.distribution(at, self.bounds().buckets());
        HistogramPoint::trusted(self.bounds().as_slice(), counts, sum).into()
    }
}

fn exponential_point<'a>(shape: &'a Shape, at: usize, values: &'a Values) -> HistogramPoint<'a> {
    let bounds = shape.bounds();
    let (counts, sum) = values.distribution(at, bounds.buckets());
    let point = HistogramPoint::trusted(bounds.as_slice(), counts, sum)
        .trusted_with_exponential(values.exponential(at, shape));
    if shape.is_fallback() { point.exponential_only() } else { point }
}

/// The setup of a histogram with these bounds, and exponential buckets, if there is a configuration for them.
fn setup_of(bounds: Bounds, config: Option<ExponentialConfig>) -> Result<Setup, ExponentialError> {
    let exponential = config
        .map(|config| Ok(Exponential { shape: Shape::try_new(&config, bounds.clone())?, config }))
        .transpose()?;
    Ok(Setup { bounds, exponential, ..Setup::default() })
}

//! Quantiles of what was observed lately.

pub(crate) mod config;
pub(crate) mod history;

use std::panic::Location;
use std::sync::LazyLock;
use std::time::Duration;

use parking_lot::Mutex;

pub use self::config::{MAX_AGE_BUCKETS, SummaryConfig, SummaryError};
use self::history::{Counts, History, Ranks, Summarized};
use crate::cell::sketch::Precision;
use crate::cell::{Near, Run, Sketch, Values, distribution};
use crate::clock::Clock;
use crate::collect::{Point, SummaryPoint};
use crate::descriptor::{Descriptor, MetricType};
use crate::label::Labels;
use crate::metric::{FamilyInfo, InfoRef, Metric, Odd, handle_basics, sealed};
use crate::series::SeriesRef;
use crate::setup::{Options, Setup, SetupError};
use crate::timer::{Timed, Timer};

/// A handle of a summary: quantiles of what was observed lately, and how many observations there were, with their sum.
///
/// Quantiles cannot be added up over several programs: where there are several of one kind, a
/// [`Histogram`](crate::Histogram) tells more.
///
/// # Quantiles
///
/// By default 0.5, 0.9 and 0.99 of the last 10 minutes, within 1 % of the true value; [`SummaryConfig`] says otherwise.
/// The quantile `q` of `n` observations is the `⌈q·n⌉`-th of them in their order, or the smallest for 0. What is shown is
/// within the relative error of that for values, positive or negative, from 2^-64 to 2^64 in magnitude (5.4 · 10^-20 to
/// 1.8 · 10^19). What is nearer to zero counts as zero, and what is farther away as the largest value that is told from
/// others. Where nothing was observed lately, quantiles are NaN.
///
/// # What a reader sees
///
/// A reader is a collection, or a [`snapshot`](Summary::snapshot). The count and the sum are of all observations since the
/// series began: they never start anew. The quantiles are of a window, which moves in `age_buckets` steps:
///
/// - Reading takes nothing away: any number of readers see the same.
/// - What is observed is in the quantiles from then on, for `max_age` less one part at least (8 minutes by default).
/// - It is gone `max_age` later at the latest (10 minutes), and by as much more as readers are apart: readers move the
///   window, since no clock is read where something is observed. What comes while nobody reads is dated by the next reader,
///   so one that comes more seldom than the window is long sees all since it came last, or up to one part more. One that
///   reads again before `max_age` less a part is over misses nothing, whatever others do.
/// - Of a family with one age bucket, the window begins anew each time that it is over: it has anything from nothing to
///   `max_age`, and several readers do not see the same.
///
/// # Odd values
///
/// NaN is ignored. An infinite value counts as the largest there is and is not added to the sum. Both are counted in
/// `nilometer_odd_observations_total`.
///
/// Clones observe into the same series.
///
/// # Concurrency
///
/// [`observe`](Summary::observe) is lock-free and can be called from any thread. A reader never sees an observation
/// counted that is not in the sum and in the quantiles; the sum of observations that are not negative never goes down.
/// Readers of one series take turns.
///
/// # Memory
///
/// For each doubling of the value that occurs (of 1 to 2, of 2 to 4), a series takes half a KiB for each thread that
/// observes there, and up to 200 bytes for each part of the window, where it is read; besides, half a KiB on each side of
/// zero that has values. A series of one thread's, whose values are within three decades, takes about 12 KiB by
/// default. Half the error takes twice as much.
///
/// # Examples
///
/// ```
/// use nilometer_core::MetricsRegistry;
///
/// let registry = MetricsRegistry::new();
/// let answers = registry.register_summary("answer_seconds", "Time to answer.")?.default();
/// for millisecond in 1..=1000 {
///     answers.observe(f64::from(millisecond) / 1000.0);
/// }
/// let snapshot = answers.snapshot();
/// assert_eq!(snapshot.count(), 1000);
/// assert!((snapshot.quantile(0.9) - 0.9).abs() < 0.01 * 0.9);
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
///
/// # Specification
///
/// OpenMetrics 1.0.0, "Metric types", Summary.
#[derive(Clone)]
#[must_use = "a summary that observes nothing is a line that never moves"]
pub struct Summary {
    /// The first of the series' cells for the count and the sum.
    slot: u32,
    near: Near,
    series: SeriesRef<Recorded>,
}

/// What a series has of its own.
#[derive(Debug)]
pub struct Recorded {
    /// A distribution over two buckets: [`ZERO`], and [`OTHER`], which is for what is in the sketch.
    totals: Run,
    sketch: Sketch,
    /// Which readers alone look at.
    history: Mutex<History>,
}

const ZERO: u32 = 0;
const OTHER: u32 = 1;
const BUCKETS: usize = 2;

impl Recorded {
    /// Reads the count and the sum, and puts what is in the window at `now` into `counts`.
    fn read(&self, summarized: &Summarized, now: u64, counts: &mut Counts) -> (u64, f64) {
        // Held while the cells are read as well: so counts that were kept are never above those that are read later.
        let mut history = self.history.lock();
        // First, so that all that is counted is in the sketch by then: it was put there before.
        let mut totals = [0; BUCKETS];
        let sum = distribution::get(self.totals.first(), &mut totals);
        let count = totals.iter().fold(0, |count: u64, more| count.wrapping_add(*more));
        history.window(now, summarized.parts, count, counts, |counts| {
            self.sketch.read(totals[ZERO as usize], |bucket, count| counts.push((bucket, count)));
        });
        (count, sum)
    }
}

impl Summary {
    /// A summary of its own, outside of any family and registry, with the default configuration.
    ///
    /// Names are checked where they could reach a page: when something is registered or collected.
    #[track_caller]
    pub fn new(name: impl Into<String>, help: impl Into<String>, labels: impl Into<Labels>) -> Summary {
        Summary::create(name, help, labels, Setup::default())
    }

    /// A summary of its own, outside of any family and registry.
    ///
    /// # Errors
    ///
    /// [`SummaryError`] when the configuration cannot be had.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_core::{Labels, Summary, SummaryConfig, SummaryError};
    ///
    /// let config = SummaryConfig::new().with_quantiles(&[0.9, 0.5]);
    /// let error = Summary::try_new("wait_seconds", "Time waited.", Labels::empty(), config).unwrap_err();
    /// assert_eq!(error, SummaryError::NotIncreasing { previous: 0.9, quantile: 0.5 });
    /// ```
    #[track_caller]
    pub fn try_new(
        name: impl Into<String>,
        help: impl Into<String>,
        labels: impl Into<Labels>,
        config: SummaryConfig,
    ) -> Result<Summary, SummaryError> {
        let setup = Setup::of_summary(Summarized::try_new(config, &Clock::system())?);
        Ok(Summary::create(name, help, labels, setup))
    }

    #[track_caller]
    fn create(
        name: impl Into<String>,
        help: impl Into<String>,
        labels: impl Into<Labels>,
        setup: Setup,
    ) -> Summary {
        let descriptor = Descriptor::unchecked(name, help, MetricType::Summary, Location::caller());
        <Summary as sealed::Sealed>::create(InfoRef::new(descriptor, setup), labels.into(), 0)
    }

    /// Observes a value.
    ///
    /// PERF: `instructions/summary/observe` in `benches/counts`. Nothing that is shared is written.
    #[inline]
    pub fn observe(&self, value: f64) {
        if !self.series.cell.sketch.add(value) {
            return self.observe_slowly(value);
        }
        self.count(OTHER, value);
    }

    /// Counts what is in the sketch already, or is zero: by the Release with which it is counted, who sees it counted sees
    /// it there.
    #[inline]
    fn count(&self, bucket: u32, value: f64) {
        if !distribution::observe(self.near, value, |_| bucket) {
            distribution::observe_slowly(self.slot, bucket, value);
        }
    }

    /// What is zero or negative, or the first in its octave, or odd.
    #[inline(never)]
    fn observe_slowly(&self, value: f64) {
        if value.is_nan() {
            return self.series.info().count_odd(Odd::Nan);
        }
        let mut finite = value;
        if value.is_infinite() {
            self.series.info().count_odd(Odd::Infinite);
            finite = 0.0;
        }
        let bucket = if self.series.cell.sketch.add_anywhere(value) { OTHER } else { ZERO };
        self.count(bucket, finite);
    }

    /// Observes a duration in the unit that the name ends with: seconds where it ends with none.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let registry = nilometer_core::MetricsRegistry::new();
    /// let parsing = registry.register_summary("parse_duration_ms", "Parsing.")?.default();
    /// parsing.observe_duration(Duration::from_secs(2));
    /// assert_eq!(parsing.snapshot().sum(), 2000.0);
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
    /// let answers = registry.register_summary("answer_seconds", "Time to answer.")?.default();
    /// {
    ///     let _timer = answers.start_timer();
    ///     // the work
    /// }
    /// assert_eq!(answers.snapshot().count(), 1);
    /// # Ok::<(), nilometer_core::MetricsError>(())
    /// ```
    pub fn start_timer(&self) -> Timer {
        Timer::start(Timed::Summary(self.clone()))
    }

    /// What a page would show. This is a reader as a collection is one: it reads the clock, and moves the window.
    #[must_use]
    pub fn snapshot(&self) -> SummarySnapshot {
        let summarized = summarized(self.series.info());
        let mut counts = Vec::new();
        let (count, sum) = self.series.cell.read(summarized, summarized.clock.uptime(), &mut counts);
        let ranks = Ranks { counts: &counts, precision: summarized.precision };
        let quantiles = ranks.quantiles(summarized.config.quantiles()).collect();
        SummarySnapshot { quantiles, counts, precision: summarized.precision, count, sum }
    }
}

handle_basics!(Summary);

/// What is shared by the series of a family that asked for nothing, or for what was refused.
fn summarized(info: &FamilyInfo) -> &Summarized {
    static DEFAULT: LazyLock<Summarized> =
        LazyLock::new(|| Summarized::new(SummaryConfig::new(), &Clock::system()));
    info.setup.summarized.as_deref().unwrap_or_else(|| &DEFAULT)
}

/// What a summary held at one moment.
#[derive(Debug, Clone)]
pub struct SummarySnapshot {
    quantiles: Vec<(f64, f64)>,
    counts: Counts,
    precision: Precision,
    count: u64,
    sum: f64,
}

impl SummarySnapshot {
    /// The quantile `q`, which need not be one that the summary shows, of what was observed lately. NaN where that is
    /// nothing, and where `q` is not from 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> f64 {
        if !(0.0..=1.0).contains(&q) {
            return f64::NAN;
        }
        let ranks = Ranks { counts: &self.counts, precision: self.precision };
        ranks.quantiles(&[q]).next().map_or(f64::NAN, |(_, value)| value)
    }

    /// The quantiles that the summary shows, in increasing order, each with its value.
    #[must_use]
    pub fn quantiles(&self) -> &[(f64, f64)] {
        &self.quantiles
    }

    /// How many observations there were since the series began.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The sum of all observations since the series began.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }
}

impl Metric for Summary {
    const TYPE: MetricType = MetricType::Summary;
}

impl sealed::Sealed for Summary {
    type Cell = Recorded;

    const IDENTITY: &'static str = "summary";

    fn setup(options: &Options) -> Result<Setup, SetupError> {
        let config = options.summary.clone().unwrap_or_default();
        Ok(Setup::of_summary(Summarized::try_new(config, &options.clock)?))
    }

    fn cell(info: &FamilyInfo, _: usize) -> Recorded {
        Recorded {
            totals: Run::new(distribution::cells(BUCKETS)),
            sketch: Sketch::new(summarized(info).precision),
            history: Mutex::default(),
        }
    }

    fn handle(series: SeriesRef<Recorded>) -> Summary {
        let totals = &series.cell.totals;
        Summary { slot: totals.first(), near: totals.near(), series }
    }

    fn series(&self) -> &SeriesRef<Recorded> {
        &self.series
    }

    fn read_all(handles: &[Summary], values: &mut Values) {
        values.start();
        let Some(first) = handles.first() else { return };
        let summarized = summarized(first.series.info());
        let now = summarized.clock.uptime();
        let mut counts = Vec::new();
        for handle in handles {
            let (count, sum) = handle.series.cell.read(summarized, now, &mut counts);
            let ranks = Ranks { counts: &counts, precision: summarized.precision };
            values.push_summary(count, sum, ranks.quantiles(summarized.config.quantiles()));
        }
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        let quantiles = summarized(self.series.info()).config.quantiles().len();
        let (count, sum, quantiles) = values.summary(at, quantiles);
        SummaryPoint::trusted(quantiles, count, sum).into()
    }
}

//! Tasks that run for so long that one wants to see them before they end.

use std::fmt;
use std::mem;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::cell::tasks::Running;
use crate::cell::{Tasks, Values};
use crate::clock::Clock;
use crate::collect::{GaugePoint, Point};
use crate::declare::{Declaration, Field, Handles, MetricField, Scope};
use crate::descriptor::MetricType;
use crate::family::{DynamicLabels, Family};
use crate::metric::{FamilyInfo, Metric, sealed};
use crate::registry::RegisterError;
use crate::series::SeriesRef;
use crate::setup::{Options, Setup, SetupError};
use crate::unit::Unit;

/// A handle of a timer of tasks that run for long: batches, imports, migrations, which a histogram shows only when they
/// have ended.
///
/// A page shows three gauges of what is running while it is collected: how many tasks, for how many seconds together, and
/// for how many seconds the oldest.
///
/// | gauge | shows |
/// |---|---|
/// | `<name>_active` | how many tasks are running |
/// | `<name>_active_seconds` | the sum of how long each of them has been running; 0 if there is none |
/// | `<name>_oldest_seconds` | how long the one has been running that began first; 0 if there is none |
///
/// Made by [`MetricsRegistry::register_long_task_timer`](crate::MetricsRegistry::register_long_task_timer), or as a field
/// of a struct that derives `Metrics`. Clones are the same timer.
///
/// # Concurrency
///
/// Every method is lock-free and can be called from any thread. The clock is read when a task starts, and when a page is
/// collected. Starting a task allocates where more are running than ever did, for 64 more. The three gauges are collected
/// one after the other, so a task that starts or ends meanwhile can be in one and not in another.
///
/// # Examples
///
/// ```
/// let registry = nilometer_core::MetricsRegistry::new();
/// let imports = registry.register_long_task_timer("imports", "Imports.", &[])?;
/// let import = imports.start();
/// // the import
/// let elapsed = import.stop();
/// # let _ = elapsed;
/// # Ok::<(), nilometer_core::MetricsError>(())
/// ```
#[derive(Clone)]
#[must_use = "a timer that starts no task shows none"]
pub struct LongTaskTimer {
    timed: Arc<Timed>,
}

/// What the three series of one timer share.
pub(crate) struct Timed {
    tasks: Tasks,
    clock: Clock,
}

impl Timed {
    fn now(&self) -> u64 {
        // Zero stands for a task that is not running.
        self.clock.uptime().saturating_add(1)
    }

    fn running(&self) -> Running {
        self.tasks.read(self.now())
    }
}

impl LongTaskTimer {
    /// A timer for code that runs without metrics: nobody looks at its tasks, and starting one costs what it always does.
    pub fn noop() -> LongTaskTimer {
        LongTaskTimer { timed: Arc::new(Timed { tasks: Tasks::new(), clock: Clock::default() }) }
    }

    /// Starts a task, which runs until the guard is dropped.
    pub fn start(&self) -> LongTask {
        let timed = Arc::clone(&self.timed);
        let began = timed.now();
        let place = timed.tasks.begin(began);
        LongTask { timed, place, began }
    }

    /// How many tasks are running.
    #[must_use]
    pub fn active(&self) -> u64 {
        self.timed.running().count
    }

    /// How long the tasks that are running have been running, together.
    #[must_use]
    pub fn active_duration(&self) -> Duration {
        let sum = self.timed.running().sum;
        // 2^64 nanoseconds are 584 years.
        Duration::from_nanos(u64::try_from(sum).unwrap_or(u64::MAX))
    }

    /// How long the oldest of the tasks has been running, if there is one.
    #[must_use]
    pub fn oldest(&self) -> Option<Duration> {
        let running = self.timed.running();
        (running.count > 0).then(|| Duration::from_nanos(running.oldest))
    }
}

impl fmt::Debug for LongTaskTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongTaskTimer").field("active", &self.active()).finish_non_exhaustive()
    }
}

/// A task that is running until this is dropped, by a panic too; made by [`LongTaskTimer::start`].
///
/// A guard that is leaked is a task that never ends.
#[must_use = "the task ends as soon as the guard is dropped"]
pub struct LongTask {
    timed: Arc<Timed>,
    place: usize,
    began: u64,
}

impl LongTask {
    /// How long the task has been running.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.timed.now().saturating_sub(self.began))
    }

    /// Ends the task, and returns how long it was running.
    #[expect(
        clippy::must_use_candidate,
        reason = "stopping is for its effect; the duration is a convenience"
    )]
    pub fn stop(self) -> Duration {
        self.elapsed()
    }
}

impl Drop for LongTask {
    fn drop(&mut self) {
        self.timed.tasks.end(self.place);
    }
}

impl fmt::Debug for LongTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LongTask").field("elapsed", &self.elapsed()).finish_non_exhaustive()
    }
}

/// One of the three gauges, by its number.
pub(crate) struct TaskGauge<const WHICH: usize> {
    series: SeriesRef<Arc<Timed>>,
}

/// What each gauge adds to the timer's name and help, and whether it is in seconds.
const GAUGES: [(&str, &str, bool); 3] = [
    ("active", "How many are running.", false),
    ("active_seconds", "How long those that are running have been, together.", true),
    ("oldest_seconds", "How long the oldest that is running has been.", true),
];

impl<const WHICH: usize> Clone for TaskGauge<WHICH> {
    fn clone(&self) -> Self {
        TaskGauge { series: self.series.clone() }
    }
}

impl<const WHICH: usize> Metric for TaskGauge<WHICH> {
    const TYPE: MetricType = MetricType::Gauge;
}

impl<const WHICH: usize> sealed::Sealed for TaskGauge<WHICH> {
    type Cell = Arc<Timed>;

    const IDENTITY: &'static str = "long-task timer";

    fn setup(options: &Options) -> Result<Setup, SetupError> {
        Ok(Setup::of_clock(&options.clock))
    }

    fn cell(info: &FamilyInfo, _: usize) -> Arc<Timed> {
        Arc::new(Timed { tasks: Tasks::new(), clock: info.setup.clock.clone() })
    }

    fn handle(series: SeriesRef<Arc<Timed>>) -> Self {
        TaskGauge { series }
    }

    fn series(&self) -> &SeriesRef<Arc<Timed>> {
        &self.series
    }

    fn read_all(handles: &[Self], values: &mut Values) {
        values.take_numbers(handles.iter().map(|handle| {
            let Running { count, sum, oldest } = handle.series.cell.running();
            #[expect(clippy::cast_precision_loss, reason = "a nanosecond in a hundred days is no loss")]
            match WHICH {
                0 => count,
                1 => (sum as f64 / 1e9).to_bits(),
                _ => (oldest as f64 / 1e9).to_bits(),
            }
        }));
    }

    fn point<'a>(&'a self, at: usize, values: &'a Values) -> Point<'a> {
        let number = values.number(at);
        match WHICH {
            0 => GaugePoint::new(number.cast_signed()).into(),
            _ => GaugePoint::new(f64::from_bits(number)).into(),
        }
    }
}

/// The declarations of a timer's families.
pub(crate) fn declarations(name: &str, help: &str, location: &'static Location<'static>) -> [Declaration; 3] {
    let texts = GAUGES.map(|(suffix, what, _)| (format!("{name}_{suffix}"), format!("{help} {what}")));
    let [first, second, third] = texts;
    let mut declarations = [
        Declaration::new::<TaskGauge<0>>(first.0, first.1, location),
        Declaration::new::<TaskGauge<1>>(second.0, second.1, location),
        Declaration::new::<TaskGauge<2>>(third.0, third.1, location),
    ];
    for (declaration, (_, _, is_in_seconds)) in declarations.iter_mut().zip(GAUGES) {
        declaration.unit = is_in_seconds.then_some(Unit::SECONDS);
        // The timer is no handle of its series, and the three have to stay together.
        declaration.expire_after = Some(Duration::MAX);
    }
    declarations
}

/// The families of a timer.
pub(crate) struct Families(
    Family<DynamicLabels, TaskGauge<0>>,
    Family<DynamicLabels, TaskGauge<1>>,
    Family<DynamicLabels, TaskGauge<2>>,
);

impl Families {
    /// Takes what was declared as [`declarations`] says.
    pub(crate) fn take(handles: &mut Handles) -> Families {
        Families(handles.family(), handles.family(), handles.family())
    }

    /// The timer of these labels, made if it is not there.
    pub(crate) fn adopt(&self, labels: &[(&str, &str)]) -> Result<LongTaskTimer, RegisterError> {
        let mut made = Made { undo: Vec::new() };
        let timed = made.adopt(&self.0, labels, None)?;
        made.adopt(&self.1, labels, Some(&timed))?;
        made.adopt(&self.2, labels, Some(&timed))?;
        made.undo.clear();
        Ok(LongTaskTimer { timed })
    }

    /// A timer for what could not get series of its own: what it times is counted as gone over, and not shown.
    fn overflow(&self, error: &RegisterError) -> LongTaskTimer {
        if let RegisterError::Series { source, .. } = error {
            self.0.overflow(source);
        }
        LongTaskTimer { timed: self.0.new_cell() }
    }
}

impl MetricField for LongTaskTimer {
    const TYPE: MetricType = MetricType::Gauge;
    const TAKES_BUCKETS: bool = false;
    const TAKES_LABELS: bool = false;

    fn declare(scope: &mut Scope, field: Field) {
        scope.declare_several(&field, declarations);
    }

    fn build(handles: &mut Handles) -> Self {
        let families = Families::take(handles);
        families.adopt(&[]).unwrap_or_else(|error| families.overflow(&error))
    }
}

/// The series that were made, which are removed again unless all could be had.
struct Made<'a> {
    undo: Vec<Box<dyn Fn() + 'a>>,
}

impl<'a> Made<'a> {
    /// The series with these labels, around what is timed, or around something new.
    fn adopt<const WHICH: usize>(
        &mut self,
        family: &'a Family<DynamicLabels, TaskGauge<WHICH>>,
        labels: &[(&str, &str)],
        timed: Option<&Arc<Timed>>,
    ) -> Result<Arc<Timed>, RegisterError> {
        let name = || family.metadata().name().to_owned();
        let mut is_new = false;
        let gauge = family.get_or_adopt(labels, None, || {
            is_new = true;
            timed.map_or_else(|| family.new_cell(), Arc::clone)
        });
        let gauge = gauge.map_err(|source| RegisterError::Series { name: name(), source })?;
        let found = Arc::clone(&gauge.series.cell);
        if is_new {
            self.undo.push(Box::new(move || family.remove_own(&gauge)));
        }
        match timed {
            Some(timed) if !Arc::ptr_eq(timed, &found) => Err(RegisterError::Conflict {
                name: name(),
                what: "series",
                existing: "a series of another timer".to_owned(),
                requested: "a series of this one".to_owned(),
                location: family.metadata().location(),
            }),
            _ => Ok(found),
        }
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for remove in mem::take(&mut self.undo) {
            remove();
        }
    }
}

//! What the metrics of a runtime are called.

use nilometer_core::{Counter, CounterFamily, Family, FloatCounterFamily, IntGauge, IntGaugeFamily};
use nilometer_macros::Metrics;

/// The metrics that [`RuntimeCollector`](super::RuntimeCollector) shows with any tokio: their names, kinds, units and help.
///
/// The collector fills them in by itself, at each collection; nobody has to register this struct. Families without
/// declared labels have one series in each runtime; several runtimes are told apart by the label `runtime`.
///
/// # Examples
///
/// ```
/// use nilometer::runtime::RuntimeMetrics;
///
/// let names: Vec<String> =
///     RuntimeMetrics::descriptors().iter().map(|descriptor| descriptor.name().to_owned()).collect();
/// assert!(names.contains(&"tokio_alive_tasks".to_owned()));
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "tokio", new = false)]
pub struct RuntimeMetrics {
    /// Worker threads of the runtime.
    pub workers: Family<(), IntGauge>,
    /// Tasks that were spawned and have not ended.
    pub alive_tasks: Family<(), IntGauge>,
    /// Tasks that wait in the queue that all workers share.
    pub global_queue_depth: Family<(), IntGauge>,
    /// Time that a worker was busy, in seconds.
    #[metric(unit = "seconds", labels = ["worker"])]
    pub worker_busy_seconds_total: FloatCounterFamily,
    /// Times that a worker parked, for want of work.
    #[metric(labels = ["worker"])]
    pub worker_parks_total: CounterFamily,
    /// Times that a worker parked and times that it was woken, together: odd while it is parked.
    #[metric(labels = ["worker"])]
    pub worker_park_unparks_total: CounterFamily,
}

/// The metrics that [`RuntimeCollector`](super::RuntimeCollector) shows besides where the program is built with
/// `--cfg tokio_unstable`: their names, kinds, units and help.
///
/// What tokio calls unstable can change with any version of it, and these metrics with it.
///
/// # Examples
///
/// ```
/// use nilometer::runtime::UnstableRuntimeMetrics;
///
/// let descriptors = UnstableRuntimeMetrics::descriptors();
/// assert!(descriptors.iter().any(|descriptor| descriptor.name() == "tokio_worker_polls_total"));
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "tokio", new = false)]
pub struct UnstableRuntimeMetrics {
    /// Tasks that were spawned.
    pub spawned_tasks_total: Family<(), Counter>,
    /// Tasks that were made ready from outside of the runtime.
    pub remote_schedules_total: Family<(), Counter>,
    /// Times that a task had to yield as it had used up its budget.
    pub budget_forced_yields_total: Family<(), Counter>,
    /// Threads that run blocking work, those that idle too.
    pub blocking_threads: Family<(), IntGauge>,
    /// Threads for blocking work that have none.
    pub idle_blocking_threads: Family<(), IntGauge>,
    /// Blocking work that waits for a thread.
    pub blocking_queue_depth: Family<(), IntGauge>,
    /// Tasks that wait in a worker's own queue.
    #[metric(labels = ["worker"])]
    pub worker_local_queue_depth: IntGaugeFamily,
    /// Polls of tasks by a worker.
    #[metric(labels = ["worker"])]
    pub worker_polls_total: CounterFamily,
    /// Times that a worker was woken and found no work.
    #[metric(labels = ["worker"])]
    pub worker_noops_total: CounterFamily,
    /// Tasks that a worker took from others.
    #[metric(labels = ["worker"])]
    pub worker_steals_total: CounterFamily,
    /// Times that a worker took tasks from others.
    #[metric(labels = ["worker"])]
    pub worker_steal_operations_total: CounterFamily,
    /// Tasks that a worker put into its own queue.
    #[metric(labels = ["worker"])]
    pub worker_local_schedules_total: CounterFamily,
    /// Times that a worker's own queue was full.
    #[metric(labels = ["worker"])]
    pub worker_overflows_total: CounterFamily,
}

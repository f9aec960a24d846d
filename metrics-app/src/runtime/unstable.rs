//! What tokio tells about a runtime with `--cfg tokio_unstable`.

use nilometer_core::collect::Stopped;
use tokio::runtime::RuntimeMetrics as Told;

use super::metrics::UnstableRuntimeMetrics;
use super::page::Page;

/// Shows the families of `metrics`.
pub(super) fn show(metrics: &UnstableRuntimeMetrics, page: &mut Page<'_>) -> Result<(), Stopped> {
    page.gauge(metrics.blocking_threads.metadata(), Told::num_blocking_threads)?;
    page.gauge(metrics.idle_blocking_threads.metadata(), Told::num_idle_blocking_threads)?;
    page.gauge(metrics.blocking_queue_depth.metadata(), Told::blocking_queue_depth)?;
    page.worker_gauge(metrics.worker_local_queue_depth.metadata(), Told::worker_local_queue_depth)?;
    show_totals(metrics, page)
}

#[cfg(target_has_atomic = "64")]
fn show_totals(metrics: &UnstableRuntimeMetrics, page: &mut Page<'_>) -> Result<(), Stopped> {
    page.counter(metrics.spawned_tasks_total.metadata(), Told::spawned_tasks_count)?;
    page.counter(metrics.remote_schedules_total.metadata(), Told::remote_schedule_count)?;
    page.counter(metrics.budget_forced_yields_total.metadata(), Told::budget_forced_yield_count)?;
    page.worker_counter(metrics.worker_polls_total.metadata(), Told::worker_poll_count)?;
    page.worker_counter(metrics.worker_noops_total.metadata(), Told::worker_noop_count)?;
    page.worker_counter(metrics.worker_steals_total.metadata(), Told::worker_steal_count)?;
    page.worker_counter(metrics.worker_steal_operations_total.metadata(), Told::worker_steal_operations)?;
    page.worker_counter(metrics.worker_local_schedules_total.metadata(), Told::worker_local_schedule_count)?;
    page.worker_counter(metrics.worker_overflows_total.metadata(), Told::worker_overflow_count)
}

/// tokio does not tell more where there are no atomics of 64 bits.
#[cfg(not(target_has_atomic = "64"))]
fn show_totals(_: &UnstableRuntimeMetrics, _: &mut Page<'_>) -> Result<(), Stopped> {
    Ok(())
}

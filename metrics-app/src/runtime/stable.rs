//! What any tokio tells about a runtime.

use nilometer_core::collect::Stopped;
use tokio::runtime::RuntimeMetrics as Told;

use super::metrics::RuntimeMetrics;
use super::page::Page;

/// Shows the families of `metrics`.
pub(super) fn show(metrics: &RuntimeMetrics, page: &mut Page<'_>) -> Result<(), Stopped> {
    page.gauge(metrics.workers.metadata(), Told::num_workers)?;
    page.gauge(metrics.alive_tasks.metadata(), Told::num_alive_tasks)?;
    page.gauge(metrics.global_queue_depth.metadata(), Told::global_queue_depth)?;
    show_workers(metrics, page)
}

#[cfg(target_has_atomic = "64")]
fn show_workers(metrics: &RuntimeMetrics, page: &mut Page<'_>) -> Result<(), Stopped> {
    page.worker_counter(metrics.worker_busy_seconds_total.metadata(), |told, worker| {
        told.worker_total_busy_duration(worker).as_secs_f64()
    })?;
    page.worker_counter(metrics.worker_parks_total.metadata(), Told::worker_park_count)?;
    page.worker_counter(metrics.worker_park_unparks_total.metadata(), Told::worker_park_unpark_count)
}

/// tokio does not tell more where there are no atomics of 64 bits.
#[cfg(not(target_has_atomic = "64"))]
fn show_workers(_: &RuntimeMetrics, _: &mut Page<'_>) -> Result<(), Stopped> {
    Ok(())
}

//! Metrics of the process itself: processor time, memory, descriptors, threads, bytes.
//!
//! - here: [`ProcessCollector`], which reads the process whenever it is collected.
//! - `metrics`: [`ProcessMetrics`], the names.
//! - `reading`: what can be read; `linux`, from the kernel; `portable`, elsewhere.
//!
#![doc = include_str!("page.md")]

#[cfg(target_os = "linux")]
mod linux;
mod metrics;
#[cfg(any(not(target_os = "linux"), test))]
mod portable;
mod reading;

use std::time::{Duration, SystemTime};

use nilometer_core::Descriptor;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, GaugePoint, LabelSet, Number, Point, SeriesLabels, Stopped,
    Visitor,
};

pub use self::metrics::ProcessMetrics;
use self::reading::Reading;

/// Shows the metrics of the process that collects it, as they are at that moment.
///
/// It keeps nothing between collections but the names, so that any number of exporters can collect it, and a forked child
/// shows its own values. What the system does not tell is not shown: neither the series nor its family is there.
///
/// # Concurrency
///
/// Several threads can collect it at once; each reads for itself. No lock is held while the visitor runs.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::process::ProcessCollector;
///
/// let registry = MetricsRegistry::new();
/// registry.register_collector("process", ProcessCollector::new())?;
/// # #[cfg(all(feature = "prometheus", target_os = "linux"))] {
/// let page = nilometer::PrometheusRenderer::render_all(&registry);
/// assert!(page.contains("\nprocess_open_fds "));
/// # }
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ProcessCollector {
    /// What describes the families; their series are never made.
    metrics: ProcessMetrics,
}

impl ProcessCollector {
    /// A collector for [`MetricsRegistry::register_collector`](nilometer_core::MetricsRegistry::register_collector).
    ///
    /// It reads nothing yet.
    #[must_use]
    pub fn new() -> ProcessCollector {
        ProcessCollector { metrics: ProcessMetrics::noop() }
    }
}

impl Default for ProcessCollector {
    fn default() -> Self {
        ProcessCollector::new()
    }
}

impl Collector for ProcessCollector {
    /// Reads the process once, and shows what there is to show.
    ///
    /// # Errors
    ///
    /// [`CollectError::Stopped`] when the visitor wants no more. What cannot be read is left out, which is no error.
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let reading = Reading::now();
        let mut page = Page { started: reading.started(), visitor };
        let metrics = &self.metrics;
        page.counter(metrics.cpu_seconds_total.metadata(), reading.cpu_seconds)?;
        page.gauge(metrics.resident_memory_bytes.metadata(), reading.resident_memory)?;
        page.gauge(metrics.virtual_memory_bytes.metadata(), reading.virtual_memory)?;
        page.gauge(metrics.virtual_memory_max_bytes.metadata(), reading.virtual_memory_max)?;
        page.gauge(metrics.open_fds.metadata(), reading.open_fds)?;
        page.gauge(metrics.max_fds.metadata(), reading.max_fds)?;
        page.gauge(metrics.threads.metadata(), reading.threads)?;
        page.gauge(metrics.start_time_seconds.metadata(), reading.start_time)?;
        page.counter(metrics.io_read_bytes_total.metadata(), reading.io_read)?;
        page.counter(metrics.io_written_bytes_total.metadata(), reading.io_written)?;
        page.counter(metrics.disk_read_bytes_total.metadata(), reading.disk_read)?;
        page.counter(metrics.disk_written_bytes_total.metadata(), reading.disk_written)?;
        // They began with the network namespace, and nobody tells when that was.
        page.started = None;
        page.counter(metrics.network_receive_bytes_total.metadata(), reading.network_received)?;
        page.counter(metrics.network_transmit_bytes_total.metadata(), reading.network_transmitted)?;
        Ok(())
    }
}

/// Families of one series each, or of none.
struct Page<'a> {
    /// When the counters began, at zero.
    started: Option<SystemTime>,
    visitor: &'a mut dyn Visitor,
}

impl Page<'_> {
    fn counter(&mut self, family: &Descriptor, total: Option<impl Into<Number>>) -> Result<(), Stopped> {
        let started = self.started;
        self.show(family, total.map(|total| CounterPoint::new(total).with_created(started).into()))
    }

    fn gauge(&mut self, family: &Descriptor, value: Option<impl Into<Number>>) -> Result<(), Stopped> {
        self.show(family, value.map(|value| GaugePoint::new(value).into()))
    }

    fn show(&mut self, family: &Descriptor, point: Option<Point<'_>>) -> Result<(), Stopped> {
        let Some(point) = point else { return Ok(()) };
        self.visitor.family(family)?;
        self.visitor.point(SeriesLabels::of(&LabelSet::empty()), point)
    }
}

impl Reading {
    fn started(&self) -> Option<SystemTime> {
        let since_1970 = Duration::try_from_secs_f64(self.start_time?).ok()?;
        SystemTime::UNIX_EPOCH.checked_add(since_1970)
    }
}

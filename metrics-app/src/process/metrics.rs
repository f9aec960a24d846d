//! What the metrics of the process are called.

use nilometer_core::{Counter, Family, FloatCounter, Gauge, IntGauge};
use nilometer_macros::Metrics;

/// The metrics that [`ProcessCollector`](super::ProcessCollector) shows: their names, kinds, units and help.
///
/// The collector fills them in by itself, at each collection; nobody has to register this struct. Where it is registered,
/// its families have no series until someone makes them, for a process that is read by other means.
///
/// # Examples
///
/// ```
/// use nilometer::process::ProcessMetrics;
///
/// let descriptors = ProcessMetrics::descriptors();
/// assert_eq!(descriptors[0].name(), "process_cpu_seconds_total");
/// assert!(descriptors.iter().all(|descriptor| descriptor.name().starts_with("process_")));
/// ```
///
/// # Specification
///
/// The names are those of Prometheus's client libraries, "Process metrics" in "Writing client libraries", and, for the
/// network, of `client_golang`. Those of threads, I/O and disk are nilometer's own.
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "process", new = false)]
pub struct ProcessMetrics {
    /// Total user and system CPU time spent in seconds.
    #[metric(unit = "seconds")]
    pub cpu_seconds_total: Family<(), FloatCounter>,
    /// Resident memory size in bytes.
    #[metric(unit = "bytes")]
    pub resident_memory_bytes: Family<(), IntGauge>,
    /// Virtual memory size in bytes.
    #[metric(unit = "bytes")]
    pub virtual_memory_bytes: Family<(), IntGauge>,
    /// Maximum amount of virtual memory available in bytes.
    #[metric(unit = "bytes")]
    pub virtual_memory_max_bytes: Family<(), Gauge>,
    /// Number of open file descriptors.
    pub open_fds: Family<(), IntGauge>,
    /// Maximum number of open file descriptors.
    pub max_fds: Family<(), Gauge>,
    /// Number of threads.
    pub threads: Family<(), IntGauge>,
    /// Start time of the process since unix epoch in seconds.
    #[metric(unit = "seconds")]
    pub start_time_seconds: Family<(), Gauge>,
    /// Bytes that calls like `read` returned, from files, pipes and the rest, whether or not a disk was read.
    #[metric(unit = "bytes")]
    pub io_read_bytes_total: Family<(), Counter>,
    /// Bytes that calls like `write` took, to files, pipes and the rest, whether or not a disk was written.
    #[metric(unit = "bytes")]
    pub io_written_bytes_total: Family<(), Counter>,
    /// Bytes that were fetched from storage.
    #[metric(unit = "bytes")]
    pub disk_read_bytes_total: Family<(), Counter>,
    /// Bytes that were sent to storage, or are to be.
    #[metric(unit = "bytes")]
    pub disk_written_bytes_total: Family<(), Counter>,
    /// Number of bytes received over the network, by all that is in the process's network namespace.
    #[metric(unit = "bytes")]
    pub network_receive_bytes_total: Family<(), Counter>,
    /// Number of bytes sent over the network, by all that is in the process's network namespace.
    #[metric(unit = "bytes")]
    pub network_transmit_bytes_total: Family<(), Counter>,
}

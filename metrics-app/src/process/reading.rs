//! What can be read of a process.

#[cfg(target_os = "linux")]
use super::linux as system;
#[cfg(not(target_os = "linux"))]
use super::portable as system;

/// One reading of the calling process; `None` is what the system does not tell.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Of all threads, those that have ended too, in user and in kernel mode.
    pub(super) cpu_seconds: Option<f64>,
    /// In bytes, as are the sizes that follow.
    pub(super) resident_memory: Option<u64>,
    pub(super) virtual_memory: Option<u64>,
    /// The largest `u64` where there is no limit, as `client_golang` has it.
    pub(super) virtual_memory_max: Option<f64>,
    pub(super) open_fds: Option<u64>,
    /// The largest `u64` where there is no limit.
    pub(super) max_fds: Option<f64>,
    pub(super) threads: Option<u64>,
    /// In seconds since 1970.
    pub(super) start_time: Option<f64>,
    pub(super) io_read: Option<u64>,
    pub(super) io_written: Option<u64>,
    pub(super) disk_read: Option<u64>,
    pub(super) disk_written: Option<u64>,
    pub(super) network_received: Option<u64>,
    pub(super) network_transmitted: Option<u64>,
}

impl Reading {
    /// Reads the calling process, whichever that is by now, and no other.
    pub(super) fn now() -> Reading {
        system::read()
    }
}

//! The process as the crate `sysinfo` tells it, for systems other than Linux.

use std::time::Duration;

use sysinfo::{Process, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

use super::reading::Reading;

/// Reads the calling process.
///
/// It asks for the number of the process each time, as a forked child has another.
pub(super) fn read() -> Reading {
    let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().with_disk_usage();
    let (Ok(pid), Ok(mut system)) = (get_current_pid(), System::new()) else { return Reading::default() };
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
    system.process(pid).map(told).unwrap_or_default()
}

fn told(process: &Process) -> Reading {
    let disk = process.disk_usage();
    Reading {
        cpu_seconds: Some(Duration::from_millis(process.accumulated_cpu_time()).as_secs_f64()),
        resident_memory: known(process.memory()),
        virtual_memory: known(process.virtual_memory()),
        open_fds: process.open_files().and_then(|number| u64::try_from(number).ok()),
        max_fds: process.open_files_limit().and_then(|limit| u32::try_from(limit).ok()).map(f64::from),
        start_time: known(process.start_time()).map(|seconds| Duration::from_secs(seconds).as_secs_f64()),
        disk_read: Some(disk.total_read_bytes),
        disk_written: Some(disk.total_written_bytes),
        ..Reading::default()
    }
}

/// `sysinfo` has 0 for what it could not read, and a process that runs has none of these at 0.
fn known(value: u64) -> Option<u64> {
    (value > 0).then_some(value)
}

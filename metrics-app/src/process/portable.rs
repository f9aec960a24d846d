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

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::super::linux;
    use super::*;

    /// Whether `value` is between the readings of the kernel before and after, a share of which it may be off.
    fn is_between(value: Option<u64>, before: Option<u64>, after: Option<u64>, slack: u64) -> bool {
        let (value, before, after) = (value.unwrap(), before.unwrap(), after.unwrap());
        value + slack >= before.min(after) && value <= before.max(after) + slack
    }

    #[test]
    fn sysinfo_tells_what_the_kernel_tells() {
        let before = linux::read();
        let told = read();
        let after = linux::read();
        // The kernel accounts to files in ticks of 10 ms, which is what `sysinfo` reads: of two times, for each thread that
        // runs, of which there are as many as tests at once.
        let threads = u32::try_from(std::thread::available_parallelism().unwrap().get()).unwrap();
        let ticks = 0.01 * 2.0 * f64::from(threads + 1);
        let cpu = told.cpu_seconds.unwrap();
        let (least, most) = (before.cpu_seconds.unwrap() - ticks, after.cpu_seconds.unwrap() + ticks);
        assert!(least < cpu && cpu < most, "{least} < {cpu} < {most}");
        // Other tests allocate and open files meanwhile.
        let slack = 16 << 20;
        assert!(is_between(told.resident_memory, before.resident_memory, after.resident_memory, slack));
        assert!(is_between(told.virtual_memory, before.virtual_memory, after.virtual_memory, 256 << 20));
        assert!(is_between(told.open_fds, before.open_fds, after.open_fds, 8));
        assert!(is_between(told.disk_written, before.disk_written, after.disk_written, 0));
        assert!(is_between(told.disk_read, before.disk_read, after.disk_read, 0));
        assert_eq!(told.max_fds, before.max_fds);
        // It adds the whole seconds of two times.
        assert!((told.start_time.unwrap() - before.start_time.unwrap()).abs() < 2.1);
    }

    #[test]
    fn what_sysinfo_does_not_tell_is_not_there() {
        let told = read();
        assert!(told.threads.is_none() && told.virtual_memory_max.is_none() && told.io_read.is_none());
        assert!(told.network_received.is_none());
        assert_eq!(known(0), None);
    }
}

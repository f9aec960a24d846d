//! The process as Linux tells it: `/proc/self`, two clocks and two limits.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, Timespec, clock_gettime};

use super::reading::Reading;

/// No limit, as `client_golang` shows it.
const UNLIMITED: f64 = 18_446_744_073_709_551_615.0;

/// Reads the calling process. `/proc/self` is that of whoever opens it, a forked child too.
pub(super) fn read() -> Reading {
    let stat = fs::read("/proc/self/stat").ok().and_then(|line| Stat::parse(&line));
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let netstat = fs::read_to_string("/proc/self/net/netstat").unwrap_or_default();
    let page_size = u64::try_from(page_size()).ok();
    Reading {
        cpu_seconds: seconds(clock_gettime(ClockId::ProcessCPUTime)),
        resident_memory: stat.as_ref().zip(page_size).map(|(stat, size)| stat.resident_pages * size),
        virtual_memory: stat.as_ref().map(|stat| stat.virtual_bytes),
        virtual_memory_max: Some(limit(Resource::As)),
        open_fds: open_fds(),
        max_fds: Some(limit(Resource::Nofile)),
        threads: stat.as_ref().map(|stat| stat.threads),
        start_time: stat.as_ref().and_then(|stat| start_time(stat.start_ticks)),
        io_read: line(&io, "rchar"),
        io_written: line(&io, "wchar"),
        disk_read: line(&io, "read_bytes"),
        disk_written: line(&io, "write_bytes"),
        network_received: ip_octets(&netstat, "InOctets"),
        network_transmitted: ip_octets(&netstat, "OutOctets"),
    }
}

/// What is taken of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    threads: u64,
    /// Since the system was booted.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    // SPEC: proc_pid_stat(5), fields 20, 22, 23 and 24. The second is the program's name in parentheses, which can hold any
    // bytes, parentheses and spaces too; the third stands behind the last parenthesis.
    fn parse(line: &[u8]) -> Option<Stat> {
        let name_end = line.iter().rposition(|&byte| byte == b')')?;
        let fields = str::from_utf8(&line[name_end + 1..]).ok()?;
        let mut fields = fields.split_ascii_whitespace().skip(20 - 3);
        let threads = fields.next()?.parse().ok()?;
        let mut fields = fields.skip(1);
        Some(Stat {
            threads,
            start_ticks: fields.next()?.parse().ok()?,
            virtual_bytes: fields.next()?.parse().ok()?,
            resident_pages: fields.next()?.parse().ok()?,
        })
    }
}

/// The number of a line `name: number`.
fn line(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}

// SPEC: proc_pid_net(5), and Linux, net/ipv4/proc.c, netstat_seq_show: a line of names and a line of numbers, which both
// begin with the table's name.
fn ip_octets(netstat: &str, name: &str) -> Option<u64> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split_ascii_whitespace().position(|known| known == name)?;
    numbers.split_ascii_whitespace().nth(place)?.parse().ok()
}

/// How many descriptors are open, none of this reading's among them.
fn open_fds() -> Option<u64> {
    // SPEC: Linux 6.2, "proc: report open files as size in stat() for /proc/pid/fd". It is 0 before.
    match fs::metadata("/proc/self/fd").ok()?.len() {
        0 => {
            let listed = fs::read_dir("/proc/self/fd").ok()?.flatten().count();
            // One of them reads the folder.
            u64::try_from(listed).ok()?.checked_sub(1)
        }
        number => Some(number),
    }
}

#[expect(clippy::cast_precision_loss, reason = "limits past 2^53 are as good as none")]
fn limit(resource: Resource) -> f64 {
    getrlimit(resource).current.map_or(UNLIMITED, |limit| limit as f64)
}

/// A start that has been told, by the ticks that it was told for.
///
/// The clock is set now and then, and a start that moves would look like one more start; so it is worked out once, and all
/// collectors tell the same. A forked child has other ticks.
static START: Mutex<Option<(u64, f64)>> = Mutex::new(None);

/// When a process started that did so after this many ticks, in seconds since 1970, to a tick.
fn start_time(ticks: u64) -> Option<f64> {
    let mut known = START.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, time)) = *known
        && of == ticks
    {
        return Some(time);
    }
    let booted = seconds(clock_gettime(ClockId::Realtime))? - seconds(clock_gettime(ClockId::Boottime))?;
    let time = started(booted, ticks, clock_ticks_per_second());
    *known = Some((ticks, time));
    Some(time)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a system runs for less than 2^53 ticks, which are 2.8 million years"
)]
fn started(booted: f64, ticks: u64, per_second: u64) -> f64 {
    let per_second = per_second as f64;
    (booted * per_second + ticks as f64).round() / per_second
}

fn seconds(time: Timespec) -> Option<f64> {
    let nanoseconds = u32::try_from(time.tv_nsec).ok()?;
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, nanoseconds).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_can_be_called_anything() {
        let numbers = "R 5264 5264 27946 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 3 0 68671 3133440 360 18446744073709551615 9";
        let expected =
            Stat { threads: 3, start_ticks: 68_671, virtual_bytes: 3_133_440, resident_pages: 360 };
        for name in ["cat", "a b", "x) R 1 1 (y", ") ) )", "\u{fffd}"] {
            let line = format!("5268 ({name}) {numbers}");
            assert_eq!(Stat::parse(line.as_bytes()).as_ref(), Some(&expected), "{name}");
        }
        let not_utf8 = [&b"5268 (\xff\xfe) "[..], numbers.as_bytes()].concat();
        assert_eq!(Stat::parse(&not_utf8), Some(expected));
    }

    #[test]
    fn what_is_cut_off_or_no_number_is_not_told() {
        for line in ["", "1 (a", "1 (a) R 1", "1 (a) R 1 1 1 0 -1 4 9 0 0 0 0 0 0 0 20 0 three 0 6 3 3"] {
            assert_eq!(Stat::parse(line.as_bytes()), None, "{line}");
        }
        assert_eq!(line("rchar: 12\nwchar: x\n", "rchar"), Some(12));
        assert_eq!(line("rchar: 12\nwchar: x\n", "wchar"), None);
        assert_eq!(line("cancelled_write_bytes: 4\n", "write_bytes"), None);
        assert_eq!(ip_octets("IpExt: InOctets\n", "InOctets"), None);
        assert_eq!(ip_octets("TcpExt: A\nTcpExt: 1\nIpExt: A InOctets\nIpExt: 1 7\n", "InOctets"), Some(7));
        assert_eq!(ip_octets("IpExt: A\nIpExt: 1\n", "InOctets"), None);
    }

    #[test]
    fn a_start_is_told_to_a_tick() {
        assert_eq!(started(1_700_000_000.123_4, 250, 100).to_bits(), 1_700_000_002.62_f64.to_bits());
    }
}

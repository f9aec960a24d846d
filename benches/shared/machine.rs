//! What figures were measured on.

use std::fs;
use std::thread;

/// The processor's name as the system tells it, and how many of them the process may use.
#[must_use]
pub fn machine() -> String {
    // SPEC: proc(5), /proc/cpuinfo: a processor's `model name`.
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim()));
    let processors = thread::available_parallelism().map_or(1, usize::from);
    format!("{}, {processors} x {}", name.unwrap_or("unknown processor"), std::env::consts::ARCH)
}

/// How many ticks the hypervisor took from this machine so far, all processors together.
#[must_use]
pub fn stolen_ticks() -> u64 {
    // SPEC: proc(5), /proc/stat: the first line sums the processors; `steal` is its eighth value.
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let steal = stat.lines().next().and_then(|line| line.split_whitespace().nth(8));
    steal.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

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

//! Where a thread runs, and what disturbed it.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::unistd::Pid;

/// Lets the calling thread run on the `index`th of the processors that the process may use, and nowhere else.
pub(crate) fn pin(index: usize) -> nix::Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let usable = |&cpu: &usize| allowed.is_set(cpu).unwrap_or(false);
    let cpu = (0..CpuSet::count()).filter(usable).nth(index).ok_or(nix::errno::Errno::EINVAL)?;
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(this, &only)
}

/// When the calling thread gets its processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// As all others do.
    Usual,
    /// Before all others, where the system permits that: what is measured is the same as on an idle machine. Where it
    /// is not permitted, more rounds are disturbed.
    First,
    /// Before those as well, which might wait for it without a pause.
    BeforeFirst,
}

/// Sets when the calling thread gets its processor.
pub(crate) fn take_turn(turn: Turn) {
    let (policy, priority) = match turn {
        Turn::Usual => (libc::SCHED_OTHER, 0),
        Turn::First => (libc::SCHED_FIFO, 1),
        Turn::BeforeFirst => (libc::SCHED_FIFO, 2),
    };
    let parameters = libc::sched_param { sched_priority: priority };
    // SAFETY: 0 is the calling thread, and the parameters outlive the call.
    let _ = unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) };
}

/// How often the calling thread was made to give up its processor so far.
pub(crate) fn involuntary_switches() -> i64 {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.involuntary_context_switches())
}

/// How many ticks the hypervisor took from this machine so far, all processors together.
pub(crate) fn stolen_ticks() -> u64 {
    // SPEC: proc(5), /proc/stat: the first line sums the processors; `steal` is its eighth value.
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let steal = stat.lines().next().and_then(|line| line.split_whitespace().nth(8));
    steal.and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

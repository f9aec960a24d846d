//! What else the machine does.

use std::error::Error;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::unistd::{SysconfVar, sysconf};

/// How much of the processors others may take while something is measured that counts as undisturbed.
pub(crate) const TOLERATED: f64 = 0.05;

/// A stretch of time, from its start on.
#[derive(Debug)]
pub(crate) struct Stretch {
    start: Instant,
    machine: Duration,
    own: Duration,
}

impl Stretch {
    pub(crate) fn start() -> Result<Stretch, Box<dyn Error>> {
        Ok(Stretch { start: Instant::now(), machine: machine_time()?, own: own_time()? })
    }

    /// The part of the processors' time that others had: neither this process, nor those that it started and waited for.
    /// The hypervisor is one of them.
    pub(crate) fn taken_by_others(&self) -> Result<f64, Box<dyn Error>> {
        let (elapsed, machine, own) = (self.start.elapsed(), machine_time()?, own_time()?);
        let others = machine.saturating_sub(self.machine + own.saturating_sub(self.own));
        Ok(others.div_duration_f64(elapsed) / thread::available_parallelism()?.get() as f64)
    }
}

/// Waits until others hardly do anything, though no longer than `limit`.
pub(crate) fn wait_for_calm(limit: Duration) -> Result<(), Box<dyn Error>> {
    const GLANCE: Duration = Duration::from_millis(200);
    let start = Instant::now();
    while start.elapsed() < limit {
        let stretch = Stretch::start()?;
        thread::sleep(GLANCE);
        if stretch.taken_by_others()? <= TOLERATED {
            break;
        }
    }
    Ok(())
}

/// What the processors did not idle so far, all together.
fn machine_time() -> Result<Duration, Box<dyn Error>> {
    // SPEC: proc(5), /proc/stat: the first line sums the processors, in ticks: user, nice, system, idle, iowait, irq,
    // softirq, steal.
    let stat = fs::read_to_string("/proc/stat")?;
    let mut ticks = 0;
    for (index, field) in
        stat.lines().next().unwrap_or_default().split_whitespace().skip(1).take(8).enumerate()
    {
        if ![3, 4].contains(&index) {
            ticks += field.parse::<u64>()?;
        }
    }
    let per_second = sysconf(SysconfVar::CLK_TCK)?.ok_or("the system does not say how long a tick is")?;
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// What this process and those that it waited for had of them so far.
fn own_time() -> Result<Duration, Box<dyn Error>> {
    Ok(time(&getrusage(UsageWho::RUSAGE_CHILDREN)?) + process_time()?)
}

/// What this process alone had of them so far.
pub(crate) fn process_time() -> Result<Duration, Box<dyn Error>> {
    Ok(time(&getrusage(UsageWho::RUSAGE_SELF)?))
}

fn time(usage: &Usage) -> Duration {
    let times = [usage.user_time(), usage.system_time()];
    times.iter().map(|time| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)).sum()
}

//! Rounds, in each of which everybody takes a turn.

use std::error::Error;
use std::thread;
use std::time::Duration;

use nilometer_benches::stolen_ticks;
use nix::sys::resource::{UsageWho, getrusage};

use crate::contestant::Contestant;
use crate::page::fetch;
use crate::recording::{Recorded, Recording};
use crate::wrk::{Asked, Look, ask};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// For how long every answer is looked at, before anything is measured.
    pub(crate) warm_up: Duration,
    /// For how long threads record alone in each turn, and for how long under load.
    pub(crate) alone: Duration,
    pub(crate) load: Duration,
}

/// What came of one turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    pub(crate) alone: Recorded,
    pub(crate) loaded: Recorded,
    pub(crate) asked: Asked,
    /// What serving took of the processors.
    pub(crate) serving: Duration,
    /// What the hypervisor took from the machine, in ticks.
    pub(crate) stolen: u64,
}

/// The turns of every contestant, as many as there are rounds.
pub(crate) fn measure(contestants: &mut [Contestant], plan: Plan) -> Result<Vec<Vec<Turn>>, Box<dyn Error>> {
    for contestant in &mut *contestants {
        let page = fetch(contestant)?.len();
        let recording = Recording::start(contestant);
        let asked = ask(contestant.address, plan.warm_up, Look::AtEach, page);
        contestant.passes += recording.stop().passes;
        asked.map_err(|error| format!("{}: {error}", contestant.name))?;
    }
    let count = contestants.len();
    let mut turns = vec![Vec::new(); count];
    for round in 0..plan.rounds {
        for place in 0..count {
            let index = (place + round) % count;
            let contestant = &mut contestants[index];
            turns[index]
                .push(turn(contestant, plan).map_err(|error| format!("{}: {error}", contestant.name))?);
        }
    }
    Ok(turns)
}

fn turn(contestant: &mut Contestant, plan: Plan) -> Result<Turn, Box<dyn Error>> {
    let stolen = stolen_ticks();
    let recording = Recording::start(contestant);
    thread::sleep(plan.alone);
    let alone = recording.stop();
    contestant.passes += alone.passes;

    // Values get longer, never shorter: no answer of this turn has fewer bytes.
    let page = fetch(contestant)?.len();
    let before = processor_time()?;
    let recording = Recording::start(contestant);
    let asked = ask(contestant.address, plan.load, Look::AtNone, page);
    let loaded = recording.stop();
    let serving = processor_time()?.saturating_sub(before + loaded.processor);
    contestant.passes += loaded.passes;
    Ok(Turn { alone, loaded, asked: asked?, serving, stolen: stolen_ticks() - stolen })
}

/// What this process got of the processors so far.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let times = [usage.user_time(), usage.system_time()];
    Ok(times.iter().map(|time| Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)).sum())
}

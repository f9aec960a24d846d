//! Rounds, in each of which everybody takes a turn.

use std::error::Error;
use std::thread;
use std::time::Duration;

use crate::contestant::Contestant;
use crate::disturbance::{Stretch, TOLERATED, process_time, wait_for_calm};
use crate::page::fetch;
use crate::recording::{Recorded, Recording};
use crate::wrk::{Asked, Look, ask};

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// For how long a turn waits for others to be done, at most.
    pub(crate) patience: Duration,
    /// How often a turn is taken, at most, until others hardly disturb it.
    pub(crate) attempts: usize,
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
    /// The part of the processors' time that others had.
    pub(crate) others: f64,
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
            let turn = calmest(contestant, plan).map_err(|error| format!("{}: {error}", contestant.name))?;
            turns[index].push(turn);
        }
    }
    Ok(turns)
}

/// The first turn that is not disturbed, or the one that is least.
fn calmest(contestant: &mut Contestant, plan: Plan) -> Result<Turn, Box<dyn Error>> {
    let mut calmest = turn(contestant, plan)?;
    for _ in 1..plan.attempts {
        if calmest.others <= TOLERATED {
            break;
        }
        let next = turn(contestant, plan)?;
        if next.others < calmest.others {
            calmest = next;
        }
    }
    Ok(calmest)
}

fn turn(contestant: &mut Contestant, plan: Plan) -> Result<Turn, Box<dyn Error>> {
    wait_for_calm(plan.patience)?;
    let stretch = Stretch::start()?;
    let recording = Recording::start(contestant);
    thread::sleep(plan.alone);
    let alone = recording.stop();
    contestant.passes += alone.passes;

    // Values get longer, never shorter: no answer of this turn has fewer bytes.
    let page = fetch(contestant)?.len();
    let before = process_time()?;
    let recording = Recording::start(contestant);
    let asked = ask(contestant.address, plan.load, Look::AtNone, page);
    let loaded = recording.stop();
    let serving = process_time()?.saturating_sub(before + loaded.processor);
    contestant.passes += loaded.passes;
    Ok(Turn { alone, loaded, asked: asked?, serving, others: stretch.taken_by_others()? })
}

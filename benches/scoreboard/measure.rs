//! Rounds: everybody takes a slice of time in turn, and again, until there are enough of them.

use std::error::Error;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::contest::Contestant;
use crate::quiet::{self, Turn};

/// The least part of a slice of two threads in which both of them run.
const LEAST_OVERLAP: f64 = 0.9;

/// How many batches there are in a slice, about: a thread looks at the clock after each.
const BATCHES: u64 = 25;

/// More turns than fit into any slice, unless the compiler found that they need not be taken.
const MOST_TURNS: u64 = 1 << 32;

/// How a row is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) threads: usize,
    /// Whether each turn works out anew what does not change between turns.
    pub(crate) anew: bool,
    pub(crate) rounds: usize,
    pub(crate) slice: Duration,
    /// How often a slice is taken, at most, until nothing disturbs it.
    pub(crate) attempts: usize,
    /// How many rounds may be taken again because something disturbed them.
    pub(crate) spare: usize,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Nanoseconds per turn: for each contestant, one figure per round.
    pub(crate) figures: Vec<Vec<f64>>,
    /// Rounds that were disturbed each time they were taken, and count nevertheless.
    pub(crate) disturbed: usize,
}

struct Job {
    contestant: usize,
    /// Batches of so many turns, until so much time has passed.
    batch: u64,
    time: Duration,
    /// How many threads must have come to the gate, all jobs so far together.
    gate: usize,
}

struct Slice {
    start: Instant,
    end: Instant,
    turns: u64,
    switches: i64,
}

/// Measures all contestants, and checks that each has counted every turn.
pub(crate) fn measure(contestants: &[Contestant], plan: Plan) -> Result<Measured, Box<dyn Error>> {
    let gate = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (jobs, workers): (Vec<_>, Vec<_>) = (0..plan.threads)
            .map(|index| {
                let (job_sender, job_receiver) = channel();
                let (slice_sender, slice_receiver) = channel();
                let gate = &gate;
                scope.spawn(move || work(contestants, plan.anew, index, gate, &job_receiver, &slice_sender));
                (job_sender, slice_receiver)
            })
            .unzip();
        let mut field =
            Field { contestants, plan, jobs, workers, passed: 0, taken: vec![0; contestants.len()] };
        quiet::take_turn(Turn::BeforeFirst);
        let measured = field.rounds();
        quiet::take_turn(Turn::Usual);
        field.check_totals()?;
        measured
    })
}

/// What a measuring thread does: jobs, until there are no more.
fn work(
    contestants: &[Contestant],
    anew: bool,
    index: usize,
    gate: &AtomicUsize,
    jobs: &Receiver<Job>,
    slices: &Sender<Slice>,
) {
    quiet::pin(index).expect("a thread can be bound to a processor that it may use");
    quiet::take_turn(Turn::First);
    // Each thread begins elsewhere in the inputs, so that two do not walk in step.
    let first = index as u64 * 509;
    while let Ok(job) = jobs.recv() {
        let contestant = &contestants[job.contestant];
        let run = if anew { &contestant.run_anew } else { &contestant.run };
        let switches = quiet::involuntary_switches();
        // ORDERING: the gate only makes threads start together; what they share travels through the channels.
        gate.fetch_add(1, Ordering::Relaxed);
        while gate.load(Ordering::Relaxed) < job.gate {
            spin_loop();
        }
        let start = Instant::now();
        let mut turns = 0;
        let end = loop {
            run(first + turns, job.batch);
            turns += job.batch;
            let now = Instant::now();
            if now - start >= job.time {
                break now;
            }
        };
        let switches = quiet::involuntary_switches() - switches;
        if slices.send(Slice { start, end, turns, switches }).is_err() {
            return;
        }
    }
}

struct Field<'a> {
    contestants: &'a [Contestant],
    plan: Plan,
    jobs: Vec<Sender<Job>>,
    workers: Vec<Receiver<Slice>>,
    passed: usize,
    /// How many turns each contestant took.
    taken: Vec<u64>,
}

impl Field<'_> {
    fn rounds(&mut self) -> Result<Measured, Box<dyn Error>> {
        let count = self.contestants.len();
        let batches: Vec<u64> = (0..count).map(|index| self.calibrate(index)).collect::<Result<_, _>>()?;
        let mut measured = Measured { figures: vec![Vec::new(); count], disturbed: 0 };
        let mut spare = self.plan.spare;
        let mut round = 0;
        while round < self.plan.rounds {
            let mut calm = true;
            let mut figures = vec![0.0; count];
            for place in 0..count {
                let contestant = (place + round) % count;
                let (figure, undisturbed) = self.calm_slice(contestant, batches[contestant])?;
                figures[contestant] = figure;
                calm &= undisturbed;
            }
            if !calm && spare > 0 {
                spare -= 1;
                continue;
            }
            measured.disturbed += usize::from(!calm);
            for (all, figure) in measured.figures.iter_mut().zip(figures) {
                all.push(figure);
            }
            round += 1;
        }
        Ok(measured)
    }

    /// How many turns are a batch. The pages and caches of the contestant are warm afterwards.
    fn calibrate(&mut self, contestant: usize) -> Result<u64, Box<dyn Error>> {
        let wanted = (self.plan.slice.as_nanos() / u128::from(BATCHES)) as f64;
        let mut turns = 1;
        loop {
            let per_turn = self.slice(contestant, turns, Duration::ZERO)?.0;
            if per_turn * turns as f64 * 4.0 >= wanted {
                return Ok((wanted / per_turn).max(1.0) as u64);
            }
            turns *= 2;
            if turns > MOST_TURNS {
                return Err(format!("`{}` does nothing in a turn", self.contestants[contestant].name).into());
            }
        }
    }

    /// One figure, and whether it was taken without disturbance.
    fn calm_slice(&mut self, contestant: usize, batch: u64) -> Result<(f64, bool), Box<dyn Error>> {
        let mut last = self.slice(contestant, batch, self.plan.slice)?;
        for _ in 1..self.plan.attempts {
            if last.1 {
                break;
            }
            last = self.slice(contestant, batch, self.plan.slice)?;
        }
        Ok(last)
    }

    /// One figure, the mean over the threads' turns, and whether nothing disturbed it.
    fn slice(
        &mut self,
        contestant: usize,
        batch: u64,
        time: Duration,
    ) -> Result<(f64, bool), Box<dyn Error>> {
        let stolen = quiet::stolen_ticks();
        self.passed += self.plan.threads;
        for jobs in &self.jobs {
            jobs.send(Job { contestant, batch, time, gate: self.passed })?;
        }
        let slices: Vec<Slice> = self.workers.iter().map(Receiver::recv).collect::<Result<_, _>>()?;
        let stolen = quiet::stolen_ticks() - stolen;
        let turns: u64 = slices.iter().map(|slice| slice.turns).sum();
        self.taken[contestant] += turns;
        (self.contestants[contestant].settle)();

        let longest = slices.iter().map(|slice| slice.end - slice.start).max().unwrap_or_default();
        let spent: Duration = slices.iter().map(|slice| slice.end - slice.start).sum();
        let together = match (slices.iter().map(|s| s.start).max(), slices.iter().map(|s| s.end).min()) {
            (Some(start), Some(end)) => end.saturating_duration_since(start),
            _ => Duration::ZERO,
        };
        let overlap = together.as_secs_f64() / longest.as_secs_f64().max(f64::MIN_POSITIVE);
        let switches: i64 = slices.iter().map(|slice| slice.switches).sum();
        let calm = stolen == 0 && switches == 0 && overlap >= LEAST_OVERLAP;
        Ok((spent.as_nanos() as f64 / turns as f64, calm))
    }

    fn check_totals(&self) -> Result<(), Box<dyn Error>> {
        for (contestant, &taken) in self.contestants.iter().zip(&self.taken) {
            let Some(total) = &contestant.total else { continue };
            let total = total();
            if total != taken {
                let name = contestant.name;
                return Err(format!("`{name}` took {taken} turns and holds {total}").into());
            }
        }
        Ok(())
    }
}

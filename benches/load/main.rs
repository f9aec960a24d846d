//! Nilometer's server beside that of `metrics-exporter-prometheus`, both under load, while threads record.
//!
//! ```sh
//! .ci/load
//! ```
//!
//! installs `wrk` where it is missing and runs this.
//!
//! | option | means |
//! |---|---|
//! | `--quick` | fewer rounds, each taken once: half a minute |
//! | `--ledger` | prints rows for `benches/LEDGER.md` after the table |
//!
//! Both serve the same page, 1,000 counters of three labels, from this process, each on a runtime of its own. `wrk`, a
//! process of its own with 2 threads, asks over 64 connections, one request after the other on each. In each round
//! everybody takes a turn, each round beginning with the next one: first 2 threads record alone, then they go on while
//! `wrk` asks. They record as fast as they can, all of them on all series, through handles. Figures are medians over the
//! rounds; a ratio is nilometer's throughput over the rival's in the same round. The program fails when that is below its
//! floor.
//!
//! Recording, serving and asking share the machine's processors: with 2 of them, most of what recording loses under load
//! goes to the server and to `wrk`. So there are two figures: how much of its rate recording loses, and how much of what
//! a thread records in a second that a processor gives to it.
//!
//! A turn in which other processes or the hypervisor took more than a twentieth of the processors' time is taken again a
//! few times, once they have calmed down or that has been waited for in vain; then the calmest one counts. How many turns
//! were disturbed nevertheless is said.
//!
//! Before anything is measured, the pages of all are compared, and every answer under load is looked at for a while.
//! After that only what `wrk` itself sees is: an answer counts when its end was read, as its length or its last chunk
//! says; a status from 400 on, an error, a timeout, or fewer bytes than so many pages have fail the run. At the end every
//! counter has to show exactly what was recorded.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and microseconds are far below 2^52, and a figure is not exact anyway"
)]

mod contestant;
mod disturbance;
mod page;
mod recording;
mod report;
mod round;
mod wrk;

use std::env;
use std::error::Error;
use std::time::Duration;

use self::contestant::Contestant;
use self::report::Report;
use self::round::{Plan, measure};

/// How much of the rival's throughput nilometer's is, at least.
const FLOOR: f64 = 3.0;

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut plan = Plan {
        rounds: 11,
        patience: Duration::from_secs(3),
        attempts: 3,
        warm_up: Duration::from_secs(2),
        alone: Duration::from_secs(1),
        load: Duration::from_secs(2),
    };
    let (mut quick, mut in_ledger) = (false, false);
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            "--ledger" => in_ledger = true,
            _ => return Err(format!("unknown option `{argument}`").into()),
        }
    }
    if quick {
        plan = Plan { rounds: 3, patience: Duration::ZERO, attempts: 1, ..plan };
    }

    let mut contestants = Contestant::all()?;
    page::compare(&contestants)?;
    let rounds = measure(&mut contestants, plan)?;
    page::compare(&contestants)?;

    let report = Report::of(&contestants, &rounds);
    print!("{}", report.table());
    if in_ledger {
        print!("\n{}", report.ledger(if quick { ".ci/load --quick" } else { ".ci/load" })?);
    }
    let ratio = report.least_ratio();
    if ratio < FLOOR {
        return Err(
            format!("the throughput is {ratio:.2} times the rival's, and {FLOOR} are its floor").into()
        );
    }
    Ok(())
}

//! An axum application with the layer for HTTP servers, under load: what it counts beside what `wrk` counts, and what it
//! costs beside the same application without it.
//!
//! ```sh
//! cargo run --release -p nilometer-benches --features http --bin http_load
//! ```
//!
//! needs `wrk`, which `.ci/load` installs where it is missing.
//!
//! | option | means |
//! |---|---|
//! | `--quick` | fewer rounds: half a minute |
//! | `--ledger` | prints rows for `benches/LEDGER.md` after the table |
//!
//! # Totals
//!
//! `wrk` ends by dropping its connections, whatever they wait for. So that both sides can be compared exactly, each
//! connection ends with a request that is never answered: every other one was answered, and read, before that one was sent.
//! Then what `wrk` has sent is what the layer has counted, what it has read is what is counted as complete, and the one on
//! each connection is what is counted as aborted; and half of the requests were for paths that there are not, each of them
//! another one, and are one series. The program fails unless all of that holds, and nothing is active in the end.
//!
//! # Costs
//!
//! The applications are served by this process, each by a runtime of its own, and take turns, the first one changing;
//! `wrk` has 2 threads and 64 connections. `serving` is what the process takes of the processors for an answer, and the
//! overhead is by how much that is more than without a layer, in the same round. One application has a layer that does
//! nothing, which shows what axum takes for any. Figures are medians over the rounds.
//!
//! `alone` is the layer around a service that does nothing, without a network: what a request through both takes, less
//! what it takes through the service.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and microseconds are far below 2^52, and a figure is not exact anyway"
)]

mod alone;
mod app;
#[path = "../load/disturbance.rs"]
mod disturbance;
mod totals;
mod wrk;

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use nilometer_benches::{ledger_rows, machine};

use self::app::App;
use self::disturbance::{Stretch, TOLERATED, process_time, wait_for_calm};
use self::wrk::Asked;

/// What one turn came to.
struct Turn {
    asked: Asked,
    /// Microseconds of a processor that an answer took.
    serving: f64,
    /// The part of the processors' time that others had.
    others: f64,
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let (mut quick, mut in_ledger) = (false, false);
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            "--ledger" => in_ledger = true,
            _ => return Err(format!("unknown option `{argument}`").into()),
        }
    }
    println!("{}", totals::check()?);
    let alone = alone::nanoseconds()?;

    let apps = [App::bare()?, App::idle()?, App::measured()?];
    let mut turns = [Vec::new(), Vec::new(), Vec::new()];
    let rounds = if quick { 3 } else { 15 };
    for app in &apps {
        wrk::ask(app.address, Duration::from_secs(1))?;
    }
    for round in 0..rounds {
        for place in 0..apps.len() {
            let index = (place + round) % apps.len();
            turns[index].push(calmest(&apps[index], if quick { 1 } else { 3 })?);
        }
    }

    let (table, figures) = report(&apps, &turns, alone);
    print!("{table}");
    if in_ledger {
        let command = if quick { "http_load --quick" } else { "http_load" };
        print!("\n{}", ledger_rows(command, &figures)?);
    }
    Ok(())
}

/// The first turn that is not disturbed, or the one that is least.
fn calmest(app: &App, attempts: usize) -> Result<Turn, Box<dyn Error>> {
    let mut calmest = turn(app)?;
    for _ in 1..attempts {
        if calmest.others <= TOLERATED {
            break;
        }
        let next = turn(app)?;
        if next.others < calmest.others {
            calmest = next;
        }
    }
    Ok(calmest)
}

fn turn(app: &App) -> Result<Turn, Box<dyn Error>> {
    wait_for_calm(Duration::from_secs(1))?;
    let (stretch, before) = (Stretch::start()?, process_time()?);
    let asked = wrk::ask(app.address, Duration::from_secs(2))?;
    let serving = process_time()?.saturating_sub(before).as_secs_f64() * 1e6 / asked.answers as f64;
    Ok(Turn { asked, serving, others: stretch.taken_by_others()? })
}

/// The table, and the figures for the ledger.
fn report(apps: &[App; 3], turns: &[Vec<Turn>; 3], alone: f64) -> (String, Vec<(String, String)>) {
    let [bare, idle, measured] = turns;
    let disturbed = turns.iter().flatten().filter(|turn| turn.others > TOLERATED).count();
    let mut table = format!(
        "{}; medians of {} rounds, {disturbed} of {} turns disturbed\n\n{:<24} {:>10} {:>10} {:>10} {:>12}\n",
        machine(),
        bare.len(),
        turns.len() * bare.len(),
        "application",
        "answers/s",
        "p50 ms",
        "p99 ms",
        "us/answer"
    );
    let mut figures = Vec::new();
    for (app, turns) in apps.iter().zip(turns) {
        let middle = |figure: fn(&Turn) -> f64| median(turns.iter().map(figure).collect());
        let rate = middle(|turn| turn.asked.answers as f64 / turn.asked.elapsed.as_secs_f64());
        let [p50, p99] =
            [|turn: &Turn| millis(turn.asked.p50), |turn: &Turn| millis(turn.asked.p99)].map(middle);
        let serving = middle(|turn| turn.serving);
        // Writing to a string does not fail.
        let _ = writeln!(table, "{:<24} {rate:>10.0} {p50:>10.2} {p99:>10.2} {serving:>12.2}", app.name);
        figures.push((format!("http/answers/{}", app.name), format!("{rate:.0} answers/s")));
        figures.push((format!("http/serving/{}", app.name), format!("{serving:.2} us/answer")));
    }
    for (name, turns) in [("overhead_of_any", idle), ("overhead", measured)] {
        let pairs = || bare.iter().zip(turns);
        let more = median(pairs().map(|(bare, with)| with.serving - bare.serving).collect());
        let part = median(pairs().map(|(bare, with)| with.serving / bare.serving - 1.0).collect());
        figures
            .push((format!("http/{name}"), format!("{:.0} ns/request ({:.1} %)", more * 1e3, part * 100.0)));
    }
    figures.push(("http/alone".to_owned(), format!("{alone:.0} ns/request")));
    for (name, figure) in &figures[2 * apps.len()..] {
        let _ = writeln!(table, "{name:<24} {figure}");
    }
    (table, figures)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

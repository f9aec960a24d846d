//! Nilometer beside its rivals and beside what the machine can do, everybody in one process and in turn.
//!
//! ```sh
//! cargo run --release -p nilometer-benches --features rivals --bin scoreboard
//! ```
//!
//! | option | means |
//! |---|---|
//! | `--rows PATTERN` | only the rows whose id contains the pattern |
//! | `--json PATH` | where the rows go as JSON; `target/scoreboard.json` by default |
//! | `--quick` | fewer and shorter rounds, smaller stores: tens of seconds |
//! | `--check` | three runs, each a process of its own, of which the middle one counts; fails when a floor is missed |
//! | `--markdown` | prints the tables in Markdown |
//! | `--ledger` | prints rows for `benches/LEDGER.md` instead |
//!
//! A row is measured in rounds, in each of which everybody takes a slice of time, each round beginning with the next
//! one. Figures are medians over the rounds. The ratio is the best rival's figure over nilometer's, its median over
//! the rounds, with its quartiles. A slice in which a thread lost its processor, the hypervisor took time or two
//! threads did not run at once is taken again a few times, then its round is; there is an end to that, and rounds that
//! count although they were disturbed are listed. Every contestant has to hold the total of all turns that it took,
//! or show it on its page.
//!
//! An operation is called in a loop that the compiler sees through: what does not change from turn to turn, such as a
//! handle's parts, may be worked out before it, by everybody alike. `counter/inc_anew` shows what an increment takes
//! that is called from anywhere.
//!
//! Bytes per series are what the C library's `malloc` gave out, for everybody alike, in a process of its own each;
//! resident bytes are in the JSON. Holders are threads that have recorded on every series and are still there.
//!
//! `--quick` leaves out the largest stores, the rivals that take longest for a page, and the bytes with 8 holders, and
//! makes half of the series that bytes are asked about, or a twentieth where 64 threads hold them.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "turns and nanoseconds are far below 2^52, and a figure is not exact anyway"
)]

mod allocations;
mod contest;
mod labels;
mod measure;
mod memory;
mod otel;
mod quiet;
mod report;
mod rows;
mod stores;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use self::report::Row;
use self::rows::{Board, CHILD, Effort, report_child};

/// How often everything is measured where floors are judged.
const RUNS: usize = 3;

/// The argument that makes the program measure once and print JSON, for another that compares several such runs.
const RUN_APART: &str = "--run-apart";

/// How the rows are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Markdown,
    Ledger,
}

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut board = Board { pattern: None, effort: Effort::Full };
    let mut path = PathBuf::from("target/scoreboard.json");
    let (mut form, mut check) = (Form::Table, false);
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == CHILD
    {
        println!("{}", report_child(rest)?);
        return Ok(ExitCode::SUCCESS);
    }
    let mut apart = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--rows" => board.pattern = Some(value()?.clone()),
            "--json" => path = PathBuf::from(value()?),
            "--quick" => board.effort = Effort::Quick,
            "--check" => check = true,
            RUN_APART => apart = true,
            "--markdown" => form = Form::Markdown,
            "--ledger" => form = Form::Ledger,
            _ => return Err(format!("unknown option `{argument}`").into()),
        }
    }

    if apart {
        println!("{}", report::json(&board.measure()?, &[]));
        return Ok(ExitCode::SUCCESS);
    }
    let runs = if check {
        (0..RUNS).map(|_| run_apart(&board)).collect::<Result<Vec<_>, _>>()?
    } else {
        vec![board.measure()?]
    };
    let verdicts = report::verdicts(&runs);
    let rows = middle(runs);
    if rows.is_empty() {
        return Err("no row has such an id".into());
    }

    let mut command = String::from("scoreboard");
    if let Some(pattern) = &board.pattern {
        command = command + " --rows " + pattern;
    }
    command += if board.effort == Effort::Quick { " --quick" } else { "" };
    command += if check { " --check" } else { "" };
    match form {
        Form::Table => print!("{}", report::table(&rows, &verdicts)),
        Form::Markdown => print!("{}", report::markdown(&rows, &verdicts, &command)),
        Form::Ledger => print!("{}", report::ledger(&rows, &command)?),
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, format!("{:#}\n", report::json(&rows, &verdicts)))?;
    let missed = check && verdicts.iter().any(|verdict| !verdict.met);
    Ok(if missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Measures everything in a process of its own: where its memory and its code lie is another, and figures of a
/// nanosecond depend on that.
fn run_apart(board: &Board) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut child = Command::new(env::current_exe()?);
    child.arg(RUN_APART);
    if let Some(pattern) = &board.pattern {
        child.args(["--rows", pattern]);
    }
    if board.effort == Effort::Quick {
        child.arg("--quick");
    }
    let output = child.stderr(Stdio::inherit()).output()?;
    let document = serde_json::from_slice(&output.stdout)?;
    report::rows(&document).ok_or_else(|| "a run did not give rows".into())
}

/// Of each row the run in the middle.
fn middle(runs: Vec<Vec<Row>>) -> Vec<Row> {
    let mut runs: Vec<_> = runs.into_iter().map(Vec::into_iter).collect();
    let mut rows = Vec::new();
    while let Some(row) = Row::middle(runs.iter_mut().filter_map(Iterator::next).collect()) {
        rows.push(row);
    }
    rows
}

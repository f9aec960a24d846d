//! How many instructions the hot operations take, counted by callgrind: figures that repeat on noisy machines.
//!
//! ```sh
//! cargo run --release -p nilometer-benches --bin counts
//! ```
//!
//! `.ci/counts` does the same and installs valgrind where it is missing. Each operation is run so many times and then
//! twice as many times, each in a process of its own; the difference is what the operation takes, with the loop around
//! it (the row `loop`) and without whatever came before. Fails when a count is above the bound that stands beside it
//! in `operations.rs`. `--ledger` prints rows for `benches/LEDGER.md` instead of the table.

mod operations;

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};

use nilometer_benches::ledger_rows;

use self::operations::{OPERATIONS, Operation};

/// The argument that makes the program run one operation so many times, and nothing else.
const CHILD: &str = "--run";

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let in_ledger = match arguments[..] {
        [] => false,
        ["--ledger"] => true,
        [CHILD, name, times] => {
            let operation = OPERATIONS.iter().find(|operation| operation.name == name);
            (operation.ok_or("there is no such operation")?.run)(times.parse()?);
            return Ok(ExitCode::SUCCESS);
        }
        _ => return Err("the one option is `--ledger`".into()),
    };

    let mut figures = Vec::new();
    let mut exceeded = false;
    for operation in &OPERATIONS {
        let count = count(operation)?;
        let above = count > operation.bound;
        exceeded |= above;
        if !in_ledger {
            let remark = if above { "  ABOVE ITS BOUND" } else { "" };
            println!("{:<34} {count:>8.1} instructions, at most {}{remark}", operation.name, operation.bound);
        }
        figures.push((operation.name.to_owned(), format!("{count:.1} instructions")));
    }
    if in_ledger {
        print!("{}", ledger_rows(".ci/counts", &figures)?);
    }
    Ok(if exceeded { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Instructions per operation.
fn count(operation: &Operation) -> Result<f64, Box<dyn Error>> {
    let (once, twice) = (collected(operation, 1)?, collected(operation, 2)?);
    Ok((twice - once) / f64::from(operation.times) / operation.worth)
}

/// Instructions of a process that runs the operation so many times its number of times.
fn collected(operation: &Operation, factor: u32) -> Result<f64, Box<dyn Error>> {
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(env::current_exe()?);
    let times = operation.times * factor;
    let output = valgrind.args([CHILD, operation.name, &times.to_string()]).output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    match count {
        Some(count) if output.status.success() => Ok(count),
        _ => Err(format!("valgrind did not count `{}`: {report}", operation.name).into()),
    }
}

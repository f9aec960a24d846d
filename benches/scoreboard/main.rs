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
//! | `--quick` | fewer and shorter rounds |
//!
//! A row is measured in rounds, in each of which everybody takes a slice of time, each round beginning with the next
//! one. Figures are medians over the rounds. The ratio is the best rival's figure over nilometer's, its median over
//! the rounds, with its quartiles. Rounds in which a thread lost its processor, the hypervisor took time or two
//! threads did not run at once are taken again, as often as there are rounds; those that count nevertheless are
//! listed. Every contestant has to hold the total of all turns that it took.
#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "turns and nanoseconds are far below 2^52, and a figure is not exact anyway"
)]

mod contest;
mod labels;
mod measure;
mod memory;
mod otel;
mod quiet;
mod report;
mod rows;

use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;

use self::rows::{Board, Effort};

#[expect(clippy::print_stdout, reason = "the table is what the program is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut board = Board { pattern: None, effort: Effort::Full, rows: Vec::new() };
    let mut path = PathBuf::from("target/scoreboard.json");
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--rows" => board.pattern = Some(value()?),
            "--json" => path = PathBuf::from(value()?),
            "--quick" => board.effort = Effort::Quick,
            _ => return Err(format!("unknown option `{argument}`").into()),
        }
    }
    board.measure()?;
    print!("{}", report::table(&board.rows));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(&path, format!("{:#}\n", report::json(&board.rows)))?;
    println!("{}", path.display());
    Ok(())
}

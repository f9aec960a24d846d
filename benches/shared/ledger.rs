//! Figures as rows of `LEDGER.md`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::process::Command;

use crate::machine::machine;

/// Where the ledger is.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/LEDGER.md");

/// Rows for the ledger, one for each of `figures`, which are a row's name and what was measured now.
///
/// What was before is the latest figure that the ledger has under the same name.
///
/// # Errors
///
/// The ledger cannot be read, or there is no `git` or `date` to ask for the commit and the day.
pub fn ledger_rows(command: &str, figures: &[(String, String)]) -> io::Result<String> {
    let commit = output_of("git", &["rev-parse", "--short", "HEAD"])?;
    let changes = output_of("git", &["status", "--porcelain", "--", ":/", ":!*LEDGER.md"])?;
    let commit = commit + if changes.is_empty() { "" } else { " and changes" };
    let day = output_of("date", &["--utc", "+%F"])?;
    Ok(rows(&fs::read_to_string(PATH)?, &[&day, &commit, &machine(), &format!("`{command}`")], figures))
}

fn output_of(program: &str, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn rows(ledger: &str, common: &[&str; 4], figures: &[(String, String)]) -> String {
    let mut rows = String::new();
    for (name, after) in figures {
        let before = latest(ledger, name).unwrap_or("-");
        // Writing to a string does not fail.
        let _ = writeln!(rows, "| {} | {name} | {before} | {after} |", common.join(" | "));
    }
    rows
}

/// The latest figure under that name.
fn latest<'a>(ledger: &'a str, name: &str) -> Option<&'a str> {
    let columns = |line: &'a str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    ledger.lines().rev().map(columns).find_map(|columns| match columns[..] {
        [_, _, _, _, row, _, after] if row == name => Some(after),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_begins_with_what_the_last_of_its_name_ended_with() {
        let common = ["2026-01-02", "abc", "machine", "`command`"];
        let figure = |after: &str| [("counter/inc".to_owned(), after.to_owned())];
        let mut ledger = String::from("| date | commit | machine | command | row | before | after |\n");
        ledger += &rows(&ledger, &common, &figure("5"));
        ledger += &rows(&ledger, &common, &figure("3"));
        let expected = "| 2026-01-02 | abc | machine | `command` | counter/inc | 3 | 2 |\n";
        assert_eq!(rows(&ledger, &common, &figure("2")), expected);
    }
}

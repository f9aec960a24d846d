//! Rows as tables: for the terminal, for a page in Markdown, for the ledger.

use std::fmt::Write as _;
use std::io;

use nilometer_benches::{ledger_rows, machine};

use super::{Row, Spread, Verdict};

fn figure(value: f64) -> String {
    format!("{value:.digits$}", digits = if value < 100.0 { 2 } else { 0 })
}

fn spread(ratio: Spread) -> String {
    format!("{} ({}-{})", figure(ratio.median), figure(ratio.lower), figure(ratio.upper))
}

/// The rivals but the best one, from the best on; the baselines in brackets.
fn others(row: &Row) -> Vec<String> {
    let mut others: Vec<_> =
        row.rivals.iter().filter(|(name, _)| Some(*name) != row.best_rival.as_ref()).collect();
    others.sort_by(|one, other| one.1.total_cmp(other.1));
    let baselines = row.baseline.iter().map(|(name, value)| format!("[{name} {}]", figure(*value)));
    others.into_iter().map(|(name, value)| format!("{name} {}", figure(*value))).chain(baselines).collect()
}

fn best(row: &Row) -> String {
    let best = row.best_rival.as_ref();
    best.map(|best| format!("{best} {}", figure(row.rivals[best]))).unwrap_or_default()
}

/// The rows as one table, then what was asked of them.
pub(crate) fn table(rows: &[Row], verdicts: &[Verdict]) -> String {
    let mut table = format!(
        "{:<31} {:>5} {:>9}  {:<18} {:<25} {}\n",
        "row", "unit", "nilometer", "ratio (quartiles)", "best rival", "others; [baseline]; disturbed rounds"
    );
    for row in rows {
        let ratio = row.ratio.map(spread).unwrap_or_default();
        let mut notes = others(row);
        if row.disturbed > 0 {
            notes.push(format!("{} of {} disturbed", row.disturbed, row.rounds));
        }
        let (id, unit, ours, best) = (&row.id, &row.unit, figure(row.nilometer), best(row));
        // Writing to a string does not fail, here and below.
        let _ = writeln!(table, "{id:<31} {unit:>5} {ours:>9}  {ratio:<18} {best:<25} {}", notes.join(", "));
    }
    if !verdicts.is_empty() {
        let _ = writeln!(
            table,
            "\n{:<31} {:<24} {:>7} {:>7} {:>7}  {:<10} runs",
            "row", "asked", "floor", "aim", "is", ""
        );
    }
    for verdict in verdicts {
        let Verdict { row, asked, floor, aim, value, runs, .. } = verdict;
        let runs: Vec<String> = runs.iter().copied().map(figure).collect();
        let (value, word) = (figure(*value), verdict.word());
        let _ = writeln!(
            table,
            "{row:<31} {asked:<24} {floor:>7} {aim:>7} {value:>7}  {word:<10} {}",
            runs.join(", ")
        );
    }
    table
}

/// The same for a page in Markdown.
pub(crate) fn markdown(rows: &[Row], verdicts: &[Verdict], command: &str) -> String {
    let mut page = format!(
        "`{command}` on {}; figures are medians, the ratio is the best rival's over nilometer's with its quartiles.\n\n\
         | row | unit | nilometer | best rival | ratio | others; [baseline] |\n|---|---|---|---|---|---|\n",
        machine()
    );
    for row in rows {
        let ratio = row.ratio.map(spread).unwrap_or_default();
        let (id, unit, ours, best, others) =
            (&row.id, &row.unit, figure(row.nilometer), best(row), others(row));
        let _ = writeln!(page, "| {id} | {unit} | {ours} | {best} | {ratio} | {} |", others.join(", "));
    }
    if !verdicts.is_empty() {
        page += "\n| row | asked | floor | aim | is | |\n|---|---|---|---|---|---|\n";
    }
    for verdict in verdicts {
        let Verdict { row, asked, floor, aim, value, .. } = verdict;
        let (value, word) = (figure(*value), verdict.word());
        let _ = writeln!(page, "| {row} | {asked} | {floor} | {aim} | {value} | {word} |");
    }
    page
}

/// The same for the ledger: our figure, and the ratio in brackets.
pub(crate) fn ledger(rows: &[Row], command: &str) -> io::Result<String> {
    let figures: Vec<(String, String)> = rows
        .iter()
        .map(|row| {
            let ratio = row.ratio.map(|ratio| format!(" ({})", figure(ratio.median))).unwrap_or_default();
            (row.id.clone(), format!("{} {}{ratio}", figure(row.nilometer), row.unit))
        })
        .collect();
    ledger_rows(command, &figures)
}

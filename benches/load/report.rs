//! Figures, and what is made of them.

use std::fmt::Write as _;
use std::io;

use nilometer_benches::{ledger_rows, machine};

use crate::contestant::{Contestant, Role};
use crate::disturbance::TOLERATED;
use crate::round::Turn;

/// What was measured of everybody.
#[derive(Debug)]
pub(crate) struct Report {
    lines: Vec<Line>,
    rounds: usize,
    /// How many turns there are, and how many of them were disturbed each time they were taken.
    turns: usize,
    disturbed: usize,
}

/// Medians over a contestant's turns.
#[derive(Debug)]
struct Line {
    name: &'static str,
    role: Role,
    /// Complete answers per second.
    answers: f64,
    /// That over the rival's, with its quartiles.
    ratio: Option<[f64; 3]>,
    megabytes: f64,
    /// Milliseconds.
    p50: f64,
    p99: f64,
    most: f64,
    /// Microseconds of a processor that an answer took.
    serving: f64,
    /// Increments per second, in millions, with nobody asking.
    alone: f64,
    /// Parts of the rate, and of what was recorded in a second of a processor, that recording lost to the load.
    lost: f64,
    slower: f64,
}

impl Report {
    /// What `turns` come to, for each contestant as many.
    pub(crate) fn of(contestants: &[Contestant], turns: &[Vec<Turn>]) -> Report {
        let rival = contestants.iter().position(|contestant| contestant.role == Role::Rival);
        let rival = rival.map_or(&[][..], |index| turns[index].as_slice());
        let lines =
            contestants.iter().zip(turns).map(|(contestant, turns)| Line::of(contestant, turns, rival));
        let all = turns.iter().flatten();
        Report {
            lines: lines.collect(),
            rounds: rival.len(),
            turns: all.clone().count(),
            disturbed: all.filter(|turn| turn.others > TOLERATED).count(),
        }
    }

    /// The lowest of the ratios that are judged.
    pub(crate) fn least_ratio(&self) -> f64 {
        let judged = self.lines.iter().filter(|line| line.role == Role::Ours { judged: true });
        judged.filter_map(|line| line.ratio).map(|[_, median, _]| median).fold(f64::INFINITY, f64::min)
    }

    /// For the terminal.
    pub(crate) fn table(&self) -> String {
        let mut table = format!(
            "{}; medians of {} rounds, {} of {} turns disturbed\n\n{:<28} {:>9} {:<18} {:>6} {:>8} {:>8} {:>8} \
             {:>10} {:>12} {:>6} {:>6}\n",
            machine(),
            self.rounds,
            self.disturbed,
            self.turns,
            "server",
            "answers/s",
            "ratio (quartiles)",
            "MB/s",
            "p50 ms",
            "p99 ms",
            "most ms",
            "us/answer",
            "recorded M/s",
            "lost",
            "slower"
        );
        for line in &self.lines {
            let ratio =
                line.ratio.map(|[lower, median, upper]| format!("{median:.2} ({lower:.2}-{upper:.2})"));
            // Writing to a string does not fail.
            let _ = writeln!(
                table,
                "{:<28} {:>9.0} {:<18} {:>6.0} {:>8.2} {:>8.2} {:>8.2} {:>10.1} {:>12.0} {:>4.0} % {:>4.0} %",
                line.name,
                line.answers,
                ratio.unwrap_or_default(),
                line.megabytes,
                line.p50,
                line.p99,
                line.most,
                line.serving,
                line.alone,
                line.lost * 100.0,
                line.slower * 100.0
            );
        }
        table
    }

    /// The same for the ledger.
    pub(crate) fn ledger(&self, command: &str) -> io::Result<String> {
        let mut figures = Vec::new();
        for line in &self.lines {
            let ratio = line.ratio.map(|[_, median, _]| format!(" ({median:.2})")).unwrap_or_default();
            let mut figure =
                |what: &str, value: String| figures.push((format!("load/{what}/{}", line.name), value));
            figure("answers", format!("{:.0} answers/s{ratio}", line.answers));
            figure("p99", format!("{:.2} ms", line.p99));
            figure("serving", format!("{:.1} us/answer", line.serving));
            figure("recording_lost", format!("{:.0} % of {:.0} M/s", line.lost * 100.0, line.alone));
            figure("recording_slower", format!("{:.0} %", line.slower * 100.0));
        }
        ledger_rows(command, &figures)
    }
}

impl Line {
    fn of(contestant: &Contestant, turns: &[Turn], rival: &[Turn]) -> Line {
        let middle = |figure: fn(&Turn) -> f64| quartiles(turns.iter().map(figure).collect())[1];
        let ratios = || turns.iter().zip(rival).map(|(ours, theirs)| ours.asked.rate() / theirs.asked.rate());
        Line {
            name: contestant.name,
            role: contestant.role,
            answers: middle(|turn| turn.asked.rate()),
            ratio: (contestant.role != Role::Rival).then(|| quartiles(ratios().collect())),
            megabytes: middle(|turn| turn.asked.bytes as f64 / turn.asked.elapsed.as_secs_f64() / 1e6),
            p50: middle(|turn| turn.asked.p50.as_secs_f64() * 1e3),
            p99: middle(|turn| turn.asked.p99.as_secs_f64() * 1e3),
            most: middle(|turn| turn.asked.most.as_secs_f64() * 1e3),
            serving: middle(|turn| turn.serving.as_secs_f64() * 1e6 / turn.asked.answers as f64),
            alone: middle(|turn| turn.alone.rate() / 1e6),
            lost: middle(|turn| 1.0 - turn.loaded.rate() / turn.alone.rate()),
            slower: middle(|turn| 1.0 - turn.loaded.pace() / turn.alone.pace()),
        }
    }
}

/// Lower quartile, median and upper quartile.
fn quartiles(mut figures: Vec<f64>) -> [f64; 3] {
    figures.sort_by(f64::total_cmp);
    [1, 2, 3]
        .map(|quarter| figures.get((figures.len().max(1) - 1) * quarter / 4).copied().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "they are the same figures, in another order")]
    fn quartiles_stand_in_the_order_of_the_figures() {
        assert_eq!(quartiles(vec![5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(vec![7.0]), [7.0; 3]);
    }
}

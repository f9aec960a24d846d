//! What the rows must show, and what they are meant to show.

use serde_json::{Value, json};

use super::{Row, best_of};

/// What is asked of a row.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// The best rival's figure over ours: at least so much.
    Rivals,
    /// The same with these rivals alone, under the name that they go by.
    Among(&'static str, &'static [&'static str]),
    /// Our figure over this baseline's: at most so much.
    Over(&'static str),
    /// Our figure: at most so much.
    Figure,
}

/// One thing that is asked of a row, and how much of it.
struct Claim {
    row: &'static str,
    measure: Measure,
    floor: f64,
    aim: f64,
}

const fn claim(row: &'static str, measure: Measure, floor: f64, aim: f64) -> Claim {
    Claim { row, measure, floor, aim }
}

/// Rivals that keep a counter in several places, so that threads do not meet.
const SHARDED: Measure = Measure::Among("sharded rivals", &["fast-telemetry", "metriken"]);
const UNSHARDED: Measure = Measure::Among(
    "unsharded rivals",
    &["fastmetrics", "measured", "metrics", "opentelemetry", "prometheus", "prometheus-client"],
);

const CLAIMS: [Claim; 24] = [
    claim("counter/inc/threads=1", Measure::Rivals, 1.5, 2.0),
    claim("counter/inc/threads=1", Measure::Over("plain_add"), 2.2, 1.3),
    claim("counter/inc/threads=2", SHARDED, 1.3, 2.0),
    claim("counter/inc/threads=2", UNSHARDED, 5.0, 10.0),
    claim("histogram/observe/threads=1", Measure::Rivals, 1.3, 1.7),
    claim("histogram/observe/threads=2", Measure::Rivals, 1.4, 2.3),
    claim("exponential/observe/threads=1", Measure::Rivals, 1.0, 1.4),
    claim("exponential/observe/threads=2", Measure::Rivals, 1.3, 2.0),
    claim("lookup/declared/threads=1", Measure::Rivals, 1.1, 1.5),
    claim("lookup/declared/threads=2", Measure::Rivals, 2.0, 3.0),
    claim("lookup/any_order/threads=1", Measure::Rivals, 1.0, 1.2),
    claim("lookup/any_order/threads=2", Measure::Rivals, 1.6, 2.5),
    claim("enums/inc/threads=1", Measure::Among("measured", &["measured"]), 1.3, 1.5),
    claim("enums/inc/threads=1", Measure::Among("one enum", &["fast-telemetry"]), 1.0, 1.2),
    claim("encode/text_page", Measure::Rivals, 8.0, 15.0),
    claim("encode/open_metrics", Measure::Rivals, 4.0, 8.0),
    claim("encode/protobuf", Measure::Rivals, 4.0, 8.0),
    claim("encode/gzip_page", Measure::Rivals, 1.0, 1.1),
    claim("otlp/encode/whole", Measure::Rivals, 5.0, 10.0),
    claim("otlp/encode/allocations", Measure::Rivals, 10.0, 100.0),
    claim("encode/growth", Measure::Figure, 1.5, 1.1),
    claim("stream/growth", Measure::Figure, 1.5, 1.1),
    claim("bytes/counter/holders=1", Measure::Figure, 160.0, 108.0),
    claim("bytes/histogram/holders=1", Measure::Figure, 330.0, 250.0),
];

/// What came of a claim.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) row: &'static str,
    pub(crate) asked: String,
    pub(crate) floor: f64,
    pub(crate) aim: f64,
    /// One value per run, and the middle one.
    pub(crate) runs: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) met: bool,
    pub(crate) aim_met: bool,
}

impl Measure {
    fn of(self, row: &Row) -> Option<f64> {
        let best = |rivals: &[&str]| best_of(&row.rivals, |name| rivals.is_empty() || rivals.contains(&name));
        match self {
            Measure::Rivals => row.ratios.get(best(&[])?).copied(),
            Measure::Among(_, rivals) => row.ratios.get(best(rivals)?).copied(),
            Measure::Over(baseline) => row.ratios.get(baseline).map(|theirs| 1.0 / theirs),
            Measure::Figure => Some(row.nilometer),
        }
    }

    fn name(self, row: &Row) -> String {
        match self {
            Measure::Rivals => "best rival / ours".to_owned(),
            Measure::Among(name, _) => format!("{name} / ours"),
            Measure::Over(baseline) => format!("ours / {baseline}"),
            Measure::Figure => row.unit.clone(),
        }
    }

    /// Whether `value` is as good as `asked`.
    fn meets(self, value: f64, asked: f64) -> bool {
        match self {
            Measure::Rivals | Measure::Among(..) => value >= asked,
            Measure::Over(_) | Measure::Figure => value <= asked,
        }
    }
}

/// Judges the rows of one run or of several, by the middle one.
pub(crate) fn verdicts(runs: &[Vec<Row>]) -> Vec<Verdict> {
    let judge = |claim: &Claim| {
        let rows: Vec<&Row> = runs.iter().flatten().filter(|row| row.id == claim.row).collect();
        let values: Vec<f64> = rows.iter().filter_map(|row| claim.measure.of(row)).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let value = *sorted.get(sorted.len() / 2)?;
        Some(Verdict {
            row: claim.row,
            asked: claim.measure.name(rows.first()?),
            floor: claim.floor,
            aim: claim.aim,
            runs: values,
            value,
            met: claim.measure.meets(value, claim.floor),
            aim_met: claim.measure.meets(value, claim.aim),
        })
    };
    CLAIMS.iter().filter_map(judge).collect()
}

impl Verdict {
    /// How it stands, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match (self.met, self.aim_met) {
            (_, true) => "aim met",
            (true, false) => "floor met",
            (false, false) => "MISSED",
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "asked": self.asked,
            "floor": self.floor,
            "aim": self.aim,
            "value": self.value,
            "runs": self.runs,
            "met": self.met,
            "aim_met": self.aim_met,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Figures;

    fn run(ours: f64) -> Vec<Row> {
        let rivals = [("fast-telemetry", 3.0), ("metriken", 4.0), ("prometheus", 10.0)];
        let rivals = rivals.map(|(name, figure)| (name.to_owned(), figure)).into();
        vec![Row::counted("counter/inc/threads=2", "ns", ours, rivals, Figures::new())]
    }

    #[test]
    fn the_middle_run_decides() {
        let verdicts = verdicts(&[run(1.0), run(3.0), run(2.0)]);
        let found: Vec<_> = verdicts.iter().map(|v| (v.asked.as_str(), v.value, v.met, v.aim_met)).collect();
        let expected =
            [("sharded rivals / ours", 1.5, true, false), ("unsharded rivals / ours", 5.0, true, false)];
        assert_eq!(found, expected);
    }
}

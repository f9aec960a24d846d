//! Rows, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contest::{Contestant, Role};
use crate::measure::Measured;

/// One row of the scoreboard; the figures are medians.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) unit: &'static str,
    pub(crate) nilometer: f64,
    pub(crate) rivals: BTreeMap<&'static str, f64>,
    pub(crate) baseline: BTreeMap<&'static str, f64>,
    pub(crate) best_rival: Option<&'static str>,
    /// The best rival's figure over ours, its lower quartile, median and upper quartile over the rounds.
    pub(crate) ratio: Option<[f64; 3]>,
    /// How many rounds the figures come from, and how many of them were disturbed.
    pub(crate) rounds: usize,
    pub(crate) disturbed: usize,
}

impl Row {
    /// A row of what was measured in rounds; `unit` is worth `scale` nanoseconds.
    pub(crate) fn of(
        id: &str,
        unit: &'static str,
        scale: f64,
        contestants: &[Contestant],
        measured: &Measured,
    ) -> Row {
        let rounds: Vec<_> = contestants
            .iter()
            .zip(&measured.figures)
            .map(|(contestant, figures)| {
                let figures: Vec<f64> = figures.iter().map(|nanoseconds| nanoseconds / scale).collect();
                (contestant.name, contestant.role, figures)
            })
            .collect();
        let medians = |role| {
            let of_role = rounds.iter().filter(move |(_, other, _)| *other == role);
            of_role.map(|(name, _, figures)| (*name, quartiles(figures)[1])).collect::<BTreeMap<_, _>>()
        };
        let ours = rounds.iter().find(|(_, role, _)| *role == Role::Ours);
        let ours = ours.map(|(_, _, figures)| figures.as_slice()).unwrap_or_default();
        let rivals = medians(Role::Rival);
        let best_rival = best(&rivals);
        let ratio = best_rival.and_then(|best| {
            let (_, _, theirs) = rounds.iter().find(|(name, ..)| *name == best)?;
            let ratios: Vec<f64> = theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours).collect();
            Some(quartiles(&ratios))
        });
        Row {
            id: id.to_owned(),
            unit,
            nilometer: quartiles(ours)[1],
            rivals,
            baseline: medians(Role::Baseline),
            best_rival,
            ratio,
            rounds: ours.len(),
            disturbed: measured.disturbed,
        }
    }

    /// A row of figures that are the same each time.
    pub(crate) fn counted(
        id: &str,
        unit: &'static str,
        nilometer: f64,
        rivals: BTreeMap<&'static str, f64>,
    ) -> Row {
        let best_rival = best(&rivals);
        let ratio = best_rival.map(|best| [rivals[best] / nilometer; 3]);
        let baseline = BTreeMap::new();
        Row {
            id: id.to_owned(),
            unit,
            nilometer,
            rivals,
            baseline,
            best_rival,
            ratio,
            rounds: 1,
            disturbed: 0,
        }
    }
}

fn best(rivals: &BTreeMap<&'static str, f64>) -> Option<&'static str> {
    rivals.iter().min_by(|one, other| one.1.total_cmp(other.1)).map(|(name, _)| *name)
}

/// Lower quartile, median and upper quartile.
fn quartiles(figures: &[f64]) -> [f64; 3] {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |quarter: usize| {
        sorted.get(sorted.len().saturating_sub(1) * quarter / 4).copied().unwrap_or(f64::NAN)
    };
    [at(1), at(2), at(3)]
}

/// The rows as one JSON document.
pub(crate) fn json(rows: &[Row]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "id": row.id,
                "unit": row.unit,
                "nilometer": row.nilometer,
                "rivals": row.rivals,
                "baseline": row.baseline,
                "best_rival": row.best_rival,
                "ratio": row.ratio.map(|[_, median, _]| median),
                "ratio_quartiles": row.ratio.map(|[lower, _, upper]| [lower, upper]),
                "rounds": row.rounds,
                "disturbed_rounds": row.disturbed,
            })
        })
        .collect();
    json!({ "rows": rows })
}

/// The rows as one table.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = format!(
        "{:<36} {:>5} {:>10} {:>6}  {:<13} {:<28} {}\n",
        "row",
        "unit",
        "nilometer",
        "ratio",
        "quartiles",
        "best rival",
        "others; [baseline]; disturbed rounds"
    );
    for row in rows {
        let figure = |value: f64| format!("{value:.digits$}", digits = if value < 100.0 { 2 } else { 0 });
        let (ratio, spread) = row.ratio.map_or_else(Default::default, |[lower, median, upper]| {
            (format!("{median:.2}"), format!("{lower:.2}-{upper:.2}"))
        });
        let best =
            row.best_rival.map(|best| format!("{best} {}", figure(row.rivals[best]))).unwrap_or_default();
        let mut others: Vec<_> =
            row.rivals.iter().filter(|(name, _)| Some(**name) != row.best_rival).collect();
        others.sort_by(|one, other| one.1.total_cmp(other.1));
        let mut notes: Vec<String> =
            others.into_iter().map(|(name, value)| format!("{name} {}", figure(*value))).collect();
        notes.extend(row.baseline.iter().map(|(name, value)| format!("[{name} {}]", figure(*value))));
        if row.disturbed > 0 {
            notes.push(format!("{} of {} disturbed", row.disturbed, row.rounds));
        }
        let (id, unit, ours) = (&row.id, row.unit, figure(row.nilometer));
        let notes = notes.join(", ");
        // Writing to a string does not fail.
        let _ = writeln!(table, "{id:<36} {unit:>5} {ours:>10} {ratio:>6}  {spread:<13} {best:<28} {notes}");
    }
    table
}

//! Rows, and what is made of them.

mod floor;
mod table;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use self::floor::{Verdict, verdicts};
pub(crate) use self::table::{ledger, markdown, table};

use crate::contest::{Contestant, Role};

/// One figure for each of several contestants.
pub(crate) type Figures = BTreeMap<String, f64>;

/// One row of the scoreboard; the figures are medians.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) unit: String,
    pub(crate) nilometer: f64,
    pub(crate) rivals: Figures,
    pub(crate) baseline: Figures,
    pub(crate) best_rival: Option<String>,
    /// The best rival's figure over ours.
    pub(crate) ratio: Option<Spread>,
    /// The figure of each of the others over ours.
    pub(crate) ratios: Figures,
    /// The resident bytes of everybody, where that is what the row is about.
    pub(crate) resident: Figures,
    /// How many rounds the figures come from, and how many of them were disturbed.
    pub(crate) rounds: usize,
    pub(crate) disturbed: usize,
}

/// Lower quartile, median and upper quartile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) lower: f64,
    pub(crate) median: f64,
    pub(crate) upper: f64,
}

impl Spread {
    fn of(figures: &[f64]) -> Spread {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarter: usize| {
            sorted.get(sorted.len().saturating_sub(1) * quarter / 4).copied().unwrap_or(f64::NAN)
        };
        Spread { lower: at(1), median: at(2), upper: at(3) }
    }
}

impl Row {
    /// A row of what was measured in rounds, for each contestant as many figures; `unit` is worth `scale` of theirs.
    pub(crate) fn of(
        id: &str,
        unit: &str,
        scale: f64,
        contestants: &[Contestant],
        figures: &[Vec<f64>],
        disturbed: usize,
    ) -> Row {
        let all = || contestants.iter().zip(figures);
        let ours = all().find(|(contestant, _)| contestant.role == Role::Ours);
        let ours = ours.map(|(_, figures)| figures.as_slice()).unwrap_or_default();
        let medians = |role| {
            let of_role = all().filter(move |(contestant, _)| contestant.role == role);
            let median = |figures: &[f64]| Spread::of(figures).median / scale;
            of_role.map(|(contestant, figures)| (contestant.name.to_owned(), median(figures))).collect()
        };
        let others = all().filter(|(contestant, _)| contestant.role != Role::Ours);
        let spreads: BTreeMap<String, Spread> = others
            .map(|(contestant, theirs)| {
                let ratios: Vec<f64> = theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours).collect();
                (contestant.name.to_owned(), Spread::of(&ratios))
            })
            .collect();
        let rivals: Figures = medians(Role::Rival);
        let best_rival = best_of(&rivals, |_| true).map(str::to_owned);
        Row {
            id: id.to_owned(),
            unit: unit.to_owned(),
            nilometer: Spread::of(ours).median / scale,
            rivals,
            baseline: medians(Role::Baseline),
            ratio: best_rival.as_ref().map(|best| spreads[best]),
            best_rival,
            ratios: spreads.into_iter().map(|(name, spread)| (name, spread.median)).collect(),
            resident: Figures::new(),
            rounds: ours.len(),
            disturbed,
        }
    }

    /// A row of figures that are the same each time.
    pub(crate) fn counted(id: &str, unit: &str, nilometer: f64, rivals: Figures, resident: Figures) -> Row {
        let ratios: Figures =
            rivals.iter().map(|(name, theirs)| (name.clone(), theirs / nilometer)).collect();
        let best_rival = best_of(&rivals, |_| true).map(str::to_owned);
        Row {
            id: id.to_owned(),
            unit: unit.to_owned(),
            nilometer,
            rivals,
            baseline: Figures::new(),
            ratio: best_rival.as_ref().map(|best| Spread::of(&[ratios[best]])),
            best_rival,
            ratios,
            resident,
            rounds: 1,
            disturbed: 0,
        }
    }

    /// The middle one of several runs of the same row, by its ratio.
    pub(crate) fn middle(mut runs: Vec<Row>) -> Option<Row> {
        let key = |row: &Row| row.ratio.map_or(row.nilometer, |ratio| ratio.median);
        runs.sort_by(|one, other| key(one).total_cmp(&key(other)));
        let middle = runs.len() / 2;
        runs.into_iter().nth(middle)
    }
}

/// Whose figure is the lowest of those that are asked for.
fn best_of(figures: &Figures, among: impl Fn(&str) -> bool) -> Option<&str> {
    let asked = figures.iter().filter(|(name, _)| among(name));
    asked.min_by(|one, other| one.1.total_cmp(other.1)).map(|(name, _)| name.as_str())
}

/// The rows as one JSON document.
pub(crate) fn json(rows: &[Row], verdicts: &[Verdict]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let floors = verdicts.iter().filter(|verdict| verdict.row == row.id).map(Verdict::json);
            json!({
                "id": row.id,
                "unit": row.unit,
                "nilometer": row.nilometer,
                "rivals": row.rivals,
                "baseline": row.baseline,
                "best_rival": row.best_rival,
                "ratio": row.ratio.map(|ratio| ratio.median),
                "ratio_quartiles": row.ratio.map(|ratio| [ratio.lower, ratio.upper]),
                "ratios": row.ratios,
                "resident": row.resident,
                "rounds": row.rounds,
                "disturbed_rounds": row.disturbed,
                "floors": floors.collect::<Value>(),
            })
        })
        .collect();
    json!({ "rows": rows })
}

/// Reads what [`json`] writes; none when it is something else.
pub(crate) fn rows(document: &Value) -> Option<Vec<Row>> {
    document["rows"].as_array()?.iter().map(row).collect()
}

fn row(value: &Value) -> Option<Row> {
    let figures = |key: &str| -> Option<Figures> {
        let figures = value[key].as_object()?.iter();
        figures.map(|(name, figure)| Some((name.clone(), figure.as_f64()?))).collect()
    };
    let ratio = |median| {
        let [lower, upper] = value["ratio_quartiles"].as_array()?.as_slice() else { return None };
        Some(Spread { lower: lower.as_f64()?, median, upper: upper.as_f64()? })
    };
    Some(Row {
        id: value["id"].as_str()?.to_owned(),
        unit: value["unit"].as_str()?.to_owned(),
        nilometer: value["nilometer"].as_f64()?,
        rivals: figures("rivals")?,
        baseline: figures("baseline")?,
        best_rival: value["best_rival"].as_str().map(str::to_owned),
        ratio: value["ratio"].as_f64().and_then(ratio),
        ratios: figures("ratios")?,
        resident: figures("resident")?,
        rounds: value["rounds"].as_u64()? as usize,
        disturbed: value["disturbed_rounds"].as_u64()? as usize,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contest::Contestant;

    #[test]
    fn a_row_is_read_back_as_it_was_written() {
        let contestants =
            [Contestant::ours(|_| ()), Contestant::rival("a", |_| ()), Contestant::baseline("b", |_| ())];
        let figures = [vec![1.0, 2.0, 3.0], vec![4.0, 2.0, 9.0], vec![0.5, 0.5, 0.5]];
        let written = vec![Row::of("id", "ns", 1.0, &contestants, &figures, 1)];
        assert_eq!(rows(&json(&written, &[])), Some(written));
    }

    #[test]
    fn the_ratio_is_the_median_over_the_rounds() {
        let contestants =
            [Contestant::ours(|_| ()), Contestant::rival("a", |_| ()), Contestant::rival("b", |_| ())];
        let figures = [vec![1.0, 2.0, 4.0], vec![3.0, 4.0, 4.0], vec![9.0, 9.0, 9.0]];
        let row = Row::of("id", "ns", 1.0, &contestants, &figures, 0);
        assert_eq!(row.best_rival.as_deref(), Some("a"));
        assert_eq!(row.ratio, Some(Spread { lower: 1.0, median: 2.0, upper: 2.0 }));
    }
}

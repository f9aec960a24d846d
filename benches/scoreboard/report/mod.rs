//! Rows, and what is made of them.

mod floor;
mod table;

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(crate) use self::floor::{Verdict, verdicts};
pub(crate) use self::table::{ledger, markdown, table};

use crate::contest::{Contestant, Role};

/// One row of the scoreboard; the figures are medians.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) unit: &'static str,
    pub(crate) nilometer: f64,
    pub(crate) rivals: BTreeMap<&'static str, f64>,
    pub(crate) baseline: BTreeMap<&'static str, f64>,
    pub(crate) best_rival: Option<&'static str>,
    /// The best rival's figure over ours.
    pub(crate) ratio: Option<Spread>,
    /// For each of the others, each rival's figure over ours.
    pub(crate) ratios: BTreeMap<&'static str, Spread>,
    /// The resident bytes of everybody, where that is what the row is about.
    pub(crate) resident: BTreeMap<&'static str, f64>,
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
        unit: &'static str,
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
            of_role
                .map(|(contestant, figures)| (contestant.name, Spread::of(figures).median / scale))
                .collect()
        };
        let over_ours = |(contestant, theirs): (&Contestant, &Vec<f64>)| {
            let ratios: Vec<f64> = theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours).collect();
            (contestant.name, Spread::of(&ratios))
        };
        let others = all().filter(|(contestant, _)| contestant.role != Role::Ours);
        let row = Row {
            id: id.to_owned(),
            unit,
            nilometer: Spread::of(ours).median / scale,
            rivals: medians(Role::Rival),
            baseline: medians(Role::Baseline),
            best_rival: None,
            ratio: None,
            ratios: others.map(over_ours).collect(),
            resident: BTreeMap::new(),
            rounds: ours.len(),
            disturbed,
        };
        row.ranked()
    }

    /// A row of figures that are the same each time.
    pub(crate) fn counted(
        id: &str,
        unit: &'static str,
        nilometer: f64,
        rivals: BTreeMap<&'static str, f64>,
        resident: BTreeMap<&'static str, f64>,
    ) -> Row {
        let once = |theirs: f64| Spread::of(&[theirs / nilometer]);
        let ratios = rivals.iter().map(|(name, theirs)| (*name, once(*theirs))).collect();
        let row = Row {
            id: id.to_owned(),
            unit,
            nilometer,
            rivals,
            baseline: BTreeMap::new(),
            best_rival: None,
            ratio: None,
            ratios,
            resident,
            rounds: 1,
            disturbed: 0,
        };
        row.ranked()
    }

    fn ranked(mut self) -> Row {
        self.best_rival = self.best_of(|_| true);
        self.ratio = self.best_rival.map(|best| self.ratios[best]);
        self
    }

    /// The rival with the lowest figure among those that are asked for.
    fn best_of(&self, among: impl Fn(&str) -> bool) -> Option<&'static str> {
        let asked = self.rivals.iter().filter(|(name, _)| among(name));
        asked.min_by(|one, other| one.1.total_cmp(other.1)).map(|(name, _)| *name)
    }

    /// The middle one of several runs of the same row, by its ratio.
    pub(crate) fn middle(mut runs: Vec<Row>) -> Option<Row> {
        let key = |row: &Row| row.ratio.map_or(row.nilometer, |ratio| ratio.median);
        runs.sort_by(|one, other| key(one).total_cmp(&key(other)));
        let middle = runs.len() / 2;
        runs.into_iter().nth(middle)
    }
}

/// The rows as one JSON document.
pub(crate) fn json(rows: &[Row], verdicts: &[Verdict]) -> Value {
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
                "ratio": row.ratio.map(|ratio| ratio.median),
                "ratio_quartiles": row.ratio.map(|ratio| [ratio.lower, ratio.upper]),
                "ratios": row.ratios.iter().map(|(name, ratio)| (*name, ratio.median)).collect::<BTreeMap<_, _>>(),
                "resident": row.resident,
                "rounds": row.rounds,
                "disturbed_rounds": row.disturbed,
                "floors": verdicts.iter().filter(|verdict| verdict.row == row.id).map(Verdict::json).collect::<Value>(),
            })
        })
        .collect();
    json!({ "rows": rows })
}

//! Families of any kind, with any labels and values, that a collector may show.

use std::cmp::Ordering;

use nilometer_core::collect::{MetricType, Number};
use nilometer_tests::shown::{Example, Exponential, Family, Histogram, Series, Shown, Value};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// Text in which what has a meaning to a format is common.
fn text() -> impl Strategy<Value = String> {
    let pieces = vec!["\"", "\\", "\n", "\r", " ", "{", "}", ",", "=", "# EOF\n", " # {} 1", "\0", "é", "a"];
    let piece = prop_oneof![select(pieces).prop_map(str::to_owned), any::<char>().prop_map(String::from)];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Labels whose names no family has, and whose values are not empty.
fn labels() -> impl Strategy<Value = Vec<(String, String)>> {
    btree_map("l[a-c][0-9]?", text().prop_filter("an empty label is none", |value| !value.is_empty()), 0..4)
        .prop_map(|labels| labels.into_iter().collect())
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        select(vec![0.0, -0.0, 1.0, -1.0, 0.1, 1e6, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX]),
        -1e6..1e6_f64,
        any::<f64>(),
    ]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 0..100_u64, 0..1_u64 << 40]
}

fn created() -> impl Strategy<Value = Option<u64>> {
    option::of(prop_oneof![0..10_u64, 1_000_000_000_000_000_000..2_000_000_000_000_000_000_u64])
}

fn example(value: f64) -> impl Strategy<Value = Example> {
    let labels = prop_oneof![
        labels(),
        // Around the limit of 128 code points, name included.
        (120..130_usize).prop_map(|length| vec![("id".to_owned(), "é".repeat(length))]),
    ];
    (labels, 0..2_000_000_000_000_000_000_u64).prop_map(move |(labels, nanoseconds)| Example {
        labels,
        value,
        nanoseconds,
    })
}

fn whole_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::U64),
        any::<i64>().prop_map(Number::I64),
        number().prop_map(Number::F64)
    ]
}

fn increasing(values: Vec<f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    // Zero has two signs, and is one bound.
    values.dedup_by(|one, other| (*one).partial_cmp(&*other) == Some(Ordering::Equal));
    if values.is_empty() { vec![1.0] } else { values }
}

fn exponential(total: u64) -> impl Strategy<Value = Exponential> {
    let side = || (-2000..2000_i32, vec(prop_oneof![3 => Just(0_u64), 2 => 1..1000_u64], 0..20));
    (-4..=8_i32, prop_oneof![Just(0.0), 0.0..1.0_f64], side(), side()).prop_map(
        move |(scale, threshold, mut positive, mut negative)| {
            let mut left = total;
            for count in positive.1.iter_mut().chain(&mut negative.1) {
                *count = (*count).min(left);
                left -= *count;
            }
            Exponential { scale, zero: (threshold, left), positive, negative }
        },
    )
}

fn histogram() -> impl Strategy<Value = (Value, Vec<Example>)> {
    let bounds =
        vec(prop_oneof![4 => -10.0..1e7_f64, 1 => any::<f64>(), 1 => Just(1.0)], 0..8).prop_map(increasing);
    (bounds, number(), any::<bool>(), any::<bool>())
        .prop_flat_map(|(bounds, sum, has_exponential, only)| {
            let counts = vec(count(), bounds.len() + 1);
            let values = vec(number(), 0..5);
            (Just(bounds), Just(sum), counts, values, Just((has_exponential, only)))
        })
        .prop_flat_map(|(bounds, sum, counts, values, (has_exponential, only))| {
            let total = counts.iter().sum();
            let exponential = exponential(total).prop_map(move |buckets| has_exponential.then_some(buckets));
            let mut values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
            values.sort_by(f64::total_cmp);
            let examples: Vec<_> = values.into_iter().map(example).collect();
            (exponential, examples).prop_map(move |(exponential, examples)| {
                let is_exponential_only = only && exponential.is_some();
                let (bounds, counts) = (bounds.clone(), counts.clone());
                let histogram = Histogram { bounds, counts, sum, exponential, is_exponential_only };
                (Value::Histogram(histogram), examples)
            })
        })
}

/// Each a total that a counter can have: what is negative or NaN is core's to refuse.
fn total() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::U64),
        number().prop_map(|value| Number::F64(if value >= 0.0 { value.abs() } else { 0.5 })),
    ]
}

fn value(kind: MetricType) -> BoxedStrategy<(Value, Vec<Example>)> {
    match kind {
        MetricType::Counter => (total(), option::of(number().prop_flat_map(example)))
            .prop_map(|(total, example)| (Value::Number(total), example.into_iter().collect()))
            .boxed(),
        MetricType::Gauge => whole_number().prop_map(|number| (Value::Number(number), vec![])).boxed(),
        MetricType::UpDownCounter => {
            any::<i64>().prop_map(|number| (Value::Number(Number::I64(number)), vec![])).boxed()
        }
        MetricType::Histogram | MetricType::GaugeHistogram => histogram().boxed(),
        MetricType::Summary => (vec((0.0..=1.0_f64, number()), 0..5), count(), number())
            .prop_map(|(mut quantiles, count, sum)| {
                quantiles.sort_by(|one, other| one.0.total_cmp(&other.0));
                quantiles.dedup_by(|one, other| one.0.partial_cmp(&other.0) == Some(Ordering::Equal));
                (Value::Summary(quantiles, count, sum), vec![])
            })
            .boxed(),
        MetricType::Info => Just((Value::Info, vec![])).boxed(),
        MetricType::StateSet => btree_map(text(), any::<bool>(), 1..4)
            .prop_map(|states| {
                let states: Vec<(String, bool)> =
                    states.into_iter().filter(|(name, _)| !name.is_empty()).collect();
                let states = if states.is_empty() { vec![("on".to_owned(), true)] } else { states };
                (Value::StateSet(states), vec![])
            })
            .boxed(),
    }
}

fn family(index: usize) -> impl Strategy<Value = Family> {
    let kinds = vec![
        MetricType::Counter,
        MetricType::Gauge,
        MetricType::UpDownCounter,
        MetricType::Histogram,
        MetricType::GaugeHistogram,
        MetricType::Summary,
        MetricType::Info,
        MetricType::StateSet,
    ];
    (select(kinds), any::<bool>(), option::of(select(vec!["seconds", "bytes"])), any::<bool>(), text())
        .prop_flat_map(move |(kind, has_suffix, unit, in_name, help)| {
            let unit_in_name = unit.filter(|_| in_name).map(|unit| format!("_{unit}")).unwrap_or_default();
            let suffix = match kind {
                MetricType::Counter if has_suffix => "_total",
                MetricType::Info if has_suffix => "_info",
                _ => "",
            };
            let name = format!("f{index}{unit_in_name}{suffix}");
            let value = value(kind);
            let series =
                (value, created()).prop_map(|((value, exemplars), created)| (value, exemplars, created));
            btree_map(labels(), series, 0..5).prop_map(move |series| {
                let series = series.into_iter().map(|(labels, (value, exemplars, created))| Series {
                    labels,
                    value,
                    created,
                    exemplars,
                });
                let series = series.collect();
                Family { name: name.clone(), help: help.clone(), kind, unit, series }
            })
        })
}

pub(crate) fn shown() -> impl Strategy<Value = Shown> {
    (0..5_usize).prop_flat_map(|families| (0..families).map(family).collect::<Vec<_>>()).prop_map(Shown)
}

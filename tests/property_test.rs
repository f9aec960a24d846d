//! Properties: whatever labels and help are given, there is an error, or a page that the independent parser reads back
//! to exactly what was recorded.
//!
//! Two parsers from crates.io were tried as a second oracle beside the one in `support/page.rs`, and neither serves.
//! `prometheus-parse` 0.2.5 splits labels at every comma, knows no escape, and drops the samples it cannot read.
//! `openmetrics-parser` 0.5.1 (LGPL) refuses correct pages, those with a carriage return in a value and those where a
//! family's series differ in their label names, takes histograms whose `_count` is not their `+Inf` bucket, and rounds
//! whole numbers above 2^53. What stands in for them is the real thing: the end-to-end tests give odd pages to
//! Prometheus itself.

use std::collections::BTreeMap;

use nilometer_core::{
    Counter, CounterFamily, Gauge, HistogramFamily, LabelSet, MetricsRegistry, RegistryConfig, SeriesError,
};
use nilometer_tests::page::{Labels, Series};
use nilometer_tests::scrape;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

type Pairs = Vec<(String, String)>;

/// Text in which what has a meaning to the format is common: any characters, and pieces of a page.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "\"", "\\", "\n", "\r", "\t", " ", "{", "}", ",", "=", "#", "\0", "\\n", "\\\"", "a", "+Inf",
            "\u{feff}"
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[a-z]{1,3}",
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Names, most of them valid, so that sets of them are.
fn label_name() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-cA-C_][a-c0-9]{0,2}",
        1 => select(vec!["le", "quantile", "__name__", "__x", "nilometer_overflow", ""]).prop_map(str::to_owned),
        1 => text(),
    ]
}

fn pairs() -> impl Strategy<Value = Pairs> {
    vec((label_name(), text()), 0..5)
}

fn borrowed(pairs: &Pairs) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// What a valid set of pairs is on a page: sorted, without empty values; `None` where a rule is broken.
///
/// A second statement of the rules, to hold core to: from Prometheus' data model, not from core's source.
fn valid(pairs: &Pairs) -> Option<Labels> {
    let mut labels = Labels::new();
    for (name, value) in pairs {
        if labels.insert(name.clone(), value.clone()).is_some() {
            return None;
        }
    }
    labels.retain(|_, value| !value.is_empty());
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_name = |name: &str| {
        name.starts_with(letter)
            && name.chars().all(|c| letter(c) || c.is_ascii_digit())
            && !name.starts_with("__")
            && !["le", "quantile", "nilometer_overflow"].contains(&name)
    };
    let good = labels.iter().all(|(name, value)| is_name(name) && value.len() <= 1024);
    good.then_some(labels)
}

fn overflow() -> Labels {
    Labels::from([("nilometer_overflow".to_owned(), "true".to_owned())])
}

/// A registry without self-metrics: they count what other tests of the process do.
fn registry() -> MetricsRegistry {
    MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_counted_is_what_is_read_back(sets in vec((pairs(), 1_u64..u64::MAX), 0..8), help in text()) {
        let registry = registry();
        let family = registry.register_counter("c_total", help.as_str()).unwrap();
        let mut expected: BTreeMap<Labels, u64> = BTreeMap::new();
        for (pairs, count) in &sets {
            family.get_or_create(&borrowed(pairs)).inc_by(*count);
            let total = expected.entry(valid(pairs).unwrap_or_else(overflow)).or_default();
            *total = total.wrapping_add(*count);
        }
        let page = scrape(&registry);
        let Some(read) = page.family("c_total") else {
            // A family without a series is not on the page.
            prop_assert!(expected.is_empty());
            return Ok(());
        };
        prop_assert_eq!(read.help.as_deref().unwrap_or_default(), help);
        let totals: BTreeMap<Labels, u64> = read.series.iter().map(|(labels, series)| match series {
            Series::Value(value) => (labels.clone(), value.as_u64().expect("a whole number")),
            other => panic!("{other:?}"),
        }).collect();
        prop_assert_eq!(totals, expected);
    }

    #[test]
    fn what_is_set_is_what_is_read_back(sets in vec((pairs(), any::<f64>()), 0..8)) {
        let registry = registry();
        let family = registry.register_gauge("g", "G.").unwrap();
        let mut expected: BTreeMap<Labels, u64> = BTreeMap::new();
        // Only one NaN is written, whatever its bits were.
        let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
        for (pairs, value) in &sets {
            family.get_or_create(&borrowed(pairs)).set(*value);
            expected.insert(valid(pairs).unwrap_or_else(overflow), bits(*value));
        }
        let page = scrape(&registry);
        let values: BTreeMap<Labels, u64> = page.family("g").map(|family| family.series.clone()).unwrap_or_default().iter().map(|(labels, series)| {
            match series {
                Series::Value(value) => (labels.clone(), bits(value.number)),
                other => panic!("{other:?}"),
            }
        }).collect();
        prop_assert_eq!(values, expected);
    }

    #[test]
    fn what_is_observed_is_what_is_read_back(
        pairs in pairs(),
        bounds in vec(-1e3..1e3, 1..20),
        values in vec(prop_oneof![4 => -2e3..2e3, 1 => any::<f64>()], 0..40),
    ) {
        let registry = registry();
        let mut bounds: Vec<f64> = bounds;
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let family = registry.register_histogram("h", "H.", &bounds).unwrap();
        let histogram = family.get_or_create(&borrowed(&pairs));
        for &value in &values {
            histogram.observe(value);
        }

        let numbers: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        let at_or_below = |bound: f64| numbers.iter().filter(|&&value| value <= bound).count() as u64;
        let expected: Vec<(f64, u64)> =
            bounds.iter().copied().chain([f64::INFINITY]).map(|bound| (bound, at_or_below(bound))).collect();
        let page = scrape(&registry);
        let labels = valid(&pairs).unwrap_or_else(overflow);
        let Some(Series::Histogram { buckets, sum, count }) = page.family("h").unwrap().series.get(&labels) else {
            panic!("no series {labels:?}");
        };
        prop_assert_eq!(buckets, &expected);
        prop_assert_eq!(*count, numbers.len() as u64);
        prop_assert_eq!(sum.to_bits(), histogram.snapshot().sum().to_bits());
        let finite = numbers.iter().filter(|value| value.is_finite());
        let exact = finite.fold(0.0, |sum: f64, value| (sum + value).clamp(f64::MIN, f64::MAX));
        prop_assert!((sum - exact).abs() <= exact.abs() * 1e-9, "{} instead of {}", sum, exact);
    }

    #[test]
    fn the_order_of_labels_never_matters((pairs, shuffled) in pairs().prop_flat_map(|pairs| {
        (Just(pairs.clone()), Just(pairs).prop_shuffle())
    })) {
        let family = CounterFamily::new("c_total", "C.");
        let (pairs, shuffled) = (borrowed(&pairs), borrowed(&shuffled));
        match family.try_get_or_create(&pairs) {
            Ok(counter) => {
                family.try_get_or_create(&shuffled).unwrap().inc();
                prop_assert_eq!(counter.get(), 1);
                prop_assert_eq!(family.len(), 1);
                let (one, other) = (LabelSet::from_pairs(&pairs), LabelSet::from_pairs(&shuffled));
                prop_assert_eq!(one.as_prometheus(), other.as_prometheus());
                prop_assert_eq!(one, other);
            }
            Err(SeriesError::Labels { .. }) => prop_assert!(family.try_get_or_create(&shuffled).is_err()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn distinct_sets_never_merge_and_equal_ones_always_do(one in pairs(), other in pairs()) {
        let (Some(first), Some(second)) = (valid(&one), valid(&other)) else { return Ok(()) };
        let (one, other) = (borrowed(&one), borrowed(&other));
        let sets = (LabelSet::try_from_pairs(&one).unwrap(), LabelSet::try_from_pairs(&other).unwrap());
        prop_assert_eq!(sets.0 == sets.1, first == second);
        prop_assert_eq!(sets.0.as_prometheus() == sets.1.as_prometheus(), first == second);
        let family = CounterFamily::new("c_total", "C.");
        family.get_or_create(&one).inc();
        family.get_or_create(&other).inc_by(2);
        prop_assert_eq!(family.get_or_create(&one).get(), if first == second { 3 } else { 1 });
    }

    #[test]
    fn a_set_says_what_it_was_made_of_or_that_a_rule_was_broken(pairs in pairs()) {
        match (LabelSet::try_from_pairs(&borrowed(&pairs)), valid(&pairs)) {
            (Ok(set), Some(labels)) => {
                let read: Vec<_> = set.iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
                prop_assert_eq!(read, labels.clone().into_iter().collect::<Vec<_>>());
                for (name, value) in &labels {
                    prop_assert_eq!(set.get(name), Some(value.as_str()));
                }
            }
            (Err(_), None) => {}
            (set, labels) => panic!("{set:?} where {labels:?} was expected"),
        }
    }

    #[test]
    fn any_name_is_registered_as_it_is_or_refused_and_then_changes_nothing(
        names in vec(prop_oneof![4 => "[a-c_:][a-c0-9:_]{0,3}(_total|_count|_sum|_bucket|_created)?", 1 => text()], 0..8),
        kinds in vec(0..3, 8),
    ) {
        let registry = registry();
        for (name, kind) in names.iter().zip(&kinds) {
            let before = scrape(&registry);
            let registered = match kind {
                0 => registry.register_counter(name, "C.").map(|family| family.default().inc()).is_ok(),
                1 => registry.register_gauge(name, "G.").map(|family| family.default().inc()).is_ok(),
                _ => registry.register_histogram(name, "H.", &[1.0]).map(|family| family.default().observe(1.0)).is_ok(),
            };
            let page = scrape(&registry);
            if registered {
                prop_assert!(page.family(name).is_some());
            } else {
                prop_assert_eq!(page, before);
            }
        }
    }

    #[test]
    fn constant_labels_are_on_every_series_or_nothing_is_registered(constant in pairs(), own in pairs()) {
        let config = RegistryConfig::new().with_constant_labels(&borrowed(&constant)).with_self_metrics(false);
        let registry = MetricsRegistry::with_config(config);
        let counters = registry.family::<Counter>("c_total", "C.").register();
        let gauges = registry.family::<Gauge>("g", "G.").register();
        let Some(constant) = valid(&constant) else {
            prop_assert!(counters.is_err() && gauges.is_err());
            return Ok(());
        };
        counters.unwrap().get_or_create(&borrowed(&own)).inc();
        gauges.unwrap().get_or_create(&borrowed(&own)).inc();
        let disjoint = valid(&own).filter(|own| own.keys().all(|name| !constant.contains_key(name)));
        let mut labels = disjoint.unwrap_or_else(overflow);
        labels.extend(constant);
        let page = scrape(&registry);
        for family in &page.families {
            prop_assert_eq!(family.series.keys().collect::<Vec<_>>(), [&labels]);
        }
        prop_assert_eq!(page.families.len(), 2);
    }

    #[test]
    fn a_family_by_itself_is_read_back_as_in_a_registry(pairs in pairs(), value in 0.0..10.0) {
        let family = HistogramFamily::new("h", "H.", &[1.0, 5.0]);
        let registry = registry();
        registry.register(&family).unwrap();
        family.get_or_create(&borrowed(&pairs)).observe(value);
        prop_assert_eq!(scrape(&family), scrape(&registry));
    }
}

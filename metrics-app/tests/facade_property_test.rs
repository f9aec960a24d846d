//! Properties: whatever is asked of the facade, pages keep every rule, and totals are those of a model.

use std::collections::HashMap;

use metrics::{Key, Label, Recorder as _, Unit};
use nilometer::facade::FacadeRecorder;
use nilometer::test_util::parse_page;
use nilometer::{MetricsRegistry, PrometheusRenderer, RegistryConfig};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Increment(u64),
    Absolute(u64),
    Set(f64),
    Change(f64),
    Record(f64, usize),
    Describe(u8, Option<Unit>, String),
}

fn any_op() -> impl Strategy<Value = Op> {
    let unit =
        proptest::sample::select(vec![None, Some(Unit::Seconds), Some(Unit::Bytes), Some(Unit::Count)]);
    prop_oneof![
        any::<u32>().prop_map(|by| Op::Increment(by.into())),
        any::<u32>().prop_map(|to| Op::Absolute(to.into())),
        any::<f64>().prop_map(Op::Set),
        any::<f64>().prop_map(Op::Change),
        (any::<f64>(), 0_usize..4).prop_map(|(value, count)| Op::Record(value, count)),
        (0_u8..3, unit, any::<String>()).prop_map(|(kind, unit, text)| Op::Describe(kind, unit, text)),
    ]
}

fn any_key() -> impl Strategy<Value = (String, Vec<(String, String)>)> {
    let name = prop_oneof![6 => "[ab][._]?(b|total|bytes|seconds|sum|bucket)?", 1 => any::<String>()];
    let label = prop_oneof![
        4 => "[a-c][._]?[ab]?",
        1 => "(le|quantile|__x|nilometer.overflow|)",
        1 => any::<String>()
    ];
    let value = prop_oneof![4 => "[xy]?", 1 => any::<String>()];
    (name, vec((label, value), 0..5))
}

fn ask(recorder: &FacadeRecorder, name: &str, labels: &[(String, String)], op: &Op) {
    let metadata = metrics::Metadata::new(module_path!(), metrics::Level::INFO, None);
    let labels: Vec<Label> =
        labels.iter().map(|(name, value)| Label::new(name.clone(), value.clone())).collect();
    let key = Key::from_parts(name.to_owned(), labels);
    match op {
        Op::Increment(by) => recorder.register_counter(&key, &metadata).increment(*by),
        Op::Absolute(to) => recorder.register_counter(&key, &metadata).absolute(*to),
        Op::Set(to) => recorder.register_gauge(&key, &metadata).set(*to),
        Op::Change(by) => recorder.register_gauge(&key, &metadata).increment(*by),
        Op::Record(value, count) => {
            recorder.register_histogram(&key, &metadata).record_many(*value, *count);
        }
        Op::Describe(0, unit, text) => {
            recorder.describe_counter(name.to_owned().into(), *unit, text.clone().into());
        }
        Op::Describe(1, unit, text) => {
            recorder.describe_gauge(name.to_owned().into(), *unit, text.clone().into());
        }
        Op::Describe(_, unit, text) => {
            recorder.describe_histogram(name.to_owned().into(), *unit, text.clone().into());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_page_always_parses_whatever_is_asked(
        asked in vec((any_key(), any_op()), 0..40),
        is_utf8 in any::<bool>(),
        has_suffixes in any::<bool>(),
    ) {
        let config = RegistryConfig::new().with_utf8_names(is_utf8).with_series_limit(5);
        let registry = MetricsRegistry::with_config(config);
        let recorder = FacadeRecorder::builder(&registry).with_suffixes(has_suffixes).build().unwrap();
        for ((name, labels), op) in &asked {
            ask(&recorder, name, labels, op);
        }
        let page = PrometheusRenderer::render_all(&registry);
        let parsed = parse_page(&page);
        prop_assert!(parsed.is_ok(), "{:?}\n{page}", parsed.err());
    }

    #[test]
    fn totals_are_those_of_a_model(
        asked in vec(((0_usize..3, vec(("[ab]", "[xy]"), 0..3)), any_op()), 0..60),
    ) {
        const NAMES: [&str; 3] = ["counts", "levels", "waits"];
        let registry = MetricsRegistry::new();
        let recorder = FacadeRecorder::try_new(&registry).unwrap();
        let mut counts: HashMap<Vec<(String, String)>, u64> = HashMap::new();
        let mut levels: HashMap<Vec<(String, String)>, f64> = HashMap::new();
        let mut waits: HashMap<Vec<(String, String)>, f64> = HashMap::new();
        for ((_, labels), op) in &asked {
            let kind = match op {
                Op::Increment(_) | Op::Absolute(_) => 0,
                Op::Set(_) | Op::Change(_) => 1,
                Op::Record(..) => 2,
                Op::Describe(..) => continue,
            };
            ask(&recorder, NAMES[kind], labels, op);
            // Labels are sorted, each value counts once, and those of one name are joined.
            let mut sorted = labels.clone();
            sorted.sort();
            sorted.dedup();
            let mut model: Vec<(String, String)> = Vec::new();
            for (name, value) in sorted {
                match model.last_mut().filter(|(last, _)| *last == name) {
                    Some((_, values)) => *values = format!("{values};{value}"),
                    None => model.push((name, value)),
                }
            }
            match op {
                Op::Increment(by) => *counts.entry(model).or_default() += by,
                Op::Absolute(to) => {
                    let count = counts.entry(model).or_default();
                    *count = (*count).max(*to);
                }
                Op::Set(to) => *levels.entry(model).or_default() = *to,
                Op::Change(by) => {
                    let level = levels.entry(model).or_default();
                    if by.is_finite() {
                        *level += by;
                    }
                }
                #[expect(clippy::cast_precision_loss, reason = "there are three at most")]
                Op::Record(value, count) => {
                    *waits.entry(model).or_default() += if value.is_nan() { 0.0 } else { *count as f64 };
                }
                Op::Describe(..) => {}
            }
        }
        let page = parse_page(&PrometheusRenderer::render_all(&registry)).unwrap();
        let value = |name: &str, labels: &[(String, String)]| {
            let pairs: Vec<(&str, &str)> =
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            page.value(name, &pairs)
        };
        for (labels, count) in &counts {
            #[expect(clippy::cast_precision_loss, reason = "a page has so many digits, and the model too")]
            let expected = Some(*count as f64);
            prop_assert_eq!(value("counts", labels), expected);
        }
        for (labels, level) in &levels {
            let found = value("levels", labels).unwrap();
            prop_assert!(found.total_cmp(level).is_eq() || found.is_nan() && level.is_nan() || found.abs() + level.abs() == 0.0, "{found} {level}");
        }
        for (labels, count) in &waits {
            prop_assert_eq!(value("waits_count", labels), Some(*count));
        }
        let series = |name: &str, sample: &str| {
            page.family(name).map_or(0, |family| {
                family.samples().iter().filter(|found| found.name() == sample).count()
            })
        };
        prop_assert_eq!(series("counts", "counts"), counts.len());
        prop_assert_eq!(series("levels", "levels"), levels.len());
        prop_assert_eq!(series("waits", "waits_count"), waits.len());
    }
}

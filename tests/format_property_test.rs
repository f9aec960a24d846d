//! Properties: families of any kind, with any labels and values, are read back from a page in any format as what was
//! shown, by parsers that share nothing with the encoders.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::cmp::Ordering;
use std::collections::BTreeMap;

use nilometer_core::collect::{Collector, MetricType, Number};
use nilometer_prometheus::{Exposition, Format, PageEncoder, PrometheusRenderer};
use nilometer_tests::openmetrics;
use nilometer_tests::page::{Page, Series as PageSeries};
use nilometer_tests::protobuf::{self, Metric, Timestamp};
use nilometer_tests::samples::{Labels, Samples, bound_text, with};
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

fn shown() -> impl Strategy<Value = Shown> {
    (0..5_usize).prop_flat_map(|families| (0..families).map(family).collect::<Vec<_>>()).prop_map(Shown)
}

fn map(labels: &[(String, String)]) -> Labels {
    labels.iter().cloned().collect()
}

#[expect(clippy::cast_precision_loss, reason = "what is shown is rounded by whoever reads it as a float")]
fn float(count: u64) -> f64 {
    count as f64
}

fn is_negative(value: f64) -> bool {
    value < 0.0
}

/// The explicit buckets' cumulative counts, `+Inf` last.
fn cumulative(histogram: &Histogram) -> Vec<(f64, u64)> {
    let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
    let counts = histogram.counts.iter().scan(0_u64, |sum, &count| {
        *sum += count;
        Some(*sum)
    });
    // Zero has no sign as a bound in text; protobuf keeps it, and equals it.
    bounds.map(|bound| if bound == 0.0 { 0.0 } else { bound }).zip(counts).collect()
}

/// What a reader gets of the families in this format, without created timestamps.
fn expected(shown: &Shown, format: Format) -> Samples {
    let strict = format == Format::OpenMetrics;
    let mut samples = Samples::default();
    for Family { name, kind, series, .. } in &shown.0 {
        for Series { labels, value, .. } in series {
            let own = map(labels);
            match value {
                Value::Number(number) => samples.add(name, own, number.as_f64()),
                Value::Info => samples.add(name, own, 1.0),
                Value::StateSet(states) => {
                    for (state, is_on) in states {
                        samples.add(name, with(&own, name, state), f64::from(u8::from(*is_on)));
                    }
                }
                Value::Summary(quantiles, count, sum) => {
                    for (rank, value) in quantiles.iter().filter(|(_, value)| !strict || !is_negative(*value))
                    {
                        samples.add(name, with(&own, "quantile", bound_text(*rank)), *value);
                    }
                    if !strict || *sum >= 0.0 {
                        samples.add(&format!("{name}_sum"), own.clone(), *sum);
                    }
                    samples.add(&format!("{name}_count"), own, float(*count));
                }
                Value::Histogram(histogram) => {
                    let buckets = cumulative(histogram);
                    let total = buckets[buckets.len() - 1].1;
                    if format != Format::Protobuf || !histogram.is_exponential_only {
                        for (bound, count) in &buckets {
                            let labels = with(&own, "le", bound_text(*bound));
                            samples.add(&format!("{name}_bucket"), labels, float(*count));
                        }
                    }
                    let is_gauge = *kind == MetricType::GaugeHistogram;
                    let below = buckets[0].0 < 0.0;
                    let has_sum =
                        if below { is_gauge && !histogram.sum.is_nan() } else { histogram.sum >= 0.0 };
                    let g = if strict && is_gauge { "g" } else { "" };
                    if !strict || has_sum {
                        samples.add(&format!("{name}_{g}sum"), own.clone(), histogram.sum);
                        samples.add(&format!("{name}_{g}count"), own, float(total));
                    }
                }
            }
        }
    }
    samples
}

fn from_page(page: &Page) -> Samples {
    let mut samples = Samples::default();
    for family in &page.families {
        let name = &family.name;
        for (own, series) in &family.series {
            match series {
                PageSeries::Value(value) => samples.add(name, own.clone(), value.number),
                PageSeries::Histogram { buckets, sum, count } => {
                    for (bound, count) in buckets {
                        let labels = with(own, "le", bound_text(*bound));
                        samples.add(&format!("{name}_bucket"), labels, float(*count));
                    }
                    samples.add(&format!("{name}_sum"), own.clone(), *sum);
                    samples.add(&format!("{name}_count"), own.clone(), float(*count));
                }
                PageSeries::Summary { quantiles, sum, count } => {
                    for (rank, value) in quantiles {
                        samples.add(name, with(own, "quantile", bound_text(*rank)), *value);
                    }
                    samples.add(&format!("{name}_sum"), own.clone(), *sum);
                    samples.add(&format!("{name}_count"), own.clone(), float(*count));
                }
            }
        }
    }
    samples
}

/// Whether a reader takes an exemplar.
fn fits(example: &Example) -> bool {
    let texts = example.labels.iter().flat_map(|(name, value)| [name, value]);
    texts.map(|text| text.chars().count()).sum::<usize>() <= 128
}

/// The exemplars of a histogram's buckets by their bound: the first of each that fits.
fn by_bucket<'a>(histogram: &Histogram, examples: &'a [Example]) -> BTreeMap<String, &'a Example> {
    let mut found = BTreeMap::new();
    for example in examples.iter().filter(|example| fits(example)) {
        let bounds = cumulative(histogram);
        let (bound, _) = bounds.iter().find(|(bound, _)| example.value <= *bound).unwrap();
        found.entry(bound_text(*bound)).or_insert(example);
    }
    found
}

type Exemplars = BTreeMap<(String, Labels), (Labels, u64, u64)>;

fn facts(example: &Example) -> (Labels, u64, u64) {
    (map(&example.labels), canonical(example.value), example.nanoseconds)
}

fn canonical(value: f64) -> u64 {
    if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() }
}

fn expected_exemplars(shown: &Shown, format: Format) -> Exemplars {
    let mut exemplars = Exemplars::new();
    for Family { name, kind, series, .. } in &shown.0 {
        for Series { labels, value, exemplars: examples, .. } in series {
            let own = map(labels);
            match value {
                Value::Histogram(histogram)
                    if format == Format::OpenMetrics || !histogram.is_exponential_only =>
                {
                    for (bound, example) in by_bucket(histogram, examples) {
                        exemplars.insert((format!("{name}_bucket"), with(&own, "le", bound)), facts(example));
                    }
                }
                Value::Histogram(_) => {
                    for (index, example) in examples.iter().filter(|example| fits(example)).enumerate() {
                        exemplars.insert((format!("{name} {index}"), own.clone()), facts(example));
                    }
                }
                Value::Number(_) if *kind == MetricType::Counter => {
                    let has_place = format == Format::Protobuf || name.ends_with("_total");
                    for example in examples.iter().filter(|example| has_place && fits(example)) {
                        exemplars.insert((name.clone(), own.clone()), facts(example));
                    }
                }
                _ => {}
            }
        }
    }
    exemplars
}

/// A time in seconds as nanoseconds, digit by digit.
fn nanoseconds(text: &str) -> u64 {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<9}");
    seconds.parse::<u64>().unwrap() * 1_000_000_000 + fraction.parse::<u64>().unwrap()
}

fn time(timestamp: Timestamp) -> u64 {
    u64::try_from(timestamp.seconds).unwrap() * 1_000_000_000 + u64::try_from(timestamp.nanos).unwrap()
}

/// The created timestamps that are shown, by the series' name, `_total` and the like aside, and labels.
fn expected_created(shown: &Shown, format: Format) -> BTreeMap<(String, Labels), u64> {
    let mut times = BTreeMap::new();
    for Family { name, kind, series, .. } in &shown.0 {
        let has_place = match kind {
            MetricType::Counter => format == Format::Protobuf || name.ends_with("_total"),
            MetricType::Histogram | MetricType::Summary => true,
            _ => false,
        };
        let name = if *kind == MetricType::Counter { name.trim_end_matches("_total") } else { name };
        for Series { labels, created, .. } in series.iter().filter(|_| has_place) {
            times.extend(created.map(|created| ((name.to_owned(), map(labels)), created)));
        }
    }
    times
}

fn render(shown: &Shown, exposition: Exposition) -> Vec<u8> {
    PrometheusRenderer::render_as(shown, exposition).unwrap()
}

/// Schema, the bits of the zero threshold, the count at zero, and the buckets above and below it by their index.
type Native = (i32, u64, u64, BTreeMap<i32, u64>, BTreeMap<i32, u64>);

/// What a protobuf page holds beside samples.
#[derive(Default)]
struct Extras {
    exemplars: Exemplars,
    created: BTreeMap<(String, Labels), u64>,
    native: BTreeMap<(String, Labels), Native>,
}

impl Extras {
    fn exemplar(&mut self, name: &str, own: Labels, exemplar: Option<&protobuf::Exemplar>) {
        if let Some(exemplar) = exemplar {
            let facts = (
                protobuf::labels(&exemplar.label),
                canonical(exemplar.value.unwrap()),
                time(exemplar.timestamp.unwrap()),
            );
            self.exemplars.insert((name.to_owned(), own), facts);
        }
    }

    fn metric(&mut self, name: &str, metric: &Metric) {
        let own = protobuf::labels(&metric.label);
        let mut created = None;
        if let Some(counter) = &metric.counter {
            self.exemplar(name, own.clone(), counter.exemplar.as_ref());
            created = counter.created_timestamp;
        }
        if let Some(summary) = &metric.summary {
            created = summary.created_timestamp;
        }
        if let Some(histogram) = &metric.histogram {
            created = histogram.created_timestamp;
            for bucket in &histogram.bucket {
                let bound = bucket.upper_bound.map(|bound| if bound == 0.0 { 0.0 } else { bound });
                let labels = with(&own, "le", bound_text(bound.unwrap()));
                self.exemplar(&format!("{name}_bucket"), labels, bucket.exemplar.as_ref());
            }
            for (index, exemplar) in histogram.exemplars.iter().enumerate() {
                self.exemplar(&format!("{name} {index}"), own.clone(), Some(exemplar));
            }
            if let Some(schema) = histogram.schema {
                let positive = protobuf::native_buckets(&histogram.positive_span, &histogram.positive_delta);
                let negative = protobuf::native_buckets(&histogram.negative_span, &histogram.negative_delta);
                let zero = (histogram.zero_threshold.unwrap().to_bits(), histogram.zero_count.unwrap());
                assert!(!histogram.positive_span.is_empty() || !histogram.negative_span.is_empty());
                let facts = (schema, zero.0, zero.1, positive, negative);
                self.native.insert((name.to_owned(), own.clone()), facts);
            }
        }
        let name = if metric.counter.is_some() { name.trim_end_matches("_total") } else { name };
        self.created.extend(created.map(|created| ((name.to_owned(), own), time(created))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_read_back_as_what_was_shown(shown in shown()) {
        for format in [Format::Text, Format::Text1] {
            let text = String::from_utf8(render(&shown, Exposition::new(format))).unwrap();
            let page = Page::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            prop_assert_eq!(from_page(&page), expected(&shown, format));
            for family in shown.0.iter().filter(|family| !family.series.is_empty()) {
                prop_assert_eq!(page.family(&family.name).unwrap().help.as_deref(), Some(&*family.help));
            }
        }
    }

    #[test]
    fn open_metrics_is_read_back_as_what_was_shown(shown in shown()) {
        let text = String::from_utf8(render(&shown, Exposition::new(Format::OpenMetrics))).unwrap();
        let families = openmetrics::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        prop_assert_eq!(openmetrics::samples(&families), expected(&shown, Format::OpenMetrics));
        let mut exemplars = Exemplars::new();
        for sample in families.iter().flat_map(|family| &family.samples) {
            if let Some(exemplar) = &sample.exemplar {
                let mut labels = sample.labels.clone();
                if let Some(bound) = labels.get_mut("le") {
                    *bound = bound_text(bound.parse().unwrap());
                }
                let time = nanoseconds(exemplar.timestamp.as_deref().unwrap());
                let facts = (exemplar.labels.clone(), canonical(exemplar.value), time);
                exemplars.insert((sample.name.clone(), labels), facts);
            }
        }
        prop_assert_eq!(exemplars, expected_exemplars(&shown, Format::OpenMetrics));
        let with_series: Vec<&Family> = shown.0.iter().filter(|family| !family.series.is_empty()).collect();
        prop_assert_eq!(families.len(), with_series.len());
        for (read, shown) in families.iter().zip(with_series) {
            prop_assert_eq!(read.help.as_deref(), Some(&*shown.help));
        }
    }

    #[test]
    fn created_lines_add_nothing_but_themselves(shown in shown()) {
        let exposition = Exposition::new(Format::OpenMetrics);
        let text = String::from_utf8(render(&shown, exposition.with_created(true))).unwrap();
        let mut families = openmetrics::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut times = BTreeMap::new();
        for family in &mut families {
            family.samples.retain(|sample| {
                let name = sample.name.strip_suffix("_created");
                if let Some(name) = name {
                    times.insert((name.to_owned(), sample.labels.clone()), nanoseconds(&sample.text));
                }
                name.is_none()
            });
        }
        prop_assert_eq!(times, expected_created(&shown, Format::OpenMetrics));
        let without = String::from_utf8(render(&shown, exposition)).unwrap();
        // NaNs differ from themselves.
        prop_assert_eq!(openmetrics::samples(&families), openmetrics::samples(&openmetrics::parse(&without).unwrap()));
    }

    #[test]
    fn protobuf_is_read_back_as_what_was_shown(shown in shown()) {
        let page = render(&shown, Exposition::new(Format::Protobuf));
        let mut families = protobuf::parse(&page).unwrap();
        // Zero has no sign as a bound in the other formats.
        for bucket in families.iter_mut().flat_map(|family| &mut family.metric)
            .filter_map(|metric| metric.histogram.as_mut()).flat_map(|histogram| &mut histogram.bucket) {
            bucket.upper_bound = bucket.upper_bound.map(|bound| if bound == 0.0 { 0.0 } else { bound });
        }
        prop_assert_eq!(protobuf::samples(&families), expected(&shown, Format::Protobuf));
        let mut extras = Extras::default();
        for family in &families {
            for metric in &family.metric {
                extras.metric(family.name.as_deref().unwrap(), metric);
            }
        }
        prop_assert_eq!(extras.exemplars, expected_exemplars(&shown, Format::Protobuf));
        prop_assert_eq!(extras.created, expected_created(&shown, Format::Protobuf));
        let mut native = BTreeMap::new();
        for Family { name, series, .. } in &shown.0 {
            for Series { labels, value, .. } in series {
                if let Value::Histogram(Histogram { exponential: Some(buckets), .. }) = value {
                    // An upper bound names a bucket here, a lower one there.
                    let side = |(offset, counts): &(i32, Vec<u64>)| -> BTreeMap<i32, u64> {
                        (offset + 1..).zip(counts.iter().copied()).filter(|(_, count)| *count > 0).collect()
                    };
                    let (threshold, count) = buckets.zero;
                    let facts = (buckets.scale, threshold.to_bits(), count, side(&buckets.positive), side(&buckets.negative));
                    native.insert((name.clone(), map(labels)), facts);
                }
            }
        }
        prop_assert_eq!(extras.native, native);
    }

    #[test]
    fn a_page_is_the_same_in_pieces_of_any_size(shown in shown(), size in 0..5000_usize) {
        for format in [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf] {
            let exposition = Exposition::new(format).with_created(true);
            let mut pieces: Vec<Vec<u8>> = Vec::new();
            let mut encoder = PageEncoder::with_chunk_size(exposition, |piece| {
                pieces.push(piece);
                Ok(())
            }, size);
            shown.collect(&mut encoder).unwrap();
            encoder.finish().unwrap();
            prop_assert!(pieces.iter().all(|piece| piece.len() <= size.max(4)));
            prop_assert!(pieces.concat() == render(&shown, exposition));
        }
    }
}

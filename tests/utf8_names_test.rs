//! UTF-8 names on a page: whole documents by every escaping scheme, and what holds for any names.

#![expect(clippy::unwrap_used, reason = "a test helper that fails fails its test")]

use std::collections::{BTreeMap, BTreeSet};

use std::time::SystemTime;

use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, Exemplar, HistogramPoint, LabelSet, MetricType,
    SeriesLabels, StateSetPoint, Visitor,
};
use nilometer_core::{MetricsRegistry, RegisterError, RegistryConfig};
use nilometer_prometheus::{
    EscapingScheme, Exposition, Format, PrometheusRenderer, RenderError, TextEncoder,
};
use nilometer_tests::page::Page;
use nilometer_tests::{openmetrics, protobuf};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const ESCAPING: [EscapingScheme; 3] =
    [EscapingScheme::Underscores, EscapingScheme::Dots, EscapingScheme::Values];

fn registry() -> MetricsRegistry {
    MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true).with_self_metrics(false))
}

/// The page of all that `collector` has, by this scheme.
fn page(collector: &impl Collector, scheme: EscapingScheme) -> String {
    let mut page = Vec::new();
    let output = |chunk: Vec<u8>| {
        page.extend(chunk);
        Ok(())
    };
    let mut encoder = TextEncoder::new(output).with_escaping(scheme);
    collector.collect(&mut encoder).unwrap();
    assert_eq!(encoder.skipped(), 0);
    encoder.finish().unwrap();
    String::from_utf8(page).unwrap()
}

/// A registry with names of all sorts.
fn odd_registry() -> MetricsRegistry {
    let config = RegistryConfig::new()
        .with_utf8_names(true)
        .with_constant_labels(&[("cloud.region", "eu\n\"1\""), ("host", "a")]);
    let registry = MetricsRegistry::with_config(config);
    let requests = registry.register_counter("http.requests_total", "Requests\nserved.").unwrap();
    requests.get_or_create(&[("http.method", "GET"), ("status", "200")]).inc_by(3);
    requests.default().inc();
    registry.register_gauge("\"a\\b\nc\" 1", "Hostile.").unwrap().default().set(-2.5);
    registry.register_gauge("plain_name", "Plain.").unwrap().get_or_create(&[("x", "1")]).set(1.0);
    let sizes = registry.register_histogram("größe", "Sizes.", &[1.0]).unwrap();
    sizes.get_or_create(&[("_k", "漢")]).observe(0.5);
    registry
}

#[test]
fn a_page_that_takes_utf8_names_is_this_document() {
    let constant = r#""cloud.region"="eu\n\"1\"",host="a""#;
    let expected = format!(
        r#"# HELP "\"a\\b\nc\" 1" Hostile.
# TYPE "\"a\\b\nc\" 1" gauge
{{"\"a\\b\nc\" 1",{constant}}} -2.5
# HELP "größe" Sizes.
# TYPE "größe" histogram
{{"größe_bucket",{constant},_k="漢",le="1.0"}} 1
{{"größe_bucket",{constant},_k="漢",le="+Inf"}} 1
{{"größe_sum",{constant},_k="漢"}} 0.5
{{"größe_count",{constant},_k="漢"}} 1
# HELP "http.requests_total" Requests\nserved.
# TYPE "http.requests_total" counter
{{"http.requests_total",{constant},"http.method"="GET",status="200"}} 3
{{"http.requests_total",{constant}}} 1
# HELP plain_name Plain.
# TYPE plain_name gauge
plain_name{{{constant},x="1"}} 1
"#
    );
    assert_eq!(page(&odd_registry(), EscapingScheme::AllowUtf8), expected);
}

#[test]
fn a_page_that_takes_classic_names_alone_is_one_of_these_documents() {
    // The names that differ from scheme to scheme, in the order of the document.
    let names: [(EscapingScheme, [&str; 8]); 3] = [
        (
            EscapingScheme::Underscores,
            [
                "_a_b_c__1",
                "cloud_region",
                "gr__e",
                "_k",
                "http_requests_total",
                "http_method",
                "plain_name",
                "host",
            ],
        ),
        (
            EscapingScheme::Dots,
            [
                "__a__b__c____1",
                "cloud_dot_region",
                "gr____e",
                "_k",
                "http_dot_requests__total",
                "http_dot_method",
                "plain__name",
                "host",
            ],
        ),
        (
            EscapingScheme::Values,
            [
                "U___22_a_5c_b_a_c_22__20_1",
                "U__cloud_2e_region",
                "U__gr_f6__df_e",
                "_k",
                "U__http_2e_requests__total",
                "U__http_2e_method",
                "plain_name",
                "host",
            ],
        ),
    ];
    for (scheme, [odd, region, size, kind, requests, method, plain, host]) in names {
        let constant = format!(r#"{region}="eu\n\"1\"",{host}="a""#);
        // Where labels are written anew, they stand in the order of their names.
        let (before, between) =
            (format!(r#"{kind}="漢",{constant}"#), format!(r#"{constant},{method}="GET""#));
        let expected = format!(
            r#"# HELP {odd} Hostile.
# TYPE {odd} gauge
{odd}{{{constant}}} -2.5
# HELP {size} Sizes.
# TYPE {size} histogram
{size}_bucket{{{before},le="1.0"}} 1
{size}_bucket{{{before},le="+Inf"}} 1
{size}_sum{{{before}}} 0.5
{size}_count{{{before}}} 1
# HELP {requests} Requests\nserved.
# TYPE {requests} counter
{requests}{{{between},status="200"}} 3
{requests}{{{constant}}} 1
# HELP {plain} Plain.
# TYPE {plain} gauge
{plain}{{{constant},x="1"}} 1
"#
        );
        let text = page(&odd_registry(), scheme);
        assert_eq!(text, expected, "{scheme}");
        let read = Page::parse(&text).unwrap();
        let labels = [(region, "eu\n\"1\""), ("host", "a"), (method, "GET"), ("status", "200")];
        assert_eq!(read.count(requests, &labels), Some(3));
    }
    let registry = odd_registry();
    assert_eq!(PrometheusRenderer::render_all(&registry), page(&registry, EscapingScheme::Underscores));
}

/// A counter and a histogram with an exemplar whose labels have these names.
struct Examples(&'static [(&'static str, &'static str)]);

impl Collector for Examples {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (none, labels) = (LabelSet::empty(), LabelSet::try_from_utf8_pairs(self.0)?);
        let exemplar = Exemplar::new(&labels, 0.5, SystemTime::UNIX_EPOCH);
        visitor.family(&Descriptor::try_new("a_total", "A.", MetricType::Counter)?)?;
        let counter = CounterPoint::new(2_u64).with_exemplar(Some(exemplar));
        visitor.point(SeriesLabels::of(&none), counter.into())?;
        visitor.family(&Descriptor::try_new("h", "H.", MetricType::Histogram)?)?;
        let exemplars = [exemplar];
        let histogram = HistogramPoint::try_new(&[1.0], &[1, 0], 0.5)?.with_exemplars(&exemplars);
        Ok(visitor.point(SeriesLabels::of(&none), histogram.into())?)
    }
}

/// The names of the labels of all exemplars of a page.
fn exemplar_labels(examples: &Examples, format: Format, scheme: EscapingScheme) -> Vec<String> {
    let exposition = Exposition::new(format).with_escaping(scheme);
    let page = PrometheusRenderer::render_as(examples, exposition).unwrap();
    if format == Format::Protobuf {
        let mut names = Vec::new();
        for metric in protobuf::parse(&page).unwrap().iter().flat_map(|family| &family.metric) {
            let counter = metric.counter.iter().filter_map(|counter| counter.exemplar.as_ref());
            let buckets = metric.histogram.iter().flat_map(|histogram| &histogram.bucket);
            let exemplars = counter.chain(buckets.filter_map(|bucket| bucket.exemplar.as_ref()));
            names.extend(exemplars.flat_map(|found| &found.label).filter_map(|label| label.name.clone()));
        }
        return names;
    }
    let text = String::from_utf8(page).unwrap();
    if scheme != EscapingScheme::AllowUtf8 {
        openmetrics::parse(&text).unwrap();
    }
    let exemplars = text.lines().filter_map(|line| line.split_once(" # {")?.1.split_once('}'));
    let pairs = exemplars.flat_map(|(pairs, _)| pairs.split(','));
    pairs.filter_map(|pair| Some(pair.split_once('=')?.0.trim_matches('"').to_owned())).collect()
}

#[test]
fn exemplars_have_their_labels_by_the_pages_scheme() {
    let examples = Examples(&[("k", "é\""), ("trace.id", "7")]);
    for format in [Format::OpenMetrics, Format::Protobuf] {
        for (scheme, name) in [
            (EscapingScheme::AllowUtf8, "trace.id"),
            (EscapingScheme::Underscores, "trace_id"),
            (EscapingScheme::Dots, "trace_dot_id"),
            (EscapingScheme::Values, "U__trace_2e_id"),
        ] {
            let names = exemplar_labels(&examples, format, scheme);
            assert_eq!(names, ["k", name, "k", name], "{format:?} {scheme}");
        }
    }
}

/// A state set of this name with a label of that one, which differ in a character that not every scheme keeps.
struct States(&'static str, &'static str);

impl Collector for States {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new_utf8(self.0, "S.", MetricType::StateSet)?)?;
        let labels = LabelSet::try_from_utf8_pairs(&[(self.1, "1")])?;
        Ok(visitor.point(SeriesLabels::of(&labels), StateSetPoint::new(&[("on", true)]).into())?)
    }
}

#[test]
fn a_state_set_whose_label_would_stand_twice_by_a_scheme_is_left_out_and_counted() {
    for format in [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf] {
        for (scheme, states) in ESCAPING
            .into_iter()
            .flat_map(|scheme| [(scheme, States("s.t", "s_t")), (scheme, States("s_t", "s.t"))])
        {
            let exposition = Exposition::new(format).with_escaping(scheme);
            let skipped = match PrometheusRenderer::render_as(&states, exposition) {
                Ok(_) => 0,
                Err(RenderError::Skipped { points }) => points,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(skipped, u64::from(scheme == EscapingScheme::Underscores), "{format:?} {scheme}");
        }
    }
}

#[test]
fn a_state_set_whose_states_would_be_the_name_is_left_out_and_counted() {
    for format in [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf] {
        for (name, scheme, expected) in [
            ("__name__", EscapingScheme::Underscores, 1),
            ("__name__", EscapingScheme::Dots, 0),
            ("__name:_", EscapingScheme::Underscores, 1),
            ("__name", EscapingScheme::Underscores, 0),
        ] {
            let exposition = Exposition::new(format).with_escaping(scheme);
            let skipped = match PrometheusRenderer::render_as(&States(name, "a"), exposition) {
                Ok(_) => 0,
                Err(RenderError::Skipped { points }) => points,
                Err(error) => panic!("{error}"),
            };
            assert_eq!(skipped, expected, "{name} {format:?} {scheme}");
        }
    }
}

/// Names in which what has a meaning to a format or a scheme is common.
fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => select(vec!["a", "b", "_", ".", ":", "1", "dot", "_dot_", "__", "U__", "_2e_", "total", "_total"])
            .prop_map(str::to_owned),
        2 => select(vec!["\"", "\\", "\n", "{", "}", ",", "=", "#", " ", "\u{1}", "漢", "\u{202e}"])
            .prop_map(str::to_owned),
        1 => any::<char>().prop_filter("NUL is in no name", |one| *one != '\0').prop_map(String::from),
    ];
    vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

/// Whether every version of Prometheus takes the name: a second statement of the rule.
fn is_classic(name: &str, colon: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colon && c == ':');
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// The name that was escaped by values, by the rules of `UnescapeName` in `prometheus/common`.
fn unescaped(escaped: &str) -> Option<String> {
    let Some(mut rest) = escaped.strip_prefix("U__") else { return Some(escaped.to_owned()) };
    let mut name = String::new();
    while let Some((before, after)) = rest.split_once('_') {
        name.push_str(before);
        let (code, after) = after.split_once('_')?;
        name.push(if code.is_empty() { '_' } else { char::from_u32(u32::from_str_radix(code, 16).ok()?)? });
        rest = after;
    }
    Some(name + rest)
}

/// A sample of a page that takes UTF-8 names: its name, its labels and the text of its value.
fn sample(line: &str) -> (String, BTreeMap<String, String>, String) {
    let start = line.find(['{', ' ']).unwrap();
    let (mut name, mut rest) = (line[..start].to_owned(), &line[start..]);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let first = if rest.starts_with('"') { quoted(&mut rest) } else { word(&mut rest) };
            if let Some(value) = rest.strip_prefix('=') {
                rest = value;
                assert_eq!(labels.insert(first, quoted(&mut rest)), None, "{line}");
            } else {
                assert!(name.is_empty() && labels.is_empty(), "{line}");
                name = first;
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    (name, labels, rest.strip_prefix(' ').unwrap().to_owned())
}

fn word(rest: &mut &str) -> String {
    let (word, after) = rest.split_at(rest.find('=').unwrap());
    assert!(is_classic(word, false), "{word}");
    *rest = after;
    word.to_owned()
}

fn quoted(rest: &mut &str) -> String {
    let mut characters = rest.strip_prefix('"').unwrap().chars();
    let mut text = String::new();
    loop {
        match characters.next().unwrap() {
            '"' => break,
            '\\' => text.push(match characters.next().unwrap() {
                'n' => '\n',
                escaped => {
                    assert!(matches!(escaped, '\\' | '"'), "{escaped:?}");
                    escaped
                }
            }),
            plain => text.push(plain),
        }
    }
    *rest = characters.as_str();
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_escaped_name_is_classic_and_no_label_becomes_a_reserved_one(name in name()) {
        for scheme in ESCAPING {
            let (metric, label) = (scheme.metric_name(&name), scheme.label_name(&name));
            prop_assert!(is_classic(&metric, true), "{} by {}: {}", name, scheme, metric);
            prop_assert!(is_classic(&label, false), "{} by {}: {}", name, scheme, label);
            prop_assert!(name.starts_with("__") || !label.starts_with("__"), "{} by {}", name, scheme);
            if scheme != EscapingScheme::Dots && is_classic(&name, true) {
                prop_assert_eq!(&*metric, &name);
            }
        }
    }

    #[test]
    fn what_is_escaped_by_values_is_read_back(name in name()) {
        // A classic name stays, and may look like one that was escaped.
        if !is_classic(&name, true) {
            prop_assert_eq!(unescaped(&EscapingScheme::Values.metric_name(&name)), Some(name.clone()));
        }
        if !is_classic(&name, false) {
            prop_assert_eq!(unescaped(&EscapingScheme::Values.label_name(&name)), Some(name));
        }
    }

    #[test]
    fn names_that_become_one_by_dots_do_so_by_underscores(one in name(), other in name()) {
        let are_one = |scheme: EscapingScheme| scheme.metric_name(&one) == scheme.metric_name(&other);
        prop_assert!(!are_one(EscapingScheme::Dots) || are_one(EscapingScheme::Underscores));
    }

    /// Whatever is registered and recorded, each page has all of it, and parses: so no family and no series stands
    /// twice.
    #[test]
    fn what_is_counted_is_what_every_page_has(
        families in vec((name(), vec(vec((name(), "[a\"\\\\\n]{0,2}"), 0..3), 1..4)), 1..5),
    ) {
        let registry = registry();
        let mut counted = 0_u64;
        let mut expected = BTreeSet::new();
        for (name, sets) in &families {
            let family = match registry.register_counter(name, "C.") {
                Ok(family) => family,
                Err(RegisterError::Collision { .. }) => continue,
                Err(error) => return Err(TestCaseError::fail(error.to_string())),
            };
            for set in sets {
                let pairs: Vec<(&str, &str)> =
                    set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                if let Ok(counter) = family.try_get_or_create(&pairs) {
                    let labels = set.iter().filter(|(_, value)| !value.is_empty()).cloned();
                    if expected.insert((name.clone(), labels.collect::<BTreeMap<_, _>>())) {
                        counted += 1;
                        counter.inc_by(counted);
                    }
                }
            }
        }
        let text = page(&registry, EscapingScheme::AllowUtf8);
        let samples = text.lines().filter(|line| !line.starts_with("# ")).map(sample);
        let read: BTreeSet<_> = samples.map(|(name, labels, _)| (name, labels)).collect();
        prop_assert_eq!(&read, &expected);
        for scheme in ESCAPING {
            let text = page(&registry, scheme);
            let read = Page::parse(&text).map_err(|fault| TestCaseError::fail(format!("{fault}\n{text}")))?;
            let series = read.families.iter().flat_map(|family| &family.series);
            prop_assert_eq!(series.count(), expected.len());
            for (name, labels) in &expected {
                let labels: Vec<_> =
                    labels.iter().map(|(name, value)| (scheme.label_name(name), value)).collect();
                let labels: Vec<(&str, &str)> =
                    labels.iter().map(|(name, value)| (&**name, value.as_str())).collect();
                prop_assert!(read.count(&scheme.metric_name(name), &labels).is_some(), "{} {:?}\n{}", name, labels, text);
            }
        }
    }
}

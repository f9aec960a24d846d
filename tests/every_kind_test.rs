//! Every kind in every format: whole documents, compared exactly, and read by the independent parsers.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use nilometer_core::collect::{MetricType, Number};
use nilometer_prometheus::{EscapingScheme, Exposition, Format, PrometheusRenderer, RenderError};
use nilometer_tests::protobuf::{
    self, Bucket, BucketSpan, Counter, Metric, MetricFamily, MetricType as Type, Quantile, Summary,
    Timestamp, decoded, gauge, pairs,
};
use nilometer_tests::shown::{Example, Exponential, Family, Histogram, Series, Shown, Value};
use nilometer_tests::{openmetrics, page};

fn render(family: &Family, exposition: Exposition) -> Vec<u8> {
    PrometheusRenderer::render_as(&Shown(vec![family.clone()]), exposition).unwrap()
}

fn text(family: &Family, exposition: Exposition) -> String {
    String::from_utf8(render(family, exposition)).unwrap()
}

/// Checks a family's documents: in 0.0.4 and 1.0.0, which have the same lines; in OpenMetrics, those with `_created`
/// lines among them being `open_metrics` whole, and those without it less these lines; in protobuf, as it is decoded.
fn check(family: &Family, plain: &str, open_metrics: &str, decoded: &MetricFamily) {
    assert_eq!(text(family, Exposition::new(Format::Text)), plain);
    assert_eq!(text(family, Exposition::new(Format::Text1)), plain);
    let utf8 = Exposition::new(Format::Text1).with_escaping(EscapingScheme::AllowUtf8);
    assert_eq!(text(family, utf8), plain);
    page::Page::parse(plain).unwrap();

    let exposition = Exposition::new(Format::OpenMetrics);
    assert_eq!(text(family, exposition.with_created(true)), open_metrics);
    openmetrics::parse(open_metrics).unwrap();
    let lines = open_metrics.split_inclusive('\n').filter(|line| !line.contains("_created"));
    let without: String = lines.collect();
    assert_eq!(text(family, exposition), without);
    openmetrics::parse(&without).unwrap();

    let page = render(family, Exposition::new(Format::Protobuf));
    assert_eq!(protobuf::parse(&page).unwrap(), *std::slice::from_ref(decoded));
}

fn family(name: &str, kind: MetricType, series: Vec<Series>) -> Family {
    Family { name: name.to_owned(), help: "H.".to_owned(), kind, unit: None, series }
}

fn series(labels: &[(&str, &str)], value: Value) -> Series {
    let labels = owned(labels);
    Series { labels, value, created: Some(1_700_000_000_250_000_000), exemplars: Vec::new() }
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    labels.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn example(labels: &[(&str, &str)], value: f64) -> Example {
    Example { labels: owned(labels), value, nanoseconds: 1_700_000_001_500_000_000 }
}

fn created() -> Timestamp {
    Timestamp { seconds: 1_700_000_000, nanos: 250_000_000 }
}

fn exemplar(labels: &[(&str, &str)], value: f64) -> protobuf::Exemplar {
    let timestamp = Some(Timestamp { seconds: 1_700_000_001, nanos: 500_000_000 });
    protobuf::Exemplar { label: pairs(labels), value: Some(value), timestamp }
}

fn bucket(bound: f64, count: u64) -> Bucket {
    Bucket { cumulative_count: Some(count), upper_bound: Some(bound), ..Bucket::default() }
}

fn histogram(labels: &[(&str, &str)], histogram: protobuf::Histogram) -> Metric {
    Metric { label: pairs(labels), histogram: Some(histogram), ..Metric::default() }
}

fn span(offset: i32, length: u32) -> BucketSpan {
    BucketSpan { offset: Some(offset), length: Some(length) }
}

#[test]
fn counters() {
    let mut first = series(&[("path", "/a\"b\\c\nd")], Value::Number(Number::U64(3)));
    first.exemplars = vec![example(&[("trace_id", "ab\"c")], 1.0)];
    let mut second = series(&[], Value::Number(Number::F64(2.5)));
    second.created = None;
    second.exemplars = vec![example(&[], 0.5)];
    let mut third = series(&[("path", "/long")], Value::Number(Number::U64(1)));
    third.exemplars = vec![example(&[("trace_id", &"x".repeat(121))], 1.0)];
    let mut counters = family("busy_seconds_total", MetricType::Counter, vec![first, second, third]);
    counters.unit = Some("seconds");
    counters.help = "Say \"hi\" to C:\\\nnow.".to_owned();
    let counter = |labels: &[(&str, &str)], value, exemplar, created_timestamp| Metric {
        label: pairs(labels),
        counter: Some(Counter { value: Some(value), exemplar, created_timestamp }),
        ..Metric::default()
    };
    let mut expected = decoded(
        "busy_seconds_total",
        Type::Counter,
        vec![
            counter(
                &[("path", "/a\"b\\c\nd")],
                3.0,
                Some(exemplar(&[("trace_id", "ab\"c")], 1.0)),
                Some(created()),
            ),
            counter(&[], 2.5, Some(exemplar(&[], 0.5)), None),
            counter(&[("path", "/long")], 1.0, None, Some(created())),
        ],
    );
    expected.unit = Some("seconds".to_owned());
    expected.help = Some(counters.help.clone());
    check(
        &counters,
        r#"# HELP busy_seconds_total Say "hi" to C:\\\nnow.
# TYPE busy_seconds_total counter
busy_seconds_total{path="/a\"b\\c\nd"} 3
busy_seconds_total 2.5
busy_seconds_total{path="/long"} 1
"#,
        r#"# HELP busy_seconds Say \"hi\" to C:\\\nnow.
# TYPE busy_seconds counter
# UNIT busy_seconds seconds
busy_seconds_total{path="/a\"b\\c\nd"} 3 # {trace_id="ab\"c"} 1 1700000001.5
busy_seconds_created{path="/a\"b\\c\nd"} 1700000000.25
busy_seconds_total 2.5 # {} 0.5 1700000001.5
busy_seconds_total{path="/long"} 1
busy_seconds_created{path="/long"} 1700000000.25
# EOF
"#,
        &expected,
    );
}

#[test]
fn counters_without_total_keep_their_name() {
    let mut hits = series(&[], Value::Number(Number::U64(3)));
    hits.exemplars = vec![example(&[], 1.0)];
    let counter =
        Counter { value: Some(3.0), exemplar: Some(exemplar(&[], 1.0)), created_timestamp: Some(created()) };
    check(
        &family("hits", MetricType::Counter, vec![hits]),
        "# HELP hits H.\n# TYPE hits counter\nhits 3\n",
        "# HELP hits H.\n# TYPE hits unknown\nhits 3\n# EOF\n",
        &decoded("hits", Type::Counter, vec![Metric { counter: Some(counter), ..Metric::default() }]),
    );
}

#[test]
fn gauges_and_up_down_counters() {
    let mut temperature = family(
        "room_celsius",
        MetricType::Gauge,
        vec![
            series(&[("room", "a")], Value::Number(Number::F64(-2.5))),
            series(&[("room", "b")], Value::Number(Number::F64(f64::INFINITY))),
        ],
    );
    temperature.unit = Some("celsius");
    let values = vec![gauge(&[("room", "a")], -2.5), gauge(&[("room", "b")], f64::INFINITY)];
    let mut expected = decoded("room_celsius", Type::Gauge, values);
    expected.unit = Some("celsius".to_owned());
    check(
        &temperature,
        "# HELP room_celsius H.\n# TYPE room_celsius gauge\n\
         room_celsius{room=\"a\"} -2.5\nroom_celsius{room=\"b\"} +Inf\n",
        "# HELP room_celsius H.\n# TYPE room_celsius gauge\n# UNIT room_celsius celsius\n\
         room_celsius{room=\"a\"} -2.5\nroom_celsius{room=\"b\"} +Inf\n# EOF\n",
        &expected,
    );
    check(
        &family("jobs", MetricType::UpDownCounter, vec![series(&[], Value::Number(Number::I64(-3)))]),
        "# HELP jobs H.\n# TYPE jobs gauge\njobs -3\n",
        "# HELP jobs H.\n# TYPE jobs gauge\njobs -3\n# EOF\n",
        &decoded("jobs", Type::Gauge, vec![gauge(&[], -3.0)]),
    );
}

fn waits() -> Series {
    let explicit = Histogram {
        bounds: vec![0.5, 1.0, 1e6],
        counts: vec![1, 2, 0, 1],
        sum: 2_000_002.25,
        exponential: None,
        is_exponential_only: false,
    };
    let mut waits = series(&[("queue", "a")], Value::Histogram(explicit));
    waits.exemplars =
        vec![example(&[("trace_id", "1")], 0.25), example(&[("trace_id", "2")], 0.75), example(&[], 2e6)];
    waits
}

#[test]
fn histograms() {
    let mut value = protobuf::Histogram {
        sample_count: Some(4),
        sample_sum: Some(2_000_002.25),
        bucket: vec![bucket(0.5, 1), bucket(1.0, 3), bucket(1e6, 3), bucket(f64::INFINITY, 4)],
        created_timestamp: Some(created()),
        ..protobuf::Histogram::default()
    };
    value.bucket[0].exemplar = Some(exemplar(&[("trace_id", "1")], 0.25));
    value.bucket[1].exemplar = Some(exemplar(&[("trace_id", "2")], 0.75));
    value.bucket[3].exemplar = Some(exemplar(&[], 2e6));
    check(
        &family("wait_seconds", MetricType::Histogram, vec![waits()]),
        r#"# HELP wait_seconds H.
# TYPE wait_seconds histogram
wait_seconds_bucket{queue="a",le="0.5"} 1
wait_seconds_bucket{queue="a",le="1.0"} 3
wait_seconds_bucket{queue="a",le="1e+06"} 3
wait_seconds_bucket{queue="a",le="+Inf"} 4
wait_seconds_sum{queue="a"} 2000002.25
wait_seconds_count{queue="a"} 4
"#,
        r#"# HELP wait_seconds H.
# TYPE wait_seconds histogram
wait_seconds_bucket{queue="a",le="0.5"} 1 # {trace_id="1"} 0.25 1700000001.5
wait_seconds_bucket{queue="a",le="1.0"} 3 # {trace_id="2"} 0.75 1700000001.5
wait_seconds_bucket{queue="a",le="1e+06"} 3
wait_seconds_bucket{queue="a",le="+Inf"} 4 # {} 2000000 1700000001.5
wait_seconds_sum{queue="a"} 2000002.25
wait_seconds_count{queue="a"} 4
wait_seconds_created{queue="a"} 1700000000.25
# EOF
"#,
        &decoded("wait_seconds", Type::Histogram, vec![histogram(&[("queue", "a")], value)]),
    );
}

#[test]
fn a_histogram_below_zero_has_neither_sum_nor_count_in_open_metrics() {
    let explicit = |bounds: &[f64], sum| {
        let histogram = Histogram {
            bounds: bounds.to_vec(),
            counts: vec![1, 2],
            sum,
            exponential: None,
            is_exponential_only: false,
        };
        let mut series = series(&[], Value::Histogram(histogram));
        series.created = None;
        series
    };
    for (bound, spelled, sum) in [(-0.5, "-0.5", -1.5), (-0.5, "-0.5", 1.5), (0.5, "0.5", -1.5)] {
        let value = protobuf::Histogram {
            sample_count: Some(3),
            sample_sum: Some(sum),
            bucket: vec![bucket(bound, 1), bucket(f64::INFINITY, 3)],
            ..protobuf::Histogram::default()
        };
        let head = "# HELP change H.\n# TYPE change histogram\n";
        let buckets = format!("change_bucket{{le=\"{spelled}\"}} 1\nchange_bucket{{le=\"+Inf\"}} 3\n");
        check(
            &family("change", MetricType::Histogram, vec![explicit(&[bound], sum)]),
            &format!("{head}{buckets}change_sum {sum}\nchange_count 3\n"),
            &format!("{head}{buckets}# EOF\n"),
            &decoded("change", Type::Histogram, vec![histogram(&[], value)]),
        );
    }
}

/// Four positive observations in two spans, two negative ones and one at zero, and their fallback.
fn sizes(is_exponential_only: bool) -> Series {
    let histogram = Histogram {
        bounds: vec![1.0],
        counts: vec![3, 4],
        sum: 150.5,
        exponential: Some(Exponential {
            scale: 0,
            zero: (0.001, 1),
            positive: (-1, vec![0, 1, 0, 2, 0, 0, 0, 1, 0]),
            negative: (3, vec![2]),
        }),
        is_exponential_only,
    };
    let mut sizes = series(&[], Value::Histogram(histogram));
    sizes.exemplars = vec![example(&[("trace_id", "1")], 0.5), example(&[], 100.0)];
    sizes
}

fn native() -> protobuf::Histogram {
    protobuf::Histogram {
        sample_count: Some(7),
        sample_sum: Some(150.5),
        created_timestamp: Some(created()),
        schema: Some(0),
        zero_threshold: Some(0.001),
        zero_count: Some(1),
        negative_span: vec![span(4, 1)],
        negative_delta: vec![2],
        positive_span: vec![span(1, 3), span(3, 1)],
        positive_delta: vec![1, -1, 2, -1],
        ..protobuf::Histogram::default()
    }
}

const SIZES: &str = r#"# HELP size H.
# TYPE size histogram
size_bucket{le="1.0"} 3
size_bucket{le="+Inf"} 7
size_sum 150.5
size_count 7
"#;

const OPEN_METRICS_SIZES: &str = r#"# HELP size H.
# TYPE size histogram
size_bucket{le="1.0"} 3 # {trace_id="1"} 0.5 1700000001.5
size_bucket{le="+Inf"} 7 # {} 100 1700000001.5
size_created 1700000000.25
# EOF
"#;

#[test]
fn exponential_histograms_show_their_fallback_where_there_are_no_others() {
    let exemplars = vec![exemplar(&[("trace_id", "1")], 0.5), exemplar(&[], 100.0)];
    let value = protobuf::Histogram { exemplars, ..native() };
    check(
        &family("size", MetricType::Histogram, vec![sizes(true)]),
        SIZES,
        OPEN_METRICS_SIZES,
        &decoded("size", Type::Histogram, vec![histogram(&[], value)]),
    );
}

#[test]
fn histograms_of_both_kinds_show_both() {
    let mut value =
        protobuf::Histogram { bucket: vec![bucket(1.0, 3), bucket(f64::INFINITY, 7)], ..native() };
    value.bucket[0].exemplar = Some(exemplar(&[("trace_id", "1")], 0.5));
    value.bucket[1].exemplar = Some(exemplar(&[], 100.0));
    check(
        &family("size", MetricType::Histogram, vec![sizes(false)]),
        SIZES,
        OPEN_METRICS_SIZES,
        &decoded("size", Type::Histogram, vec![histogram(&[], value)]),
    );
}

#[test]
fn an_exponential_histogram_without_observations_is_still_one() {
    let nothing = Histogram {
        bounds: vec![1.0],
        counts: vec![0, 0],
        sum: 0.0,
        exponential: Some(Exponential {
            scale: 3,
            zero: (0.0, 0),
            positive: (0, vec![0; 4]),
            negative: (0, vec![]),
        }),
        is_exponential_only: true,
    };
    let mut nothing = series(&[], Value::Histogram(nothing));
    nothing.created = None;
    let value = protobuf::Histogram {
        sample_count: Some(0),
        sample_sum: Some(0.0),
        schema: Some(3),
        zero_threshold: Some(0.0),
        zero_count: Some(0),
        positive_span: vec![span(0, 0)],
        ..protobuf::Histogram::default()
    };
    check(
        &family("size", MetricType::Histogram, vec![nothing]),
        "# HELP size H.\n# TYPE size histogram\nsize_bucket{le=\"1.0\"} 0\nsize_bucket{le=\"+Inf\"} 0\nsize_sum 0\nsize_count 0\n",
        "# HELP size H.\n# TYPE size histogram\nsize_bucket{le=\"1.0\"} 0\nsize_bucket{le=\"+Inf\"} 0\nsize_sum 0\nsize_count 0\n# EOF\n",
        &decoded("size", Type::Histogram, vec![histogram(&[], value)]),
    );
}

#[test]
fn gauge_histograms() {
    let ages = |bound, sum| {
        let histogram = Histogram {
            bounds: vec![bound],
            counts: vec![1, 2],
            sum,
            exponential: None,
            is_exponential_only: false,
        };
        let mut series = series(&[("queue", "a")], Value::Histogram(histogram));
        series.exemplars = vec![example(&[], 7.0)];
        family("age", MetricType::GaugeHistogram, vec![series])
    };
    for (bound, spelled, sum, open_metrics_sum) in [
        (5.0, "5.0", 12.5, "age_gsum{queue=\"a\"} 12.5\nage_gcount{queue=\"a\"} 3\n"),
        (-5.0, "-5.0", -1.0, "age_gsum{queue=\"a\"} -1\nage_gcount{queue=\"a\"} 3\n"),
        (5.0, "5.0", -1.0, ""),
    ] {
        let mut value = protobuf::Histogram {
            sample_count: Some(3),
            sample_sum: Some(sum),
            bucket: vec![bucket(bound, 1), bucket(f64::INFINITY, 3)],
            ..protobuf::Histogram::default()
        };
        value.bucket[1].exemplar = Some(exemplar(&[], 7.0));
        check(
            &ages(bound, sum),
            &format!(
                "# HELP age H.\n# TYPE age histogram\nage_bucket{{queue=\"a\",le=\"{spelled}\"}} 1\n\
                 age_bucket{{queue=\"a\",le=\"+Inf\"}} 3\nage_sum{{queue=\"a\"}} {sum}\nage_count{{queue=\"a\"}} 3\n"
            ),
            &format!(
                "# HELP age H.\n# TYPE age gaugehistogram\nage_bucket{{queue=\"a\",le=\"{spelled}\"}} 1\n\
                 age_bucket{{queue=\"a\",le=\"+Inf\"}} 3 # {{}} 7 1700000001.5\n{open_metrics_sum}\
                 # EOF\n"
            ),
            &decoded("age", Type::GaugeHistogram, vec![histogram(&[("queue", "a")], value)]),
        );
    }
}

#[test]
fn summaries() {
    let quantiles = vec![(0.0, 0.001), (0.5, 0.25), (0.99, f64::INFINITY), (1.0, 4.0)];
    let latency = series(&[("path", "/")], Value::Summary(quantiles, 10, 12.5));
    let mut below = series(&[], Value::Summary(vec![(0.5, -1.0), (0.9, f64::INFINITY)], 1, -1.0));
    below.created = None;
    let quantile = |rank, value| Quantile { quantile: Some(rank), value: Some(value) };
    let summary = |labels: &[(&str, &str)], summary| Metric {
        label: pairs(labels),
        summary: Some(summary),
        ..Metric::default()
    };
    let metrics = vec![
        summary(
            &[("path", "/")],
            Summary {
                sample_count: Some(10),
                sample_sum: Some(12.5),
                quantile: vec![
                    quantile(0.0, 0.001),
                    quantile(0.5, 0.25),
                    quantile(0.99, f64::INFINITY),
                    quantile(1.0, 4.0),
                ],
                created_timestamp: Some(created()),
            },
        ),
        summary(
            &[],
            Summary {
                sample_count: Some(1),
                sample_sum: Some(-1.0),
                quantile: vec![quantile(0.5, -1.0), quantile(0.9, f64::INFINITY)],
                created_timestamp: None,
            },
        ),
    ];
    check(
        &family("latency_seconds", MetricType::Summary, vec![latency, below]),
        r#"# HELP latency_seconds H.
# TYPE latency_seconds summary
latency_seconds{path="/",quantile="0.0"} 0.001
latency_seconds{path="/",quantile="0.5"} 0.25
latency_seconds{path="/",quantile="0.99"} +Inf
latency_seconds{path="/",quantile="1.0"} 4
latency_seconds_sum{path="/"} 12.5
latency_seconds_count{path="/"} 10
latency_seconds{quantile="0.5"} -1
latency_seconds{quantile="0.9"} +Inf
latency_seconds_sum -1
latency_seconds_count 1
"#,
        r#"# HELP latency_seconds H.
# TYPE latency_seconds summary
latency_seconds{path="/",quantile="0.0"} 0.001
latency_seconds{path="/",quantile="0.5"} 0.25
latency_seconds{path="/",quantile="0.99"} +Inf
latency_seconds{path="/",quantile="1.0"} 4
latency_seconds_sum{path="/"} 12.5
latency_seconds_count{path="/"} 10
latency_seconds_created{path="/"} 1700000000.25
latency_seconds{quantile="0.9"} +Inf
latency_seconds_count 1
# EOF
"#,
        &decoded("latency_seconds", Type::Summary, metrics),
    );
}

#[test]
fn infos() {
    let version = series(&[("version", "1.2")], Value::Info);
    check(
        &family("build_info", MetricType::Info, vec![version.clone()]),
        "# HELP build_info H.\n# TYPE build_info gauge\nbuild_info{version=\"1.2\"} 1\n",
        "# HELP build H.\n# TYPE build info\nbuild_info{version=\"1.2\"} 1\n# EOF\n",
        &decoded("build_info", Type::Gauge, vec![gauge(&[("version", "1.2")], 1.0)]),
    );
    check(
        &family("build", MetricType::Info, vec![version]),
        "# HELP build H.\n# TYPE build gauge\nbuild{version=\"1.2\"} 1\n",
        "# HELP build H.\n# TYPE build gauge\nbuild{version=\"1.2\"} 1\n# EOF\n",
        &decoded("build", Type::Gauge, vec![gauge(&[("version", "1.2")], 1.0)]),
    );
}

#[test]
fn state_sets() {
    let states = vec![("starting\n".to_owned(), false), ("run\"ning".to_owned(), true)];
    let one = series(&[("node", "a")], Value::StateSet(states));
    let two = series(&[], Value::StateSet(vec![("only".to_owned(), true)]));
    let lines = r#"mode{node="a",mode="starting\n"} 0
mode{node="a",mode="run\"ning"} 1
mode{mode="only"} 1
"#;
    check(
        &family("mode", MetricType::StateSet, vec![one, two]),
        &format!("# HELP mode H.\n# TYPE mode gauge\n{lines}"),
        &format!("# HELP mode H.\n# TYPE mode stateset\n{lines}# EOF\n"),
        &decoded(
            "mode",
            Type::Gauge,
            vec![
                gauge(&[("node", "a"), ("mode", "starting\n")], 0.0),
                gauge(&[("node", "a"), ("mode", "run\"ning")], 1.0),
                gauge(&[("mode", "only")], 1.0),
            ],
        ),
    );
}

#[test]
fn state_sets_that_cannot_be_written_are_left_out_and_counted() {
    let clashing = series(&[("mode", "a")], Value::StateSet(vec![("on".to_owned(), true)]));
    let empty = series(&[], Value::StateSet(vec![]));
    let shown = Shown(vec![family("mode", MetricType::StateSet, vec![clashing, empty])]);
    assert_eq!(PrometheusRenderer::render_all(&shown), "");
    for format in [Format::Text, Format::Text1, Format::OpenMetrics, Format::Protobuf] {
        let error = PrometheusRenderer::render_as(&shown, Exposition::new(format)).unwrap_err();
        assert!(matches!(error, RenderError::Skipped { points: 2 }), "{format:?}");
    }
}

#[test]
fn a_unit_that_does_not_end_the_name_is_left_out() {
    let mut odd = family("size", MetricType::Gauge, vec![series(&[], Value::Number(Number::U64(1)))]);
    odd.unit = Some("bytes");
    check(
        &odd,
        "# HELP size H.\n# TYPE size gauge\nsize 1\n",
        "# HELP size H.\n# TYPE size gauge\nsize 1\n# EOF\n",
        &decoded("size", Type::Gauge, vec![gauge(&[], 1.0)]),
    );
}

#[test]
fn an_empty_page_is_empty_but_for_what_says_that_it_ends() {
    let page = |format| PrometheusRenderer::render_as(&Shown(vec![]), Exposition::new(format)).unwrap();
    assert_eq!(page(Format::Text), b"");
    assert_eq!(page(Format::Text1), b"");
    assert_eq!(page(Format::OpenMetrics), b"# EOF\n");
    assert_eq!(page(Format::Protobuf), b"");
}

#[test]
fn a_message_is_these_bytes() {
    let hits =
        family("c_total", MetricType::Counter, vec![series(&[("a", "b")], Value::Number(Number::U64(1)))]);
    let expected = [
        // The length of the message.
        &[49][..],
        // Name, help, type.
        b"\x0a\x07c_total",
        b"\x12\x02H.",
        b"\x18\x00",
        // A metric: a label, and a counter of 1 with its created timestamp.
        &[0x22, 32],
        b"\x0a\x06\x0a\x01a\x12\x01b",
        &[0x1a, 22],
        &[0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
    ]
    .concat();
    let page = render(&hits, Exposition::new(Format::Protobuf));
    // Seconds and nanoseconds of the timestamp.
    let time = b"\x1a\x0b\x08\x80\xe2\xcf\xaa\x06\x10\x80\xe5\x9a\x77";
    assert_eq!(page, [&expected, &time[..]].concat());
}

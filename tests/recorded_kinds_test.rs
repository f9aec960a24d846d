//! The kinds that few programs need, recorded into a registry and written in every format: whole documents, compared
//! exactly, and read by the independent parsers.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::time::{Duration, SystemTime};

use nilometer_core::{
    ExponentialConfig, FloatCounter, GaugeHistogram, Histogram, HistogramReading, IntGauge, ManualClock,
    MaxGauge, MetricsRegistry, MinGauge, RegistryConfig, StateSet, Summary, SummaryConfig, Unit,
};
use nilometer_macros::LabelValue;
use nilometer_prometheus::{EscapingScheme, Exposition, Format, PrometheusRenderer};
use nilometer_tests::protobuf::{
    self, Bucket, BucketSpan, Counter, Histogram as HistogramMessage, Metric, MetricFamily, MetricType,
    Quantile, Timestamp, decoded, gauge, pairs,
};
use nilometer_tests::{openmetrics, page};

#[derive(Debug, Clone, Copy, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "snake_case")]
enum Phase {
    Starting,
    Running,
}

/// A registry whose clock stands at what [`created`] is.
fn registry() -> (MetricsRegistry, ManualClock) {
    let clock = ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_250));
    (MetricsRegistry::with_config(RegistryConfig::new().with_clock(&clock)), clock)
}

/// What OpenMetrics and protobuf say of a series that began when the clock stood there.
fn created() -> Timestamp {
    Timestamp { seconds: 1_700_000_000, nanos: 250_000_000 }
}

/// Checks a registry's documents: in 0.0.4 and 1.0.0, which have the same lines; in OpenMetrics, those with `_created`
/// lines among them; in protobuf, as it is decoded.
fn check(registry: &MetricsRegistry, plain: &str, open_metrics: &str, decoded: &[MetricFamily]) {
    let render = |exposition| PrometheusRenderer::render_as(registry, exposition).unwrap();
    let text = |exposition| String::from_utf8(render(exposition)).unwrap();
    assert_eq!(text(Exposition::new(Format::Text)), plain);
    assert_eq!(text(Exposition::new(Format::Text1)), plain);
    page::Page::parse(plain).unwrap();
    assert_eq!(text(Exposition::new(Format::OpenMetrics).with_created(true)), open_metrics);
    openmetrics::parse(open_metrics).unwrap();
    assert_eq!(protobuf::parse(&render(Exposition::new(Format::Protobuf))).unwrap(), decoded);
}

fn counter(labels: &[(&str, &str)], value: f64, created_timestamp: Option<Timestamp>) -> Metric {
    let counter = Counter { value: Some(value), created_timestamp, ..Counter::default() };
    Metric { label: pairs(labels), counter: Some(counter), ..Metric::default() }
}

#[test]
fn float_counters() {
    let (registry, clock) = registry();
    let builder = registry.family::<FloatCounter>("cpu_seconds_total", "H.").with_unit(Unit::SECONDS);
    let family = builder.register().unwrap();
    family.get_or_create(&[("mode", "user")]).inc_by(0.25);
    clock.advance(Duration::from_secs(1));
    family.get_or_create(&[("mode", "user")]).inc_by(1.25);
    family.get_or_create(&[("mode", "system")]).inc();
    let later = Timestamp { seconds: 1_700_000_001, ..created() };
    let series = vec![
        counter(&[("mode", "user")], 1.5, Some(created())),
        counter(&[("mode", "system")], 1.0, Some(later)),
    ];
    let mut expected = decoded("cpu_seconds_total", MetricType::Counter, series);
    expected.unit = Some("seconds".to_owned());
    check(
        &registry,
        "# HELP cpu_seconds_total H.\n# TYPE cpu_seconds_total counter\n\
         cpu_seconds_total{mode=\"user\"} 1.5\ncpu_seconds_total{mode=\"system\"} 1\n",
        "# HELP cpu_seconds H.\n# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n\
         cpu_seconds_total{mode=\"user\"} 1.5\ncpu_seconds_created{mode=\"user\"} 1700000000.25\n\
         cpu_seconds_total{mode=\"system\"} 1\ncpu_seconds_created{mode=\"system\"} 1700000001.25\n# EOF\n",
        &[expected],
    );
}

#[test]
fn int_gauges_keep_every_digit_where_the_format_has_room_for_it() {
    let (registry, _) = registry();
    let family = registry.family::<IntGauge>("commit_offset", "H.").register().unwrap();
    family.get_or_create(&[("partition", "0")]).set(9_007_199_254_740_993);
    family.get_or_create(&[("partition", "1")]).sub(3);
    check(
        &registry,
        "# HELP commit_offset H.\n# TYPE commit_offset gauge\n\
         commit_offset{partition=\"0\"} 9007199254740993\ncommit_offset{partition=\"1\"} -3\n",
        "# HELP commit_offset H.\n# TYPE commit_offset gauge\n\
         commit_offset{partition=\"0\"} 9007199254740993\ncommit_offset{partition=\"1\"} -3\n# EOF\n",
        &[decoded(
            "commit_offset",
            MetricType::Gauge,
            vec![gauge(&[("partition", "0")], 9_007_199_254_740_992.0), gauge(&[("partition", "1")], -3.0)],
        )],
    );
}

/// A gauge histogram's series: what each bucket cumulates to, and the sum.
fn gauge_histogram(labels: &[(&str, &str)], buckets: &[(f64, u64)], sum: f64) -> Metric {
    let bucket = |&(bound, count)| Bucket {
        cumulative_count: Some(count),
        upper_bound: Some(bound),
        ..Bucket::default()
    };
    let histogram = HistogramMessage {
        sample_count: buckets.last().map(|&(_, count)| count),
        sample_sum: Some(sum),
        bucket: buckets.iter().map(bucket).collect(),
        ..HistogramMessage::default()
    };
    Metric { label: pairs(labels), histogram: Some(histogram), ..Metric::default() }
}

/// At scale 0: one observation near zero, two above 1 and up to 2, one up to 4, and one up to 16.
#[test]
fn exponential_histograms() {
    let (registry, _) = registry();
    let config = ExponentialConfig::new().with_scale(0).with_zero_threshold(0.01).with_fallback(0..=2);
    let alone = registry.family::<Histogram>("alone_seconds", "H.").with_exponential(config.clone());
    let both = registry.family::<Histogram>("both_seconds", "H.").with_buckets(&[1.0, 3.0]);
    for family in [alone.register().unwrap(), both.with_exponential(config).register().unwrap()] {
        for value in [0.0, 1.5, 3.0, 16.0, 1.5] {
            family.get_or_create(&[("path", "/")]).observe(value);
        }
    }
    let native = HistogramMessage {
        sample_count: Some(5),
        sample_sum: Some(22.0),
        created_timestamp: Some(created()),
        schema: Some(0),
        zero_threshold: Some(0.01),
        zero_count: Some(1),
        // Prometheus names a bucket by its upper bound.
        positive_span: vec![BucketSpan { offset: Some(1), length: Some(4) }],
        positive_delta: vec![2, -1, -1, 1],
        ..HistogramMessage::default()
    };
    let bucket = |(bound, count)| Bucket {
        cumulative_count: Some(count),
        upper_bound: Some(bound),
        ..Bucket::default()
    };
    let bucket = vec![(1.0, 1), (3.0, 4), (f64::INFINITY, 5)].into_iter().map(bucket).collect();
    let series = |histogram| {
        vec![Metric { label: pairs(&[("path", "/")]), histogram: Some(histogram), ..Metric::default() }]
    };
    let lines = |end: &str| {
        let buckets = |name: &str, buckets: &[(&str, u64)]| {
            let lines: Vec<String> = buckets
                .iter()
                .map(|(bound, count)| format!("{name}_bucket{{path=\"/\",le=\"{bound}\"}} {count}\n"))
                .collect();
            let (sum, count) =
                (format!("{name}_sum{{path=\"/\"}} 22\n"), format!("{name}_count{{path=\"/\"}} 5\n"));
            let created = end.replace("NAME", name);
            format!("# HELP {name} H.\n# TYPE {name} histogram\n{}{sum}{count}{created}", lines.concat())
        };
        let alone = buckets("alone_seconds", &[("1.0", 1), ("2.0", 3), ("4.0", 4), ("+Inf", 5)]);
        alone + &buckets("both_seconds", &[("1.0", 1), ("3.0", 4), ("+Inf", 5)])
    };
    check(
        &registry,
        &lines(""),
        &(lines("NAME_created{path=\"/\"} 1700000000.25\n") + "# EOF\n"),
        &[
            decoded("alone_seconds", MetricType::Histogram, series(native.clone())),
            decoded("both_seconds", MetricType::Histogram, series(HistogramMessage { bucket, ..native })),
        ],
    );
}

/// None of them has a created timestamp, in any format.
#[test]
fn gauge_histograms() {
    let (registry, clock) = registry();
    let builder = registry.family::<GaugeHistogram>("queued_bytes", "H.").with_unit(Unit::BYTES);
    let family = builder.with_buckets(&[0.5, 64.0]).register().unwrap();
    let mail = family.get_or_create(&[("queue", "mail")]);
    let _kept = mail.track(8.0);
    drop(mail.track(0.25));
    mail.add(100.5);
    let _empty = family.get_or_create(&[("queue", "empty")]);
    let ages = || HistogramReading::new([2, 0], -1.5);
    let _guard =
        registry.register_gauge_histogram_callback("skew_seconds", "H.", &[], &[-0.5], ages).unwrap();
    clock.advance(Duration::from_secs(1));
    let lines = |sum: &str, count: &str| {
        let queued = |queue: &str, below: [u64; 3], total: &str| {
            format!(
                "queued_bytes_bucket{{queue=\"{queue}\",le=\"0.5\"}} {}\n\
                 queued_bytes_bucket{{queue=\"{queue}\",le=\"64.0\"}} {}\n\
                 queued_bytes_bucket{{queue=\"{queue}\",le=\"+Inf\"}} {}\n\
                 queued_bytes{sum}{{queue=\"{queue}\"}} {total}\nqueued_bytes{count}{{queue=\"{queue}\"}} {}\n",
                below[0], below[1], below[2], below[2],
            )
        };
        let skew = format!(
            "skew_seconds_bucket{{le=\"-0.5\"}} 2\nskew_seconds_bucket{{le=\"+Inf\"}} 2\n\
             skew_seconds{sum} -1.5\nskew_seconds{count} 2\n"
        );
        ([queued("mail", [0, 1, 2], "108.5"), queued("empty", [0, 0, 0], "0")].concat(), skew)
    };
    let (queued, skew) = lines("_sum", "_count");
    let plain = format!(
        "# HELP queued_bytes H.\n# TYPE queued_bytes histogram\n{queued}\
         # HELP skew_seconds H.\n# TYPE skew_seconds histogram\n{skew}"
    );
    let (queued, skew) = lines("_gsum", "_gcount");
    let open_metrics = format!(
        "# HELP queued_bytes H.\n# TYPE queued_bytes gaugehistogram\n# UNIT queued_bytes bytes\n{queued}\
         # HELP skew_seconds H.\n# TYPE skew_seconds gaugehistogram\n{skew}# EOF\n"
    );
    let infinity = f64::INFINITY;
    let mut queued = decoded(
        "queued_bytes",
        MetricType::GaugeHistogram,
        vec![
            gauge_histogram(&[("queue", "mail")], &[(0.5, 0), (64.0, 1), (infinity, 2)], 108.5),
            gauge_histogram(&[("queue", "empty")], &[(0.5, 0), (64.0, 0), (infinity, 0)], 0.0),
        ],
    );
    queued.unit = Some("bytes".to_owned());
    let skew = vec![gauge_histogram(&[], &[(-0.5, 2), (infinity, 2)], -1.5)];
    let skew = decoded("skew_seconds", MetricType::GaugeHistogram, skew);
    check(&registry, &plain, &open_metrics, &[queued, skew]);
}

#[test]
fn max_and_min_gauges_have_no_series_where_nothing_was_observed() {
    let (registry, _) = registry();
    let max = registry.family::<MaxGauge>("lag_seconds_max", "H.").register().unwrap();
    let min = registry.family::<MinGauge>("pool_free_min", "H.").register().unwrap();
    for value in [0.5, 7.25, -1.0] {
        max.get_or_create(&[("queue", "a")]).observe(value);
        min.get_or_create(&[]).observe(value);
    }
    let _silent = max.get_or_create(&[("queue", "b")]);
    let lines = "# HELP lag_seconds_max H.\n# TYPE lag_seconds_max gauge\nlag_seconds_max{queue=\"a\"} 7.25\n\
                 # HELP pool_free_min H.\n# TYPE pool_free_min gauge\npool_free_min -1\n";
    check(
        &registry,
        lines,
        &format!("{lines}# EOF\n"),
        &[
            decoded("lag_seconds_max", MetricType::Gauge, vec![gauge(&[("queue", "a")], 7.25)]),
            decoded("pool_free_min", MetricType::Gauge, vec![gauge(&[], -1.0)]),
        ],
    );
}

/// A series with observations, and one without any. Of the 64 buckets from 0.5 to 1, the first one's value is `2ab / (a + b)`.
const SUMMARIES: &str = r#"# HELP wait_seconds H.
# TYPE wait_seconds summary
wait_seconds{queue="a",quantile="0.0"} 0
wait_seconds{queue="a",quantile="0.5"} 0
wait_seconds{queue="a",quantile="1.0"} HALF
wait_seconds_sum{queue="a"} 0.5
wait_seconds_count{queue="a"} 3
wait_seconds{queue="b",quantile="0.0"} NaN
wait_seconds{queue="b",quantile="0.5"} NaN
wait_seconds{queue="b",quantile="1.0"} NaN
wait_seconds_sum{queue="b"} 0
wait_seconds_count{queue="b"} 0
"#;

/// The same when the observations are too old for the window, as OpenMetrics.
const SUMMARIES_LATER: &str = r#"# HELP wait_seconds H.
# TYPE wait_seconds summary
# UNIT wait_seconds seconds
wait_seconds{queue="a",quantile="0.0"} NaN
wait_seconds{queue="a",quantile="0.5"} NaN
wait_seconds{queue="a",quantile="1.0"} NaN
wait_seconds_sum{queue="a"} 0.5
wait_seconds_count{queue="a"} 3
wait_seconds_created{queue="a"} 1700000000.25
wait_seconds{queue="b",quantile="0.0"} NaN
wait_seconds{queue="b",quantile="0.5"} NaN
wait_seconds{queue="b",quantile="1.0"} NaN
wait_seconds_sum{queue="b"} 0
wait_seconds_count{queue="b"} 0
wait_seconds_created{queue="b"} 1700000000.25
# EOF
"#;

#[test]
fn summaries() {
    let (registry, clock) = registry();
    let config = SummaryConfig::new().with_quantiles(&[0.0, 0.5, 1.0]);
    let family = registry.family::<Summary>("wait_seconds", "H.").with_summary(config);
    let family = family.with_unit(Unit::SECONDS).register().unwrap();
    let of_a = family.get_or_create(&[("queue", "a")]);
    for value in [0.0, 0.0, 0.5] {
        of_a.observe(value);
    }
    let _silent = family.get_or_create(&[("queue", "b")]);
    let render = |exposition| PrometheusRenderer::render_as(&registry, exposition).unwrap();
    let text = |exposition| String::from_utf8(render(exposition)).unwrap();
    let plain = SUMMARIES.replace("HALF", "0.5038759689922481");
    assert_eq!(text(Exposition::new(Format::Text)), plain);
    assert_eq!(text(Exposition::new(Format::Text1)), plain);
    page::Page::parse(&plain).unwrap();
    let families = protobuf::parse(&render(Exposition::new(Format::Protobuf))).unwrap();
    let quantile = |quantile, value| Quantile { quantile: Some(quantile), value: Some(value) };
    let summary = protobuf::Summary {
        sample_count: Some(3),
        sample_sum: Some(0.5),
        quantile: vec![quantile(0.0, 0.0), quantile(0.5, 0.0), quantile(1.0, 0.503_875_968_992_248_1)],
        created_timestamp: Some(created()),
    };
    // NaN is equal to nothing: the other series is looked at in the text.
    assert_eq!(families[0].metric.len(), 2);
    let of_a = Metric { label: pairs(&[("queue", "a")]), summary: Some(summary), ..Metric::default() };
    assert_eq!(families[0].metric[0], of_a);
    clock.advance(Duration::from_mins(10));
    let later = text(Exposition::new(Format::OpenMetrics).with_created(true));
    assert_eq!(later, SUMMARIES_LATER);
    openmetrics::parse(&later).unwrap();
}

#[test]
fn infos() {
    let (registry, _) = registry();
    let build = registry.register_info("build_info", "H.", &[("version", "1.4.2"), ("commit", "ab\"c")]);
    let _build = build.unwrap();
    let line = "build_info{commit=\"ab\\\"c\",version=\"1.4.2\"} 1\n";
    check(
        &registry,
        &format!("# HELP build_info H.\n# TYPE build_info gauge\n{line}"),
        &format!("# HELP build H.\n# TYPE build info\n{line}# EOF\n"),
        &[decoded(
            "build_info",
            MetricType::Gauge,
            vec![gauge(&[("commit", "ab\"c"), ("version", "1.4.2")], 1.0)],
        )],
    );
}

#[test]
fn state_sets() {
    let (registry, _) = registry();
    let family = registry.family::<StateSet<Phase>>("phase", "H.").register().unwrap();
    family.get_or_create(&[("node", "a")]).set(Phase::Starting);
    family.get_or_create(&[("node", "a")]).set(Phase::Running);
    let _none = family.get_or_create(&[("node", "b")]);
    let lines = "phase{node=\"a\",phase=\"starting\"} 0\nphase{node=\"a\",phase=\"running\"} 1\n\
                 phase{node=\"b\",phase=\"starting\"} 0\nphase{node=\"b\",phase=\"running\"} 0\n";
    let state = |node: &str, phase: &str, value| gauge(&[("node", node), ("phase", phase)], value);
    check(
        &registry,
        &format!("# HELP phase H.\n# TYPE phase gauge\n{lines}"),
        &format!("# HELP phase H.\n# TYPE phase stateset\n{lines}# EOF\n"),
        &[decoded(
            "phase",
            MetricType::Gauge,
            vec![
                state("a", "starting", 0.0),
                state("a", "running", 1.0),
                state("b", "starting", 0.0),
                state("b", "running", 0.0),
            ],
        )],
    );
}

#[test]
fn long_task_timers() {
    let (registry, clock) = registry();
    let imports = registry.register_long_task_timer("imports", "H.", &[("source", "ftp")]).unwrap();
    let _first = imports.start();
    clock.advance(Duration::from_secs(2));
    let _second = imports.start();
    clock.advance(Duration::from_millis(500));
    let family = |suffix: &str, more: &str, unit: &str, value: &str| {
        let name = format!("imports_{suffix}");
        format!("# HELP {name} H. {more}\n# TYPE {name} gauge\n{unit}{name}{{source=\"ftp\"}} {value}\n")
    };
    let page = |seconds: &dyn Fn(&str) -> String| {
        let (active, oldest) = (seconds("active_seconds"), seconds("oldest_seconds"));
        [
            family("active", "How many are running.", "", "2"),
            family("active_seconds", "How long those that are running have been, together.", &active, "3"),
            family("oldest_seconds", "How long the oldest that is running has been.", &oldest, "2.5"),
        ]
        .concat()
    };
    let expected = [
        ("active", "How many are running.", None, 2.0),
        ("active_seconds", "How long those that are running have been, together.", Some("seconds"), 3.0),
        ("oldest_seconds", "How long the oldest that is running has been.", Some("seconds"), 2.5),
    ]
    .map(|(suffix, more, unit, value)| MetricFamily {
        help: Some(format!("H. {more}")),
        unit: unit.map(str::to_owned),
        ..decoded(&format!("imports_{suffix}"), MetricType::Gauge, vec![gauge(&[("source", "ftp")], value)])
    });
    check(
        &registry,
        &page(&|_| String::new()),
        &format!("{}# EOF\n", page(&|suffix| format!("# UNIT imports_{suffix} seconds\n"))),
        &expected,
    );
}

/// When what a callback returns began to be counted is not known: it has no created timestamp in any format.
#[test]
fn callbacks_of_counters_and_histograms_say_nothing_of_when_they_began() {
    let (registry, _) = registry();
    let pauses = || HistogramReading::new([2, 1, 0], 0.375);
    let _guards = [
        registry.register_counter_callback("hits_total", "H.", &[("cache", "a")], || 7).unwrap(),
        registry.register_float_counter_callback("joules_total", "H.", &[], || 0.5).unwrap(),
        registry.register_histogram_callback("pause_seconds", "H.", &[], &[0.25, 1.0], pauses).unwrap(),
    ];
    let bucket = |bound, count| Bucket {
        cumulative_count: Some(count),
        upper_bound: Some(bound),
        ..Bucket::default()
    };
    let histogram = HistogramMessage {
        sample_count: Some(3),
        sample_sum: Some(0.375),
        bucket: vec![bucket(0.25, 2), bucket(1.0, 3), bucket(f64::INFINITY, 3)],
        ..HistogramMessage::default()
    };
    let lines = "# HELP pause_seconds H.\n# TYPE pause_seconds histogram\n\
                 pause_seconds_bucket{le=\"0.25\"} 2\npause_seconds_bucket{le=\"1.0\"} 3\n\
                 pause_seconds_bucket{le=\"+Inf\"} 3\npause_seconds_sum 0.375\npause_seconds_count 3\n";
    check(
        &registry,
        &format!(
            "# HELP hits_total H.\n# TYPE hits_total counter\nhits_total{{cache=\"a\"}} 7\n\
             # HELP joules_total H.\n# TYPE joules_total counter\njoules_total 0.5\n{lines}"
        ),
        &format!(
            "# HELP hits H.\n# TYPE hits counter\nhits_total{{cache=\"a\"}} 7\n\
             # HELP joules H.\n# TYPE joules counter\njoules_total 0.5\n{lines}# EOF\n"
        ),
        &[
            decoded("hits_total", MetricType::Counter, vec![counter(&[("cache", "a")], 7.0, None)]),
            decoded("joules_total", MetricType::Counter, vec![counter(&[], 0.5, None)]),
            decoded(
                "pause_seconds",
                MetricType::Histogram,
                vec![Metric { histogram: Some(histogram), ..Metric::default() }],
            ),
        ],
    );
}

#[test]
fn callbacks_of_gauges_and_up_down_counters() {
    let (registry, _) = registry();
    let _guards = [
        registry.register_gauge_callback("celsius", "H.", &[("room", "a")], || -2.5).unwrap(),
        registry.register_int_gauge_callback("offset", "H.", &[], || -7).unwrap(),
        registry.register_up_down_counter_callback("open", "H.", &[], || 3).unwrap(),
    ];
    let lines = "# HELP celsius H.\n# TYPE celsius gauge\ncelsius{room=\"a\"} -2.5\n\
                 # HELP offset H.\n# TYPE offset gauge\noffset -7\n# HELP open H.\n# TYPE open gauge\nopen 3\n";
    check(
        &registry,
        lines,
        &format!("{lines}# EOF\n"),
        &[
            decoded("celsius", MetricType::Gauge, vec![gauge(&[("room", "a")], -2.5)]),
            decoded("offset", MetricType::Gauge, vec![gauge(&[], -7.0)]),
            decoded("open", MetricType::Gauge, vec![gauge(&[], 3.0)]),
        ],
    );
}

#[test]
fn a_state_set_s_utf8_name_is_a_label_that_is_quoted_or_escaped() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    registry.register_state_set::<Phase>("boot.phase", "H.").unwrap().default().set(Phase::Running);
    let text = |exposition| {
        String::from_utf8(PrometheusRenderer::render_as(&registry, exposition).unwrap()).unwrap()
    };
    assert_eq!(
        text(Exposition::new(Format::Text)),
        "# HELP boot_phase H.\n# TYPE boot_phase gauge\n\
         boot_phase{boot_phase=\"starting\"} 0\nboot_phase{boot_phase=\"running\"} 1\n"
    );
    let utf8 = Exposition::new(Format::OpenMetrics).with_escaping(EscapingScheme::AllowUtf8);
    assert_eq!(
        text(utf8),
        "# HELP \"boot.phase\" H.\n# TYPE \"boot.phase\" stateset\n\
         {\"boot.phase\",\"boot.phase\"=\"starting\"} 0\n{\"boot.phase\",\"boot.phase\"=\"running\"} 1\n# EOF\n"
    );
}

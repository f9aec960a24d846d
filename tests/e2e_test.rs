//! End to end: the example and the scrape server under a real Prometheus.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::{BTreeMap, BTreeSet};

use nilometer::{MetricsRegistry, MetricsServer, PrometheusRenderer, ServerConfig};
use nilometer_tests::example::{StreamProcessor, run_to_end, workspace};
use nilometer_tests::page::Page;
use nilometer_tests::prometheus::{Answer, Prometheus, Release, Setup, wait_for};
use nilometer_tests::promtool;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

const FLIGHTS: u32 = 20_000;

/// Delays in seconds, by airport of origin: a separate pass over the file.
fn delays() -> BTreeMap<String, Vec<i32>> {
    let path = workspace().join("metrics-app/examples/data/flights.csv");
    let mut delays = BTreeMap::<String, Vec<i32>>::new();
    for record in csv::Reader::from_path(path).unwrap().records() {
        let record = record.unwrap();
        delays.entry(record[1].to_owned()).or_default().push(record[4].parse::<i32>().unwrap() * 60);
    }
    assert_eq!(expected(&delays, count).values().sum::<f64>().to_bits(), f64::from(FLIGHTS).to_bits());
    delays
}

/// The values of a query's answer, by airport.
fn by_airport(answers: &[Answer]) -> BTreeMap<String, f64> {
    let values: BTreeMap<_, _> =
        answers.iter().map(|answer| (answer.labels["airport"].clone(), answer.values[0])).collect();
    assert_eq!(values.len(), answers.len(), "an airport stands twice");
    values
}

fn expected(delays: &BTreeMap<String, Vec<i32>>, of: impl Fn(&[i32]) -> f64) -> BTreeMap<String, f64> {
    delays.iter().map(|(airport, delays)| (airport.clone(), of(delays))).collect()
}

fn count(delays: &[i32]) -> f64 {
    f64::from(u32::try_from(delays.len()).unwrap())
}

fn sum(delays: &[i32]) -> f64 {
    delays.iter().copied().map(f64::from).sum()
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn prometheus_has_what_a_separate_pass_over_the_flights_computes() {
    let example = StreamProcessor::start(&["--rate", "2500"], b"");
    // In OpenMetrics, a histogram with bounds below zero has no sum.
    let text = "  scrape_protocols: [PrometheusText0.0.4]\n";
    let prometheus = Setup::of(Release::Three).with_scrape_config(text).start(&[example.target()]);
    // The timer of an event is the last to count it; families of the same scrape may have been read before that.
    let done = format!("timestamp(stream_processor_processing_duration_ms_count == {FLIGHTS})");
    let done = wait_for("a scrape of the last flight", || Some(prometheus.query(&done).first()?.values[0]));
    wait_for("the scrape after it", || {
        prometheus.query("timestamp(up)").first().filter(|up| up.values[0] > done).map(drop)
    });
    let delays = delays();
    assert_eq!(by_airport(&prometheus.query("flight_events_total")), expected(&delays, count));
    assert_eq!(by_airport(&prometheus.query("flight_delay_seconds_count")), expected(&delays, count));
    assert_eq!(by_airport(&prometheus.query("flight_delay_seconds_sum")), expected(&delays, sum));

    let buckets = prometheus.query("flight_delay_seconds_bucket");
    let bounds: BTreeSet<&str> = buckets.iter().map(|bucket| bucket.labels["le"].as_str()).collect();
    assert!(bounds.contains("+Inf") && bounds.contains("0.0") && bounds.len() > 10, "{bounds:?}");
    for le in bounds {
        let bound: f64 = le.parse().unwrap();
        let at_or_below = |delays: &[i32]| {
            let delays: Vec<i32> =
                delays.iter().copied().filter(|&delay| f64::from(delay) <= bound).collect();
            count(&delays)
        };
        let read = prometheus.query(&format!("flight_delay_seconds_bucket{{le=\"{le}\"}}"));
        assert_eq!(by_airport(&read), expected(&delays, at_or_below), "le=\"{le}\"");
    }

    for name in ["events_received_total", "events_processed_total", "processing_duration_ms_count"] {
        let answer = prometheus.query(&format!("stream_processor_{name}"));
        assert_eq!(answer[0].values, [f64::from(FLIGHTS)], "{name}");
    }
    assert_eq!(prometheus.query("sum(stream_processor_events_dropped_total)")[0].values, [0.0]);
    assert_eq!(prometheus.query("up")[0].values, [1.0]);
    assert_eq!(prometheus.scrape_errors(), [""]);

    // It was watched while it worked, and saw nothing go down.
    for family in ["stream_processor_events_processed_total", "flight_events_total{airport=\"ORD\"}"] {
        let samples = prometheus.samples(family, 300).remove(0).values;
        assert!(samples.is_sorted(), "{family}: {samples:?}");
        let steps: BTreeSet<u64> = samples.iter().map(|value| value.to_bits()).collect();
        assert!(steps.len() > 1, "{family} never moved: {samples:?}");
    }
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn promtool_has_nothing_to_say_of_the_page_but_the_plans_own_name() {
    let example = StreamProcessor::start(&["--rate", "0"], b"");
    let page = wait_for("the last flight", || {
        let page = example.page();
        let processed = Page::parse(&page).unwrap().count("stream_processor_events_processed_total", &[]);
        (processed == Some(FLIGHTS.into())).then_some(page)
    });
    let remarks = promtool::check_metrics(&page);
    let others: Vec<_> = remarks
        .iter()
        .filter(|remark| !remark.starts_with("stream_processor_processing_duration_ms "))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn odd_labels_and_helps_come_out_of_prometheus_as_they_went_in() {
    let values = [
        "plain",
        "quo\"te",
        "back\\slash\\",
        "line\nfeed",
        "\\n\\\"",
        "a\"} 99\ninjected_total{x=\"y",
        "{},=# HELP x",
        " blanks at both ends ",
        "tab\tcarriage\rreturn",
        "ünïcödé 🏛 \u{feff}\u{2028}",
        "\u{1}\u{1b}\u{7f}\u{85}",
    ];
    let help = "Odd \"help\"\nof \\n C:\\ and\ttabs 🏛";
    let registry = MetricsRegistry::new();
    let counters = registry.register_counter("odd_total", help).unwrap();
    let histograms = registry.register_histogram("odd_seconds", "Odd.", &[0.5, 1.0, 1e6]).unwrap();
    for (index, value) in (1_u32..).zip(values) {
        counters.get_or_create(&[("value", value)]).inc_by(index.into());
        histograms.get_or_create(&[("value", value)]).observe(f64::from(index));
    }
    let large = registry.register_counter("large_total", "Large.").unwrap();
    large.default().inc_by(1 << 53);
    let gauges = registry.register_gauge("gauge", "Gauge.").unwrap();
    for (name, value) in [("inf", f64::INFINITY), ("tiny", 5e-324), ("max", f64::MAX), ("third", 1.0 / 3.0)] {
        gauges.get_or_create(&[("value", name)]).set(value);
    }

    let runtime = Runtime::new().unwrap();
    let config = ServerConfig::default().with_host("127.0.0.1").with_port(0);
    let server = runtime.block_on(MetricsServer::new(registry, config).bind()).unwrap();
    let target = server.local_addr().to_string();
    let (_stop, stopped) = oneshot::channel::<()>();
    runtime.spawn(server.serve_until(async {
        let _ = stopped.await;
    }));

    let prometheus = Prometheus::start(&[target]);
    wait_for("the first scrape", || (!prometheus.query("odd_total").is_empty()).then_some(()));
    let read = |query: &str| -> BTreeMap<String, u64> {
        let answers = prometheus.query(query);
        answers.iter().map(|answer| (answer.labels["value"].clone(), answer.values[0].to_bits())).collect()
    };
    let recorded: BTreeMap<String, u64> =
        (1_u32..).zip(values).map(|(index, value)| (value.to_owned(), f64::from(index).to_bits())).collect();
    assert_eq!(read("odd_total"), recorded);
    assert_eq!(read("odd_seconds_sum"), recorded);
    assert_eq!(prometheus.metadata("odd"), ("counter".to_owned(), help.to_owned()));
    let buckets = prometheus.query("count by (le) (odd_seconds_bucket)");
    let bounds: BTreeSet<&str> = buckets.iter().map(|bucket| bucket.labels["le"].as_str()).collect();
    assert_eq!(bounds, BTreeSet::from(["0.5", "1.0", "1e+06", "+Inf"]));
    assert_eq!(prometheus.query("large_total")[0].values, [9_007_199_254_740_992.0]);
    let gauge = |name: &str| prometheus.query(&format!("gauge{{value=\"{name}\"}}"))[0].values[0].to_bits();
    assert_eq!(gauge("inf"), f64::INFINITY.to_bits());
    assert_eq!(gauge("tiny"), 5e-324_f64.to_bits());
    assert_eq!(gauge("max"), f64::MAX.to_bits());
    assert_eq!(gauge("third"), (1.0_f64 / 3.0).to_bits());
    assert!(prometheus.query("{__name__=\"injected_total\"}").is_empty());
    assert_eq!(prometheus.scrape_errors(), [""]);
}

#[test]
#[ignore = "runs the built example; .ci/run runs it"]
fn malformed_rows_on_standard_input_are_counted_by_reason_and_cost_nothing_else() {
    let input = b"scheduled,origin,destination,distance_miles,delay_minutes\n\
        2001-01-01T00:10,ATL,ORD,600,5\n\
        nonsense\n\
        2001-02-30T00:00,ATL,ORD,600,5\n\
        2001-01-01T00:20,\xff\xfe\xfd,ORD,600,5\n\
        2001-01-01T00:20,ATL,ORD,600,99999999999\n\
        2001-01-01T00:30,ATL,ORD,600,-5\n";
    let example = StreamProcessor::start(&["--rate", "0", "-"], input);
    let page = wait_for("the last row", || {
        let page = Page::parse(&example.page()).unwrap();
        (page.count("stream_processor_events_processed_total", &[]) == Some(2)).then_some(page)
    });
    assert_eq!(page.count("stream_processor_events_received_total", &[]), Some(6));
    for reason in ["missing_field", "bad_time", "not_utf8", "bad_number"] {
        let dropped = page.count("stream_processor_events_dropped_total", &[("reason", reason)]);
        assert_eq!(dropped, Some(1), "{reason}");
    }
    assert_eq!(page.count("flight_events_total", &[("airport", "ATL")]), Some(2));
}

#[test]
#[ignore = "runs the built example; .ci/run runs it"]
fn an_unreadable_file_a_port_in_use_and_a_missing_feature_end_the_example_with_a_message() {
    let (status, message) = run_to_end(&["/nowhere/flights.csv", "--once", "--listen", "127.0.0.1:0"]);
    assert!(!status.success() && message.contains("/nowhere/flights.csv"), "{message}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (status, message) = run_to_end(&["--once", "--listen", &address]);
    assert!(!status.success() && message.contains(&address), "{message}");
    for kafka in [&["--demo-kafka"][..], &["--kafka", "127.0.0.1:9092", "--topic", "flights"]] {
        let (status, message) = run_to_end(&[kafka, &["--listen", "127.0.0.1:0"]].concat());
        assert!(!status.success() && message.contains("need the feature `kafka`"), "{message}");
    }
}

#[test]
#[ignore = "needs promtool; .ci/run runs it"]
fn the_cookbooks_alert_fires_for_what_happens_once() {
    let registry = MetricsRegistry::new();
    let own = || {
        let page = PrometheusRenderer::render_all(&registry);
        page.lines().find(|line| line.starts_with("nilometer_overflow_total{")).map(str::to_owned)
    };
    let family = registry.register_counter("jobs_total", "Jobs.").unwrap();
    assert_eq!(own(), None, "nothing is told before there is something to tell");
    family.get_or_create(&[("le", "1")]).inc();
    let line = own().unwrap();
    let (series, value) = line.rsplit_once(' ').unwrap();

    let cookbook = std::fs::read_to_string(workspace().join("metrics-app/src/guide/cookbook.md")).unwrap();
    let alert = cookbook.lines().find(|line| line.starts_with("increase(nilometer_overflow_total")).unwrap();
    let values = format!("_x20 {value}x20 2x20");
    // For ten minutes after the first event, and after the second.
    let minutes = [10, 25, 35, 45, 58];
    assert_eq!(promtool::fires_at(alert, series, &values, &minutes), [25, 45]);
    let (naive, _) = alert.split_once(" or ").unwrap();
    assert_eq!(promtool::fires_at(naive, series, &values, &minutes), [45], "the first is not seen");
}

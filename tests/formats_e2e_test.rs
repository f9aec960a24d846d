//! End to end: what a Prometheus of each release makes of the formats that it asks for.
//!
//! `.ci/peers` fetches what these tests need, and `.ci/run` runs them. Where it is missing they fail.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::time::SystemTime;

use nilometer::collect::{
    CollectError, Collector, Descriptor, ExponentialBuckets, ExponentialRange, HistogramPoint, LabelSet,
    MetricType, SeriesLabels, Visitor,
};
use nilometer::{
    ExponentialConfig, Histogram, HistogramReading, MetricsRegistry, MetricsServer, PrometheusRenderer,
    RegistryConfig, ServerConfig,
};
use nilometer_tests::prometheus::{Prometheus, Release, Setup, wait_for};
use nilometer_tests::promtool;
use tokio::runtime::Runtime;

/// Eight observations at scale 0: one above 1 and up to 2, three up to 4, four up to 8.
struct Exponential;

impl Collector for Exponential {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("size_bytes", "Sizes.", MetricType::Histogram)?)?;
        let buckets =
            ExponentialBuckets::try_new(0, ExponentialRange::new(0, &[1, 3, 4]), ExponentialRange::EMPTY)?;
        let point = HistogramPoint::try_new(&[1.0, 4.0], &[0, 4, 4], 35.5)?.try_with_exponential(buckets)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), point.exponential_only().into())?)
    }
}

/// How long some sorting took, which is most often short.
fn sort_seconds() -> Vec<f64> {
    (1..1000).map(|step| 0.01 * (f64::from(step * 7919 % 1000) / 120.0).exp()).collect()
}

/// The bounds between which Prometheus' answer is, where its buckets are 2^(1/8) wide: those of the bucket of the
/// observation that the quantile is.
fn has_the_quantiles_of_what_was_recorded(prometheus: &Prometheus) {
    let mut seconds = sort_seconds();
    seconds.push(0.75);
    seconds.sort_by(f64::total_cmp);
    let width = 2_f64.powf(1.0 / 8.0);
    for (quantile, rank) in [(0.1, 100), (0.5, 500), (0.9, 900), (0.99, 990)] {
        let query = format!("histogram_quantile({quantile}, sort_seconds)");
        let (answer, exact) = (prometheus.query(&query)[0].values[0], seconds[rank - 1]);
        assert!((exact / width..=exact * width).contains(&answer), "{query}: {answer} for {exact}");
    }
    assert_eq!(prometheus.query("histogram_count(sort_seconds)")[0].values, [1000.0]);
    let sum = prometheus.query("histogram_sum(sort_seconds)")[0].values[0];
    assert!((sum - seconds.iter().sum::<f64>()).abs() < 1e-6, "{sum}");
    assert_eq!(prometheus.query("sort_seconds_count"), [], "a native histogram alone");
}

/// What makes a Prometheus ask for protobuf.
const FEATURES: [&str; 1] = ["exemplar-storage,native-histograms"];

/// A registry with all that formats differ in, and where it is served.
fn served(runtime: &Runtime) -> (MetricsRegistry, String) {
    let config = RegistryConfig::new().with_utf8_names(true);
    let registry = MetricsRegistry::with_config(config);
    let requests = registry.register_counter("http.requests_total", "Requests.").unwrap();
    requests.get_or_create(&[("http.method", "GET"), ("path", "/\"")]).inc_by(3);
    let wait = registry.register_histogram("wait_seconds", "W.", &[1.0, 2.0]).unwrap().default();
    wait.observe_with_exemplar(1.5, &[("trace_id", "4bf92f3577b34da6")]);
    let queued = registry.register_gauge_histogram("queued_bytes", "Q.", &[64.0]).unwrap().default();
    queued.add(100.0);
    drop(queued.track(1.0));
    registry.register_collector("exponential", Exponential).unwrap();
    let sorted = registry
        .family::<Histogram>("sort_seconds", "S.")
        .with_exponential(ExponentialConfig::new())
        .register()
        .unwrap()
        .default();
    for seconds in sort_seconds() {
        sorted.observe(seconds);
    }
    sorted.observe_with_exemplar(0.75, &[("trace_id", "00f067aa0ba902b7")]);
    let config = ServerConfig::default().with_host("127.0.0.1").with_port(0);
    let server = runtime.block_on(MetricsServer::new(registry.clone(), config).bind()).unwrap();
    let target = server.local_addr().to_string();
    runtime.spawn(server.serve());
    (registry, target)
}

/// Starts a Prometheus and waits until it has scraped the target without a complaint.
fn scraping(setup: Setup<'_>, target: &str) -> Prometheus {
    let prometheus = setup.start(&[target.to_owned()]);
    wait_for("two scrapes", || {
        let scrapes = prometheus.query("count_over_time(up[1m])");
        scrapes.first().filter(|scrapes| scrapes.values[0] >= 2.0).map(drop)
    });
    assert_eq!((prometheus.query("up")[0].values[0], prometheus.scrape_errors()), (1.0, vec![String::new()]));
    prometheus
}

fn has_the_gauge_histogram(prometheus: &Prometheus, count: &str, sum: &str) {
    for (series, value) in
        [("bucket{le=\"64.0\"}", 0.0), ("bucket{le=\"+Inf\"}", 1.0), (count, 1.0), (sum, 100.0)]
    {
        assert_eq!(prometheus.query(&format!("queued_bytes_{series}"))[0].values, [value], "{series}");
    }
}

fn has_the_histograms_and_the_exemplar(prometheus: &Prometheus) {
    // Scraped as protobuf, it is a native histogram: the median of 8 is the fourth, at the end of its bucket.
    let median = prometheus.query("histogram_quantile(0.5, size_bytes)");
    assert!((median[0].values[0] - 4.0).abs() < 1e-9, "{median:?}");
    assert_eq!(prometheus.query("histogram_count(size_bytes)")[0].values, [8.0]);
    assert_eq!(prometheus.query("wait_seconds_bucket{le=\"2.0\"}")[0].values, [1.0]);
    let exemplars = prometheus.exemplars("wait_seconds_bucket");
    assert_eq!(exemplars[0].labels["trace_id"], "4bf92f3577b34da6");
    assert_eq!(exemplars[0].value.to_bits(), 1.5_f64.to_bits());
    has_the_quantiles_of_what_was_recorded(prometheus);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_3_has_utf8_names_whole_and_native_histograms() {
    let runtime = Runtime::new().unwrap();
    let (_, target) = served(&runtime);
    let prometheus = scraping(Setup::of(Release::Three).with_features(&FEATURES), &target);
    let requests = prometheus.query("{\"http.requests_total\"}");
    assert_eq!((requests[0].values[0], &*requests[0].labels["http.method"]), (3.0, "GET"));
    assert_eq!(requests[0].labels["path"], "/\"");
    has_the_gauge_histogram(&prometheus, "count", "sum");
    has_the_histograms_and_the_exemplar(&prometheus);
    // One that is native alone has exemplars too, which a Prometheus 2 passes over.
    let exemplars = prometheus.exemplars("sort_seconds");
    assert_eq!(exemplars[0].labels["trace_id"], "00f067aa0ba902b7");
    assert_eq!(exemplars[0].value.to_bits(), 0.75_f64.to_bits());
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_2_has_escaped_names_and_native_histograms() {
    let runtime = Runtime::new().unwrap();
    let (_, target) = served(&runtime);
    let prometheus = scraping(Setup::of(Release::Two).with_features(&FEATURES), &target);
    let requests = prometheus.query("http_requests_total");
    assert_eq!((requests[0].values[0], &*requests[0].labels["http_method"]), (3.0, "GET"));
    has_the_histograms_and_the_exemplar(&prometheus);
    // It forgets the suffixes of a gauge histogram that comes as protobuf, whose sum then stands where its count does.
    let buckets = prometheus.query("queued_bytes{le=~\".+\"}");
    assert_eq!(buckets.iter().map(|bucket| bucket.values[0]).sum::<f64>().to_bits(), 1_f64.to_bits());
    assert_eq!(prometheus.query("{__name__=~\"queued_bytes_.*\"}"), []);
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn no_first_increment_is_lost_to_a_prometheus_that_takes_created_timestamps() {
    let runtime = Runtime::new().unwrap();
    let (registry, target) = served(&runtime);
    let features = ["exemplar-storage,native-histograms,created-timestamp-zero-ingestion"];
    let prometheus = scraping(Setup::of(Release::Three).with_features(&features), &target);
    // All of it happens between two scrapes: without its beginning it would be no increase at all.
    let before = now();
    let late = registry.register_counter("late_total", "L.").unwrap();
    late.get_or_create(&[("path", "/")]).inc_by(5);
    let wait = registry.register_histogram("late_seconds", "L.", &[1.0]).unwrap().default();
    wait.observe(0.5);
    wait.observe(2.0);
    let after = now();
    for (selector, total) in
        [("late_total", 5.0), ("late_seconds_count", 2.0), ("late_seconds_bucket{le=\"1.0\"}", 1.0)]
    {
        let samples = wait_for(selector, || {
            let samples = prometheus.samples(selector, 60).pop()?;
            (samples.values.len() >= 2).then_some(samples)
        });
        // It began with nothing, at the time at which it did begin: to 1/16 s, downwards, as core keeps it.
        assert_eq!(samples.values[..2], [0.0, total], "{selector}: {samples:?}");
        let began = samples.times[0];
        assert!((before - 0.064..=after).contains(&began), "{selector}: {before} {began} {after}");
    }
}

/// A registry with a family of every kind that can be recorded, with all that a registry tells of itself, and what has
/// to be kept for its callbacks to stay.
fn every_kind() -> (MetricsRegistry, impl Sized) {
    let registry = MetricsRegistry::new();
    registry.register_counter("jobs_total", "Jobs.").unwrap().get_or_create(&[("queue", "a")]).inc();
    registry.register_float_counter("busy_seconds_total", "Busy.").unwrap().default().inc_by(0.5);
    registry.register_up_down_counter("open_connections", "Open.").unwrap().default().dec();
    registry.register_gauge("temperature_celsius", "Heat.").unwrap().default().set(21.5);
    registry.register_int_gauge("queue_length", "Length.").unwrap().default().set(7);
    registry.register_max_gauge("longest_wait_seconds", "Peak.").unwrap().default().observe(3.0);
    registry.register_min_gauge("least_free_bytes", "Trough.").unwrap().default().observe(4096.0);
    let waits = registry.register_histogram("wait_seconds", "Waits.", &[0.1, 1.0]).unwrap().default();
    waits.observe_with_exemplar(0.5, &[("trace_id", "4bf92f3577b34da6")]);
    let sizes = registry.family::<Histogram>("upload_bytes", "Uploads.");
    sizes.with_exponential(ExponentialConfig::new()).register().unwrap().default().observe(70_000.0);
    let sizes = registry.family::<Histogram>("download_bytes", "Downloads.").with_buckets(&[1024.0]);
    sizes.with_exponential(ExponentialConfig::new()).register().unwrap().default().observe(70_000.0);
    let queued = registry.register_gauge_histogram("queued_bytes", "Queued.", &[64.0, 1024.0]).unwrap();
    let item = queued.get_or_create(&[("queue", "a")]).track(100.0);
    registry.register_summary("answer_seconds", "Answers.").unwrap().default().observe(0.25);
    registry.register_info("app_info", "What runs.", &[("version", "1.2.3")]).unwrap();
    registry.register_state_set::<bool>("leader", "Whether this one leads.").unwrap().default().set(true);
    let imports = registry.register_long_task_timer("imports", "Imports.", &[]).unwrap();
    let pauses = || HistogramReading::new([2, 1], 0.3);
    let ages = || HistogramReading::new([1, 1], 75.0);
    let guards = [
        registry.register_counter_callback("hits_total", "Hits.", &[], || 12),
        registry.register_float_counter_callback("cpu_seconds_total", "CPU.", &[], || 1.5),
        registry.register_up_down_counter_callback("open_files", "Files.", &[], || 3),
        registry.register_gauge_callback("load_ratio", "Load.", &[], || 0.25),
        registry.register_int_gauge_callback("threads", "Threads.", &[], || 8),
        registry.register_histogram_callback("pause_seconds", "Pauses.", &[], &[0.1], pauses),
        registry.register_gauge_histogram_callback("connection_age_seconds", "Ages.", &[], &[60.0], ages),
    ];
    (registry, (imports.start(), item, guards.map(Result::unwrap)))
}

#[test]
#[ignore = "needs a real promtool; .ci/run runs it"]
fn promtool_has_nothing_to_say_of_a_page_of_every_kind() {
    let (registry, _kept) = every_kind();
    let page = PrometheusRenderer::render_all(&registry);
    assert_eq!(page.matches("# TYPE ").count(), page.matches("# HELP ").count());
    assert_eq!(promtool::check_metrics(&page), Vec::<String>::new(), "{page}");
}

/// Now, in seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The same numbers as text: OpenMetrics, which a Prometheus asks for that wants no protobuf.
fn has_the_counts_of_the_text(prometheus: &Prometheus, requests: &str) {
    assert_eq!(prometheus.query(requests)[0].values, [3.0]);
    assert_eq!(prometheus.query("histogram_count(size_bytes)"), [], "scraped as protobuf");
    assert_eq!(prometheus.query("size_bytes_count")[0].values, [8.0]);
    assert_eq!(prometheus.query("size_bytes_bucket{le=\"4.0\"}")[0].values, [4.0]);
    // As text, it is what the fallback holds: at or below 1/4 and 1 second.
    let seconds = || sort_seconds().into_iter().chain([0.75]);
    for bound in ["0.25", "1.0"] {
        let below = seconds().filter(|seconds| *seconds <= bound.parse().unwrap()).count();
        let found = prometheus.query(&format!("sort_seconds_bucket{{le=\"{bound}\"}}"));
        assert_eq!(found[0].values[0].to_string(), below.to_string(), "{bound}");
    }
    assert_eq!(prometheus.query("sort_seconds_count")[0].values, [1000.0]);
    assert_eq!(prometheus.query("wait_seconds_bucket{le=\"2.0\"}")[0].values, [1.0]);
    assert_eq!(prometheus.query("wait_seconds_sum")[0].values, [1.5]);
    has_the_gauge_histogram(prometheus, "gcount", "gsum");
    let exemplars = prometheus.exemplars("wait_seconds_bucket");
    assert_eq!(exemplars[0].labels["trace_id"], "4bf92f3577b34da6");
}

#[test]
#[ignore = "needs a real Prometheus; .ci/run runs it"]
fn a_prometheus_that_asks_for_open_metrics_has_the_same_counts() {
    let runtime = Runtime::new().unwrap();
    let (_, target) = served(&runtime);
    let features = ["exemplar-storage"];
    let three = Setup::of(Release::Three)
        .with_features(&features)
        .with_scrape_config("  scrape_protocols: [OpenMetricsText1.0.0]\n");
    has_the_counts_of_the_text(&scraping(three, &target), "{\"http.requests_total\"}");
    let two = Setup::of(Release::Two).with_features(&features);
    has_the_counts_of_the_text(&scraping(two, &target), "http_requests_total");
}

//! The text format 0.0.4: whole documents, compared exactly, and read by the independent parser.

use nilometer_core::{
    CounterFamily, GaugeFamily, HistogramFamily, LabelSet, MetricsRegistry, RegistryConfig, buckets,
};
use nilometer_prometheus::PrometheusRenderer;
use nilometer_tests::page::{Page, Type};

#[test]
fn a_page_of_every_kind_is_this_document() {
    let config = RegistryConfig::new().with_namespace("app").with_constant_labels(&[("region", "eu")]);
    let registry = MetricsRegistry::with_config(config);
    let requests = registry.register_counter("requests_total", "Requests\nserved, \"all\" of C:\\.").unwrap();
    requests.get_or_create(&[("status", "200"), ("method", "GET")]).inc_by(3);
    requests.get_or_create(&[("method", "quo\"te\\back\nline")]).inc();
    requests.default().inc_by(u64::MAX);
    registry.register_gauge("temperature_celsius", "Temperature.").unwrap().default().set(-2.5);
    let sizes = registry.register_histogram("size_bytes", "Sizes.", &[-0.5, 1.0, 1e6]).unwrap();
    for value in [-1.0, 0.25, 1.0, 2e6] {
        sizes.get_or_create(&[("kind", "a")]).observe(value);
    }
    let expected = concat!(
        "# HELP app_requests_total Requests\\nserved, \"all\" of C:\\\\.\n",
        "# TYPE app_requests_total counter\n",
        "app_requests_total{region=\"eu\",method=\"GET\",status=\"200\"} 3\n",
        "app_requests_total{region=\"eu\",method=\"quo\\\"te\\\\back\\nline\"} 1\n",
        "app_requests_total{region=\"eu\"} 18446744073709551615\n",
        "# HELP app_size_bytes Sizes.\n",
        "# TYPE app_size_bytes histogram\n",
        "app_size_bytes_bucket{region=\"eu\",kind=\"a\",le=\"-0.5\"} 1\n",
        "app_size_bytes_bucket{region=\"eu\",kind=\"a\",le=\"1.0\"} 3\n",
        "app_size_bytes_bucket{region=\"eu\",kind=\"a\",le=\"1e+06\"} 3\n",
        "app_size_bytes_bucket{region=\"eu\",kind=\"a\",le=\"+Inf\"} 4\n",
        "app_size_bytes_sum{region=\"eu\",kind=\"a\"} 2000000.25\n",
        "app_size_bytes_count{region=\"eu\",kind=\"a\"} 4\n",
        "# HELP app_temperature_celsius Temperature.\n",
        "# TYPE app_temperature_celsius gauge\n",
        "app_temperature_celsius{region=\"eu\"} -2.5\n",
    );
    let text = PrometheusRenderer::render_all(&registry);
    assert_eq!(text, expected);

    let page = Page::parse(&text).unwrap();
    let types: Vec<_> = page.families.iter().map(|family| family.metric_type).collect();
    assert_eq!(types, [Type::Counter, Type::Histogram, Type::Gauge]);
    let labels = [("region", "eu"), ("method", "quo\"te\\back\nline")];
    assert_eq!(page.count("app_requests_total", &labels), Some(1));
}

#[test]
fn what_went_wrong_stands_at_the_end_of_the_page() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_series_limit(1));
    let family = registry.register_histogram("zz_seconds", "Z.", &[1.0]).unwrap();
    family.get_or_create(&[("a", "1")]).observe(f64::NAN);
    family.get_or_create(&[("a", "1")]).observe(f64::INFINITY);
    family.get_or_create(&[("a", "2")]).observe(0.5);
    family.get_or_create(&[("le", "1")]).observe(0.5);
    let expected = concat!(
        "# HELP zz_seconds Z.\n",
        "# TYPE zz_seconds histogram\n",
        "zz_seconds_bucket{a=\"1\",le=\"1.0\"} 0\n",
        "zz_seconds_bucket{a=\"1\",le=\"+Inf\"} 1\n",
        "zz_seconds_sum{a=\"1\"} 0\n",
        "zz_seconds_count{a=\"1\"} 1\n",
        "zz_seconds_bucket{nilometer_overflow=\"true\",le=\"1.0\"} 2\n",
        "zz_seconds_bucket{nilometer_overflow=\"true\",le=\"+Inf\"} 2\n",
        "zz_seconds_sum{nilometer_overflow=\"true\"} 1\n",
        "zz_seconds_count{nilometer_overflow=\"true\"} 2\n",
        "# HELP nilometer_odd_observations_total Observations and increments that were NaN or ",
        "negative (ignored) or infinite (not added).\n",
        "# TYPE nilometer_odd_observations_total counter\n",
        "nilometer_odd_observations_total{family=\"zz_seconds\",reason=\"nan\"} 1\n",
        "nilometer_odd_observations_total{family=\"zz_seconds\",reason=\"infinite\"} 1\n",
        "# HELP nilometer_overflow_total Lookups that went to a family's overflow series.\n",
        "# TYPE nilometer_overflow_total counter\n",
        "nilometer_overflow_total{family=\"zz_seconds\",reason=\"series_limit\"} 1\n",
        "nilometer_overflow_total{family=\"zz_seconds\",reason=\"invalid_name\"} 1\n",
    );
    assert_eq!(PrometheusRenderer::render_all(&registry), expected);
}

#[test]
fn an_empty_registry_is_an_empty_page() {
    assert_eq!(PrometheusRenderer::render_all(&MetricsRegistry::new()), "");
}

#[test]
fn families_are_sorted_by_name_and_series_stand_in_the_order_of_their_making() {
    let registry = MetricsRegistry::new();
    for name in ["b_total", "c_total", "a_total"] {
        let family = registry.register_counter(name, "C.").unwrap();
        for value in ["z", "m", "a"] {
            family.get_or_create(&[("v", value)]).inc();
        }
    }
    let text = PrometheusRenderer::render_all(&registry);
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let expected: Vec<String> = ["a", "b", "c"]
        .into_iter()
        .flat_map(|name| ["z", "m", "a"].map(|value| format!("{name}_total{{v=\"{value}\"}} 1")))
        .collect();
    assert_eq!(samples, expected);
}

#[test]
fn a_page_does_not_change_while_nothing_is_recorded() {
    let registry = MetricsRegistry::new();
    registry.register_counter("c_total", "C.").unwrap().get_or_create(&[("a", "1")]).inc();
    let histogram = registry.register_histogram("h", "H.", &buckets::LATENCY_SECONDS).unwrap();
    histogram.default().observe(0.3);
    assert_eq!(PrometheusRenderer::render_all(&registry), PrometheusRenderer::render_all(&registry));
}

#[test]
fn no_bound_of_a_histogram_is_spelled_in_two_ways_or_loses_a_digit() {
    let bounds = [-1e9, -0.1, 0.0, 1e-9, 0.1 + 0.2, 1.0, 1.5, 100.0, 123_456.0, 1e6, 1.25e15, 1e300];
    let family = HistogramFamily::new("h", "H.", &bounds);
    family.default().observe(0.0);
    let text = PrometheusRenderer::render_all(&family);
    let spelled: Vec<&str> =
        text.lines().filter_map(|line| line.split("le=\"").nth(1)?.split('"').next()).collect();
    let expected = [
        "-1e+09",
        "-0.1",
        "0.0",
        "1e-09",
        "0.30000000000000004",
        "1.0",
        "1.5",
        "100.0",
        "123456.0",
        "1e+06",
        "1.25e+15",
        "1e+300",
        "+Inf",
    ];
    assert_eq!(spelled, expected);
    let read: Vec<f64> = spelled[..bounds.len()].iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(read, bounds);
}

#[test]
fn families_are_rendered_one_by_one_and_another_kind_is_refused() {
    let counters = CounterFamily::new("c_total", "C.");
    counters.get_or_create(&[("a", "1")]).inc();
    let gauges = GaugeFamily::new("g", "G.");
    gauges.default().set(1.5);
    let histograms = HistogramFamily::new("h", "H.", &[1.0]);
    histograms.default().observe(0.5);

    let mut output = String::new();
    PrometheusRenderer::render_counter_family(&mut output, &counters).unwrap();
    PrometheusRenderer::render_gauge_family(&mut output, &gauges).unwrap();
    PrometheusRenderer::render_histogram_family(&mut output, &histograms).unwrap();
    let page = Page::parse(&output).unwrap();
    assert_eq!(page.families.len(), 3);

    let before = output.clone();
    assert!(PrometheusRenderer::render_counter_family(&mut output, &gauges).is_err());
    assert!(PrometheusRenderer::render_gauge_family(&mut output, &histograms).is_err());
    assert!(PrometheusRenderer::render_histogram_family(&mut output, &counters).is_err());
    assert_eq!(output, before);
}

#[test]
fn a_label_set_is_written_as_it_shows_itself() {
    let labels = [("b", "tab\tcr\r\"\\\n"), ("a", "ünï {},=")];
    let family = CounterFamily::new("c_total", "C.");
    family.get_or_create(&labels).inc();
    let set = LabelSet::from_pairs(&labels);
    let line = format!("c_total{} 1\n", set.as_prometheus());
    assert_eq!(
        PrometheusRenderer::render_all(&family),
        format!("# HELP c_total C.\n# TYPE c_total counter\n{line}")
    );
}

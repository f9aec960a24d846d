//! Failures that were reproduced in other metrics libraries, each as a test of ours.
//!
//! The comment above a test names the library, its version, and what it did.

use nilometer_core::label::LabelLimits;
use nilometer_core::{CounterFamily, HistogramFamily, MetricsRegistry, RegisterError, RegistryConfig};
use nilometer_prometheus::PrometheusRenderer;
use nilometer_tests::page::{Page, Series};
use nilometer_tests::scrape;

const INJECTION: &str = "a\"} 99\ninjected_total{x=\"y";

// 1. prometheus 0.14: a hash without a separator, and keys that were never compared, merged these two.
#[test]
fn label_values_that_run_together_to_the_same_text_are_two_series() {
    let family = CounterFamily::new("requests_total", "Requests.");
    family.get_or_create(&[("x", "ab"), ("y", "c")]).inc_by(1);
    family.get_or_create(&[("x", "a"), ("y", "bc")]).inc_by(2);
    family.get_or_create(&[("x", "a"), ("yb", "c")]).inc_by(3);
    family.get_or_create(&[("x", "a\",y=\"bc")]).inc_by(4);
    let page = scrape(&family);
    assert_eq!(family.len(), 4);
    assert_eq!(page.count("requests_total", &[("x", "ab"), ("y", "c")]), Some(1));
    assert_eq!(page.count("requests_total", &[("x", "a"), ("y", "bc")]), Some(2));
    assert_eq!(page.count("requests_total", &[("x", "a"), ("yb", "c")]), Some(3));
    assert_eq!(page.count("requests_total", &[("x", "a\",y=\"bc")]), Some(4));
}

// 2. prometheus 0.14: one NaN made `_sum` NaN for ever.
#[test]
fn a_nan_observation_leaves_the_sum_as_it_was_and_is_counted() {
    let registry = MetricsRegistry::new();
    let histogram = registry.register_histogram("h", "H.", &[1.0]).unwrap().default();
    histogram.observe(0.5);
    histogram.observe(f64::NAN);
    histogram.observe(-f64::NAN);
    histogram.observe(0.25);
    let page = scrape(&registry);
    let expected = Series::Histogram { buckets: vec![(1.0, 2), (f64::INFINITY, 2)], sum: 0.75, count: 2 };
    assert_eq!(page.series("h", &[]), Some(&expected));
    assert_eq!(
        page.count("nilometer_odd_observations_total", &[("family", "h"), ("reason", "nan")]),
        Some(2)
    );
}

// 2. prometheus 0.14: a registration that failed left its name taken.
#[test]
fn a_name_whose_registration_failed_can_be_registered() {
    let registry = MetricsRegistry::new();
    assert!(registry.register_histogram("h", "H.", &[2.0, 1.0]).is_err());
    assert!(registry.register_histogram("h", "H.", &[1.0, 2.0]).is_ok());
    let wrong = CounterFamily::new("c", "C.");
    assert!(registry.register_gauge("c", "C.").is_ok());
    assert!(registry.register(&wrong).is_err());
    assert!(registry.unregister("c"));
    registry.register(&wrong).unwrap();
}

// 3. prometheus-client 0.25.0: a label value forged a sample.
#[test]
fn a_label_value_cannot_forge_a_sample() {
    let registry = MetricsRegistry::new();
    let family = registry.register_counter("requests_total", "Requests.").unwrap();
    family.get_or_create(&[("path", INJECTION)]).inc();
    let page = scrape(&registry);
    assert_eq!(page.families.len(), 1);
    assert_eq!(page.count("requests_total", &[("path", INJECTION)]), Some(1));
}

// 3. prometheus-client 0.25.2: HELP was written as it is.
#[test]
fn a_help_text_cannot_forge_a_sample() {
    let help = "Requests.\ninjected_total 99\n# TYPE x counter\\n\\";
    let registry = MetricsRegistry::new();
    let _counter = registry.register_counter("requests_total", help).unwrap().default();
    let page = scrape(&registry);
    assert_eq!(page.families.len(), 1);
    assert_eq!(page.family("requests_total").unwrap().help.as_deref(), Some(help));
}

// 4. prometheus-client: invalid names and duplicate families were exported, and Prometheus rejected the whole page.
#[test]
fn neither_invalid_names_nor_duplicate_families_reach_a_page() {
    let registry = MetricsRegistry::new();
    registry.register_counter("requests_total", "Requests.").unwrap().default().inc();
    assert!(matches!(registry.register_counter("bad name", "Bad."), Err(RegisterError::InvalidName { .. })));
    assert!(matches!(
        registry.register_counter("requests_total", "Other."),
        Err(RegisterError::Conflict { what: "help", .. })
    ));
    assert!(matches!(
        registry.register_gauge("requests_total", "Requests."),
        Err(RegisterError::Conflict { what: "type", .. })
    ));
    let again = registry.register_counter("requests_total", "Requests.").unwrap();
    assert_eq!(again.default().get(), 1);
    let page = scrape(&registry);
    assert_eq!(page.families.len(), 1);
    assert_eq!(page.count("requests_total", &[]), Some(1));
}

// 5. prometheus-client 0.25.0: `_count` was 1 and the bucket of `+Inf` 0.
#[test]
fn an_infinite_observation_counts_in_the_outermost_bucket_and_not_in_the_sum() {
    let registry = MetricsRegistry::new();
    let histogram = registry.register_histogram("h", "H.", &[0.0, 1.0]).unwrap().default();
    histogram.observe(f64::INFINITY);
    histogram.observe(f64::NEG_INFINITY);
    histogram.observe(0.5);
    let page = scrape(&registry);
    let buckets = vec![(0.0, 1), (1.0, 2), (f64::INFINITY, 3)];
    assert_eq!(page.series("h", &[]), Some(&Series::Histogram { buckets, sum: 0.5, count: 3 }));
    let labels = [("family", "h"), ("reason", "infinite")];
    assert_eq!(page.count("nilometer_odd_observations_total", &labels), Some(2));
}

// 6. metrics-exporter-prometheus: `a.b` and `a_b` became one name, and one of the two was lost.
#[test]
fn names_that_would_meet_on_a_page_are_refused_and_never_rewritten() {
    let registry = MetricsRegistry::new();
    registry.register_counter("a_b_total", "A.").unwrap().default().inc();
    assert!(matches!(
        registry.register_counter("a.b_total", "A."),
        Err(RegisterError::InvalidName { name, .. }) if name == "a.b_total"
    ));
    registry.register_histogram("h", "H.", &[1.0]).unwrap().default().observe(1.0);
    for name in ["h_sum", "h_count", "h_bucket"] {
        assert!(
            matches!(registry.register_gauge(name, "G."), Err(RegisterError::Collision { owner, .. }) if owner == "h"),
            "{name}"
        );
    }
    registry.register_gauge("g_count", "G.").unwrap().default().inc();
    assert!(matches!(
        registry.register_histogram("g", "G.", &[1.0]),
        Err(RegisterError::Collision { taken, .. }) if taken == "g_count"
    ));
    assert_eq!(scrape(&registry).families.len(), 3);
}

// 6. metrics-exporter-prometheus: samples piled up in memory until somebody scraped.
#[test]
fn what_is_recorded_takes_no_room_however_often_it_is_recorded() {
    let registry = MetricsRegistry::new();
    let histogram = registry.register_histogram("h", "H.", &[1.0]).unwrap().default();
    histogram.observe(0.5);
    let before = PrometheusRenderer::render_all(&registry).lines().count();
    for _ in 0..1_000_000 {
        histogram.observe(0.5);
    }
    let page = PrometheusRenderer::render_all(&registry);
    assert_eq!(page.lines().count(), before);
    assert_eq!(Page::parse(&page).unwrap().count("h", &[]), Some(1_000_001));
}

// 7. measured 0.0.25: NaN counted in the lowest bucket.
#[test]
fn a_nan_observation_is_in_no_bucket() {
    let family = HistogramFamily::new("h", "H.", &[-1.0, 1.0]);
    family.default().observe(f64::NAN);
    assert!(family.default().snapshot().buckets().all(|(_, count)| count == 0));
}

// 7. metriken-exposition: label values and HELP were written raw.
#[test]
fn every_character_of_label_values_and_help_comes_back() {
    let text: String =
        (1..=0x2ff_u32).chain([0x2028, 0xfeff, 0xffff, 0x1_f30a]).filter_map(char::from_u32).collect();
    let config =
        RegistryConfig::new().with_label_limits(LabelLimits::default().with_max_value_length(text.len()));
    let registry = MetricsRegistry::with_config(config);
    let family = registry.register_counter("requests_total", text.as_str()).unwrap();
    family.get_or_create(&[("text", &text)]).inc();
    let page = scrape(&registry);
    assert_eq!(page.family("requests_total").unwrap().help.as_deref(), Some(text.as_str()));
    assert_eq!(page.count("requests_total", &[("text", &text)]), Some(1));
}

//! What the meter provider's families are called, and which instruments have one together.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::collections::BTreeSet;

use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_prometheus::{Exposition, Format};
use nilometer_tests::openmetrics;
use nilometer_tests::page::Page;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::{InstrumentationScope, KeyValue};

fn registry() -> (MetricsRegistry, RegistryMeterProvider) {
    let registry = MetricsRegistry::new();
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    (registry, provider)
}

/// A page, which an independent parser finds to keep every rule.
fn page(registry: &MetricsRegistry) -> Page {
    Page::parse(&PrometheusRenderer::render_all(registry)).unwrap()
}

fn of_scope(scope: &str) -> [(&str, &str); 1] {
    [("otel_scope_name", scope)]
}

#[test]
fn openmetrics_has_the_units() {
    let (registry, provider) = registry();
    let meter = provider.meter("lib");
    meter.u64_counter("sent").with_unit("By").with_description("Sent.").build().add(1, &[]);
    let page = PrometheusRenderer::render_as(&registry, Exposition::new(Format::OpenMetrics)).unwrap();
    let page = String::from_utf8(page).unwrap();
    let expected = "# HELP sent_bytes Sent.\n# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\n\
                    sent_bytes_total{otel_scope_name=\"lib\"} 1\n# EOF\n";
    let sorted = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&page), sorted(expected));
    openmetrics::parse(&page).unwrap();
}

#[test]
fn names_that_differ_in_their_case_are_one_instrument_s_under_the_first() {
    let (registry, provider) = registry();
    let meter = provider.meter("lib");
    meter.u64_counter("hitCount").build().add(1, &[]);
    meter.u64_counter("HitCount").build().add(2, &[]);
    let page = page(&registry);
    assert_eq!(page.count("hitCount_total", &of_scope("lib")), Some(3));
    assert_eq!(page.families.len(), 1);
}

#[test]
fn scopes_tell_instruments_of_one_name_apart_unless_their_labels_are_off() {
    let meters = |provider: &RegistryMeterProvider| {
        let scope = InstrumentationScope::builder("lib").with_version("2").with_schema_url("https://s");
        let scope = scope.with_attributes([KeyValue::new("shard.id", 7)]).build();
        [provider.meter("lib"), provider.meter_with_scope(scope), provider.meter("other")]
    };
    let record = |provider: &RegistryMeterProvider| {
        for (meter, by) in meters(provider).iter().zip([1, 10, 100]) {
            meter.u64_counter("hits").build().add(by, &[]);
            meter.u64_observable_gauge("size").with_callback(move |it| it.observe(by, &[])).build();
        }
    };
    let (registry, provider) = registry();
    record(&provider);
    let found = page(&registry);
    let second = [
        ("otel_scope_name", "lib"),
        ("otel_scope_schema_url", "https://s"),
        ("otel_scope_shard_id", "7"),
        ("otel_scope_version", "2"),
    ];
    for name in ["hits_total", "size"] {
        let values = [
            found.value(name, &of_scope("lib")),
            found.value(name, &second),
            found.value(name, &of_scope("other")),
        ];
        assert_eq!(values, [Some(1.0), Some(10.0), Some(100.0)], "{name}");
    }

    let registry = MetricsRegistry::new();
    record(&RegistryMeterProvider::builder(&registry).with_scope_labels(false).build().unwrap());
    let found = page(&registry);
    assert_eq!((found.value("hits_total", &[]), found.value("size", &[])), (Some(111.0), Some(100.0)));
    assert_eq!(page(&registry).family("nilometer_otel_unsupported_total"), None);
}

#[test]
fn a_namespace_and_a_scope_s_prefix_come_before_every_name() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_namespace("shop"));
    let scope = registry.scope("cache", &[("shard", "a")]);
    let meter = RegistryMeterProvider::try_new(&scope).unwrap().meter("lib");
    meter.u64_counter("hits").build().add(1, &[]);
    meter.u64_observable_gauge("size").with_callback(|observer| observer.observe(2, &[])).build();
    meter.u64_counter("hits").with_unit("By/s").build();
    meter.u64_gauge("hits.total").build().record(1, &[]);
    let page = page(&registry);
    let labels = [("otel_scope_name", "lib"), ("shard", "a")];
    assert_eq!(page.value("shop_cache_hits_total", &labels), Some(1.0));
    assert_eq!(page.value("shop_cache_size", &labels), Some(2.0));
    let labels = [("instrument", "hits.total"), ("reason", "conflict"), ("shard", "a")];
    assert_eq!(page.count("nilometer_otel_unsupported_total", &labels), Some(1));
}

#[test]
fn instruments_of_different_units_are_not_one_even_where_their_names_do_not_tell() {
    let registry = MetricsRegistry::new();
    let builder = RegistryMeterProvider::builder(&registry).with_suffixes(false).with_scope_labels(false);
    let meter = builder.build().unwrap().meter("lib");
    for (unit, value) in [("", 1), ("s", 2), ("{of it}", 4), ("ms", 8), ("s", 16)] {
        meter.u64_counter("busy").with_unit(unit).build().add(value, &[]);
        let gauge = meter.u64_observable_gauge("seen").with_unit(unit);
        gauge.with_callback(move |it| it.observe(value, &[])).build();
    }
    let page = page(&registry);
    assert_eq!((page.value("busy", &[]), page.value("seen", &[])), (Some(23.0), Some(16.0)));
    for instrument in ["busy", "seen"] {
        let labels = [("instrument", instrument), ("reason", "conflict")];
        assert_eq!(page.count("nilometer_otel_unsupported_total", &labels), Some(1));
    }
}

#[test]
fn scope_s_attributes_that_are_one_label_where_names_are_escaped_are_joined() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_utf8_names(true));
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    let attributes =
        [KeyValue::new("a.b", "1"), KeyValue::new("a_b", "2"), KeyValue::new("schema.url", "thief")];
    let scope = InstrumentationScope::builder("lib").with_schema_url("https://s");
    let meter = provider.meter_with_scope(scope.with_attributes(attributes).build());
    meter.u64_counter("hits").build().add(1, &[]);
    let labels =
        [("otel_scope_a_b", "1;2"), ("otel_scope_name", "lib"), ("otel_scope_schema_url", "https://s")];
    assert_eq!(page(&registry).count("hits_total", &labels), Some(1));
}

//! What the meter provider's families are called, and which instruments have one together.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_tests::page::Page;
use opentelemetry::metrics::MeterProvider;
use opentelemetry::{InstrumentationScope, KeyValue};

fn page(registry: &MetricsRegistry) -> Page {
    Page::parse(&PrometheusRenderer::render_all(registry)).unwrap()
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

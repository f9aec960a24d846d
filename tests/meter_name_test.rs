//! What the meter provider's families are called, and which instruments have one together.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer};
use nilometer_tests::page::Page;
use opentelemetry::metrics::MeterProvider;

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

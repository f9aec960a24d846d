//! How long what the meter provider makes is there: series, and the callbacks of observable instruments.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::time::{Duration, SystemTime};

use nilometer::otel::RegistryMeterProvider;
use nilometer::{ManualClock, MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_tests::page::Page;
use opentelemetry::metrics::MeterProvider;

const SCOPE: [(&str, &str); 1] = [("otel_scope_name", "lib")];

fn page(registry: &MetricsRegistry) -> Page {
    Page::parse(&PrometheusRenderer::render_all(registry)).unwrap()
}

#[test]
fn what_goes_up_and_down_is_not_forgotten_where_series_expire() {
    let clock = ManualClock::new(SystemTime::now());
    let config = RegistryConfig::new().with_clock(&clock).with_expire_after(Duration::from_mins(1));
    let registry = MetricsRegistry::with_config(config);
    let meter = RegistryMeterProvider::try_new(&registry).unwrap().meter("lib");
    let (open, level) =
        (meter.i64_up_down_counter("open").build(), meter.f64_up_down_counter("level").build());
    open.add(3, &[]);
    level.add(3.0, &[]);
    meter.u64_counter("hits").build().add(3, &[]);
    for _ in 0..5 {
        page(&registry);
        clock.advance(Duration::from_mins(1));
    }
    open.add(-1, &[]);
    level.add(-1.0, &[]);
    let page = page(&registry);
    assert_eq!((page.value("open", &SCOPE), page.value("level", &SCOPE)), (Some(2.0), Some(2.0)));
    // A total that starts again is what readers know.
    assert_eq!(page.count("hits_total", &SCOPE), None);
}

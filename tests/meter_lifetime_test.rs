//! How long what the meter provider makes is there: series, and the callbacks of observable instruments.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::panic::panic_any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer::otel::RegistryMeterProvider;
use nilometer::{ManualClock, MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_tests::page::Page;
use opentelemetry::metrics::{AsyncInstrument, MeterProvider};

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

#[test]
fn no_callback_outlives_a_shutdown_that_comes_while_it_is_made() {
    for _ in 0..100 {
        let registry = MetricsRegistry::new();
        let provider = RegistryMeterProvider::try_new(&registry).unwrap();
        let (held, is_over) = (Arc::new(()), AtomicBool::new(false));
        let (begun, begins) = mpsc::channel();
        thread::scope(|scope| {
            let (provider, held, is_over) = (&provider, &held, &is_over);
            scope.spawn(move || {
                let meter = provider.meter("lib");
                for round in 0.. {
                    for name in ["old".to_owned(), format!("new.{round}")] {
                        let kept = Arc::clone(held);
                        let gauge = meter.u64_observable_gauge(name);
                        gauge
                            .with_callback(move |it| it.observe(Arc::strong_count(&kept) as u64, &[]))
                            .build();
                    }
                    let _ = begun.send(());
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
            begins.recv().unwrap();
            provider.shutdown();
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(page(&registry).families.iter().all(|family| family.name.starts_with("nilometer_")));
    }
}

/// Panics when it is dropped.
struct Bomb;

#[expect(clippy::panic, reason = "that it panics is what is tested")]
impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any("dropped");
    }
}

#[test]
fn a_callback_that_panics_when_it_is_dropped_keeps_no_other() {
    let registry = MetricsRegistry::new();
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    let meter = provider.meter("lib");
    let (bomb, held) = (Bomb, Arc::new(()));
    let observe_with = move |it: &dyn AsyncInstrument<u64>| {
        let _ = &bomb;
        it.observe(1, &[]);
    };
    meter.u64_observable_gauge("one").with_callback(observe_with).build();
    let kept = Arc::clone(&held);
    let count = move || Arc::strong_count(&kept) as u64;
    meter.u64_observable_gauge("two").with_callback(move |it| it.observe(count(), &[])).build();
    assert!(thread::spawn(move || provider.shutdown()).join().is_err());
    assert_eq!(Arc::strong_count(&held), 1);
    assert_eq!(page(&registry), Page::default());
}

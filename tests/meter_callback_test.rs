//! The callbacks of observable instruments: when they are called, and what becomes of what they do.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::panic::panic_any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use nilometer::label::LabelLimits;
use nilometer::otel::RegistryMeterProvider;
use nilometer::{MetricsRegistry, PrometheusRenderer, RegistryConfig};
use nilometer_prometheus::{EscapingScheme, Exposition, Format};
use nilometer_tests::page::Page;
use nilometer_tests::prometheus::wait_for;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};

const SCOPE: [(&str, &str); 1] = [("otel_scope_name", "lib")];

fn metered(config: RegistryConfig) -> (MetricsRegistry, RegistryMeterProvider, Meter) {
    let registry = MetricsRegistry::with_config(config);
    let provider = RegistryMeterProvider::try_new(&registry).unwrap();
    let meter = provider.meter("lib");
    (registry, provider, meter)
}

fn page(registry: &MetricsRegistry) -> Page {
    Page::parse(&PrometheusRenderer::render_all(registry)).unwrap()
}

fn unsupported(page: &Page, instrument: &str, reason: &str) -> Option<u64> {
    let labels = [("instrument", instrument), ("reason", reason)];
    page.count("nilometer_otel_unsupported_total", &labels)
}

#[test]
fn a_callback_is_called_once_at_each_collection_and_what_it_leaves_out_is_gone() {
    let (registry, _provider, meter) = metered(RegistryConfig::new());
    let calls = Arc::new(AtomicU64::new(0));
    let own = Arc::clone(&calls);
    let counter = meter.u64_observable_counter("calls").with_callback(move |observer| {
        let call = own.fetch_add(1, Ordering::Relaxed) + 1;
        observer.observe(call, &[]);
        if call == 1 {
            observer.observe(7, &[KeyValue::new("first", true)]);
        }
    });
    counter.build();
    let first = page(&registry);
    assert_eq!(first.count("calls_total", &SCOPE), Some(1));
    assert_eq!(first.count("calls_total", &[("first", "true"), ("otel_scope_name", "lib")]), Some(7));
    let second = page(&registry);
    assert_eq!(second.count("calls_total", &SCOPE), Some(2));
    assert_eq!(second.family("calls_total").unwrap().series.len(), 1);
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn the_last_observation_of_a_series_counts_by_whichever_callback() {
    let (registry, provider, meter) = metered(RegistryConfig::new());
    meter
        .i64_observable_gauge("level")
        .with_callback(|observer| {
            observer.observe(1, &[KeyValue::new("a.b", "x")]);
            observer.observe(2, &[KeyValue::new("a_b", "x")]);
        })
        .with_callback(|observer| observer.observe(3, &[KeyValue::new("a.b", "x")]))
        .build();
    let labels = [("a_b", "x"), ("otel_scope_name", "lib")];
    assert_eq!(page(&registry).value("level", &labels), Some(3.0));
    provider
        .meter("lib")
        .i64_observable_gauge("level")
        .with_callback(|it| it.observe(4, &[KeyValue::new("a.b", "x")]))
        .build();
    let page = page(&registry);
    assert_eq!(page.value("level", &labels), Some(4.0));
    assert_eq!(page.family("level").unwrap().series.len(), 1);
}

#[test]
fn keys_stay_what_they_are_where_names_can_hold_any_characters() {
    let (registry, _provider, meter) = metered(RegistryConfig::new().with_utf8_names(true));
    let gauge = meter.u64_observable_gauge("cache.size");
    gauge.with_callback(|observer| observer.observe(1, &[KeyValue::new("shard.id", 7)])).build();
    let exposition = Exposition::new(Format::Text1).with_escaping(EscapingScheme::AllowUtf8);
    let page = String::from_utf8(PrometheusRenderer::render_as(&registry, exposition).unwrap()).unwrap();
    let expected = "# HELP \"cache.size\" \n# TYPE \"cache.size\" gauge\n\
                    {\"cache.size\",otel_scope_name=\"lib\",\"shard.id\"=\"7\"} 1\n";
    assert_eq!(page, expected);
}

/// Panics once more when it is dropped.
struct Bomb;

#[expect(clippy::panic, reason = "that it panics is what is tested")]
impl Drop for Bomb {
    fn drop(&mut self) {
        panic_any("another");
    }
}

#[test]
fn a_callback_that_panics_loses_nothing_of_the_others() {
    let (registry, _provider, meter) = metered(RegistryConfig::new());
    let callback = |attribute: &'static str, value: u64| {
        move |observer: &dyn opentelemetry::metrics::AsyncInstrument<u64>| {
            observer.observe(value, &[KeyValue::new("of", attribute)]);
            match attribute {
                "text" => panic_any("text"),
                "bomb" => panic_any(Bomb),
                _ => {}
            }
        }
    };
    let gauge = meter.u64_observable_gauge("one").with_callback(callback("text", 1));
    gauge.with_callback(callback("bomb", 2)).with_callback(callback("fine", 3)).build();
    meter.u64_observable_gauge("two").with_callback(callback("fine", 4)).build();
    for round in 1..=2 {
        let page = page(&registry);
        for (name, of, value) in
            [("one", "text", 1.0), ("one", "bomb", 2.0), ("one", "fine", 3.0), ("two", "fine", 4.0)]
        {
            assert_eq!(
                page.value(name, &[("of", of), ("otel_scope_name", "lib")]),
                Some(value),
                "{name} {of}"
            );
        }
        // The registry's own families come before its collectors: what is counted now is on the next page.
        let counted = if round == 1 { None } else { Some(2) };
        assert_eq!(unsupported(&page, "one", "callback_panic"), counted);
    }
    assert_eq!(page(&registry).family("nilometer_collector_failures_total"), None);
}

#[test]
fn a_callback_can_record_and_make_instruments_and_collect_its_registry() {
    for limit in [Some(Duration::from_mins(1)), None] {
        let (registry, provider, meter) = metered(RegistryConfig::new().with_collector_time_limit(limit));
        let counter = meter.u64_counter("recorded").build();
        let (pages, own, maker) = (Arc::new(Mutex::new(Vec::new())), registry.clone(), provider.clone());
        let seen = Arc::clone(&pages);
        meter
            .u64_observable_gauge("busy")
            .with_callback(move |observer| {
                counter.add(1, &[]);
                let meter = maker.meter("lib");
                meter.u64_observable_gauge("made").with_callback(|it| it.observe(5, &[])).build();
                meter.u64_observable_gauge("busy").build();
                seen.lock().unwrap().push(PrometheusRenderer::render_all(&own));
                observer.observe(1, &[]);
            })
            .build();
        let first = page(&registry);
        assert_eq!(first.value("busy", &SCOPE), Some(1.0));
        let second = page(&registry);
        assert_eq!(second.count("recorded_total", &SCOPE), Some(1));
        assert_eq!((second.value("busy", &SCOPE), second.value("made", &SCOPE)), (Some(1.0), Some(5.0)));
        // From within, the registry has what it has without its collectors.
        let within = pages.lock().unwrap().clone();
        assert_eq!(within.len(), 2);
        for page in within.iter().map(|page| Page::parse(page).unwrap()) {
            assert!(page.family("busy").is_none() && page.family("recorded_total").is_some());
        }
        provider.shutdown();
    }
}

#[test]
fn a_callback_that_is_late_takes_nothing_but_what_is_observed_off_the_page() {
    let (registry, provider, meter) =
        metered(RegistryConfig::new().with_collector_time_limit(Duration::from_millis(50)));
    meter.u64_counter("recorded").build().add(1, &[]);
    let (release, wait) = mpsc::channel();
    let wait = Mutex::new(wait);
    let gauge = meter.u64_observable_gauge("late");
    gauge.with_callback(move |observer| observer.observe(wait.lock().unwrap().recv().unwrap(), &[])).build();
    let late = page(&registry);
    assert_eq!(late.count("recorded_total", &SCOPE), Some(1));
    assert!(late.family("late").is_none());
    let labels = [("collector", "opentelemetry"), ("reason", "timeout")];
    assert_eq!(late.count("nilometer_collector_failures_total", &labels), Some(1));
    // What it waits for now and at every page until one has it.
    wait_for("a page with what is observed", || {
        release.send(7).unwrap();
        page(&registry).value("late", &SCOPE)
    });
    provider.shutdown();
}

#[test]
fn with_a_time_limit_one_collection_at_a_time_calls_a_callback() {
    let config = RegistryConfig::new().with_collector_time_limit(Duration::from_mins(1));
    let (registry, _provider, meter) = metered(config);
    let (running, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counts = (Arc::clone(&running), Arc::clone(&most));
    meter
        .u64_observable_gauge("size")
        .with_callback(move |observer| {
            let now = counts.0.fetch_add(1, Ordering::SeqCst) + 1;
            counts.1.fetch_max(now, Ordering::SeqCst);
            observer.observe(now, &[]);
            thread::yield_now();
            counts.0.fetch_sub(1, Ordering::SeqCst);
        })
        .build();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    assert_eq!(page(&registry).value("size", &SCOPE), Some(1.0));
                }
            });
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn instruments_are_made_and_record_while_pages_are_collected() {
    let (registry, provider, _) = metered(RegistryConfig::new());
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (provider, start) = (&provider, &start);
            scope.spawn(move || {
                start.wait();
                for round in 0..50_u64 {
                    let meter = provider.meter("lib");
                    meter.u64_counter(format!("made.{}", round % 10)).build().add(1, &[]);
                    let gauge = meter.u64_observable_gauge(format!("seen.{}", round % 10));
                    gauge.with_callback(move |it| it.observe(thread, &[])).build();
                }
            });
        }
        start.wait();
        for _ in 0..20 {
            page(&registry);
        }
    });
    let page = page(&registry);
    for at in 0..10 {
        assert_eq!(page.count(&format!("made_{at}_total"), &SCOPE), Some(15));
        assert_eq!(page.family(&format!("seen_{at}")).unwrap().series.len(), 1);
    }
}

#[test]
fn what_cannot_be_shown_is_left_out_and_counted() {
    let (registry, _provider, meter) = metered(RegistryConfig::new().with_series_limit(3));
    let long = "x".repeat(2_000);
    meter
        .f64_observable_counter("odd")
        .with_callback(move |observer| {
            observer.observe(1.0, &[KeyValue::new("le", "1")]);
            observer.observe(1.0, &[KeyValue::new("long", long.clone())]);
            observer.observe(-1.0, &[KeyValue::new("of", "negative")]);
            observer.observe(f64::NAN, &[KeyValue::new("of", "nan")]);
            observer.observe(0.5, &[]);
            observer.observe(1.0, &[KeyValue::new("of", "one more")]);
            observer.observe(1.5, &[]);
        })
        .build();
    page(&registry);
    let page = page(&registry);
    assert_eq!(page.value("odd_total", &SCOPE), Some(1.5));
    assert_eq!(page.family("odd_total").unwrap().series.len(), 1);
    assert_eq!(unsupported(&page, "odd", "attributes"), Some(2));
    assert_eq!(unsupported(&page, "odd", "series_limit"), Some(1));
    // Its own counts come after the collectors: of both collections.
    let labels = [("collector", "opentelemetry"), ("reason", "invalid_value")];
    assert_eq!(page.count("nilometer_collector_failures_total", &labels), Some(4));
}

#[test]
fn callbacks_stay_until_shutdown_whatever_is_dropped() {
    let (registry, provider, meter) = metered(RegistryConfig::new());
    let held = Arc::new(());
    let kept = Arc::clone(&held);
    let instrument = meter.u64_observable_gauge("size").with_callback(move |observer| {
        observer.observe(Arc::strong_count(&kept) as u64, &[]);
    });
    instrument.build();
    drop(meter);
    assert_eq!(page(&registry).value("size", &SCOPE), Some(2.0));
    let other = provider.clone();
    drop(provider);
    assert_eq!(page(&registry).value("size", &SCOPE), Some(2.0));
    other.shutdown();
    assert_eq!(page(&registry), Page::default());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn what_the_registry_has_comes_before_what_is_observed_and_its_limits_on_labels_are_not_for_that() {
    let limits = LabelLimits::default().with_max_value_length(3);
    let (registry, _provider, meter) = metered(RegistryConfig::new().with_label_limits(limits));
    registry.register_gauge("own", "The program's own.").unwrap().default().set(1.0);
    for name in ["own", "seen"] {
        let gauge = meter.u64_observable_gauge(name);
        gauge.with_callback(|observer| observer.observe(7, &[KeyValue::new("of", "long")])).build();
    }
    let page = page(&registry);
    assert_eq!(page.value("own", &[]), Some(1.0));
    assert_eq!(page.family("own").unwrap().series.len(), 1);
    assert_eq!(page.value("seen", &[("of", "long"), ("otel_scope_name", "lib")]), Some(7.0));
    assert_eq!(page.family("nilometer_otel_unsupported_total"), None);
    let labels = [("collector", "opentelemetry"), ("reason", "name_taken")];
    assert_eq!(page.count("nilometer_collector_failures_total", &labels), Some(1));
}

//! What the page tells of spans and of what was ignored.

use std::collections::BTreeMap;
use std::time::SystemTime;

use nilometer_core::MetricsRegistry;
use nilometer_core::collect::{Collector, Descriptor, Number, Point, SeriesLabels, Stopped, Visitor};
use nilometer_otel::propagation::Propagator;
use nilometer_otel::trace::ExportStats;
use nilometer_otel::{OtelConfig, OtelProvider};
use opentelemetry::trace::Tracer;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData, SpanExporter};

use super::DEADLINE;
use super::propagation::PARENT;

/// Names with their labels, and the totals of counters.
type Totals = BTreeMap<String, u64>;

/// Keeps the totals of counters, which have to begin at a time that has been.
#[derive(Default)]
struct Page {
    family: String,
    totals: Totals,
}

impl Page {
    fn of(collector: &impl Collector) -> Totals {
        let mut page = Page::default();
        collector.collect(&mut page).unwrap();
        page.totals
    }
}

impl Visitor for Page {
    fn family(&mut self, descriptor: &Descriptor) -> Result<(), Stopped> {
        descriptor.name().clone_into(&mut self.family);
        Ok(())
    }

    fn point(&mut self, labels: SeriesLabels<'_>, point: Point<'_>) -> Result<(), Stopped> {
        let Point::Counter(counter) = point else { unreachable!("{point:?}") };
        let Number::U64(total) = counter.total() else { unreachable!("{counter:?}") };
        assert!(counter.created().unwrap() <= SystemTime::now());
        let mut series = self.family.clone();
        for (name, value) in labels.iter() {
            series.extend([" ", name, "=", value]);
        }
        let known = self.totals.insert(series, total);
        assert_eq!(known, None);
        Ok(())
    }
}

fn shown(stats: ExportStats) -> Totals {
    [("ended", stats.ended()), ("sent", stats.sent()), ("failed", stats.failed())]
        .map(|(what, total)| (format!("nilometer_otel_spans_{what}_total"), total))
        .into()
}

/// Takes batches without the span `lost`, and leaves the others.
#[derive(Debug, Default)]
struct Picky(InMemorySpanExporter);

impl SpanExporter for Picky {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if batch.iter().any(|span| span.name == "lost") {
            return Err(OTelSdkError::InternalFailure("lost".to_owned()));
        }
        self.0.export(batch).await
    }
}

#[test]
fn the_page_shows_what_became_of_spans_even_when_their_provider_is_gone() {
    let registry = MetricsRegistry::new();
    let provider = OtelProvider::with_exporter(&OtelConfig::new("test"), Picky::default());
    registry.register_collector("otel_spans", provider.metrics()).unwrap();
    assert_eq!(Page::of(&registry), shown(ExportStats::default()));
    let tracer = provider.tracer("test");
    for (name, spans) in [("kept", 3), ("lost", 2)] {
        for _ in 0..spans {
            tracer.in_span(name, |_| ());
        }
        assert_eq!(provider.flush_blocking(DEADLINE).is_err(), name == "lost");
    }
    let stats = provider.export_stats();
    assert_eq!((stats.ended(), stats.sent(), stats.failed()), (5, 3, 2));
    assert_eq!(Page::of(&registry), shown(stats));

    // It ends here, and sends its last span, although the registry has its metrics.
    tracer.in_span("last", |_| ());
    drop(provider);
    let page = Page::of(&registry);
    assert_eq!(page["nilometer_otel_spans_sent_total"], 4);
    tracer.in_span("late", |_| ());
    assert_eq!(Page::of(&registry), page);
}

#[test]
#[cfg(feature = "trace-http")]
fn the_page_shows_what_a_receiver_took_and_what_it_did_not() {
    use std::net::TcpListener;

    use nilometer_otel::trace::Protocol;

    use super::over_http::serve;
    use super::sending::{config, listen};

    let (listener, address) = listen();
    drop(listener);
    let provider = OtelProvider::init(config(address, Protocol::Http)).unwrap();
    let metrics = provider.metrics();
    provider.tracer("test").in_span("lost", |_| ());
    provider.flush_blocking(DEADLINE).unwrap_err();
    let _requests = serve(TcpListener::bind(address).unwrap(), "200 OK");
    for _ in 0..2 {
        provider.tracer("test").in_span("kept", |_| ());
    }
    provider.flush_blocking(DEADLINE).unwrap();
    let stats = provider.export_stats();
    assert_eq!((stats.sent(), stats.failed()), (2, 1));
    assert_eq!(Page::of(&metrics), shown(stats));
}

#[test]
fn the_page_shows_what_a_propagator_and_its_clones_ignored() {
    let registry = MetricsRegistry::new();
    let propagator = Propagator::new();
    registry.register_collector("otel_propagation", propagator.metrics()).unwrap();
    let series = |counts: [u64; 5]| -> Totals {
        let reasons = [
            "malformed_trace_parent",
            "malformed_trace_state",
            "malformed_baggage",
            "oversized_baggage",
            "invalid_utf8",
        ];
        let names = reasons.map(|reason| format!("nilometer_otel_propagation_ignored_total reason={reason}"));
        names.into_iter().zip(counts).collect()
    };
    assert_eq!(Page::of(&registry), series([0; 5]));

    let large = format!("a={}", "x".repeat(9000));
    // How often each of them is ignored tells them apart.
    for (times, name, value) in [
        (1, "traceparent", &b"00"[..]),
        (2, "tracestate", b"a"),
        (3, "baggage", b"="),
        (4, "baggage", large.as_bytes()),
        (5, "baggage", b"a=\xff"),
    ] {
        // A state is read beside a parent alone.
        let parent = (name == "tracestate").then_some(("traceparent", PARENT.as_bytes()));
        for _ in 0..times {
            propagator.clone().extract_pairs(parent.into_iter().chain([(name, value)]));
        }
    }
    assert_eq!(Page::of(&registry), series([1, 2, 3, 4, 5]));
    assert_eq!(propagator.stats().total(), 15);
}

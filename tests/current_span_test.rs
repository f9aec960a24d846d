//! Exemplars lead to the span that was current: on the page, and in OTLP requests.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use nilometer::otel::CurrentSpan;
use nilometer::{Counter, Histogram, MetricsRegistry, RegistryConfig};
use nilometer_otel::propagation::Propagator;
use nilometer_otel::trace::{Sampling, SpanWork};
use nilometer_tests::scrape;
use nilometer_tests::spans::{Ids, Spans, exemplars};
use opentelemetry::Context;
use opentelemetry::trace::{
    FutureExt, SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use tokio::runtime::{Builder, Runtime};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn registry() -> MetricsRegistry {
    MetricsRegistry::with_config(RegistryConfig::new().with_exemplar_source(CurrentSpan))
}

fn histogram(registry: &MetricsRegistry) -> Histogram {
    registry.register_histogram("size_bytes", "Sizes.", &[1.0, 100.0]).unwrap().default()
}

/// What the exemplars of the histogram lead to.
fn named(registry: &MetricsRegistry) -> Vec<Ids> {
    exemplars(registry, "size_bytes").into_iter().map(|(_, ids)| ids).collect()
}

fn remote(trace: u128, span: u64, flags: TraceFlags) -> Context {
    let ids = (TraceId::from(trace), SpanId::from(span));
    Context::new().with_remote_span_context(SpanContext::new(ids.0, ids.1, flags, true, TraceState::NONE))
}

fn runtimes() -> [Runtime; 2] {
    let mut several = Builder::new_multi_thread();
    several.worker_threads(4);
    [Builder::new_current_thread(), several].map(|mut builder| builder.build().unwrap())
}

#[test]
fn what_is_recorded_in_a_sampled_span_leads_to_it() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
    let (sizes, seen) = (histogram(&registry), registry.register_counter("seen_total", "Seen.").unwrap());
    let seen = seen.default();
    let tracer = spans.tracer();
    tracer.in_span("small", |_| sizes.observe(7.0));
    tracer.in_span("outer", |_| {
        tracer.in_span("large", |_| sizes.observe(700.0));
        seen.inc();
    });
    let place = |name: &str, le: &str| (name.to_owned(), le.to_owned());
    let expected = [
        (place("size_bytes_bucket", "100.0"), spans.named("small")),
        (place("size_bytes_bucket", "+Inf"), spans.named("large")),
    ];
    assert_eq!(exemplars(&registry, "size_bytes"), expected);
    assert_eq!(exemplars(&registry, "seen_total"), [(place("seen_total", ""), spans.named("outer"))]);
}

#[test]
fn what_is_recorded_outside_of_sampled_spans_leads_nowhere() {
    let unsampled = Spans::new(Sampling::AlwaysOff);
    let span = unsampled.tracer().start("unsampled");
    let contexts = [
        ("no span", Context::new()),
        ("not sampled", Context::new().with_span(span)),
        ("not sampled elsewhere", remote(7, 7, TraceFlags::default())),
        ("no trace", remote(0, 7, TraceFlags::SAMPLED)),
        ("no span in a trace", remote(7, 0, TraceFlags::SAMPLED)),
    ];
    for (what, context) in contexts {
        let registry = registry();
        let sizes = histogram(&registry);
        {
            let _current = context.attach();
            sizes.observe(7.0);
        }
        assert_eq!(named(&registry), [], "{what}");
        assert_eq!(sizes.snapshot().count(), 1);
    }
}

#[test]
fn a_context_that_arrived_leads_to_the_span_of_its_sender() {
    let registry = registry();
    let headers = [("traceparent", format!("00-{TRACE}-{SPAN}-01"))];
    let _current = Propagator::new().extract_pairs(headers).attach();
    histogram(&registry).observe(7.0);
    assert_eq!(named(&registry), [Ids { trace: TRACE.to_owned(), span: SPAN.to_owned() }]);
}

#[test]
fn a_span_that_has_ended_is_led_to_while_it_is_current() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
    let sizes = histogram(&registry);
    spans.tracer().in_span("ended", |context| {
        context.span().end();
        assert!(!context.span().is_recording());
        sizes.observe(7.0);
    });
    assert_eq!(named(&registry), [spans.named("ended")]);
}

/// Each of them waits for the other, so that they take turns on every thread there is.
#[test]
fn futures_lead_to_their_own_spans_wherever_they_are_polled() {
    for runtime in runtimes() {
        let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
        let sizes = histogram(&registry);
        let (to_first, first) = tokio::sync::mpsc::channel::<()>(1);
        let (to_second, second) = tokio::sync::mpsc::channel::<()>(1);
        let work = [
            ("first", 1.0, first, to_second.clone()),
            // It is the first one's turn.
            ("second", 100.0, second, to_first.clone()),
        ];
        runtime.block_on(async {
            to_first.send(()).await.unwrap();
            drop((to_first, to_second));
            let tasks = work.map(|(name, size, mut mine, others)| {
                let (tracer, sizes) = (spans.tracer(), sizes.clone());
                tokio::spawn(async move {
                    let span = tracer.start(name);
                    let context = Context::new().with_span(span);
                    let steps = async {
                        for _ in 0..100 {
                            mine.recv().await.unwrap();
                            sizes.observe(size);
                            // The other may be done.
                            let _ = others.send(()).await;
                        }
                    };
                    steps.with_context(context).await;
                })
            });
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert_eq!(sizes.snapshot().count(), 200);
        assert_eq!(named(&registry), [spans.named("first"), spans.named("second")]);
    }
}

#[test]
fn another_thread_has_no_span_before_it_is_given_the_context() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
    let sizes = histogram(&registry);
    spans.tracer().in_span("work", |context| {
        thread::scope(|scope| {
            scope.spawn(|| sizes.observe(0.5));
            scope.spawn(|| {
                let _current = context.clone().attach();
                sizes.observe(7.0);
            });
        });
    });
    let place = ("size_bytes_bucket".to_owned(), "100.0".to_owned());
    assert_eq!(exemplars(&registry, "size_bytes"), [(place, spans.named("work"))]);
}

/// Records when its thread ends.
struct AtTheEnd(Histogram);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        self.0.observe(7.0);
    }
}

#[test]
fn a_thread_that_has_no_context_any_more_still_records() {
    thread_local! {
        static BEFORE: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }

    // One that has asked for it before knows, another has it be a panic, which is caught.
    for (has_asked, lost) in [(true, None), (false, Some(1.0))] {
        let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
        let (sizes, tracer) = (histogram(&registry), spans.tracer());
        let ended = thread::spawn({
            let sizes = sizes.clone();
            move || {
                BEFORE.set(Some(AtTheEnd(sizes.clone())));
                tracer.in_span("work", |_| {
                    if has_asked {
                        sizes.observe(0.5);
                    }
                });
                // What is made last is dropped first.
                if has_asked {
                    AFTER.set(Some(AtTheEnd(sizes)));
                }
            }
        });
        ended.join().unwrap();
        assert_eq!(sizes.snapshot().count(), if has_asked { 3 } else { 1 });
        let expected = if has_asked { vec![spans.named("work")] } else { Vec::new() };
        assert_eq!(named(&registry), expected);
        let labels = [("family", "size_bytes"), ("reason", "source")];
        assert_eq!(scrape(&registry).value("nilometer_exemplars_dropped_total", &labels), lost);
    }
}

#[test]
fn the_first_of_a_bucket_after_a_collection_decides() {
    let config = RegistryConfig::new().with_exemplar_source(CurrentSpan);
    let registry = MetricsRegistry::with_config(config.with_exemplar_interval(Duration::ZERO));
    let (spans, sizes) = (Spans::new(Sampling::AlwaysOn), histogram(&registry));
    let observe = |name: &'static str| spans.tracer().in_span(name, |_| sizes.observe(7.0));
    sizes.observe(7.0);
    observe("late");
    assert_eq!(named(&registry), []);
    observe("first");
    observe("second");
    assert_eq!(named(&registry), [spans.named("first")]);
}

#[test]
fn totals_are_exact_while_exemplars_are_taken_and_shown() {
    let config = RegistryConfig::new().with_exemplar_source(CurrentSpan);
    let registry = MetricsRegistry::with_config(config.with_exemplar_interval(Duration::ZERO));
    let spans = Spans::new(Sampling::try_ratio(0.5).unwrap());
    let counter: Counter = registry.register_counter("seen_total", "Seen.").unwrap().default();
    let sizes = histogram(&registry);
    let threads = [(); 4].map(|()| {
        let (tracer, counter, sizes) = (spans.tracer(), counter.clone(), sizes.clone());
        thread::spawn(move || {
            for _ in 0..500 {
                let work = SpanWork::new(&tracer, "work").run(|| {
                    counter.inc();
                    sizes.observe(7.0);
                    Ok::<_, String>(())
                });
                assert_eq!(work, Ok(()));
            }
        })
    });
    while threads.iter().any(|thread| !thread.is_finished()) {
        let page = scrape(&registry);
        assert_eq!(page.value("size_bytes_count", &[]), page.value("size_bytes_bucket", &[("le", "+Inf")]));
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!((counter.get(), sizes.snapshot().count()), (2000, 2000));
    let ended = spans.ended().iter().map(|span| Ids::of(&span.span_context)).collect::<BTreeSet<_>>();
    let (named, seen) = (named(&registry), exemplars(&registry, "seen_total"));
    assert!(named.iter().chain(seen.iter().map(|(_, ids)| ids)).all(|ids| ended.contains(ids)));
    // Nothing is stuck.
    let sampled = Spans::new(Sampling::AlwaysOn);
    sampled.tracer().in_span("last", |_| sizes.observe(7.0));
    assert_eq!(self::named(&registry), [sampled.named("last")]);
}

#[test]
fn spans_of_the_crate_tracing_are_led_to() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
    let sizes = histogram(&registry);
    let subscriber = tracing_subscriber::registry().with(spans.provider().layer("test"));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("outer").in_scope(|| {
            tracing::info_span!("inner").in_scope(|| sizes.observe(0.5));
            sizes.observe(7.0);
        });
        let work = async {
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            sizes.observe(700.0);
        };
        let other = async {
            for _ in 0..6 {
                tokio::task::yield_now().await;
            }
        };
        let both = async {
            tokio::join!(
                work.instrument(tracing::info_span!("future")),
                other.instrument(tracing::info_span!("other"))
            );
        };
        Builder::new_current_thread().build().unwrap().block_on(both);
        // Nothing is left current.
        assert!(!Context::current().has_active_span());
    });
    assert_eq!(named(&registry), ["inner", "outer", "future"].map(|name| spans.named(name)));
}

#[test]
fn spans_of_the_crate_tracing_that_activate_no_context_are_not_led_to() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), registry());
    let layer = spans.provider().layer("test").with_context_activation(false);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::with_default(subscriber, || {
        tracing::info_span!("outer").in_scope(|| histogram(&registry).observe(7.0));
    });
    assert_eq!(named(&registry), []);
    assert_eq!(spans.ended().len(), 1);
}

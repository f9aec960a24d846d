//! Work in spans is recorded as it ended, and the records lead to its spans.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::{Context as Poll, Waker};
use std::thread;
use std::time::Duration;

use nilometer::otel::{CurrentSpan, WorkMetrics};
use nilometer::{
    Metrics, MetricsError, MetricsRegistry, PrometheusRenderer, RegisterError, RegistryConfig, buckets,
};
use nilometer_otel::trace::{Sampling, SpanOutcome, SpanWork};
use nilometer_tests::spans::{Ids, Spans, exemplars};
use opentelemetry::trace::{SpanKind, Status, Tracer};
use tokio::runtime::{Builder, Runtime};

fn runtimes() -> [Runtime; 2] {
    let mut several = Builder::new_multi_thread();
    several.worker_threads(4);
    [Builder::new_current_thread(), several].map(|mut builder| builder.build().unwrap())
}

/// Each outcome's count, and how many durations there are.
fn counted(metrics: &WorkMetrics) -> ([u64; 4], u64) {
    let outcomes = [SpanOutcome::Ok, SpanOutcome::Error, SpanOutcome::Panicked, SpanOutcome::Cancelled];
    (outcomes.map(|outcome| metrics.outcome(outcome).get()), metrics.duration().snapshot().count())
}

/// Where the family's exemplars stand, by the label of the sample alone.
fn places(registry: &MetricsRegistry, family: &str) -> Vec<(String, Ids)> {
    exemplars(registry, family).into_iter().map(|((_, label), ids)| (label, ids)).collect()
}

fn place(label: &str, ids: Ids) -> (String, Ids) {
    (label.to_owned(), ids)
}

/// Runs sync and async work of each outcome, each in a span that is called like it.
fn run_all(metrics: &WorkMetrics, tracer: &impl TracerOf) {
    metrics.span(tracer, "ok").run(|| Ok::<_, String>(())).unwrap();
    metrics.span(tracer, "error").run(|| Err::<(), _>("no disk")).unwrap_err();
    let panicked = AssertUnwindSafe(|| {
        metrics.span(tracer, "panicked").run(|| -> Result<(), String> { resume_unwind(Box::new("broken")) })
    });
    assert_eq!(catch_unwind(panicked).unwrap_err().downcast_ref::<&str>(), Some(&"broken"));
    let cancelled =
        pin!(metrics.span(tracer, "cancelled").run_async(std::future::pending::<Result<(), String>>()));
    poll_once(cancelled);
}

/// A tracer whose spans can be current.
trait TracerOf: Tracer<Span: Send + Sync + 'static> {}
impl<T: Tracer<Span: Send + Sync + 'static>> TracerOf for T {}

fn poll_once<R: fmt::Debug>(work: std::pin::Pin<&mut impl Future<Output = R>>) {
    assert!(work.poll(&mut Poll::from_waker(Waker::noop())).is_pending());
}

#[test]
fn every_series_is_there_from_the_beginning() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
    WorkMetrics::register_as(&registry, "place").unwrap();
    let bounds =
        ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"];
    let buckets = bounds.map(|bound| format!("place_duration_seconds_bucket{{le=\"{bound}\"}} 0\n")).concat();
    let expected = format!(
        "# HELP place_duration_seconds How long it took.\n\
         # TYPE place_duration_seconds histogram\n\
         {buckets}\
         place_duration_seconds_sum 0\n\
         place_duration_seconds_count 0\n\
         # HELP place_total How often it was done, by how it ended.\n\
         # TYPE place_total counter\n\
         place_total{{outcome=\"ok\"}} 0\n\
         place_total{{outcome=\"error\"}} 0\n\
         place_total{{outcome=\"panicked\"}} 0\n\
         place_total{{outcome=\"cancelled\"}} 0\n"
    );
    assert_eq!(PrometheusRenderer::render_all(&registry), expected);
}

#[test]
fn each_outcome_is_counted_and_timed_once_and_leads_to_its_span() {
    // Whether or not the registry has a source.
    let plain = RegistryConfig::new();
    for config in [plain.clone(), plain.with_exemplar_source(CurrentSpan)] {
        let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::with_config(config));
        let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
        run_all(&metrics, &spans.tracer());
        assert_eq!(counted(&metrics), ([1, 1, 1, 1], 4));
        let expected = ["ok", "error", "panicked", "cancelled"].map(|name| place(name, spans.named(name)));
        assert_eq!(places(&registry, "place_total"), expected);
        let status = |name: &str| spans.ended().into_iter().find(|span| span.name == name).unwrap().status;
        assert_eq!(status("ok"), Status::Unset);
        assert_eq!(status("error"), Status::error("no disk"));
        assert_eq!(status("panicked"), Status::error("the work panicked"));
        assert_eq!(status("cancelled"), Status::error("the work was cancelled"));
    }
}

#[test]
fn each_bucket_leads_to_a_span_whose_duration_it_has() {
    // On a machine that is busy with something else, both can take as long.
    let differ = (0..10).any(|_| {
        let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::new());
        let (metrics, tracer) = (WorkMetrics::register_as(&registry, "place").unwrap(), spans.tracer());
        let bounds = ["short", "long"].map(|name| {
            let mut took = Duration::ZERO;
            let work = metrics.span(&tracer, name).on_end(|report| took = report.duration()).run(|| {
                thread::sleep(Duration::from_millis(if name == "long" { 120 } else { 0 }));
                Ok::<_, String>(())
            });
            assert_eq!(work, Ok(()));
            let bound = buckets::LATENCY_SECONDS.into_iter().find(|&bound| took.as_secs_f64() <= bound);
            bound.map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"))
        });
        if bounds[0] == bounds[1] {
            return false;
        }
        let expected = [(&bounds[0], "short"), (&bounds[1], "long")];
        let expected = expected.map(|(bound, name)| place(bound, spans.named(name)));
        assert_eq!(places(&registry, "place_duration_seconds"), expected);
        true
    });
    assert!(differ);
}

#[test]
fn work_that_is_not_sampled_is_recorded_and_leads_nowhere() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOff), MetricsRegistry::new());
    let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
    run_all(&metrics, &spans.tracer());
    assert_eq!(counted(&metrics), ([1, 1, 1, 1], 4));
    assert_eq!(places(&registry, "place_total"), []);
    assert_eq!(places(&registry, "place_duration_seconds"), []);
    // A turn is for who is sampled: it was not lost.
    let sampled = Spans::new(Sampling::AlwaysOn);
    metrics.span(&sampled.tracer(), "sampled").run(|| Ok::<_, String>(())).unwrap();
    assert_eq!(places(&registry, "place_total"), [place("ok", sampled.named("sampled"))]);
}

#[test]
fn exemplars_are_not_given_one_after_the_other() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::new());
    let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
    let tracer = spans.tracer();
    // Past the interval on a slow machine, which is seen: then it is tried again.
    let is_kept = (0..100).any(|_| {
        let start = std::time::Instant::now();
        let before = places(&registry, "place_total");
        metrics.span(&tracer, "work").run(|| Ok::<_, String>(())).unwrap();
        !before.is_empty()
            && start.elapsed() < Duration::from_secs(1)
            && places(&registry, "place_total") == before
    });
    assert!(is_kept);
}

#[test]
fn inner_work_leads_to_its_own_span_and_outer_work_too() {
    let config = RegistryConfig::new().with_exemplar_source(CurrentSpan);
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::with_config(config));
    let [outer, inner] = ["outer", "inner"].map(|name| WorkMetrics::register_as(&registry, name).unwrap());
    let tracer = spans.tracer();
    let work = outer.span(&tracer, "outer").with_kind(SpanKind::Server).run_async(async {
        let inner = inner.span(&tracer, "inner").run(|| Err::<(), _>("inner"));
        tokio::task::yield_now().await;
        inner.or(Ok::<_, String>(()))
    });
    Builder::new_current_thread().build().unwrap().block_on(work).unwrap();
    assert_eq!(counted(&outer), ([1, 0, 0, 0], 1));
    assert_eq!(counted(&inner), ([0, 1, 0, 0], 1));
    for (name, outcome) in [("outer", "ok"), ("inner", "error")] {
        assert_eq!(places(&registry, &format!("{name}_total")), [place(outcome, spans.named(name))]);
        let durations = places(&registry, &format!("{name}_duration_seconds"));
        assert_eq!(durations.iter().map(|(_, ids)| ids).collect::<Vec<_>>(), [&spans.named(name)]);
    }
    let ended = spans.ended();
    assert_eq!(ended[0].parent_span_id, ended[1].span_context.span_id());
    assert_eq!(ended[1].span_kind, SpanKind::Server);
}

#[test]
fn totals_are_exact_over_threads_and_tasks() {
    const THREADS: u64 = 4;
    const EACH: u64 = 300;
    let (spans, registry) = (Spans::new(Sampling::try_ratio(0.5).unwrap()), MetricsRegistry::new());
    let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let tracer = spans.tracer();
                for _ in 0..EACH {
                    run_all(&metrics, &tracer);
                }
            });
        }
    });
    for runtime in runtimes() {
        let tasks = (0..THREADS).map(|_| {
            let (metrics, tracer) = (metrics.clone(), spans.tracer());
            runtime.spawn(async move {
                for number in 0..EACH {
                    let work = metrics.span(&tracer, "task").run_async(async {
                        tokio::task::yield_now().await;
                        if number % 3 == 0 { Err("third") } else { Ok(()) }
                    });
                    assert_eq!(work.await.is_err(), number % 3 == 0);
                }
            })
        });
        let tasks = tasks.collect::<Vec<_>>();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
    let one = THREADS * EACH;
    assert_eq!(counted(&metrics), ([one + 2 * one * 2 / 3, one + 2 * one / 3, one, one], 6 * one));
}

#[test]
fn a_runtime_that_goes_has_cancelled_what_it_ran() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::new());
    let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (started, begun) = std::sync::mpsc::channel();
    let (work, tracer) = (metrics.clone(), spans.tracer());
    runtime.spawn(async move {
        let forever = async {
            started.send(()).unwrap();
            std::future::pending::<Result<(), String>>().await
        };
        work.span(&tracer, "forever").run_async(forever).await
    });
    begun.recv_timeout(Duration::from_secs(30)).unwrap();
    drop(runtime);
    assert_eq!(counted(&metrics), ([0, 0, 0, 1], 1));
    assert_eq!(places(&registry, "place_total"), [place("cancelled", spans.named("forever"))]);
}

#[test]
fn a_future_that_is_dropped_because_another_panics_was_cancelled() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::new());
    let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
    let tracer = spans.tracer();
    let panics = AssertUnwindSafe(|| {
        let mut waiting = Box::pin(
            metrics.span(&tracer, "waiting").run_async(std::future::pending::<Result<(), String>>()),
        );
        poll_once(waiting.as_mut());
        metrics.span(&tracer, "broken").run(|| -> Result<(), String> { resume_unwind(Box::new("broken")) })
    });
    assert!(catch_unwind(panics).is_err());
    assert_eq!(counted(&metrics), ([0, 0, 1, 1], 2));
    let waiting = spans.ended().into_iter().find(|span| span.name == "waiting").unwrap();
    assert_eq!(waiting.status, Status::error("the work was cancelled"));
    assert_eq!(waiting.events.len(), 0);
}

#[test]
fn a_future_that_never_ran_is_no_work() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::new());
    let metrics = WorkMetrics::register_as(&registry, "place").unwrap();
    drop(metrics.span(&spans.tracer(), "never").run_async(async { Ok::<_, String>(()) }));
    assert_eq!(counted(&metrics), ([0, 0, 0, 0], 0));
    assert_eq!(spans.ended().len(), 0);
}

#[test]
fn a_name_that_is_taken_changes_nothing() {
    let registry = MetricsRegistry::with_config(RegistryConfig::new().with_self_metrics(false));
    registry.register_gauge("place_total", "Something else.").unwrap().default().set(7.0);
    let before = PrometheusRenderer::render_all(&registry);
    let error = WorkMetrics::register_as(&registry, "place").unwrap_err();
    assert!(matches!(error, MetricsError::Register(RegisterError::Conflict { .. })), "{error:?}");
    assert_eq!(PrometheusRenderer::render_all(&registry), before);
    // Registering it twice gives the same series.
    let [one, another] = [(); 2].map(|()| WorkMetrics::register_as(&registry, "move").unwrap());
    let spans = Spans::new(Sampling::AlwaysOff);
    one.span(&spans.tracer(), "move").run(|| Ok::<_, String>(())).unwrap();
    assert_eq!(counted(&another), ([1, 0, 0, 0], 1));
}

#[test]
fn outcomes_that_there_is_no_room_for_are_an_error_at_once() {
    let config = RegistryConfig::new().with_self_metrics(false).with_series_limit(3);
    let registry = MetricsRegistry::with_config(config);
    let error = WorkMetrics::register_as(&registry, "place").unwrap_err();
    assert!(matches!(error, MetricsError::Register(RegisterError::Series { .. })), "{error:?}");
    assert_eq!(PrometheusRenderer::render_all(&registry), "");
}

#[test]
fn a_set_of_ones_own_can_have_some() {
    #[derive(Metrics)]
    #[metrics(prefix = "shop")]
    struct Shop {
        /// Orders that are open.
        open: nilometer::Gauge,
        #[metric(flatten, prefix = "place")]
        place: WorkMetrics,
    }

    let registry = MetricsRegistry::new();
    let shop = Shop::register(&registry).unwrap();
    shop.open.set(1.0);
    run_all(&shop.place, &Spans::new(Sampling::AlwaysOff).tracer());
    assert_eq!(counted(&shop.place), ([1, 1, 1, 1], 4));
    let names = Shop::descriptors().iter().map(|one| one.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(names, ["shop_open", "shop_place_duration_seconds", "shop_place_total"]);
    // Which has one counter for everything.
    let noop = Shop::noop();
    run_all(&noop.place, &Spans::new(Sampling::AlwaysOn).tracer());
    assert_eq!(counted(&noop.place), ([4, 4, 4, 4], 4));
}

#[test]
fn a_histogram_of_ones_own_is_observed_in_its_unit() {
    let (spans, registry) = (Spans::new(Sampling::AlwaysOn), MetricsRegistry::new());
    let took = registry.register_histogram("query_ms", "Queries.", &[50.0, 60_000.0]).unwrap();
    let ended = registry.register_counter("queries_total", "Queries.").unwrap();
    let metrics = WorkMetrics::new(took.default(), |outcome| {
        ended.get_or_create(&[("table", "orders"), ("outcome", outcome.as_str())])
    });
    let mut reported = Duration::ZERO;
    SpanWork::new(&spans.tracer(), "query")
        .on_end(|report| {
            metrics.record(report);
            reported = report.duration();
        })
        .run(|| {
            thread::sleep(Duration::from_millis(51));
            Ok::<_, String>(())
        })
        .unwrap();
    let sum = took.default().snapshot().sum();
    assert!((sum - reported.as_secs_f64() * 1e3).abs() < 1e-6 && sum >= 51.0, "{sum}");
    assert_eq!(places(&registry, "query_ms"), [place("60000.0", spans.named("query"))]);
    assert_eq!(places(&registry, "queries_total"), [place("ok", spans.named("query"))]);
    assert_eq!(ended.len(), SpanOutcome::ALL.len());
}

//! Work in a span.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context as Poll, Waker};
use std::time::Duration;

use nilometer_otel::trace::{SpanOutcome, SpanWork};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};
use std::future::Future;

use super::Kept;

fn runtimes() -> [tokio::runtime::Runtime; 2] {
    [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
        .map(|mut builder| builder.build().unwrap())
}

#[test]
fn outcomes_are_numbered_and_have_words_of_their_own() {
    let words = SpanOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>();
    assert_eq!(words, ["ok", "error", "panicked", "cancelled"]);
    for (place, outcome) in SpanOutcome::ALL.iter().enumerate() {
        assert_eq!(outcome.index(), place);
    }
}

#[test]
fn an_error_is_the_status_and_an_event_of_the_span() {
    let test = Kept::new();
    let result = SpanWork::new(&test.provider.tracer("test"), "read")
        .with_kind(SpanKind::Client)
        .with_attributes([KeyValue::new("path", "/tmp")])
        .run(|| Err::<(), _>(io::Error::other("no disk")));
    assert_eq!(result.unwrap_err().to_string(), "no disk");
    let span = test.spans().pop().unwrap();
    assert_eq!(span.status, Status::error("no disk"));
    assert_eq!((&*span.name, &span.span_kind), ("read", &SpanKind::Client));
    assert_eq!(span.attributes, [KeyValue::new("path", "/tmp")]);
    let [event] = &*span.events.events else { unreachable!("{span:?}") };
    assert_eq!(event.name, "exception");
    let expected = [
        KeyValue::new("exception.type", "std::io::error::Error"),
        KeyValue::new("exception.message", "no disk"),
    ];
    assert_eq!(event.attributes, expected);
}

#[test]
fn work_that_succeeds_leaves_no_status() {
    let test = Kept::new();
    let tracer = test.provider.tracer("test");
    let number =
        SpanWork::new(&tracer, "outer").run(|| SpanWork::new(&tracer, "inner").run(|| Ok::<_, String>(7)));
    assert_eq!(number, Ok(7));
    let spans = test.spans();
    assert_eq!((&spans[0].status, spans[0].events.len()), (&Status::Unset, 0));
    assert_eq!(spans[0].parent_span_id, spans[1].span_context.span_id());
}

#[test]
fn hooks_get_the_duration_and_the_outcome_with_the_span_current() {
    let test = Kept::new();
    let seen = Mutex::new(Vec::new());
    let work = |outcome: Result<(), &'static str>| {
        SpanWork::new(&test.provider.tracer("test"), "work")
            .on_end(|report| {
                let current = Context::current().span().span_context().clone();
                assert_eq!(&current, report.span_context());
                assert!(current.is_sampled());
                // What the hook takes is none of the work's time.
                assert!(!Context::current().span().is_recording());
                seen.lock().unwrap().push((report.outcome(), report.duration(), current.span_id()));
            })
            .run(|| {
                std::thread::sleep(Duration::from_millis(5));
                outcome
            })
    };
    work(Ok(())).unwrap();
    work(Err("no")).unwrap_err();
    let spans = test.spans();
    let seen = seen.into_inner().unwrap();
    assert_eq!(seen.iter().map(|seen| seen.0).collect::<Vec<_>>(), [SpanOutcome::Ok, SpanOutcome::Error]);
    for (seen, span) in seen.iter().zip(&spans) {
        assert_eq!(seen.2, span.span_context.span_id());
        let recorded = span.end_time.duration_since(span.start_time).unwrap();
        assert!(seen.1 >= Duration::from_millis(5) && seen.1 <= recorded + Duration::from_millis(50));
    }
}

#[test]
fn a_panic_is_recorded_and_goes_on() {
    let test = Kept::new();
    let outcomes = Mutex::new(Vec::new());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        SpanWork::new(&test.provider.tracer("test"), "work")
            .on_end(|report| {
                outcomes.lock().unwrap().push(report.outcome());
                std::panic::resume_unwind(Box::new("a hook that panics too"));
            })
            .run(|| -> Result<(), String> { std::panic::resume_unwind(Box::new("broken")) })
    }));
    assert_eq!(unwound.unwrap_err().downcast_ref::<&str>(), Some(&"broken"));
    assert_eq!(outcomes.into_inner().unwrap(), [SpanOutcome::Panicked]);
    assert_eq!(test.spans()[0].status, Status::error("the work panicked"));
}

#[test]
fn a_future_is_in_its_span_wherever_it_is_polled() {
    for runtime in runtimes() {
        let test = Kept::new();
        let tracer = test.provider.tracer("test");
        let inner = tracer.clone();
        let work = SpanWork::new(&tracer, "outer").run_async(async move {
            for _ in 0..3 {
                tokio::task::yield_now().await;
                inner.in_span("inner", |_| ());
            }
            Err::<(), _>("late")
        });
        assert_eq!(runtime.block_on(work), Err("late"));
        assert!(!Context::current().has_active_span());
        let spans = test.spans();
        let outer = spans.last().unwrap();
        assert_eq!((spans.len(), &outer.status), (4, &Status::error("late")));
        assert!(spans[..3].iter().all(|span| span.parent_span_id == outer.span_context.span_id()));
    }
}

#[test]
fn a_future_that_is_dropped_was_cancelled() {
    let test = Kept::new();
    let outcomes = Mutex::new(Vec::new());
    {
        let tracer = test.provider.tracer("test");
        let work = SpanWork::new(&tracer, "work")
            .on_end(|report| outcomes.lock().unwrap().push(report.outcome()))
            .run_async(std::future::pending::<Result<(), String>>());
        let polled = pin!(work).poll(&mut Poll::from_waker(Waker::noop()));
        assert!(polled.is_pending());
    }
    assert_eq!(outcomes.into_inner().unwrap(), [SpanOutcome::Cancelled]);
    assert_eq!(test.spans()[0].status, Status::error("the work was cancelled"));
}

#[test]
fn a_parent_from_elsewhere_is_the_parent() {
    let test = Kept::new();
    let headers = [("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")];
    let parent = nilometer_otel::propagation::Propagator::new().extract_pairs(headers);
    SpanWork::new(&test.provider.tracer("test"), "work")
        .with_parent(parent)
        .run(|| Ok::<_, String>(()))
        .unwrap();
    let span = test.spans().pop().unwrap();
    assert_eq!(span.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert_eq!(span.span_context.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
}

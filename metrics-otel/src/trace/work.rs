//! Work in a span.

use std::borrow::Cow;
use std::fmt;
use std::future::{self, Future};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task;
use std::time::{Duration, Instant};

use opentelemetry::trace::{FutureExt, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue};

/// How a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SpanOutcome {
    /// With `Ok`.
    Ok,
    /// With `Err`.
    Error,
    /// With a panic.
    Panicked,
    /// Not at all: its future was dropped before.
    Cancelled,
}

impl SpanOutcome {
    /// Every outcome that there is.
    pub const ALL: &'static [SpanOutcome] =
        &[SpanOutcome::Ok, SpanOutcome::Error, SpanOutcome::Panicked, SpanOutcome::Cancelled];

    /// Its place in [`ALL`](Self::ALL), from 0 on.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// A word for it, fit for a label: `ok`, `error`, `panicked` or `cancelled`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            SpanOutcome::Ok => "ok",
            SpanOutcome::Error => "error",
            SpanOutcome::Panicked => "panicked",
            SpanOutcome::Cancelled => "cancelled",
        }
    }
}

/// What a piece of work was, for who records it.
#[derive(Debug)]
pub struct SpanReport<'a> {
    context: &'a SpanContext,
    duration: Duration,
    outcome: SpanOutcome,
}

impl SpanReport<'_> {
    /// The ids of its span, and whether it is sampled.
    #[must_use]
    pub fn span_context(&self) -> &SpanContext {
        self.context
    }

    /// How long it took, by a clock that is never set; of a future, from its first poll on.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> SpanOutcome {
        self.outcome
    }
}

type Hook<'a> = Box<dyn FnOnce(&SpanReport<'_>) + Send + 'a>;

/// A piece of work that runs in a span of its own.
///
/// The span is current while the work runs, so that spans inside are its children. An error of the work becomes the
/// span's status and an event `exception`; so does a panic, which goes on, and a future that is dropped before its end.
/// [`on_end`](Self::on_end) tells somebody else the duration and the outcome.
///
/// # Examples
///
/// ```
/// use std::sync::Mutex;
/// use std::time::Duration;
///
/// use nilometer_otel::trace::{SpanOutcome, SpanWork};
/// use nilometer_otel::{OtelConfig, OtelProvider};
/// use opentelemetry_sdk::trace::InMemorySpanExporter;
///
/// let exporter = InMemorySpanExporter::default();
/// let provider = OtelProvider::with_exporter(&OtelConfig::new("checkout"), exporter.clone());
/// let outcomes = Mutex::new(Vec::new());
/// let number = SpanWork::new(&provider.tracer("orders"), "parse")
///     .on_end(|report| outcomes.lock().unwrap().push(report.outcome()))
///     .run(|| "four".parse::<u32>());
/// assert!(number.is_err());
/// assert_eq!(outcomes.into_inner().unwrap(), [SpanOutcome::Error]);
/// provider.flush_blocking(Duration::from_secs(5))?;
/// assert_eq!(exporter.get_finished_spans().unwrap()[0].events[0].name, "exception");
/// # Ok::<(), nilometer_otel::trace::OtelFlushError>(())
/// ```
///
/// # Specification
///
/// OpenTelemetry semantic conventions, "Exceptions on spans": `exception.type` and `exception.message`.
#[must_use = "nothing runs until `run` or `run_async` is called"]
pub struct SpanWork<'a, T> {
    tracer: &'a T,
    builder: SpanBuilder,
    parent: Option<Context>,
    hooks: Vec<Hook<'a>>,
}

impl<T: fmt::Debug> fmt::Debug for SpanWork<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanWork")
            .field("tracer", &self.tracer)
            .field("builder", &self.builder)
            .finish_non_exhaustive()
    }
}

impl<'a, T> SpanWork<'a, T>
where
    T: Tracer,
    T::Span: Send + Sync + 'static,
{
    /// Work in a span of this tracer and this name.
    pub fn new(tracer: &'a T, name: impl Into<Cow<'static, str>>) -> SpanWork<'a, T> {
        let builder = tracer.span_builder(name);
        SpanWork { tracer, builder, parent: None, hooks: Vec::new() }
    }

    /// Says what kind of work it is.
    pub fn with_kind(mut self, kind: SpanKind) -> SpanWork<'a, T> {
        self.builder = self.builder.with_kind(kind);
        self
    }

    /// Gives the span attributes from its start, which a sampler can see, instead of those given before.
    pub fn with_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> SpanWork<'a, T> {
        self.builder = self.builder.with_attributes(attributes);
        self
    }

    /// Makes the span a child of this context's span, one that came with a message for example, and not of the current
    /// one.
    pub fn with_parent(mut self, parent: Context) -> SpanWork<'a, T> {
        self.parent = Some(parent);
        self
    }

    /// Calls this once the work has ended, with its span still current, so that what it records can carry the span's
    /// ids. Hooks are called in the order in which they were given, also when the work panics or is cancelled; a panic of
    /// a hook is then swallowed.
    pub fn on_end(mut self, hook: impl FnOnce(&SpanReport<'_>) + Send + 'a) -> SpanWork<'a, T> {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Runs the work on this thread.
    ///
    /// # Errors
    ///
    /// Those of the work.
    pub fn run<R, E: fmt::Display>(self, work: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
        let mut running = self.start();
        let result = {
            let _current = running.context.clone().attach();
            work()
        };
        running.end(&result);
        result
    }

    /// Runs the future, wherever it is polled. The span starts with the first poll.
    ///
    /// # Errors
    ///
    /// Those of the future.
    pub async fn run_async<R, E: fmt::Display>(
        self,
        work: impl Future<Output = Result<R, E>>,
    ) -> Result<R, E> {
        let mut running = self.start();
        let result = {
            let mut work = pin!(work.with_context(running.context.clone()));
            let poll = |context: &mut task::Context<'_>| {
                running.is_waiting = false;
                let polled = work.as_mut().poll(context);
                running.is_waiting = polled.is_pending();
                polled
            };
            future::poll_fn(poll).await
        };
        running.end(&result);
        result
    }

    fn start(self) -> Running<'a> {
        let parent = self.parent.unwrap_or_else(Context::current);
        let span = self.tracer.build_with_context(self.builder, &parent);
        Running {
            context: parent.with_span(span),
            start: Instant::now(),
            hooks: self.hooks,
            is_waiting: false,
            ended: false,
        }
    }
}

/// Work whose span has begun. Dropped before its end, it was cancelled or it panicked.
struct Running<'a> {
    context: Context,
    start: Instant,
    hooks: Vec<Hook<'a>>,
    /// Whether it is a future that waits to be polled again: dropped now, it has not panicked, whoever else has.
    is_waiting: bool,
    ended: bool,
}

impl Running<'_> {
    fn end<R, E: fmt::Display>(&mut self, result: &Result<R, E>) {
        match result {
            Ok(_) => self.finish(SpanOutcome::Ok),
            Err(error) => {
                if self.context.span().is_recording() {
                    self.fail(std::any::type_name::<E>(), error.to_string());
                }
                self.finish(SpanOutcome::Error);
            }
        }
    }

    fn fail(&self, kind: &'static str, message: String) {
        let span = self.context.span();
        let attributes =
            vec![KeyValue::new("exception.type", kind), KeyValue::new("exception.message", message.clone())];
        span.add_event("exception", attributes);
        span.set_status(Status::error(message));
    }

    fn finish(&mut self, outcome: SpanOutcome) {
        let duration = self.start.elapsed();
        self.ended = true;
        // First of all, so that the hooks take none of its time.
        self.context.span().end();
        let _current = self.context.clone().attach();
        let span = self.context.span();
        let report = SpanReport { context: span.span_context(), duration, outcome };
        for hook in self.hooks.drain(..) {
            if matches!(outcome, SpanOutcome::Ok | SpanOutcome::Error) {
                hook(&report);
            } else {
                // A second panic while the first unwinds would abort the process.
                let _ = catch_unwind(AssertUnwindSafe(|| hook(&report)));
            }
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if self.is_waiting {
            self.context.span().set_status(Status::error("the work was cancelled"));
            self.finish(SpanOutcome::Cancelled);
        } else {
            self.fail("panic", "the work panicked".to_owned());
            self.finish(SpanOutcome::Panicked);
        }
    }
}

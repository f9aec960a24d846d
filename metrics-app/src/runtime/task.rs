//! Futures whose polls are counted.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use nilometer_core::{Counter, Histogram, UpDownCounter};
use nilometer_macros::Metrics;
use pin_project_lite::pin_project;

/// From a microsecond to a second: a poll is to take less than 100 microseconds, and one of more than 10 milliseconds keeps
/// other tasks waiting.
const POLL_SECONDS: [f64; 13] = [1e-6, 5e-6, 1e-5, 5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1.0];

/// The metrics of one kind of task: how often it is polled, how long a poll takes, how it ends.
///
/// tokio counts polls only where it is built with `--cfg tokio_unstable`, and then by worker, not by what was polled; this
/// counts them on any tokio, for the futures that are [instrumented](TaskMetrics::instrument). It needs no tokio to run: any
/// executor will do.
///
/// Several kinds of task are told apart by labels, as `register_with` gives them.
///
#[doc = include_str!("task.md")]
/// # Concurrency
///
/// Clones count into the same series. A poll costs two readings of a clock, an observation and an increment; neither it
/// nor what instruments a future locks or allocates.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::runtime::TaskMetrics;
///
/// let registry = MetricsRegistry::new();
/// let reading = TaskMetrics::register_with(&registry, &[("task", "reader")])?;
///
/// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// runtime.block_on(async {
///     let task = tokio::spawn(reading.instrument(async {
///         tokio::task::yield_now().await;
///         "read"
///     }));
///     assert_eq!(task.await?, "read");
///     Ok::<(), tokio::task::JoinError>(())
/// })?;
///
/// assert_eq!(reading.polls_total.get(), 2);
/// assert_eq!(reading.completed_total.get(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Metrics)]
#[metrics(crate = "nilometer_core", prefix = "tokio_task")]
pub struct TaskMetrics {
    /// Futures that were instrumented.
    pub instrumented_total: Counter,
    /// Futures that were instrumented and have not ended.
    pub alive: UpDownCounter,
    /// Polls.
    pub polls_total: Counter,
    /// Time that a poll took, in seconds.
    #[metric(unit = "seconds", buckets = POLL_SECONDS)]
    pub poll_duration_seconds: Histogram,
    /// Time from instrumenting a future to its first poll, in seconds.
    #[metric(unit = "seconds", buckets = POLL_SECONDS)]
    pub first_poll_delay_seconds: Histogram,
    /// Futures that ended by themselves.
    pub completed_total: Counter,
    /// Futures that were dropped before their end, such as those of aborted tasks.
    pub dropped_total: Counter,
    /// Futures that panicked.
    pub panicked_total: Counter,
}

impl TaskMetrics {
    /// Counts the polls of `future`, and how it ends.
    ///
    /// The delay of the first poll is counted from now on, so this is to be called where the task is spawned.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::MetricsRegistry;
    /// use nilometer::runtime::TaskMetrics;
    ///
    /// let metrics = TaskMetrics::new(&MetricsRegistry::new())?;
    /// drop(metrics.instrument(async { 1 }));
    /// assert_eq!((metrics.instrumented_total.get(), metrics.dropped_total.get()), (1, 1));
    /// assert_eq!(metrics.polls_total.get(), 0);
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn instrument<F: Future>(&self, future: F) -> Instrumented<F> {
        self.instrumented_total.inc();
        self.alive.inc();
        Instrumented {
            future,
            watch: Watch { metrics: self.clone(), state: State::Waiting { since: Instant::now() } },
        }
    }
}

pin_project! {
    /// A future whose polls are counted; made by [`TaskMetrics::instrument`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct Instrumented<F> {
        // Dropped before the watch, so that what is counted at the end comes after the future's own end.
        #[pin]
        future: F,
        watch: Watch,
    }
}

/// What counts a future's end when it is dropped.
#[derive(Debug)]
struct Watch {
    metrics: TaskMetrics,
    state: State,
}

/// Where a future is.
#[derive(Debug)]
enum State {
    Waiting {
        since: Instant,
    },
    Between,
    /// Which it never leaves when a poll panics.
    Polling,
    Done,
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let start = this.watch.begin();
        let polled = this.future.poll(context);
        this.watch.end(start, polled.is_ready());
        polled
    }
}

impl Watch {
    fn begin(&mut self) -> Instant {
        let now = Instant::now();
        if let State::Waiting { since } = self.state {
            self.metrics.first_poll_delay_seconds.observe_duration(now.duration_since(since));
        }
        self.metrics.polls_total.inc();
        // One that is polled after its end is not alive again.
        if !matches!(self.state, State::Done) {
            self.state = State::Polling;
        }
        now
    }

    fn end(&mut self, start: Instant, is_ready: bool) {
        self.metrics.poll_duration_seconds.observe_duration(start.elapsed());
        match self.state {
            State::Done => {}
            _ if is_ready => {
                self.state = State::Done;
                self.metrics.completed_total.inc();
                self.metrics.alive.dec();
            }
            _ => self.state = State::Between,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let ended = match self.state {
            State::Done => return,
            State::Polling => &self.metrics.panicked_total,
            State::Waiting { .. } | State::Between => &self.metrics.dropped_total,
        };
        ended.inc();
        self.metrics.alive.dec();
    }
}

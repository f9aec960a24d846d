//! The exporter.

use std::fmt;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::collect::{CollectError, Collector, Visitor};
use tokio::runtime::Builder;
use tokio::sync::{mpsc as queue, oneshot};
use tokio::time::MissedTickBehavior;
use tracing::dispatcher;
use tracing::subscriber::NoSubscriber;

use super::transport::Transport;
use super::work::{FAR, Work, far};
use super::{ExportError, ExportMetrics, ExportReport, OtlpExporterConfig};
use crate::receiver::OtelInitError;

/// How long an exporter that is dropped waits for its last export.
const AT_DROP: Duration = Duration::from_secs(5);

/// How long a thread that blocks goes on waiting past a deadline: the answer that there is none has to be given.
const GRACE: Duration = Duration::from_millis(250);

type ExportResult = Result<ExportReport, ExportError>;

/// Who is told what came of it.
enum Answer {
    Task(oneshot::Sender<ExportResult>),
    Thread(mpsc::SyncSender<ExportResult>),
}

impl Answer {
    /// Whoever waits for it no more does not want it.
    fn give(self, result: ExportResult) {
        match self {
            Answer::Task(answer) => drop(answer.send(result)),
            Answer::Thread(answer) => drop(answer.send(result)),
        }
    }

    /// Waits until nobody wants it any more; a thread does until its deadline.
    async fn unwanted(&mut self) {
        match self {
            Answer::Task(answer) => answer.closed().await,
            Answer::Thread(_) => std::future::pending().await,
        }
    }
}

/// An export that somebody waits for.
struct Wanted {
    deadline: Duration,
    until: Instant,
    is_last: bool,
    answer: Answer,
}

/// Sends what a collector shows over OTLP, at every interval and on demand, from a thread of its own.
///
/// A collection becomes as many requests as it takes, each encoded once, which wait in a [bounded
/// queue](OtlpExporterConfig::with_queue_limit) and are sent one after another, in the order of their times. While the
/// receiver is slow, collections wait; what the interval asks for meanwhile is skipped and counted. A request that gets
/// no answer, or one that says that it may be taken later, is sent again until [its export has taken too
/// long](OtlpExporterConfig::with_export_timeout); any other is given up, and counted. A request that was taken although
/// nobody heard of it is sent twice, which changes nothing of what is cumulative. What a receiver rejects of a request
/// that it otherwise takes is counted, and not sent again.
///
/// A receiver that is not there at the start is no error: what is cumulative or not delivered comes with a later export.
///
/// What goes wrong is logged with the crate `tracing`: an outage as a warning when it begins, and as news when it is over;
/// each attempt in between as debugging; what a receiver rejects, what the queue drops and collections that fail as
/// warnings. The rest is counted in [`ExportMetrics`], which a registry shows that it is registered with.
///
/// Where it is dropped, it exports once more and waits for that up to 5 seconds. [`shutdown`](Self::shutdown) does so with
/// a deadline and says what came of it.
///
/// # Concurrency
///
/// All methods may be called from any thread, inside of a runtime or not, and of any kind. The exporter never needs the
/// thread of its caller: a runtime of one thread that waits in [`flush_blocking`](Self::flush_blocking) is blocked until
/// then, but not for ever. Recording is not touched by any of it.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
///
/// use nilometer_core::MetricsRegistry;
/// use nilometer_otel::export::{OtlpExporter, OtlpExporterConfig};
///
/// let registry = MetricsRegistry::new();
/// let exporter = OtlpExporter::start(registry.clone(), OtlpExporterConfig::from_env())?;
/// registry.register_counter("orders_total", "Orders.")?.default().inc();
/// exporter.shutdown_blocking(Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Specification
///
/// OTLP 1.10.0; OpenTelemetry specification, "Metrics SDK", "Periodic exporting `MetricReader`", and "OTLP exporter
/// configuration".
#[must_use = "the exporter ends when this is dropped"]
pub struct OtlpExporter {
    /// None once it was shut down, and where nothing is sent.
    commands: Option<queue::UnboundedSender<Wanted>>,
    metrics: ExportMetrics,
    is_disabled: bool,
}

impl OtlpExporter {
    /// Starts to send all that `collector` shows: a registry, a family, an `Arc` of either.
    ///
    /// # Errors
    ///
    /// [`OtelInitError::ProtocolNotBuilt`], [`OtelInitError::TlsNotBuilt`] and [`OtelInitError::CompressionNotBuilt`] when
    /// the feature is off that the configuration needs, [`OtelInitError::TlsFile`] and [`OtelInitError::NoRoots`] when an
    /// `https` endpoint cannot be checked, [`OtelInitError::Thread`] when no thread starts, and
    /// [`OtelInitError::Exporter`] when the endpoint is none. Nothing is left running.
    pub fn start(
        collector: impl Collector + 'static,
        config: OtlpExporterConfig,
    ) -> Result<OtlpExporter, OtelInitError> {
        let metrics = config.metrics.clone();
        if config.is_disabled() {
            return Ok(OtlpExporter { commands: None, metrics, is_disabled: true });
        }
        config.receiver.check()?;
        let (commands, received) = queue::unbounded_channel();
        let (started, has_started) = mpsc::sync_channel(1);
        // What is logged goes where the caller's logs go; where that is nowhere yet, to who listens when it is logged.
        let dispatch = dispatcher::get_default(Clone::clone);
        let run = move || {
            let _heard = (!dispatch.is::<NoSubscriber>()).then(|| dispatcher::set_default(&dispatch));
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(started.send(Err(error.into()))),
            };
            runtime.block_on(async {
                match Transport::try_new(&config.receiver) {
                    Ok(transport) => {
                        let work = Arc::new(Work::new(Arc::new(collector), transport, &config));
                        // Who started the thread waits for this.
                        drop(started.send(Ok(())));
                        export(&work, config.interval, received).await;
                    }
                    Err(error) => drop(started.send(Err(error))),
                }
            });
            // A collector that hangs is left to itself.
            runtime.shutdown_background();
        };
        thread::Builder::new().name("nilometer-otlp".to_owned()).spawn(run)?;
        let ended = || Err(io::Error::other("the thread ended").into());
        has_started.recv().unwrap_or_else(|_| ended())?;
        Ok(OtlpExporter { commands: Some(commands), metrics, is_disabled: false })
    }

    /// Collects now, and waits until all that was collected is delivered: at most until the deadline, from now on. What
    /// could not be delivered by then is still tried; where this future is dropped, what was not collected by then is not
    /// collected on its account.
    ///
    /// # Errors
    ///
    /// [`ExportError::Deadline`] where it takes longer, with what keeps it; [`ExportError::Stopped`] where the exporter
    /// has ended; otherwise what kept the first part of it from being delivered that was not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_otel::export::{ExportError, OtlpExporter};
    /// # use std::time::Duration;
    /// async fn at_the_end_of_a_job(exporter: &OtlpExporter) -> Result<(), ExportError> {
    ///     let report = exporter.flush(Duration::from_secs(5)).await?;
    ///     println!("{} points", report.points());
    ///     Ok(())
    /// }
    /// ```
    pub async fn flush(&self, deadline: Duration) -> Result<ExportReport, ExportError> {
        let (answer, answered) = oneshot::channel();
        self.send(deadline, false, Answer::Task(answer));
        if self.is_disabled {
            return Ok(ExportReport::default());
        }
        waited(answered).await
    }

    /// As [`flush`](Self::flush), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn flush_blocking(&self, deadline: Duration) -> Result<ExportReport, ExportError> {
        self.wait(deadline, false)
    }

    /// Exports for the last time as [`flush`](Self::flush) does. The exporter ends, whatever comes of it; what is not
    /// delivered by then is given up.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn shutdown(mut self, deadline: Duration) -> Result<ExportReport, ExportError> {
        let (answer, answered) = oneshot::channel();
        self.send(deadline, true, Answer::Task(answer));
        // There is nothing left to do where it is dropped.
        self.commands = None;
        if self.is_disabled {
            return Ok(ExportReport::default());
        }
        waited(answered).await
    }

    /// As [`shutdown`](Self::shutdown), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn shutdown_blocking(mut self, deadline: Duration) -> Result<ExportReport, ExportError> {
        let result = self.wait(deadline, true);
        self.commands = None;
        result
    }

    /// The metrics that the exporter counts in.
    #[must_use]
    pub fn metrics(&self) -> &ExportMetrics {
        &self.metrics
    }

    fn send(&self, deadline: Duration, is_last: bool, answer: Answer) {
        let until = Instant::now().checked_add(deadline).unwrap_or_else(far).min(far());
        if let Some(commands) = &self.commands {
            // Where the thread has ended, the answer is dropped with the command.
            drop(commands.send(Wanted { deadline, until, is_last, answer }));
        }
    }

    fn wait(&self, deadline: Duration, is_last: bool) -> ExportResult {
        if self.is_disabled {
            return Ok(ExportReport::default());
        }
        let (answer, answered) = mpsc::sync_channel(1);
        self.send(deadline, is_last, Answer::Thread(answer));
        match answered.recv_timeout(deadline.saturating_add(GRACE)) {
            Ok(result) => result,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(ExportError::Deadline { deadline, cause: None }),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(ExportError::Stopped),
        }
    }
}

/// Waits for the answer, also where a task's turn is over: whoever blocks on this inside of one never yields, and tokio would
/// hide an answer that is there from a task without budget for ever.
async fn waited(
    answered: oneshot::Receiver<Result<ExportReport, ExportError>>,
) -> Result<ExportReport, ExportError> {
    tokio::task::unconstrained(answered).await.unwrap_or(Err(ExportError::Stopped))
}

impl Drop for OtlpExporter {
    fn drop(&mut self) {
        if self.commands.is_some()
            && let Err(error) = self.wait(AT_DROP, true)
        {
            tracing::warn!(error = %crate::causes::Causes(&error), "the last export may be lost");
        }
    }
}

impl Collector for OtlpExporter {
    /// Shows the [`metrics`](OtlpExporter::metrics). A registry that the exporter sends must not keep it: neither would ever
    /// be dropped, and nothing be exported for the last time. Register a clone of its metrics there.
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.metrics.collect(visitor)
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_ended = self.commands.as_ref().is_none_or(queue::UnboundedSender::is_closed);
        f.debug_struct("OtlpExporter").field("has_ended", &has_ended).finish_non_exhaustive()
    }
}

/// Exports until it is told to end.
async fn export(work: &Arc<Work>, every: Duration, mut commands: queue::UnboundedReceiver<Wanted>) {
    let mut ticks = tokio::time::interval(every.min(FAR));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let wanted = tokio::select! {
            biased;
            wanted = commands.recv() => wanted,
            _ = ticks.tick() => {
                work.tick();
                continue;
            }
        };
        let Some(Wanted { deadline, until, is_last, mut answer }) = wanted else { return };
        let delivering = {
            let work = Arc::clone(work);
            async move {
                tokio::select! {
                    result = work.deliver_until(deadline, until) => answer.give(result),
                    // Its turn would keep others from theirs.
                    () = answer.unwanted(), if !is_last => {}
                }
            }
        };
        if is_last {
            return delivering.await;
        }
        // Beside others, each of which has a deadline of its own.
        tokio::spawn(delivering);
    }
}

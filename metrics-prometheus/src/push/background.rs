//! Pushes that go on until they are shut down.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nilometer_core::collect::{CollectError, Collector, Visitor};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, sleep_until, timeout_at};

use super::client::Trouble;
use super::reply::{self, Answer, Reply, Waited};
use super::{PushError, PushMetrics, PushReport, thread};

/// How long a thread that blocks goes on waiting past a deadline: the answer that there is none has to be given.
const GRACE: Duration = Duration::from_millis(250);

/// A deadline that nobody reaches.
const FAR: Duration = Duration::from_hours(24 * 365 * 30);

type PushResult = Result<PushReport, PushError>;

/// What is pushed in the background.
pub(super) trait Work {
    /// Pushes because an interval is over. It may be dropped wherever it waits.
    async fn tick(&mut self);
    /// Pushes because somebody waits for it. It may be dropped wherever it waits.
    async fn flush(&mut self) -> PushResult;
    /// The same for the last time.
    async fn finish(&mut self) -> PushResult;
    /// What keeps it, if something does.
    fn trouble(&self) -> Trouble;
}

/// A deadline, and who is told what came of it.
struct Wanted {
    deadline: Duration,
    until: Instant,
    answer: Answer<PushResult>,
}

enum Command {
    Flush(Arc<Wanted>),
    Shutdown(Arc<Wanted>),
}

/// A background task that pushes at every interval, on a thread of its own.
///
/// It is what [`RemoteWrite::start`](super::RemoteWrite::start) and [`Pushgateway::start`](super::Pushgateway::start)
/// return. Where it is dropped without a shutdown, the task ends soon without a last push, and nobody waits for it.
///
/// # Concurrency
///
/// All methods may be called from any thread, inside of a runtime or not; flushes are done one after another. The task
/// never needs the thread of the caller: a runtime of one thread that waits in
/// [`flush_blocking`](Pusher::flush_blocking) is blocked until then, but not for ever.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
///
/// use nilometer_core::MetricsRegistry;
/// use nilometer_prometheus::push::{PushEndpoint, RemoteWrite, RemoteWriteConfig};
///
/// let registry = MetricsRegistry::new();
/// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9090/api/v1/write")?;
/// let pusher = RemoteWrite::new(registry, RemoteWriteConfig::new(endpoint)).start()?;
/// // The application runs.
/// pusher.shutdown_blocking(Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "the background task ends when this is dropped"]
pub struct Pusher {
    commands: mpsc::UnboundedSender<Command>,
    metrics: PushMetrics,
}

impl Pusher {
    /// Starts the thread. `work` is made on it.
    pub(super) fn start<W, M>(make: M, interval: Duration, metrics: PushMetrics) -> Result<Pusher, PushError>
    where
        W: Work,
        M: FnOnce() -> W + Send + 'static,
    {
        let (commands, received) = mpsc::unbounded_channel();
        thread::start(move || async move { run(make(), interval, received).await })
            .map_err(PushError::Thread)?;
        Ok(Pusher { commands, metrics })
    }

    /// Collects now, and waits until all that was collected is delivered: at most until the deadline, from now on.
    ///
    /// # Errors
    ///
    /// [`PushError::Deadline`] where that takes longer, with what keeps it; [`PushError::Stopped`] where the task has ended; otherwise what
    /// kept the first part of it from being delivered that was not.
    ///
    /// # Examples
    ///
    /// ```
    /// # use nilometer_prometheus::push::{Pusher, PushError};
    /// # use std::time::Duration;
    /// async fn at_the_end_of_a_job(pusher: &Pusher) -> Result<(), PushError> {
    ///     let report = pusher.flush(Duration::from_secs(5)).await?;
    ///     println!("{} points", report.points());
    ///     Ok(())
    /// }
    /// ```
    pub async fn flush(&self, deadline: Duration) -> Result<PushReport, PushError> {
        self.send(Command::Flush, deadline).0.await.unwrap_or(Err(PushError::Stopped))
    }

    /// As [`flush`](Self::flush), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn flush_blocking(&self, deadline: Duration) -> Result<PushReport, PushError> {
        wait(self.send(Command::Flush, deadline), deadline)
    }

    /// Pushes for the last time as [`flush`](Self::flush) does, then what the kind of push has for the end of a process:
    /// staleness markers, or the deletion of the group. The task ends, whatever comes of it.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn shutdown(self, deadline: Duration) -> Result<PushReport, PushError> {
        self.send(Command::Shutdown, deadline).0.await.unwrap_or(Err(PushError::Stopped))
    }

    /// As [`shutdown`](Self::shutdown), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn shutdown_blocking(self, deadline: Duration) -> Result<PushReport, PushError> {
        wait(self.send(Command::Shutdown, deadline), deadline)
    }

    /// The metrics that the task counts in.
    #[must_use]
    pub fn metrics(&self) -> &PushMetrics {
        &self.metrics
    }

    fn send(
        &self,
        command: impl FnOnce(Arc<Wanted>) -> Command,
        deadline: Duration,
    ) -> (Reply<PushResult>, Instant) {
        let now = Instant::now();
        let until = now.checked_add(deadline.min(FAR)).unwrap_or(now);
        let (answer, reply) = reply::pair();
        // Where the task has ended, the answer is dropped with the command.
        let _ = self.commands.send(command(Arc::new(Wanted { deadline, until, answer })));
        (reply, until)
    }
}

fn wait((reply, until): (Reply<PushResult>, Instant), deadline: Duration) -> PushResult {
    match reply.wait(Some(until + GRACE)) {
        Waited::Given(result) => result,
        // Not even what keeps the task is known.
        Waited::NotYet => Err(PushError::Deadline { deadline, trouble: None }),
        Waited::Never => Err(PushError::Stopped),
    }
}

impl Collector for Pusher {
    /// Shows the [`metrics`](Pusher::metrics).
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        self.metrics.collect(visitor)
    }
}

impl fmt::Debug for Pusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pusher").field("has_ended", &self.commands.is_closed()).finish_non_exhaustive()
    }
}

/// Pushes until it is told to end.
async fn run(mut work: impl Work, every: Duration, received: mpsc::UnboundedReceiver<Command>) {
    let trouble = work.trouble();
    let mut commands = watched(received, trouble.clone());
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let tick = async {
            ticks.tick().await;
            work.tick().await;
        };
        let command = tokio::select! {
            biased;
            command = commands.recv() => command,
            () = tick => continue,
        };
        match command {
            None => return,
            Some(Command::Flush(wanted)) => within(&wanted, work.flush(), &trouble).await,
            Some(Command::Shutdown(wanted)) => return within(&wanted, work.finish(), &trouble).await,
        }
    }
}

/// Passes commands on, and says of each that its deadline is over when it is, even where it still waits for another one.
fn watched(
    mut received: mpsc::UnboundedReceiver<Command>,
    trouble: Trouble,
) -> mpsc::UnboundedReceiver<Command> {
    let (pass, commands) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(command) = received.recv().await {
            let (Command::Flush(wanted) | Command::Shutdown(wanted)) = &command;
            let (wanted, trouble) = (Arc::downgrade(wanted), trouble.clone());
            tokio::spawn(async move {
                let Some(until) = wanted.upgrade().map(|wanted| wanted.until) else { return };
                sleep_until(until.into()).await;
                if let Some(wanted) = wanted.upgrade() {
                    wanted.answer.give(Err(trouble.within(wanted.deadline)));
                }
            });
            if pass.send(command).is_err() {
                return;
            }
        }
    });
    commands
}

/// Does what is wanted, unless its deadline is over before.
async fn within(wanted: &Wanted, work: impl Future<Output = PushResult>, trouble: &Trouble) {
    let result = timeout_at(wanted.until.into(), work).await;
    wanted.answer.give(result.unwrap_or_else(|_| Err(trouble.within(wanted.deadline))));
}

//! Collections that go through a queue.

use std::cell::Cell;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use nilometer_core::collect::{Collector, Stopped};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_blocking};

use super::RemoteWriteConfig;
use super::batch::Batch;
use super::builder::{BatchBuilder, Sink, milliseconds};
use super::known::Known;
use super::queue::Queue;
use super::round::Round;
use super::sender::{Protocol, Sender};
use crate::causes::Causes;
use crate::push::background::Work;
use crate::push::client::{Patience, Trouble};
use crate::push::metrics::{Collection, Stats, WithOwn};
use crate::push::reply::lock;
use crate::push::{PushError, PushReport};

/// What the pushes of one [`RemoteWrite`](super::RemoteWrite) share.
pub(super) struct Shared {
    pub(super) protocol: Arc<Mutex<Protocol>>,
    /// When the last collection was, in milliseconds since 1970.
    last: Mutex<i64>,
}

impl Shared {
    pub(super) fn new(config: &RemoteWriteConfig) -> Shared {
        Shared { protocol: Arc::new(Mutex::new(Protocol::of(config))), last: Mutex::new(i64::MIN) }
    }

    /// The time of the collection before and that of the next: now, and after the one before, for a series has one value
    /// at a time.
    fn next_time(&self) -> (i64, i64) {
        let mut last = lock(&self.last);
        let before = *last;
        *last = milliseconds(SystemTime::now()).max(before.saturating_add(1));
        (before, *last)
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// What the collector shows, and the ends of what it shows no more.
    Values,
    /// The ends of all.
    Ends,
}

/// Collects, and sends what was collected, from the runtime in which it was made.
pub(super) struct RemoteWork<C> {
    collector: Arc<C>,
    config: RemoteWriteConfig,
    shared: Arc<Shared>,
    stats: Arc<Stats>,
    /// The series that the receiver knows of, where their ends are told. A collection has it for itself as long as it takes:
    /// none begins before the one before is done.
    known: Option<Arc<Mutex<Known>>>,
    queue: Arc<Queue>,
    hurry: Arc<Notify>,
    trouble: Trouble,
    sending: JoinHandle<()>,
    collecting: Option<JoinHandle<()>>,
}

impl<C: Collector + 'static> RemoteWork<C> {
    pub(super) fn new(
        collector: Arc<C>,
        config: RemoteWriteConfig,
        shared: Arc<Shared>,
        patience: Patience,
    ) -> RemoteWork<C> {
        let stats = config.metrics().stats(config.name());
        let queue = Arc::new(Queue::new(config.queue_limit(), Arc::clone(&stats)));
        let hurry = Arc::new(Notify::new());
        // A single push remembers nothing.
        let is_told = config.staleness_markers() && matches!(patience, Patience::Endless);
        let known = is_told.then(Arc::default);
        let protocol = Arc::clone(&shared.protocol);
        let sender = Sender::new(config.clone(), protocol, Arc::clone(&queue), Arc::clone(&hurry), patience);
        let (trouble, sending) = (sender.trouble().clone(), tokio::spawn(sender.run()));
        let collecting = None;
        RemoteWork { collector, config, shared, stats, known, queue, hurry, trouble, sending, collecting }
    }

    /// Starts a collection, on a thread where it may take its time.
    fn collect(&mut self, what: What) -> Arc<Round> {
        let round = Arc::new(Round::new());
        let guard =
            Collecting { round: Arc::clone(&round), stats: Arc::clone(&self.stats), what, is_done: false };
        let (collector, queue) = (Arc::clone(&self.collector), Arc::clone(&self.queue));
        let (shape, shared, known) = (self.config.shape(), Arc::clone(&self.shared), self.known.clone());
        let own = self.config.own_metrics().then(|| Arc::clone(&self.stats));
        self.collecting = Some(spawn_blocking(move || {
            let is_closed = Cell::new(false);
            let sink = Outlet { queue: &queue, round: &guard.round, is_closed: &is_closed };
            let mut known = known.as_deref().map(lock);
            let mut builder = BatchBuilder::new(shape, shared.next_time(), known.as_deref_mut(), sink);
            let collected = match what {
                What::Values => WithOwn(&*collector, own).collect(&mut builder).map_err(PushError::Collect),
                What::Ends => Ok(()),
            };
            // After half a collection, nothing is known to have ended.
            let ended = if collected.is_ok() { builder.end_the_gone() } else { Ok(()) };
            let skipped = builder.skipped();
            // What was shown before a failure is sent: each series stands for itself.
            let finished = ended.and_then(|()| builder.finish()).map_err(|Stopped| PushError::Stopped);
            drop(known);
            let result = if is_closed.get() { Err(PushError::Stopped) } else { collected.and(finished) };
            guard.end(result.map(|()| PushReport { skipped, ..PushReport::default() }));
        }));
        round
    }

    /// Collects, once what is being collected is, and waits for all of it to be delivered.
    async fn deliver(&mut self, what: What) -> Result<PushReport, PushError> {
        if let Some(before) = &mut self.collecting {
            self.hurry.notify_one();
            // A panic was counted by its guard.
            let _ = before.await;
            self.collecting = None;
        }
        let round = self.collect(what);
        self.hurry.notify_one();
        round.ended().await
    }

    pub(super) async fn push(&mut self) -> Result<PushReport, PushError> {
        self.deliver(What::Values).await
    }
}

impl<C: Collector + 'static> Work for RemoteWork<C> {
    async fn tick(&mut self) {
        if self.collecting.as_ref().is_some_and(|collecting| !collecting.is_finished()) {
            self.stats.collection(Collection::Skipped);
            return;
        }
        self.collect(What::Values);
    }

    async fn flush(&mut self) -> Result<PushReport, PushError> {
        self.deliver(What::Values).await
    }

    async fn finish(&mut self) -> Result<PushReport, PushError> {
        let report = self.deliver(What::Values).await;
        // Whatever came of the values: the receiver may have others.
        if self.known.is_some() {
            let ended = self.deliver(What::Ends).await;
            return report.and_then(|report| ended.map(|_| report));
        }
        report
    }

    fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }
}

impl<C> Drop for RemoteWork<C> {
    fn drop(&mut self) {
        self.sending.abort();
        self.queue.close();
    }
}

/// Gives batches to the queue.
struct Outlet<'a> {
    queue: &'a Queue,
    round: &'a Arc<Round>,
    /// Set when the queue takes nothing any more, whatever the collector makes of that.
    is_closed: &'a Cell<bool>,
}

impl Sink for Outlet<'_> {
    fn batch(&mut self, batch: Batch) -> Result<(), Stopped> {
        let pushed = self.queue.push(batch, self.round);
        self.is_closed.set(pushed.is_err());
        pushed
    }
}

/// Ends a round's collection, where the collector panics too.
struct Collecting {
    round: Arc<Round>,
    stats: Arc<Stats>,
    what: What,
    is_done: bool,
}

impl Collecting {
    fn end(mut self, result: Result<PushReport, PushError>) {
        self.is_done = true;
        self.count(result);
    }

    fn count(&self, result: Result<PushReport, PushError>) {
        match &result {
            Ok(_) if self.what == What::Values => self.stats.collection(Collection::Complete),
            Ok(_) | Err(PushError::Stopped) => {}
            Err(error) => {
                self.stats.collection(Collection::Failed);
                tracing::warn!(push = self.stats.name(), error = %Causes(error), "a collection failed");
            }
        }
        self.round.end(result);
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        if !self.is_done {
            self.count(Err(PushError::CollectorPanicked));
        }
    }
}

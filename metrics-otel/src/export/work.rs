//! Collections that go through the queue.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use nilometer_core::collect::Collector;
use tokio::sync::{Mutex as Turns, Notify};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout_at;
use tracing::dispatcher;

use super::metrics::WithOwn;
use super::queue::Queue;
use super::round::{Round, lock};
use super::sender::{Health, Sender};
use super::stats::{Collection, Loss, Stats};
use super::transport::Transport;
use super::{ExportError, ExportReport, OtlpExporterConfig};
use crate::causes::Causes;
use crate::{EncodeError, Encoded, OtlpEncoder, TemporalityPreference};

/// Collects, and sends what was collected, from the runtime in which it was made.
pub(super) struct Work {
    collector: Arc<dyn Collector>,
    /// One collection has it at a time.
    encoder: Arc<Mutex<OtlpEncoder>>,
    stats: Arc<Stats>,
    own_metrics: bool,
    export_timeout: Duration,
    /// Whether a collection has to know what became of the one before.
    is_settled_first: bool,
    queue: Arc<Queue>,
    hurry: Arc<Notify>,
    health: Arc<Mutex<Health>>,
    sending: JoinHandle<()>,
    last: Turns<Option<Last>>,
}

/// The collection before.
struct Last {
    round: Arc<Round>,
    /// The collection alone, without its requests.
    collecting: Arc<Round>,
}

impl Last {
    fn is_done(&self, is_settled_first: bool) -> bool {
        self.collecting.has_ended() && (!is_settled_first || self.round.has_ended())
    }
}

impl Work {
    pub(super) fn new(
        collector: Arc<dyn Collector>,
        transport: Transport,
        config: &OtlpExporterConfig,
    ) -> Work {
        let stats = config.metrics.stats(&config.name);
        let queue = Arc::new(Queue::new(config.queue_limit, Arc::clone(&stats)));
        let (hurry, health) = (Arc::<Notify>::default(), Arc::<Mutex<Health>>::default());
        let sender = Sender {
            transport,
            queue: Arc::clone(&queue),
            stats: Arc::clone(&stats),
            backoff: config.backoff,
            timeout: config.receiver.timeout,
            patience: config.export_timeout,
            hurry: Arc::clone(&hurry),
            health: Arc::clone(&health),
            rest: None,
        };
        Work {
            collector,
            encoder: Arc::new(Mutex::new(config.encoder())),
            stats,
            own_metrics: config.own_metrics,
            export_timeout: config.export_timeout,
            is_settled_first: config.temporality != TemporalityPreference::Cumulative,
            queue,
            hurry,
            health,
            sending: tokio::spawn(sender.run()),
            last: Turns::new(None),
        }
    }

    /// Collects because an interval is over, unless the collection before is not done.
    pub(super) fn tick(&self) {
        let free = self.last.try_lock().ok();
        let free = free.filter(|last| last.as_ref().is_none_or(|last| last.is_done(self.is_settled_first)));
        match free {
            Some(mut last) => {
                self.collect(&mut last);
            }
            None => self.stats.collection(Collection::Skipped),
        }
    }

    /// Collects, once the collection before is done, and waits for all of it to be delivered.
    async fn deliver(&self) -> Result<ExportReport, ExportError> {
        let round = {
            let mut last = self.last.lock().await;
            if let Some(last) = &*last {
                self.hurry.notify_one();
                last.collecting.ended().await;
                if self.is_settled_first {
                    last.round.ended().await;
                }
            }
            self.collect(&mut last)
        };
        self.hurry.notify_one();
        round.ended().await;
        round.result()
    }

    /// Delivers, unless the deadline is over before.
    pub(super) async fn deliver_until(
        &self,
        deadline: Duration,
        until: Instant,
    ) -> Result<ExportReport, ExportError> {
        let delivered = timeout_at(until.into(), self.deliver()).await;
        delivered.unwrap_or_else(|_| {
            Err(ExportError::Deadline { deadline, cause: lock(&self.health).cause().map(Box::new) })
        })
    }

    /// Starts a collection, on a thread where it may take its time.
    fn collect(&self, last: &mut Option<Last>) -> Arc<Round> {
        let (round, collecting) = (Arc::new(Round::new()), Arc::new(Round::new()));
        *last = Some(Last { round: Arc::clone(&round), collecting: Arc::clone(&collecting) });
        let (collector, encoder) = (Arc::clone(&self.collector), Arc::clone(&self.encoder));
        let (queue, stats) = (Arc::clone(&self.queue), Arc::clone(&self.stats));
        let (own_metrics, until) = (self.own_metrics, Instant::now().checked_add(self.export_timeout));
        let until = until.unwrap_or_else(far);
        let in_round = Arc::clone(&round);
        // What is logged meanwhile goes where the logs of this thread go.
        let dispatch = dispatcher::get_default(Clone::clone);
        let encode = move || {
            let own = own_metrics.then_some(&*stats);
            let shown = WithOwn { collector: &*collector, own };
            let push = |request| queue.push(request, until, &in_round);
            lock(&encoder).encode_each(&shown, SystemTime::now(), push)
        };
        let encoding = spawn_blocking(move || dispatcher::with_default(&dispatch, encode));
        let (ended, stats) = (Arc::clone(&round), Arc::clone(&self.stats));
        // It is over where the collector panics, too.
        tokio::spawn(async move {
            let result = match encoding.await {
                Ok(Ok(all)) => Ok(all),
                Ok(Err(EncodeError::Stopped)) => Err(ExportError::Stopped),
                Ok(Err(error)) => Err(ExportError::Encode(Arc::new(error))),
                Err(error) if error.is_panic() => Err(ExportError::CollectorPanicked),
                Err(_) => Err(ExportError::Stopped),
            };
            collecting.end(Ok(ExportReport::default()));
            ended.end(counted(&stats, result));
        });
        round
    }
}

/// Counts what came of a collection.
fn counted(stats: &Stats, encoded: Result<Encoded, ExportError>) -> Result<ExportReport, ExportError> {
    match encoded {
        Ok(encoded) => {
            stats.collection(Collection::Complete);
            stats.lost(Loss::LeftOut, encoded.left_out());
            stats.lost(Loss::TooLarge, encoded.too_large());
            let left_out = encoded.left_out() + encoded.too_large();
            Ok(ExportReport { left_out, ..ExportReport::default() })
        }
        Err(ExportError::Stopped) => Err(ExportError::Stopped),
        Err(error) => {
            stats.collection(Collection::Failed);
            tracing::warn!(exporter = stats.name(), error = %Causes(&error), "a collection failed");
            Err(error)
        }
    }
}

/// What nobody waits for, and what is in the range of every clock all the same: 30 years.
pub(super) const FAR: Duration = Duration::from_hours(24 * 365 * 30);

/// A time that nobody reaches.
pub(super) fn far() -> Instant {
    Instant::now() + FAR
}

impl Drop for Work {
    fn drop(&mut self) {
        self.sending.abort();
        self.queue.close();
    }
}

//! Who sends what waits in the queue.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{sleep, sleep_until};

use super::answer::Accepted;
use super::queue::{Entry, Queue};
use super::retry::Backoff;
use super::round::lock;
use super::stats::{Loss, Stats};
use super::transport::{Body, Transport};
use super::work::FAR;
use super::{ExportError, ExportReport};
use crate::causes::Causes;

/// After how long an attempt without an answer says more than the failure before it.
const TELLING: Duration = Duration::from_secs(1);

/// What is known of a receiver.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Why the last attempt failed, unless it succeeded.
    failure: Option<ExportError>,
    /// Since when an attempt is under way, and where to.
    attempt: Option<(Instant, String)>,
}

impl Health {
    /// What keeps a request from being delivered, where something does.
    pub(super) fn cause(&self) -> Option<ExportError> {
        let failure = self.failure.clone();
        match &self.attempt {
            // One that has just begun says less than why the one before failed.
            Some((since, url)) if failure.is_none() || since.elapsed() >= TELLING => {
                Some(ExportError::TimedOut { url: url.clone(), after: since.elapsed() })
            }
            _ => failure,
        }
    }
}

/// Sends from the runtime in which it was made, one request after another.
pub(super) struct Sender {
    pub(super) transport: Transport,
    pub(super) queue: Arc<Queue>,
    pub(super) stats: Arc<Stats>,
    pub(super) backoff: Backoff,
    /// How long one attempt may take.
    pub(super) timeout: Duration,
    /// How long an export may take.
    pub(super) patience: Duration,
    /// Cuts a delay short, to the first at least.
    pub(super) hurry: Arc<Notify>,
    /// What is known of the receiver.
    pub(super) health: Arc<Mutex<Health>>,
    /// Until when a receiver is left alone that has asked for more time than there was, and what it said.
    pub(super) rest: Option<(Instant, ExportError)>,
}

impl Sender {
    pub(super) async fn run(mut self) {
        loop {
            let entry = self.queue.first().await;
            let points = entry.request.points();
            let result = self.deliver(&entry).await;
            let result = match result {
                Ok(accepted) => {
                    entry.request.acknowledge();
                    Ok(self.count(points, &accepted))
                }
                Err(error) => {
                    // Whoever makes the next differences sees that nobody holds it any more.
                    drop(entry);
                    self.stats.lost(Loss::of(&error), points);
                    Err(error)
                }
            };
            self.queue.remove_first(result);
        }
    }

    fn count(&self, points: u64, accepted: &Accepted) -> ExportReport {
        let rejected = accepted.rejected.min(points);
        self.stats.delivered(points - rejected);
        self.stats.lost(Loss::Rejected, rejected);
        let exporter = self.stats.name();
        // SPEC: OTLP 1.10.0, "Partial Success": it is not sent again; a message without a count is a warning.
        if rejected > 0 {
            tracing::warn!(
                exporter,
                rejected,
                message = accepted.message,
                "the receiver did not take all points"
            );
        } else if !accepted.message.is_empty() {
            tracing::warn!(
                exporter,
                message = accepted.message,
                "the receiver took all points, with a warning"
            );
        }
        ExportReport { points: points - rejected, rejected, requests: 1, left_out: 0 }
    }

    /// Sends a request, again and again where it fails for a while.
    async fn deliver(&mut self, entry: &Entry) -> Result<Accepted, ExportError> {
        let body = self.transport.prepare(entry.request.body());
        let mut failures = 0_u32;
        loop {
            let now = Instant::now();
            if now >= entry.until {
                return Err(self.expired(entry));
            }
            if let Some((end, error)) = self.rest.clone().filter(|(end, _)| *end > now) {
                if end >= entry.until {
                    return Err(error);
                }
                self.queue.trouble();
                sleep_until(end.into()).await;
                continue;
            }
            let until = now.checked_add(self.timeout).map_or(entry.until, |until| until.min(entry.until));
            let error = match self.attempt(&body, now, until).await {
                Ok(accepted) => return Ok(accepted),
                Err(error) => error,
            };
            failures = failures.saturating_add(1);
            let asked = error.retry_after().filter(|_| error.is_transient());
            let delay = self.backoff.delay(failures).max(asked.unwrap_or_default());
            let is_late = Instant::now().checked_add(delay).is_none_or(|next| next >= entry.until);
            if is_late && asked.is_some() {
                // Longer than this one is worth: those behind it do not come at once.
                let end = Instant::now() + self.backoff.longest.min(FAR);
                self.rest = Some((end, error.clone()));
            }
            if is_late || !error.is_transient() {
                return Err(error);
            }
            self.queue.trouble();
            // What the receiver has asked for is not cut short, and neither is the first delay: there may be a flush for
            // everything that an application does.
            let least = if asked.is_some() { delay } else { delay.min(self.backoff.delay(1)) };
            sleep(least).await;
            tokio::select! {
                () = sleep(delay.saturating_sub(least)) => {}
                () = self.hurry.notified() => {}
            }
            self.stats.retry();
        }
    }

    /// What waited for its turn for too long. What went wrong with those before it is known.
    fn expired(&self, entry: &Entry) -> ExportError {
        ExportError::Expired { points: entry.request.points(), after: self.patience }
    }

    async fn attempt(
        &mut self,
        body: &Body,
        start: Instant,
        until: Instant,
    ) -> Result<Accepted, ExportError> {
        lock(&self.health).attempt = Some((start, self.transport.url().to_owned()));
        let sent = caught(self.transport.send(body, until.into())).await;
        let url = || self.transport.url().to_owned();
        let result = match sent {
            Some(Some(answer)) => answer,
            Some(None) => Err(ExportError::TimedOut { url: url(), after: until.duration_since(start) }),
            None => {
                let source: Box<dyn Error + Send + Sync> = "the client panicked".into();
                Err(ExportError::Unreachable { url: url(), source: source.into() })
            }
        };
        let outcome = result.as_ref().map(|accepted| (body.length, accepted.rejected > 0));
        self.stats.request(start.elapsed(), outcome);
        let health = Health { failure: result.as_ref().err().cloned(), attempt: None };
        let before = std::mem::replace(&mut *lock(&self.health), health).failure;
        let (exporter, url) = (self.stats.name(), self.transport.url());
        match &result {
            Ok(_) if before.is_some() => tracing::info!(exporter, url, "exports succeed again"),
            Ok(_) => {}
            // Once per outage: a receiver that is away for an hour is one piece of news.
            Err(error) if before.is_none() => {
                tracing::warn!(exporter, error = %Causes(error), "an export failed");
            }
            Err(error) => tracing::debug!(exporter, error = %Causes(error), "an export failed again"),
        }
        result
    }
}

/// What comes of it; nothing where it panics, which would be the end of all exports: a client panics at what it did not expect
/// of a receiver. What it had begun is dropped.
async fn caught<T>(sending: impl Future<Output = T>) -> Option<T> {
    let mut sending = pin!(sending);
    std::future::poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| sending.as_mut().poll(context))) {
            Ok(polled) => polled.map(Some),
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

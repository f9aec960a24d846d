//! Batches and an exporter that count what becomes of the spans.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor};

/// What became of the spans since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportStats {
    ended: u64,
    sent: u64,
    failed: u64,
}

impl ExportStats {
    /// The sampled spans that have ended. What of them is neither sent nor failed waits for its turn; after a flush that
    /// succeeded nothing waits, and what is left was dropped because the queue was full.
    #[must_use]
    pub fn ended(self) -> u64 {
        self.ended
    }

    /// The spans that the receiver took.
    #[must_use]
    pub fn sent(self) -> u64 {
        self.sent
    }

    /// The spans that it did not take, after all retries: they are lost.
    #[must_use]
    pub fn failed(self) -> u64 {
        self.failed
    }
}

/// What became of the spans, shared by the exporter and the provider.
#[derive(Debug)]
pub(super) struct Tally {
    // ORDERING: who sees a span sent or failed, which are released and acquired, sees it ended too, since a channel orders
    // its end before its export. The rest is relaxed, each stands for itself; a flush orders them by the channel on which
    // the exporter's thread answers.
    ended: AtomicU64,
    sent: AtomicU64,
    failed: AtomicU64,
    /// Since when it counts.
    created: SystemTime,
    /// Whether the last export failed.
    failing: AtomicBool,
    /// Whether the SDK's provider was shut down.
    has_ended: AtomicBool,
    /// What the exporter said when it last failed.
    reason: Mutex<String>,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally {
            ended: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            created: SystemTime::now(),
            failing: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            reason: Mutex::default(),
        }
    }
}

impl Tally {
    /// No more is sent and failed than has ended.
    pub(super) fn stats(&self) -> ExportStats {
        // ORDERING: see the fields; in this order.
        let [sent, failed] = [&self.sent, &self.failed].map(|count| count.load(Ordering::Acquire));
        let ended = self.ended.load(Ordering::Relaxed);
        ExportStats { ended, sent, failed }
    }

    pub(super) fn created(&self) -> SystemTime {
        self.created
    }

    pub(super) fn has_ended(&self) -> bool {
        // ORDERING: see the fields.
        self.has_ended.load(Ordering::Relaxed)
    }

    pub(super) fn reason(&self) -> String {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, spans: usize, result: &OTelSdkResult) {
        let counter = match result {
            Ok(()) => &self.sent,
            Err(error) => {
                *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
                &self.failed
            }
        };
        // ORDERING: see the fields.
        let was_failing = self.failing.swap(result.is_err(), Ordering::Relaxed);
        match result {
            // Once per outage: a receiver that is away for an hour is one piece of news.
            Err(error) if !was_failing => tracing::warn!(%error, spans, "spans are lost"),
            Ok(()) if was_failing => tracing::info!("spans are taken again"),
            _ => {}
        }
        // ORDERING: see the fields.
        counter.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Release);
    }
}

/// The batches, with a count of what goes into them.
#[derive(Debug)]
pub(super) struct Batches {
    inner: BatchSpanProcessor,
    tally: Arc<Tally>,
}

impl Batches {
    pub(super) fn new(inner: BatchSpanProcessor, tally: Arc<Tally>) -> Batches {
        Batches { inner, tally }
    }
}

impl SpanProcessor for Batches {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.inner.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            // ORDERING: see the fields.
            self.tally.ended.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        // ORDERING: see the fields.
        self.tally.has_ended.store(true, Ordering::Relaxed);
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

/// Another exporter, counted.
#[derive(Debug)]
pub(super) struct Counted<E> {
    inner: E,
    tally: Arc<Tally>,
}

impl<E> Counted<E> {
    pub(super) fn new(inner: E, tally: Arc<Tally>) -> Counted<E> {
        Counted { inner, tally }
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.inner.export(batch).await;
        self.tally.add(spans, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

//! An exporter that counts what it sends.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

/// How many spans were sent since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportStats {
    sent: u64,
    failed: u64,
}

impl ExportStats {
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
#[derive(Debug, Default)]
pub(super) struct Tally {
    // ORDERING: relaxed is enough for all of them, each stands for itself; a flush orders them by the channel on which the
    // exporter's thread answers.
    sent: AtomicU64,
    failed: AtomicU64,
    /// Whether the last export failed.
    failing: AtomicBool,
    /// What the exporter said when it last failed.
    reason: Mutex<String>,
}

impl Tally {
    pub(super) fn stats(&self) -> ExportStats {
        // ORDERING: see the fields.
        ExportStats { sent: self.sent.load(Ordering::Relaxed), failed: self.failed.load(Ordering::Relaxed) }
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
        counter.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
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

//! Who sends what waits in the queue.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::sync::Notify;

use super::batch::Batch;
use super::encode::{Version, encode};
use super::queue::Queue;
use super::{NativeHistograms, RemoteWriteConfig, RemoteWriteVersion};
use crate::causes::Causes;
use crate::push::client::{Client, Message, Patience, Trouble, says_what_is_written};
use crate::push::metrics::Loss;
use crate::push::reply::lock;
use crate::push::{PushError, PushReport};

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");

/// What is known of the receiver, over all pushes of one [`RemoteWrite`](super::RemoteWrite).
#[derive(Debug, Clone, Copy)]
pub(super) struct Protocol {
    pub(super) version: Version,
    /// Whether it may have another version.
    is_open: bool,
    native_histograms: NativeHistograms,
    /// Since when it is known that there is something that it does not know.
    refused: Option<Instant>,
    /// Whether it is being asked again for what it did not know.
    is_trial: bool,
}

impl Protocol {
    pub(super) fn of(config: &RemoteWriteConfig) -> Protocol {
        let version = match config.version() {
            RemoteWriteVersion::Negotiated | RemoteWriteVersion::Two => Version::Two,
            RemoteWriteVersion::One => Version::One,
        };
        let is_open = config.version() == RemoteWriteVersion::Negotiated;
        let native_histograms = config.native_histograms();
        Protocol { version, is_open, native_histograms, refused: None, is_trial: false }
    }

    /// The same, or as if nothing were known, once that was long ago.
    fn renewed(self, config: &RemoteWriteConfig) -> Protocol {
        match self.refused {
            Some(since) if since.elapsed() >= config.renegotiation() => {
                Protocol { is_trial: true, ..Protocol::of(config) }
            }
            _ => self,
        }
    }

    fn native(self) -> bool {
        match self.native_histograms {
            NativeHistograms::Always => true,
            NativeHistograms::Version2 => self.version == Version::Two,
            NativeHistograms::Never => false,
        }
    }
}

/// Sends from the runtime in which it was made.
pub(super) struct Sender {
    client: Client,
    config: RemoteWriteConfig,
    protocol: Arc<Mutex<Protocol>>,
    queue: Arc<Queue>,
    /// Cuts a delay short.
    hurry: Arc<Notify>,
    patience: Patience,
}

impl Sender {
    pub(super) fn new(
        config: RemoteWriteConfig,
        protocol: Arc<Mutex<Protocol>>,
        queue: Arc<Queue>,
        hurry: Arc<Notify>,
        patience: Patience,
    ) -> Sender {
        let stats = config.metrics().stats(config.name());
        let client = Client::new(config.endpoint().clone(), stats);
        Sender { client, config, protocol, queue, hurry, patience }
    }

    pub(super) fn trouble(&self) -> &Trouble {
        self.client.trouble()
    }

    /// Sends one batch after the other, without end.
    pub(super) async fn run(self) {
        loop {
            let entry = self.queue.first().await;
            let result = self.deliver(&entry.batch).await;
            let (stats, points) = (self.client.stats(), entry.batch.points);
            match &result {
                Ok(_) => stats.delivered(points),
                Err(error) => {
                    stats.lost(Loss::of(error), points);
                    let push = stats.name();
                    tracing::warn!(push, points, error = %Causes(error), "points are dropped");
                }
            }
            let is_over = matches!(&result, Err(error) if error.is_transient());
            self.queue.remove_first(result);
            if is_over {
                // It was tried often enough: the batches behind it would fare no better.
                self.queue.close();
            }
        }
    }

    /// Sends a batch by the version that the receiver knows.
    async fn deliver(&self, batch: &Batch) -> Result<PushReport, PushError> {
        self.renew();
        loop {
            let protocol = *lock(&self.protocol);
            let Some((body, series)) = compressed(batch, protocol) else {
                return Ok(PushReport { points: batch.points, ..PushReport::default() });
            };
            let report =
                PushReport { points: batch.points, requests: 1, bytes: body.len() as u64, skipped: 0 };
            let message = self.message(body, protocol.version);
            let trouble = || {
                if matches!(self.patience, Patience::Endless) {
                    self.queue.trouble();
                }
            };
            let result = self.client.deliver(&message, self.patience, &self.hurry, trouble).await;
            match result {
                Ok(headers) if protocol.version == Version::One || says_what_is_written(&headers) => {
                    self.accepted();
                    return Ok(report);
                }
                // SPEC: Remote-Write 2.0, "Required `Written` Response Headers": a success without any is that of a
                // receiver of 1.0, which has taken the message for an empty one.
                Ok(_) if !protocol.is_open => {
                    return Err(PushError::NothingWritten { url: message.uri.to_string() });
                }
                Ok(_) => self.fall_back("it stores nothing of a request of remote write 2.0"),
                Err(error) if error.refuses_native_histograms() && protocol.native() => {
                    let push = self.client.stats().name();
                    tracing::warn!(
                        push,
                        "the receiver has native histograms disabled, explicit buckets are sent"
                    );
                    let mut known = lock(&self.protocol);
                    known.native_histograms = NativeHistograms::Never;
                    known.refused = Some(Instant::now());
                }
                // SPEC: Remote-Write 2.0, "Partial Write": exemplars are all that was refused.
                Err(PushError::Status { written: Some(written), message, .. }) if written >= series => {
                    let push = self.client.stats().name();
                    tracing::debug!(push, message, "all but some exemplars was taken");
                    self.accepted();
                    return Ok(report);
                }
                // Whatever a receiver of 1.0 says to 2.0 when it is asked again, points that it would take are not lost.
                Err(error)
                    if protocol.is_open
                        && protocol.version == Version::Two
                        && (error.is_unsupported_media_type()
                            || (protocol.is_trial && !error.is_transient())) =>
                {
                    self.fall_back("it does not take requests of remote write 2.0");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Forgets what is known of the receiver where that was long ago: once for a batch, so that its requests come to an end.
    fn renew(&self) {
        let mut known = lock(&self.protocol);
        *known = known.renewed(&self.config);
    }

    fn fall_back(&self, why: &str) {
        let push = self.client.stats().name();
        tracing::info!(push, why, "the receiver is written to in remote write 1.0");
        let mut known = lock(&self.protocol);
        known.version = Version::One;
        known.refused = Some(Instant::now());
    }

    /// The receiver took a request.
    fn accepted(&self) {
        let mut known = lock(&self.protocol);
        if known.is_trial && known.refused.is_none() {
            let push = self.client.stats().name();
            tracing::info!(push, version = ?known.version, "the receiver takes what it did not before");
        }
        known.is_trial = false;
    }

    fn message(&self, body: Bytes, version: Version) -> Message {
        // SPEC: Remote-Write 2.0, "Protocol", and 1.0, "Protocol".
        let (kind, number) = match version {
            Version::One => ("application/x-protobuf", "0.1.0"),
            Version::Two => ("application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(VERSION, HeaderValue::from_static(number));
        Message { method: Method::POST, uri: self.config.endpoint().uri().clone(), headers, body }
    }
}

/// A request in the block format of snappy, and how many series are in it; `None` where nothing is.
///
/// What does not compress because it is longer than 4 GiB is nothing either: batches end long before.
fn compressed(batch: &Batch, protocol: Protocol) -> Option<(Bytes, u64)> {
    let (message, series) = encode(batch, protocol.version, protocol.native())?;
    Some((snap::raw::Encoder::new().compress_vec(&message).ok()?.into(), series))
}

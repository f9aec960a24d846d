//! The encoder and what can go wrong with it.

use std::time::{SystemTime, UNIX_EPOCH};

use nilometer_core::collect::{CollectError, Collector};
use thiserror::Error;

use crate::request::{ExportRequest, Request};
use crate::resource::Resource;

/// The largest request unless a smaller one is asked for, in bytes.
///
/// SPEC: Protocol Buffers, "Encoding", "Message size": a message has less than 2 GiB.
const MAX_BODY: usize = i32::MAX as usize;

/// Turns what a collector shows into OTLP export requests.
///
/// It keeps nothing from one request to the next: what it sends is cumulative since the start, so a request that gets
/// lost costs resolution and no counts, and any number of encoders can read one registry.
///
/// # Concurrency
///
/// [`encode`](OtlpEncoder::encode) borrows the encoder shared and can run on several threads at a time. It reads no
/// clock: the caller gives both times.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use nilometer_core::MetricsRegistry;
/// use nilometer_otel::{OtlpEncoder, Resource};
///
/// let start = SystemTime::now();
/// let encoder = OtlpEncoder::new(Resource::new("checkout"), start);
/// let request = encoder.encode(&MetricsRegistry::new(), start + Duration::from_secs(10))?;
/// assert!(request.is_empty());
/// # Ok::<(), nilometer_otel::EncodeError>(())
/// ```
///
/// # Specification
///
/// OTLP 1.10.0; OpenTelemetry specification, "Metrics Data Model".
#[derive(Debug, Clone)]
pub struct OtlpEncoder {
    resource: Resource,
    start: SystemTime,
    max_body: usize,
}

impl OtlpEncoder {
    /// An encoder for the metrics of `resource`, whose totals count since `start`: the time at which the process began
    /// to record, which stays the same for its life.
    #[must_use]
    pub fn new(resource: Resource, start: SystemTime) -> OtlpEncoder {
        OtlpEncoder { resource, start, max_body: MAX_BODY }
    }

    /// Sets how many bytes a request may have: by default, and at most, 2 GiB less one.
    ///
    /// Receivers have limits of their own, and gRPC's default is 4 MiB.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> OtlpEncoder {
        self.max_body = bytes.min(MAX_BODY);
        self
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The time since which totals count.
    #[must_use]
    pub fn start(&self) -> SystemTime {
        self.start
    }

    /// Collects once and encodes all of it, as of `now`.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Time`] and [`EncodeError::BeforeStart`] when the times cannot be sent, before anything is
    /// collected; [`EncodeError::Collect`] when the collector failed, which a registry never does on account of one of
    /// its collectors; [`EncodeError::TooLarge`] when the request is past its limit. Nothing is lost: the next request
    /// has the totals.
    pub fn encode(
        &self,
        collector: &(impl Collector + ?Sized),
        now: SystemTime,
    ) -> Result<ExportRequest, EncodeError> {
        let (start_nanos, now_nanos) = (unix_nanos(self.start)?, unix_nanos(now)?);
        // SPEC: "Metrics Data Model", "Temporality": a point's time is not before its start.
        if now_nanos < start_nanos {
            return Err(EncodeError::BeforeStart { start: self.start, now });
        }
        let mut request = Request::new(start_nanos, now_nanos, self.max_body);
        let collected = collector.collect(&mut request);
        // A request that is full has stopped the collector itself, whatever the collector makes of that.
        if !request.is_full() {
            collected.map_err(EncodeError::Collect)?;
        }
        request.finish(&self.resource).ok_or(EncodeError::TooLarge { limit: self.max_body })
    }
}

/// SPEC: opentelemetry-proto 1.10.0, `Metric`: times are nanoseconds since 1970 in 64 bits, and 0 is no time.
fn unix_nanos(time: SystemTime) -> Result<u64, EncodeError> {
    let since = time.duration_since(UNIX_EPOCH).ok();
    let nanos = since.and_then(|since| u64::try_from(since.as_nanos()).ok()).filter(|&nanos| nanos > 0);
    nanos.ok_or(EncodeError::Time { time })
}

/// Says why there is no request.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The collector ended early.
    #[error("the collection ended early")]
    Collect(#[source] CollectError),
    /// The request would be larger than it may be.
    #[error("the request is larger than its limit of `{limit}` bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// OTLP cannot express the time: it is not after 1970-01-01T00:00:00Z, or it is past the year 2554.
    #[error("the time `{time:?}` is out of OTLP's range")]
    Time {
        /// The time.
        time: SystemTime,
    },
    /// The clock says that the collection was before the start: it was set back.
    #[error("the time of the collection, `{now:?}`, is before the start, `{start:?}`")]
    BeforeStart {
        /// The encoder's start.
        start: SystemTime,
        /// The time of the collection.
        now: SystemTime,
    },
}

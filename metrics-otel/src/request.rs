//! What is sent.

use prost::bytes::Bytes;

use crate::baseline::Receipt;

/// A body that can be sent, and what is in it.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use nilometer_core::GaugeFamily;
/// use nilometer_otel::{OtlpEncoder, Resource};
///
/// let depth = GaugeFamily::new("queue_depth", "Jobs that wait.");
/// depth.get_or_create(&[("queue", "mail")]).set(3.0);
///
/// let start = SystemTime::now();
/// let mut encoder = OtlpEncoder::new(Resource::new("worker"), start);
/// for request in encoder.encode(&depth, start + Duration::from_secs(10))? {
///     assert_eq!(request.points(), 1);
///     assert!(!request.body().is_empty());
///     // Sent, and answered with success:
///     request.acknowledge();
/// }
/// # Ok::<(), nilometer_otel::EncodeError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "the request is not sent by itself"]
pub struct ExportRequest {
    body: Bytes,
    points: u64,
    /// Where differences are sent.
    receipt: Option<Receipt>,
}

impl ExportRequest {
    pub(crate) fn new(body: Bytes, points: u64, receipt: Option<Receipt>) -> ExportRequest {
        ExportRequest { body, points, receipt }
    }

    /// The protobuf message `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`. A clone shares it.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// How many points the body has.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// Says that the request has arrived, so that the next differences are those to what is in it. Where everything is
    /// cumulative, that makes no difference.
    ///
    /// A request that is dropped instead counts as one that never arrived: what is in it is sent again with what was
    /// added meanwhile. Where it did arrive, and only the answer was lost, that counts twice: nobody can tell.
    ///
    /// # Concurrency
    ///
    /// Wait-free, from any thread, at any time. The encoder takes it in when it begins its next collection.
    pub fn acknowledge(self) {
        if let Some(receipt) = &self.receipt {
            receipt.acknowledge();
        }
    }
}

/// What a collection became.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use nilometer_core::CounterFamily;
/// use nilometer_otel::{OtlpEncoder, Resource};
///
/// let served = CounterFamily::new("served_total", "Requests served.");
/// for zone in ["eu", "us", "asia"] {
///     served.get_or_create(&[("zone", zone)]).inc();
/// }
/// let start = SystemTime::now();
/// let mut encoder = OtlpEncoder::new(Resource::new("worker"), start).with_max_points(2);
/// let encoded = encoder.encode_each(&served, start + Duration::from_secs(10), |request| {
///     // Send it.
///     request.acknowledge();
///     Ok(())
/// })?;
/// assert_eq!((encoded.requests(), encoded.points(), encoded.left_out()), (2, 3, 0));
/// # Ok::<(), nilometer_otel::EncodeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoded {
    pub(crate) requests: u64,
    pub(crate) points: u64,
    pub(crate) left_out: u64,
    pub(crate) too_large: u64,
}

impl Encoded {
    /// How many requests there were.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How many points they have, all together.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// How many points the collector showed that OTLP has no place for: those of gauge histograms, and those that no
    /// receiver could make sense of, which are of another kind than their family, before any family, of one without a
    /// name that is one, totals that are negative or NaN, or states of a set one of whose labels has the set's name.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// How many points were left out because each alone is larger than a request may be.
    #[must_use]
    pub fn too_large(&self) -> u64 {
        self.too_large
    }
}

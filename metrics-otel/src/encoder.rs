//! The encoder and what can go wrong with it.

use std::time::SystemTime;

use nilometer_core::collect::{CollectError, Collector, Stopped};
use thiserror::Error;

use crate::baseline::{Baselines, PATIENCE, Receipts};
use crate::body::{Envelope, Limits};
use crate::request::{Encoded, ExportRequest};
use crate::resource::Resource;
use crate::temporality::{HistogramAggregation, TemporalityPreference};
use crate::time::unix_nanos;
use crate::writing::{Options, Writing};

/// The largest request that can be asked for, in bytes.
///
/// SPEC: Protocol Buffers, "Encoding", "Message size": a message has less than 2 GiB.
const MAX_BODY: usize = i32::MAX as usize;

/// The largest request unless another is asked for, in bytes: what a receiver takes by gRPC's default.
const DEFAULT_BODY: usize = 4 << 20;

/// Turns what a collector shows into OTLP export requests, split by size.
///
/// Everything is cumulative unless [differences](OtlpEncoder::with_temporality) are asked for. A cumulative encoder
/// keeps nothing from one collection to the next: a request that gets lost costs resolution and no counts. The store is
/// never reset, so any number of encoders can read one registry, of either kind.
///
/// # Differences
///
/// An encoder of differences keeps what it has sent, by series: the baseline. It moves to what a request has when that
/// is [acknowledged](ExportRequest::acknowledge), so that whatever fails is in the next request with what was added
/// meanwhile: the differences add up to the total, as long as it is known of every request whether it arrived. All
/// requests of a collection are acknowledged or dropped before the next one begins.
///
/// A difference begins where the last that was acknowledged ended, exactly; the first begins when the series was
/// created, or, where that is not known, at the last collection that showed everything and not this series, or else at
/// the encoder's start. A counter or a bucket that has fallen, or a series with another created timestamp, begins anew.
/// Of floating-point sums a difference is rounded to the nearest. Exemplars are sent with the difference in whose time
/// they were made.
///
/// A series is known by the name of its family and its labels, by content; the labels are shared with the store. A
/// counter takes 83 to 167 bytes, depending on how full the table is; a histogram 40 more and 16 for each bucket; one
/// with exponential buckets 200 more and 16 to 32 for each. What complete collections no longer show is forgotten after
/// [three of them](OtlpEncoder::with_patience).
///
/// # Concurrency
///
/// Encoding needs the encoder exclusively; its requests can be acknowledged from any thread. It reads no clock: the
/// caller gives all times. No lock is held while the collector or the sink runs.
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
/// let mut encoder = OtlpEncoder::new(Resource::new("checkout"), start);
/// let requests = encoder.encode(&MetricsRegistry::new(), start + Duration::from_secs(10))?;
/// assert!(requests.is_empty());
/// # Ok::<(), nilometer_otel::EncodeError>(())
/// ```
///
/// # Specification
///
/// OTLP 1.10.0; OpenTelemetry specification, "Metrics Data Model" and "Metrics Exporter - OTLP".
#[derive(Debug)]
pub struct OtlpEncoder {
    resource: Resource,
    start: SystemTime,
    options: Options,
    baselines: Baselines,
    receipts: Receipts,
    /// How much room the largest request of the last collection took.
    capacity: usize,
}

impl OtlpEncoder {
    /// An encoder for the metrics of `resource`, whose totals count since `start` where a series does not say when it
    /// began: the time at which the process began to record, which stays the same for its life.
    #[must_use]
    pub fn new(resource: Resource, start: SystemTime) -> OtlpEncoder {
        let options = Options {
            envelope: Envelope::new(&resource),
            limits: Limits { bytes: DEFAULT_BODY, points: u64::MAX },
            temporality: TemporalityPreference::default(),
            aggregation: HistogramAggregation::default(),
        };
        let baselines = Baselines::new(PATIENCE);
        OtlpEncoder { resource, start, options, baselines, receipts: Receipts::default(), capacity: 0 }
    }

    /// Sets how many bytes a request may have, uncompressed: by default 4 MiB, gRPC's default for what a receiver
    /// takes; at most 2 GiB less one.
    #[must_use]
    pub fn with_max_body(mut self, bytes: usize) -> OtlpEncoder {
        self.options.limits.bytes = bytes.min(MAX_BODY);
        self
    }

    /// Sets how many points a request may have, from 1 on: by default, as many as it has room for.
    #[must_use]
    pub fn with_max_points(mut self, points: u64) -> OtlpEncoder {
        self.options.limits.points = points.max(1);
        self
    }

    /// Sets what is sent as differences: by default, nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    ///
    /// use nilometer_core::CounterFamily;
    /// use nilometer_otel::{OtlpEncoder, Resource, TemporalityPreference};
    ///
    /// let served = CounterFamily::new("served_total", "Requests served.");
    /// let start = SystemTime::now();
    /// let mut encoder = OtlpEncoder::new(Resource::new("worker"), start)
    ///     .with_temporality(TemporalityPreference::Delta);
    ///
    /// served.default().inc_by(2);
    /// // Nobody answers, and the requests are dropped.
    /// drop(encoder.encode(&served, start + Duration::from_secs(10))?);
    ///
    /// served.default().inc();
    /// for request in encoder.encode(&served, start + Duration::from_secs(20))? {
    ///     // It says that there were 3 in 20 seconds.
    ///     request.acknowledge();
    /// }
    /// # Ok::<(), nilometer_otel::EncodeError>(())
    /// ```
    #[must_use]
    pub fn with_temporality(mut self, preference: TemporalityPreference) -> OtlpEncoder {
        self.options.temporality = preference;
        self
    }

    /// Sets which buckets are sent of a histogram that has both kinds: by default, the explicit ones.
    #[must_use]
    pub fn with_histogram_aggregation(mut self, aggregation: HistogramAggregation) -> OtlpEncoder {
        self.options.aggregation = aggregation;
        self
    }

    /// Sets after how many complete collections in a row without it a series is forgotten that is sent as differences,
    /// from 1 on: 3 by default. One that comes back later is sent with all that it has.
    ///
    /// More than one, because what a collector cannot read for a while, or takes too long for, is missing too.
    #[must_use]
    pub fn with_patience(mut self, collections: u32) -> OtlpEncoder {
        self.baselines.set_patience(collections);
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

    /// Of how many series the encoder keeps what it has sent: none, unless differences are sent.
    #[must_use]
    pub fn kept_series(&self) -> usize {
        self.baselines.len()
    }

    /// Collects once and encodes all of it, as of `now`: the requests have all points together, and there is none where
    /// there is nothing to send. All of it is in memory at once; see [`encode_each`](OtlpEncoder::encode_each).
    ///
    /// # Errors
    ///
    /// As [`encode_each`](OtlpEncoder::encode_each); what was encoded before the collector failed is dropped.
    pub fn encode(
        &mut self,
        collector: &(impl Collector + ?Sized),
        now: SystemTime,
    ) -> Result<Vec<ExportRequest>, EncodeError> {
        let mut requests = Vec::new();
        self.encode_each(collector, now, |request| {
            requests.push(request);
            Ok(())
        })?;
        Ok(requests)
    }

    /// Collects once and encodes all of it, as of `now`, handing over each request as soon as it is full: at most one
    /// and one point are in memory, beside those that the sink keeps.
    ///
    /// The collection waits while the sink runs. It can send the request then and there, or hand it to who does. A
    /// family can go on in another request. A point that is larger than a request may be is left out and counted.
    ///
    /// Where the clock was set back to before what was acknowledged, a difference ends a nanosecond after it begins.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Time`] and [`EncodeError::BeforeStart`] when the times cannot be sent, and
    /// [`EncodeError::Unsettled`] when differences are sent and requests of the last collection are still there, before
    /// anything is collected. [`EncodeError::Stopped`] when the sink wants no more. [`EncodeError::Collect`] when the
    /// collector failed, which a registry never does on account of one of its collectors: what it showed before was
    /// handed over. Nothing is lost: the next requests have what these do not.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc::sync_channel;
    /// use std::thread;
    /// use std::time::{Duration, SystemTime};
    ///
    /// use nilometer_core::MetricsRegistry;
    /// use nilometer_core::collect::Stopped;
    /// use nilometer_otel::{ExportRequest, OtlpEncoder, Resource};
    ///
    /// let start = SystemTime::now();
    /// let registry = MetricsRegistry::new();
    /// registry.register_counter("requests_total", "Requests served.")?.default().inc();
    ///
    /// // Whoever sends takes one request at a time, while the next is written.
    /// let (sender, receiver) = sync_channel::<ExportRequest>(0);
    /// let sending = thread::spawn(move || receiver.into_iter().map(|request| request.points()).sum::<u64>());
    /// let mut encoder = OtlpEncoder::new(Resource::new("checkout"), start);
    /// encoder.encode_each(&registry, start + Duration::from_secs(10), |request| {
    ///     sender.send(request).map_err(|_| Stopped)
    /// })?;
    /// drop(sender);
    /// assert_eq!(sending.join().unwrap(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn encode_each(
        &mut self,
        collector: &(impl Collector + ?Sized),
        now: SystemTime,
        mut sink: impl FnMut(ExportRequest) -> Result<(), Stopped>,
    ) -> Result<Encoded, EncodeError> {
        let nanos = |time| unix_nanos(time).ok_or(EncodeError::Time { time });
        let (start_nanos, now_nanos) = (nanos(self.start)?, nanos(now)?);
        // SPEC: "Metrics Data Model", "Temporality": a point's time is not before its start.
        if now_nanos < start_nanos {
            return Err(EncodeError::BeforeStart { start: self.start, now });
        }
        if self.options.temporality.has_deltas() {
            let acknowledged = self.receipts.take().ok_or(EncodeError::Unsettled)?;
            self.baselines.begin(now_nanos, &acknowledged);
        }
        let parts = (&mut self.baselines, &mut self.receipts);
        let mut writing =
            Writing::new(&self.options, (start_nanos, now_nanos), self.capacity, parts, &mut sink);
        let collected = collector.collect(&mut writing);
        let (encoded, capacity) = writing.finish().map_err(|Stopped| EncodeError::Stopped)?;
        self.capacity = capacity;
        collected.map_err(EncodeError::Collect)?;
        self.baselines.complete();
        Ok(encoded)
    }
}

/// Says why there is no request, or not all of them.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The collector ended early.
    #[error("the collection ended early")]
    Collect(#[source] CollectError),
    /// The sink wants no more requests.
    #[error("the sink stopped the collection")]
    Stopped,
    /// Requests of the last collection are neither acknowledged nor dropped, so that it is not known what the next ones
    /// have to have.
    #[error("requests of the last collection are neither acknowledged nor dropped")]
    Unsettled,
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

//! What an exporter is told at its start.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::metrics::ExportMetrics;
use super::retry::Backoff;
use crate::receiver::{
    Compression, Endpoint, IgnoredVariable, OtelConfigError, Protocol, Receiver, Signal, above_zero,
};
use crate::{HistogramAggregation, OtlpEncoder, Resource, TemporalityPreference};

/// SPEC: OpenTelemetry specification, "Environment variables", "Periodic exporting MetricReader": a minute, and half of
/// one.
const INTERVAL: Duration = Duration::from_mins(1);
const EXPORT_TIMEOUT: Duration = Duration::from_secs(30);

/// How much waits to be sent, in bytes, unless something else is said: two requests of the largest size.
const QUEUE_LIMIT: usize = 8 << 20;

/// What [`OtlpExporter::start`](super::OtlpExporter::start) is told.
///
/// Built by hand it reads no environment variable; [`from_env`](Self::from_env) reads those of the specification.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_otel::export::OtlpExporterConfig;
/// use nilometer_otel::{Compression, Protocol, Resource, TemporalityPreference};
///
/// let config = OtlpExporterConfig::new(Resource::new("checkout"))
///     .with_endpoint("http://collector.example:4318")?
///     .with_protocol(Protocol::Http)
///     .with_header("authorization", "Bearer 4f1c")?
///     .with_compression(Compression::Gzip)
///     .with_interval(Duration::from_secs(10))?
///     .with_temporality(TemporalityPreference::Delta);
/// assert_eq!(config.endpoint(), "http://collector.example:4318/v1/metrics");
/// # Ok::<(), nilometer_otel::OtelConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent until `OtlpExporter::start` gets it"]
pub struct OtlpExporterConfig {
    pub(super) resource: Resource,
    pub(super) start: SystemTime,
    pub(super) receiver: Receiver,
    pub(super) interval: Duration,
    pub(super) export_timeout: Duration,
    pub(super) backoff: Backoff,
    pub(super) queue_limit: usize,
    pub(super) temporality: TemporalityPreference,
    pub(super) aggregation: HistogramAggregation,
    pub(super) max_body: Option<usize>,
    pub(super) max_points: Option<u64>,
    pub(super) name: String,
    pub(super) metrics: ExportMetrics,
    pub(super) own_metrics: bool,
    pub(super) disabled: bool,
    pub(super) ignored: Vec<IgnoredVariable>,
}

impl fmt::Debug for OtlpExporterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporterConfig")
            .field("resource", &self.resource)
            .field("endpoint", &self.receiver.shown_url())
            .field("protocol", &self.receiver.protocol)
            // Their values may be secrets.
            .field("headers", &self.receiver.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.receiver.timeout)
            .field("compression", &self.receiver.compression)
            .field("interval", &self.interval)
            .field("export_timeout", &self.export_timeout)
            .field("temporality", &self.temporality)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

impl OtlpExporterConfig {
    /// Sends the metrics of `resource` to a receiver on this machine, everything cumulative, once a minute. Totals whose
    /// series does not say when it began count since now.
    pub fn new(resource: Resource) -> OtlpExporterConfig {
        OtlpExporterConfig {
            resource,
            start: SystemTime::now(),
            receiver: Receiver::new(Signal::Metrics),
            interval: INTERVAL,
            export_timeout: EXPORT_TIMEOUT,
            backoff: Backoff::default(),
            queue_limit: QUEUE_LIMIT,
            temporality: TemporalityPreference::default(),
            aggregation: HistogramAggregation::default(),
            max_body: None,
            max_points: None,
            name: "otlp".to_owned(),
            metrics: ExportMetrics::new(),
            own_metrics: true,
            disabled: false,
            ignored: Vec::new(),
        }
    }

    /// Says whose metrics they are.
    pub fn with_resource(mut self, resource: Resource) -> OtlpExporterConfig {
        self.resource = resource;
        self
    }

    /// Says since when totals count whose series does not say when it began: since the process began to record.
    pub fn with_start(mut self, start: SystemTime) -> OtlpExporterConfig {
        self.start = start;
        self
    }

    /// Sends to this receiver: `http://collector:4318`. Over HTTP, to `/v1/metrics` below it.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidEndpoint`] unless it is an `http` or `https` URL with a host and without credentials.
    pub fn with_endpoint(mut self, endpoint: &str) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.receiver.endpoint = Some(Endpoint::try_new(endpoint, false)?);
        Ok(self)
    }

    /// Sends to this URL as it is, `/v1/metrics` not appended.
    ///
    /// # Errors
    ///
    /// As [`with_endpoint`](Self::with_endpoint).
    pub fn with_metrics_endpoint(mut self, endpoint: &str) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.receiver.endpoint = Some(Endpoint::try_new(endpoint, true)?);
        Ok(self)
    }

    /// Sends by this protocol.
    pub fn with_protocol(mut self, protocol: Protocol) -> OtlpExporterConfig {
        self.receiver.protocol = protocol;
        self
    }

    /// Sends a header along with each request, instead of one of the same name.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidHeader`] when HTTP has no such name or value, or the exporter writes it itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.receiver.set_header(name, value)?;
        Ok(self)
    }

    /// Compresses requests: by default they are sent as they are.
    pub fn with_compression(mut self, compression: Compression) -> OtlpExporterConfig {
        self.receiver.compression = Some(compression);
        self
    }

    /// Trusts receivers of `https` by the certificates in this PEM file, in place of the machine's roots. It is read at the
    /// start.
    pub fn with_roots(mut self, certificates: impl Into<PathBuf>) -> OtlpExporterConfig {
        self.receiver.tls.roots = Some(certificates.into());
        self
    }

    /// Shows a certificate to receivers of `https` that ask for one. Both are PEM files, which are read at the start; the
    /// own certificate comes first, then those that lead to its root.
    pub fn with_client_certificate(
        mut self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> OtlpExporterConfig {
        self.receiver.tls.pair = Some((certificates.into(), key.into()));
        self
    }

    /// Cancels an attempt to send a request after this long: 10 seconds by default.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when it is zero.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.receiver.set_timeout(timeout)?;
        Ok(self)
    }

    /// Collects this often: once a minute by default, the first time at the start. `Duration::MAX` leaves it at that, and
    /// at what [`flush`](super::OtlpExporter::flush) asks for.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when it is zero.
    pub fn with_interval(mut self, interval: Duration) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.interval = above_zero(interval)?;
        Ok(self)
    }

    /// Gives up what could not be delivered this long after its collection began: 30 seconds by default. Of what is
    /// cumulative, a longer time bridges a longer outage, as far as the [queue](Self::with_queue_limit) holds it; of
    /// differences, what is given up is in the next collection.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when it is zero.
    pub fn with_export_timeout(mut self, timeout: Duration) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.export_timeout = above_zero(timeout)?;
        Ok(self)
    }

    /// Waits this long before a request is made again, and each time twice as long, up to the longest: from half a second
    /// to 5 seconds by default. Up to half of a delay is left out at random; a flush cuts it short, to the first of them. A
    /// receiver that says for how long it wants to be left alone is left alone for that long at least. Where that is longer
    /// than a request is worth, the request is given up, and the next one comes after the longest delay.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when the first is zero.
    pub fn with_retry_delays(
        mut self,
        first: Duration,
        longest: Duration,
    ) -> Result<OtlpExporterConfig, OtelConfigError> {
        self.backoff = Backoff { first: above_zero(first)?, longest: longest.max(first) };
        Ok(self)
    }

    /// Keeps at most this many bytes of requests, with the one that is being sent: 8 MiB by default. One more has room in any
    /// case. Where the receiver is in trouble, older collections make room for newer ones.
    pub fn with_queue_limit(mut self, bytes: usize) -> OtlpExporterConfig {
        self.queue_limit = bytes;
        self
    }

    /// Sets what is sent as differences: by default, nothing. See [`OtlpEncoder`] for what that means.
    pub fn with_temporality(mut self, preference: TemporalityPreference) -> OtlpExporterConfig {
        self.temporality = preference;
        self
    }

    /// Sets which buckets are sent of a histogram that has both kinds: by default, the explicit ones.
    pub fn with_histogram_aggregation(mut self, aggregation: HistogramAggregation) -> OtlpExporterConfig {
        self.aggregation = aggregation;
        self
    }

    /// Sets how many bytes a request may have, uncompressed: by default 4 MiB, gRPC's default for what a receiver takes.
    pub fn with_max_body(mut self, bytes: usize) -> OtlpExporterConfig {
        self.max_body = Some(bytes);
        self
    }

    /// Sets how many points a request may have, from 1 on: by default, as many as it has room for.
    pub fn with_max_points(mut self, points: u64) -> OtlpExporterConfig {
        self.max_points = Some(points);
        self
    }

    /// Counts in these metrics, which other exporters may share.
    pub fn with_metrics(mut self, metrics: ExportMetrics) -> OtlpExporterConfig {
        self.metrics = metrics;
        self
    }

    /// Sets the name under which the exporter counts and logs: `otlp` by default.
    pub fn with_name(mut self, name: impl Into<String>) -> OtlpExporterConfig {
        self.name = name.into();
        self
    }

    /// Sets whether the exporter sends its own [`ExportMetrics`] along: by default it does, unless the collector shows
    /// families of those names.
    pub fn with_own_metrics(mut self, own: bool) -> OtlpExporterConfig {
        self.own_metrics = own;
        self
    }

    /// Collects and sends nothing: flushes succeed with nothing to do.
    pub fn with_disabled(mut self, disabled: bool) -> OtlpExporterConfig {
        self.disabled = disabled;
        self
    }

    /// Whose metrics they are.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The URL that metrics are sent to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.receiver.url()
    }

    /// How they are sent.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.receiver.protocol
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.receiver.header(name)
    }

    /// How long an attempt may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.receiver.timeout
    }

    /// How requests are compressed.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.receiver.compression
    }

    /// How often is collected.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How long an export may take.
    #[must_use]
    pub fn export_timeout(&self) -> Duration {
        self.export_timeout
    }

    /// What is sent as differences.
    #[must_use]
    pub fn temporality(&self) -> TemporalityPreference {
        self.temporality
    }

    /// Which buckets are sent of a histogram that has both kinds.
    #[must_use]
    pub fn histogram_aggregation(&self) -> HistogramAggregation {
        self.aggregation
    }

    /// Whether nothing is sent.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// The environment variables that [`from_env`](Self::from_env) could not read, and why.
    #[must_use]
    pub fn ignored_variables(&self) -> &[IgnoredVariable] {
        &self.ignored
    }

    pub(super) fn encoder(&self) -> OtlpEncoder {
        let mut encoder = OtlpEncoder::new(self.resource.clone(), self.start)
            .with_temporality(self.temporality)
            .with_histogram_aggregation(self.aggregation);
        if let Some(bytes) = self.max_body {
            encoder = encoder.with_max_body(bytes);
        }
        if let Some(points) = self.max_points {
            encoder = encoder.with_max_points(points);
        }
        encoder
    }
}

//! What tracing is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use opentelemetry::KeyValue;

use super::{Compression, IgnoredVariable, OtelConfigError, Protocol, Sampling};
use crate::receiver::{Endpoint, Receiver, Signal, above_zero};

/// SPEC: OpenTelemetry semantic conventions, "Service".
const SERVICE_NAME: &str = "service.name";
const SERVICE_VERSION: &str = "service.version";
const UNKNOWN_SERVICE: &str = "unknown_service";

/// What [`OtelProvider::init`](super::OtelProvider::init) is told.
///
/// Built by hand it reads no environment variable of those that [`from_env`](Self::from_env) lists, with one exception:
/// without a compression, the exporter takes that of `OTEL_EXPORTER_OTLP_TRACES_COMPRESSION` or
/// `OTEL_EXPORTER_OTLP_COMPRESSION`. Sizes and delays of batches that are not set, and the limits on what a span holds,
/// are those of the OpenTelemetry SDK's own variables, `OTEL_BSP_*` and `OTEL_SPAN_*`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_otel::OtelConfig;
/// use nilometer_otel::trace::{Protocol, Sampling};
///
/// let config = OtelConfig::new("checkout")
///     .with_service_version("1.4.2")
///     .with_attribute("deployment.environment.name", "staging")?
///     .with_endpoint("http://collector.example:4317")?
///     .with_protocol(Protocol::Grpc)
///     .with_header("authorization", "Bearer 4f1c")?
///     .with_timeout(Duration::from_secs(5))?
///     .with_sampling(Sampling::try_ratio(0.1)?.parent_based());
/// assert_eq!(config.service_name(), "checkout");
/// assert_eq!(config.endpoint(), "http://collector.example:4317/");
/// # Ok::<(), nilometer_otel::trace::OtelConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is traced until `OtelProvider::init` gets it"]
pub struct OtelConfig {
    pub(super) attributes: Vec<(String, String)>,
    pub(super) receiver: Receiver,
    pub(super) sampling: Sampling,
    pub(super) queue_size: Option<usize>,
    pub(super) batch_size: Option<usize>,
    pub(super) delay: Option<Duration>,
    pub(super) disabled: bool,
    pub(super) ignored: Vec<IgnoredVariable>,
}

impl std::fmt::Debug for OtelConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OtelConfig")
            .field("attributes", &self.attributes)
            .field("endpoint", &self.receiver.shown_url())
            .field("protocol", &self.receiver.protocol)
            // Their values may be secrets.
            .field("headers", &self.receiver.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.receiver.timeout)
            .field("compression", &self.receiver.compression)
            .field("sampling", &self.sampling)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

impl Default for OtelConfig {
    /// The service without a name: `unknown_service`.
    fn default() -> Self {
        OtelConfig::new("")
    }
}

impl OtelConfig {
    /// The service of this name, `unknown_service` without one. It sends to a receiver on this machine, waits 10
    /// seconds for it, and records every span that no parent excludes.
    pub fn new(service_name: impl Into<String>) -> OtelConfig {
        let config = OtelConfig {
            attributes: Vec::new(),
            receiver: Receiver::new(Signal::Traces),
            sampling: Sampling::default(),
            queue_size: None,
            batch_size: None,
            delay: None,
            disabled: false,
            ignored: Vec::new(),
        };
        config.with_service_name(service_name)
    }

    /// Says whose spans they are; without a name, those of `unknown_service`.
    pub fn with_service_name(mut self, name: impl Into<String>) -> OtelConfig {
        let mut name = name.into();
        if name.is_empty() {
            UNKNOWN_SERVICE.clone_into(&mut name);
        }
        self.set_attribute(SERVICE_NAME.to_owned(), name);
        self
    }

    /// Says which version of the service it is; an empty one says nothing.
    pub fn with_service_version(mut self, version: impl Into<String>) -> OtelConfig {
        let version = version.into();
        if !version.is_empty() {
            self.set_attribute(SERVICE_VERSION.to_owned(), version);
        }
        self
    }

    /// Adds an attribute of the resource, or gives one that is there a new value.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::EmptyKey`] when the key is empty.
    pub fn with_attribute(
        mut self,
        key: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<OtelConfig, OtelConfigError> {
        let (key, value) = (key.into(), value.into());
        if key.is_empty() {
            return Err(OtelConfigError::EmptyKey { value });
        }
        self.set_attribute(key, value);
        Ok(self)
    }

    pub(super) fn set_attribute(&mut self, key: String, value: String) {
        match self.attributes.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) => *known = value,
            None => self.attributes.push((key, value)),
        }
    }

    /// Sends to this receiver: `http://collector:4318`. Over HTTP, to `/v1/traces` below it.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidEndpoint`] unless it is an `http` or `https` URL with a host and without credentials.
    pub fn with_endpoint(mut self, endpoint: &str) -> Result<OtelConfig, OtelConfigError> {
        self.receiver.endpoint = Some(Endpoint::try_new(endpoint, false)?);
        Ok(self)
    }

    /// Sends to this URL as it is, `/v1/traces` not appended.
    ///
    /// # Errors
    ///
    /// As [`with_endpoint`](Self::with_endpoint).
    pub fn with_traces_endpoint(mut self, endpoint: &str) -> Result<OtelConfig, OtelConfigError> {
        self.receiver.endpoint = Some(Endpoint::try_new(endpoint, true)?);
        Ok(self)
    }

    /// Sends by this protocol.
    pub fn with_protocol(mut self, protocol: Protocol) -> OtelConfig {
        self.receiver.protocol = protocol;
        self
    }

    /// Trusts receivers of `https` by the certificates in this PEM file, in place of the machine's roots. It is read at the
    /// start.
    pub fn with_roots(mut self, certificates: impl Into<PathBuf>) -> OtelConfig {
        self.receiver.tls.roots = Some(certificates.into());
        self
    }

    /// Shows a certificate to receivers of `https` that ask for one. Both are PEM files, which are read at the start; the
    /// own certificate comes first, then those that lead to its root.
    pub fn with_client_certificate(
        mut self,
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> OtelConfig {
        self.receiver.tls.pair = Some((certificates.into(), key.into()));
        self
    }

    /// Sends a header along with each request, instead of one of the same name.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidHeader`] when HTTP has no such name or value, or the exporter writes it itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<OtelConfig, OtelConfigError> {
        self.receiver.set_header(name, value)?;
        Ok(self)
    }

    /// Waits for the receiver no longer than this, retries included.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when it is zero.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<OtelConfig, OtelConfigError> {
        self.receiver.set_timeout(timeout)?;
        Ok(self)
    }

    /// Compresses requests.
    pub fn with_compression(mut self, compression: Compression) -> OtelConfig {
        self.receiver.compression = Some(compression);
        self
    }

    /// Records the spans that this says.
    pub fn with_sampling(mut self, sampling: Sampling) -> OtelConfig {
        self.sampling = sampling;
        self
    }

    /// Keeps at most this many ended spans that are not sent yet, 2048 if nobody says; further ones are dropped.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::ZeroSize`] when it is zero.
    pub fn with_queue_size(mut self, spans: usize) -> Result<OtelConfig, OtelConfigError> {
        self.queue_size = Some(not_zero("queue", spans)?);
        Ok(self)
    }

    /// Sends at most this many spans at once, 512 if nobody says, and never more than the queue holds.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::ZeroSize`] when it is zero.
    pub fn with_batch_size(mut self, spans: usize) -> Result<OtelConfig, OtelConfigError> {
        self.batch_size = Some(not_zero("batch", spans)?);
        Ok(self)
    }

    /// Sends what there is after this long, 5 seconds if nobody says.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when it is zero.
    pub fn with_delay(mut self, delay: Duration) -> Result<OtelConfig, OtelConfigError> {
        self.delay = Some(above_zero(delay)?);
        Ok(self)
    }

    /// Sends nothing, and begins no trace. Context that comes from elsewhere still goes through: the services behind this one
    /// see the trace, sampled or not, and a span of this one in it that nobody has stored.
    pub fn with_disabled(mut self, disabled: bool) -> OtelConfig {
        self.disabled = disabled;
        self
    }

    /// Whose spans they are.
    #[must_use]
    pub fn service_name(&self) -> &str {
        self.attribute(SERVICE_NAME).unwrap_or(UNKNOWN_SERVICE)
    }

    /// The value of an attribute of the resource.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    /// The URL that spans are sent to.
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

    /// How long the receiver is waited for.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.receiver.timeout
    }

    /// How requests are compressed.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.receiver.compression
    }

    /// Which spans are recorded.
    #[must_use]
    pub fn sampling(&self) -> &Sampling {
        &self.sampling
    }

    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    /// The environment variables that [`from_env`](Self::from_env) could not read, and why.
    #[must_use]
    pub fn ignored_variables(&self) -> &[IgnoredVariable] {
        &self.ignored
    }

    pub(super) fn resource_attributes(&self) -> impl Iterator<Item = KeyValue> {
        self.attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
    }
}

fn not_zero(what: &'static str, size: usize) -> Result<usize, OtelConfigError> {
    if size == 0 { Err(OtelConfigError::ZeroSize { what }) } else { Ok(size) }
}

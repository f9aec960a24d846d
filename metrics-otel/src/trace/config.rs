//! What tracing is told at its start.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::KeyValue;

use super::endpoint::{Compression, Endpoint, Protocol};
use super::environment::IgnoredVariable;
use super::{OtelConfigError, Sampling};

/// SPEC: OpenTelemetry semantic conventions, "Service".
const SERVICE_NAME: &str = "service.name";
const SERVICE_VERSION: &str = "service.version";
const UNKNOWN_SERVICE: &str = "unknown_service";

/// SPEC: OpenTelemetry specification, "OTLP exporter configuration": 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Headers that the exporter writes itself.
const RESERVED: [&str; 6] =
    ["content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding"];

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
    pub(super) endpoint: Option<Endpoint>,
    pub(super) protocol: Protocol,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
    pub(super) compression: Option<Compression>,
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
            .field("endpoint", &self.endpoint())
            .field("protocol", &self.protocol)
            // Their values may be secrets.
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
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
            endpoint: None,
            protocol: Protocol::default(),
            headers: HeaderMap::new(),
            timeout: TIMEOUT,
            compression: None,
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
        self.endpoint = Some(Endpoint::try_new(endpoint, false)?);
        Ok(self)
    }

    /// Sends to this URL as it is, `/v1/traces` not appended.
    ///
    /// # Errors
    ///
    /// As [`with_endpoint`](Self::with_endpoint).
    pub fn with_traces_endpoint(mut self, endpoint: &str) -> Result<OtelConfig, OtelConfigError> {
        self.endpoint = Some(Endpoint::try_new(endpoint, true)?);
        Ok(self)
    }

    /// Sends by this protocol.
    pub fn with_protocol(mut self, protocol: Protocol) -> OtelConfig {
        self.protocol = protocol;
        self
    }

    /// Sends a header along with each request, instead of one of the same name.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidHeader`] when HTTP has no such name or value, or the exporter writes it itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<OtelConfig, OtelConfigError> {
        let (name, value) = header(name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Waits for the receiver no longer than this, retries included.
    ///
    /// # Errors
    ///
    /// [`OtelConfigError::InvalidTime`] when it is zero.
    pub fn with_timeout(mut self, timeout: Duration) -> Result<OtelConfig, OtelConfigError> {
        self.timeout = above_zero(timeout)?;
        Ok(self)
    }

    /// Compresses requests.
    pub fn with_compression(mut self, compression: Compression) -> OtelConfig {
        self.compression = Some(compression);
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

    /// Records and sends nothing. Context still goes through.
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
        Endpoint::url(self.endpoint.as_ref(), self.protocol)
    }

    /// How they are sent.
    #[must_use]
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// How long the receiver is waited for.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How requests are compressed.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        self.compression
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

pub(super) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), OtelConfigError> {
    let refuse = |reason| OtelConfigError::InvalidHeader { name: name.to_owned(), reason };
    let parsed =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("has a name that HTTP has not"))?;
    // gRPC has binary values under such names, which no text is.
    if RESERVED.contains(&parsed.as_str()) || parsed.as_str().ends_with("-bin") {
        return Err(refuse("is the exporter's"));
    }
    let mut value = HeaderValue::from_str(value).map_err(|_| refuse("has a value that HTTP has not"))?;
    // gRPC takes visible characters alone.
    if value.to_str().is_err() {
        return Err(refuse("has a value that is not ASCII"));
    }
    value.set_sensitive(true);
    Ok((parsed, value))
}

pub(super) fn above_zero(time: Duration) -> Result<Duration, OtelConfigError> {
    if time.is_zero() {
        return Err(OtelConfigError::InvalidTime { time: format!("{time:?}") });
    }
    Ok(time)
}

fn not_zero(what: &'static str, size: usize) -> Result<usize, OtelConfigError> {
    if size == 0 { Err(OtelConfigError::ZeroSize { what }) } else { Ok(size) }
}

//! Where requests go and how, which traces and metrics have in common.
//!
//! - here: [`Receiver`]. `endpoint`, `protocol`, `compression`, `header`, `signal`: its parts.
//! - `environment`: what the variables say of it. `error`: what is wrong with any of that.
//! - `tls`: the files that connections of `https` need.

mod compression;
mod endpoint;
mod environment;
mod error;
mod header;
mod protocol;
mod signal;
mod tls;

use std::time::Duration;

use http::HeaderMap;

pub use compression::Compression;
pub(crate) use endpoint::Endpoint;
pub use environment::IgnoredVariable;
pub(crate) use environment::Variables;
#[cfg(feature = "_metrics-export")]
pub(crate) use environment::milliseconds;
pub use error::{OtelConfigError, OtelInitError};
pub use protocol::Protocol;
pub(crate) use signal::Signal;
pub(crate) use tls::TlsFiles;

/// SPEC: OpenTelemetry specification, "OTLP exporter configuration": 10 seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Who takes requests, and how they are sent there.
#[derive(Clone, Debug)]
pub(crate) struct Receiver {
    signal: Signal,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) protocol: Protocol,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
    pub(crate) compression: Option<Compression>,
    pub(crate) tls: TlsFiles,
}

impl Receiver {
    /// The one on this machine.
    pub(crate) fn new(signal: Signal) -> Receiver {
        Receiver {
            signal,
            endpoint: None,
            protocol: signal.default_protocol(),
            headers: HeaderMap::new(),
            timeout: TIMEOUT,
            compression: None,
            tls: TlsFiles::default(),
        }
    }

    /// Sends a header along, instead of one of the same name.
    pub(crate) fn set_header(&mut self, name: &str, value: &str) -> Result<(), OtelConfigError> {
        let (name, value) = header::parse(name, value)?;
        self.headers.insert(name, value);
        Ok(())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn set_timeout(&mut self, timeout: Duration) -> Result<(), OtelConfigError> {
        self.timeout = above_zero(timeout)?;
        Ok(())
    }

    /// The URL that requests go to.
    pub(crate) fn url(&self) -> String {
        Endpoint::url(self.endpoint.as_ref(), self.protocol, self.signal)
    }

    /// The same, for everybody to see: what stands behind a `?` may be a key.
    pub(crate) fn shown_url(&self) -> String {
        endpoint::split(&self.url()).0
    }

    pub(crate) fn is_https(&self) -> bool {
        self.endpoint.as_ref().is_some_and(Endpoint::is_https)
    }

    /// Makes connections of HTTP/1.1, with TLS where that is asked for.
    #[cfg(all(feature = "tls", any(feature = "trace-http", feature = "metrics-http")))]
    pub(crate) fn connector(&self) -> Result<tls::Connector, OtelInitError> {
        self.tls.connector(self.is_https(), self.timeout)
    }

    /// The protocol's feature is off.
    pub(crate) fn unbuilt(&self) -> OtelInitError {
        let (protocol, feature) = (self.protocol, self.signal.feature(self.protocol));
        OtelInitError::ProtocolNotBuilt { protocol, feature }
    }

    /// Whether all that is needed is built.
    pub(crate) fn check(&self) -> Result<(), OtelInitError> {
        if !self.signal.is_built(self.protocol) {
            return Err(self.unbuilt());
        }
        if self.is_https() && !cfg!(feature = "tls") {
            return Err(OtelInitError::TlsNotBuilt { endpoint: self.shown_url() });
        }
        match self.compression {
            Some(compression @ Compression::Zstd) if !cfg!(feature = "zstd") => {
                Err(OtelInitError::CompressionNotBuilt { compression })
            }
            _ => Ok(()),
        }
    }
}

pub(crate) fn above_zero(time: Duration) -> Result<Duration, OtelConfigError> {
    if time.is_zero() {
        return Err(OtelConfigError::InvalidTime { time: format!("{time:?}") });
    }
    Ok(time)
}

//! Where spans are sent, and how.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::OtelConfigError;

/// How spans are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// OTLP over gRPC, with the feature `trace-grpc`.
    Grpc,
    /// OTLP over HTTP, as protobuf, with the feature `trace-http`.
    Http,
}

impl Protocol {
    /// The feature that it needs.
    pub(super) fn feature(self) -> &'static str {
        match self {
            Protocol::Grpc => "trace-grpc",
            Protocol::Http => "trace-http",
        }
    }

    /// Where it sends when nobody says.
    ///
    /// SPEC: OpenTelemetry specification, "OTLP exporter configuration": ports 4317 and 4318.
    fn default_base(self) -> Uri {
        Uri::from_static(match self {
            Protocol::Grpc => "http://localhost:4317/",
            Protocol::Http => "http://localhost:4318/",
        })
    }
}

impl Default for Protocol {
    /// HTTP, as the specification has it; gRPC where that alone is built.
    fn default() -> Self {
        if cfg!(feature = "trace-grpc") && !cfg!(feature = "trace-http") {
            Protocol::Grpc
        } else {
            Protocol::Http
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Grpc => "grpc",
            Protocol::Http => "http/protobuf",
        })
    }
}

impl FromStr for Protocol {
    type Err = OtelConfigError;

    fn from_str(name: &str) -> Result<Protocol, OtelConfigError> {
        match name {
            "grpc" => Ok(Protocol::Grpc),
            "http/protobuf" => Ok(Protocol::Http),
            _ => Err(OtelConfigError::UnknownProtocol { name: name.to_owned() }),
        }
    }
}

/// How requests are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

impl Compression {
    /// Reads a name; `none` is none.
    pub(super) fn from_name(name: &str) -> Result<Option<Compression>, OtelConfigError> {
        match name {
            "none" => Ok(None),
            "gzip" => Ok(Some(Compression::Gzip)),
            "zstd" => Ok(Some(Compression::Zstd)),
            _ => Err(OtelConfigError::UnknownCompression { name: name.to_owned() }),
        }
    }
}

/// A checked URL, and whether it names the receiver or the very resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    uri: Uri,
    /// Whether HTTP posts to it as it is, and not to `/v1/traces` below it.
    exact: bool,
}

impl Endpoint {
    pub(super) fn try_new(text: &str, exact: bool) -> Result<Endpoint, OtelConfigError> {
        let refuse = |reason| {
            // What stands before the `@` may be a password.
            let endpoint = text.rsplit('@').next().unwrap_or_default().to_owned();
            OtelConfigError::InvalidEndpoint { endpoint, reason }
        };
        let uri: Uri = text.parse().map_err(|_| refuse("is not a URL"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(refuse("does not begin with `http://` or `https://`"));
        }
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        if authority.contains('@') {
            return Err(refuse("holds credentials, which belong into a header"));
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(refuse("names no host"));
        }
        let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']'));
        if port.is_some_and(|port| port.parse::<u16>().is_err()) {
            return Err(refuse("has a port that is none"));
        }
        Ok(Endpoint { uri, exact })
    }

    /// The URL that requests of this protocol go to.
    pub(super) fn url(endpoint: Option<&Endpoint>, protocol: Protocol) -> String {
        let default = || Endpoint { uri: protocol.default_base(), exact: false };
        let endpoint = endpoint.cloned().unwrap_or_else(default);
        // SPEC: OpenTelemetry specification, "OTLP exporter configuration", "Endpoint URLs for OTLP/HTTP": the
        // signal's own is used as it is, `v1/traces` is appended to the one for all signals. gRPC has no paths.
        if endpoint.exact || protocol == Protocol::Grpc {
            return endpoint.uri.to_string();
        }
        let base = endpoint.uri.to_string();
        format!("{}/v1/traces", base.trim_end_matches('/'))
    }

    pub(super) fn is_https(endpoint: Option<&Endpoint>) -> bool {
        endpoint.is_some_and(|endpoint| endpoint.uri.scheme_str() == Some("https"))
    }
}

//! The protocols.

use std::fmt;
use std::str::FromStr;

use http::Uri;

use super::OtelConfigError;

/// How requests are sent.
///
/// Where nothing else is said it is HTTP, as the specification has it; gRPC where that alone is built for what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// OTLP over gRPC, with the feature `trace-grpc` or `metrics-grpc`.
    Grpc,
    /// OTLP over HTTP, as protobuf, with the feature `trace-http` or `metrics-http`.
    Http,
}

impl Protocol {
    /// Where it sends when nobody says.
    ///
    /// SPEC: OpenTelemetry specification, "OTLP exporter configuration": ports 4317 and 4318.
    pub(super) fn default_base(self) -> Uri {
        Uri::from_static(match self {
            Protocol::Grpc => "http://localhost:4317/",
            Protocol::Http => "http://localhost:4318/",
        })
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

    /// SPEC: OpenTelemetry specification, "Environment variables", "Enum": in upper or lower case.
    fn from_str(name: &str) -> Result<Protocol, OtelConfigError> {
        match name.to_ascii_lowercase().as_str() {
            "grpc" => Ok(Protocol::Grpc),
            "http/protobuf" => Ok(Protocol::Http),
            _ => Err(OtelConfigError::UnknownProtocol { name: name.to_owned() }),
        }
    }
}

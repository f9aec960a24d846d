//! What is sent.

use super::Protocol;

/// What is sent: traces or metrics, which have paths, variables and features of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    #[cfg_attr(not(feature = "trace"), allow(dead_code, reason = "there are no traces"))]
    Traces,
    #[cfg_attr(not(feature = "_metrics-export"), allow(dead_code, reason = "no metrics are sent"))]
    Metrics,
}

impl Signal {
    /// SPEC: OpenTelemetry specification, "OTLP exporter configuration", "Endpoint URLs for OTLP/HTTP".
    pub(super) fn path(self) -> &'static str {
        match self {
            Signal::Traces => "v1/traces",
            Signal::Metrics => "v1/metrics",
        }
    }

    /// The feature that a protocol needs.
    pub(super) fn feature(self, protocol: Protocol) -> &'static str {
        match (self, protocol) {
            (Signal::Traces, Protocol::Grpc) => "trace-grpc",
            (Signal::Traces, Protocol::Http) => "trace-http",
            (Signal::Metrics, Protocol::Grpc) => "metrics-grpc",
            (Signal::Metrics, Protocol::Http) => "metrics-http",
        }
    }

    pub(super) fn is_built(self, protocol: Protocol) -> bool {
        match (self, protocol) {
            (Signal::Traces, Protocol::Grpc) => cfg!(feature = "trace-grpc"),
            (Signal::Traces, Protocol::Http) => cfg!(feature = "trace-http"),
            (Signal::Metrics, Protocol::Grpc) => cfg!(feature = "metrics-grpc"),
            (Signal::Metrics, Protocol::Http) => cfg!(feature = "metrics-http"),
        }
    }

    /// HTTP, as the specification has it; gRPC where that alone is built.
    pub(super) fn default_protocol(self) -> Protocol {
        if self.is_built(Protocol::Grpc) && !self.is_built(Protocol::Http) {
            Protocol::Grpc
        } else {
            Protocol::Http
        }
    }
}

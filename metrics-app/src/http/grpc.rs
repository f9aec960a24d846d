//! What gRPC says of how a call ended: the status in the trailers, or in the head where there is nothing else.

use http::HeaderMap;

/// Where the status stands.
///
/// SPEC: gRPC, "gRPC over HTTP2", "Responses": `Trailers-Only` has it in the head, everything else in the trailers.
const GRPC_STATUS: &str = "grpc-status";

/// A call's status, by its number.
///
/// SPEC: gRPC, "Status codes and their use in gRPC".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GrpcStatus(u8);

/// The names of the codes, in the order of their numbers, as `rpc.response.status_code` has them.
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const OK: u8 = 0;
const UNKNOWN: u8 = 2;

impl GrpcStatus {
    /// The status that a head or trailers have; a number that nobody has defined is `UNKNOWN`.
    pub(super) fn of(headers: &HeaderMap) -> Option<GrpcStatus> {
        let text = headers.get(GRPC_STATUS)?.to_str().ok();
        let number = text.and_then(|text| text.parse().ok());
        Some(GrpcStatus(number.filter(|&number| usize::from(number) < NAMES.len()).unwrap_or(UNKNOWN)))
    }

    pub(super) fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// Whether it is one that a server is to blame for.
    ///
    /// SPEC: OpenTelemetry semantic conventions, "gRPC", server span: the codes that count as errors there.
    pub(super) fn is_error_of_server(self) -> bool {
        ["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"]
            .contains(&self.name())
    }

    /// Whether it is one that a client counts as an error: any but `OK`.
    pub(super) fn is_error_of_client(self) -> bool {
        self.0 != OK
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_code_has_its_name_and_what_is_none_is_unknown() {
        let name = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(GRPC_STATUS, HeaderValue::from_str(value).unwrap());
            GrpcStatus::of(&headers).map(GrpcStatus::name)
        };
        for (number, expected) in NAMES.iter().enumerate() {
            assert_eq!(name(&number.to_string()), Some(*expected));
        }
        for wrong in ["17", "256", "-1", "", "ok"] {
            assert_eq!(name(wrong), Some("UNKNOWN"), "{wrong}");
        }
        assert_eq!(GrpcStatus::of(&HeaderMap::new()), None);
    }
}

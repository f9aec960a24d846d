//! Headers that go along with requests.

use http::{HeaderName, HeaderValue};

use super::OtelConfigError;

/// Headers that the exporter writes itself.
const RESERVED: [&str; 7] =
    ["connection", "content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding"];

/// Reads a header of the user's.
pub(super) fn parse(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), OtelConfigError> {
    let refuse = |reason| OtelConfigError::InvalidHeader { name: beginning(name).to_owned(), reason };
    let parsed =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| refuse("has a name that HTTP has not"))?;
    let own = parsed.as_str();
    // gRPC has binary values under such names, which no text is, and a protocol's worth of others.
    if RESERVED.contains(&own) || own.starts_with("grpc-") || own.ends_with("-bin") {
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

/// As much of a name as is one. What comes after it may be a secret: of `Authorization: Basic 4f1c==` in place of
/// `Authorization=Basic 4f1c`, all but the last sign is taken for the name.
fn beginning(name: &str) -> &str {
    let end = name.find(|sign: char| !sign.is_ascii_alphanumeric() && !"-_.".contains(sign));
    &name[..end.unwrap_or(name.len())]
}

//! Where requests are sent.

use http::Uri;

use super::{OtelConfigError, Protocol, Signal};

/// A checked URL, and whether it names the receiver or the very resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    uri: Uri,
    /// Whether HTTP posts to it as it is, and not to the signal's path below it.
    exact: bool,
}

impl Endpoint {
    pub(crate) fn try_new(text: &str, exact: bool) -> Result<Endpoint, OtelConfigError> {
        let refuse = |reason| {
            // What stands before the `@` may be a password, and what stands behind the `?` a key.
            let endpoint = text.rsplit('@').next().unwrap_or_default();
            let endpoint = endpoint.split('?').next().unwrap_or_default().to_owned();
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

    /// The same of a target for gRPC, which may lack the scheme.
    ///
    /// SPEC: OpenTelemetry specification, "OTLP exporter configuration", "Insecure": of a target without a scheme, it
    /// says whether that is `http`; otherwise it is `https`.
    pub(super) fn try_from_target(
        text: &str,
        exact: bool,
        insecure: bool,
    ) -> Result<Endpoint, OtelConfigError> {
        if text.contains("://") {
            return Endpoint::try_new(text, exact);
        }
        let scheme = if insecure { "http" } else { "https" };
        Endpoint::try_new(&format!("{scheme}://{text}"), exact)
    }

    /// The URL that requests of this protocol go to.
    pub(crate) fn url(endpoint: Option<&Endpoint>, protocol: Protocol, signal: Signal) -> String {
        let default = || Endpoint { uri: protocol.default_base(), exact: false };
        let endpoint = endpoint.cloned().unwrap_or_else(default);
        // SPEC: OpenTelemetry specification, "OTLP exporter configuration", "Endpoint URLs for OTLP/HTTP": the
        // signal's own is used as it is, its path is appended to the one for all signals. gRPC has no paths.
        if endpoint.exact || protocol == Protocol::Grpc {
            return endpoint.uri.to_string();
        }
        let (base, query) = split(&endpoint.uri.to_string());
        format!("{}/{}{query}", base.trim_end_matches('/'), signal.path())
    }

    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }
}

/// A URL up to its query, and that with its `?`.
pub(super) fn split(url: &str) -> (String, String) {
    let (base, query) = url.split_at(url.find('?').unwrap_or(url.len()));
    (base.to_owned(), query.to_owned())
}

//! The labels, whose values are closed sets but for the route's, and the server's of a client.

use nilometer_macros::{LabelValue, TypedLabels};

/// A request's method: one of those that HTTP defines, or [`Other`](Method::Other) for whatever else a client sends.
///
/// # Examples
///
/// ```
/// use nilometer::http::Method;
/// use nilometer::label::ClosedLabelValue as _;
///
/// assert_eq!(Method::VALUES[Method::Get.index()], "GET");
/// assert_eq!(Method::VALUES[Method::Other.index()], "_OTHER");
/// ```
///
/// # Specification
///
/// OpenTelemetry semantic conventions, `http.request.method`: the methods of RFC 9110 and PATCH of RFC 5789, which are
/// spelled in capitals; any other is `_OTHER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum Method {
    /// `CONNECT`.
    Connect,
    /// `DELETE`.
    Delete,
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `OPTIONS`.
    Options,
    /// `PATCH`.
    Patch,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `TRACE`.
    Trace,
    /// `_OTHER`: any other, and these in another case.
    #[label(rename = "_OTHER")]
    Other,
}

impl Method {
    pub(super) fn of(method: &http::Method) -> Method {
        match *method {
            http::Method::GET => Method::Get,
            http::Method::POST => Method::Post,
            http::Method::PUT => Method::Put,
            http::Method::DELETE => Method::Delete,
            http::Method::HEAD => Method::Head,
            http::Method::OPTIONS => Method::Options,
            http::Method::PATCH => Method::Patch,
            http::Method::CONNECT => Method::Connect,
            http::Method::TRACE => Method::Trace,
            _ => Method::Other,
        }
    }
}

/// The class of a response's status.
///
/// # Examples
///
/// ```
/// use nilometer::http::StatusClass;
/// use nilometer::label::ClosedLabelValue as _;
///
/// assert_eq!(StatusClass::VALUES, ["1xx", "2xx", "3xx", "4xx", "5xx"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, LabelValue)]
#[label(crate = "nilometer_core")]
pub enum StatusClass {
    /// `1xx`: 101, an upgrade.
    #[label(rename = "1xx")]
    Informational,
    /// `2xx`.
    #[label(rename = "2xx")]
    Success,
    /// `3xx`.
    #[label(rename = "3xx")]
    Redirection,
    /// `4xx`.
    #[label(rename = "4xx")]
    ClientError,
    /// `5xx`, and what is above.
    #[label(rename = "5xx")]
    ServerError,
}

impl StatusClass {
    pub(super) fn of(status: http::StatusCode) -> StatusClass {
        // SPEC: RFC 9110, section 15: a client treats a status outside of 100 to 599 as if it were 5xx.
        match status.as_u16() {
            100..=199 => StatusClass::Informational,
            200..=299 => StatusClass::Success,
            300..=399 => StatusClass::Redirection,
            400..=499 => StatusClass::ClientError,
            _ => StatusClass::ServerError,
        }
    }
}

/// The scheme of a request's URL.
///
/// # Examples
///
/// ```
/// use nilometer::http::Scheme;
/// use nilometer::label::ClosedLabelValue as _;
///
/// assert_eq!(Scheme::VALUES, ["http", "https"]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, LabelValue)]
#[label(crate = "nilometer_core", rename_all = "lowercase")]
pub enum Scheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

/// The labels of requests that a server is done with.
///
/// An empty string and `None` are absent labels. [`the module's page`](super) has the values.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{HttpServerMetrics, Method, Scheme, ServerLabels, StatusClass};
///
/// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
/// let labels = ServerLabels {
///     error_type: "",
///     http_request_method: Method::Get,
///     http_response_status_class: Some(StatusClass::Success),
///     http_response_status_code: None,
///     http_route: "/orders/{id}",
///     rpc_response_status_code: "",
///     url_scheme: Scheme::Http,
/// };
/// assert!(metrics.request_duration_seconds.get(&labels).is_none()); // Nobody has asked yet.
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct ServerLabels<'a> {
    /// What went wrong.
    pub error_type: &'a str,
    /// The method.
    pub http_request_method: Method,
    /// The status' class; none where there was no response.
    pub http_response_status_class: Option<StatusClass>,
    /// The status, where the layer is told to say it.
    pub http_response_status_code: Option<u16>,
    /// The route that matched; empty where none did.
    pub http_route: &'a str,
    /// The status of gRPC, where the layer is told to look for it.
    pub rpc_response_status_code: &'a str,
    /// The scheme.
    pub url_scheme: Scheme,
}

/// The labels of requests whose end is not known yet: of the bodies that a server reads.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{HttpServerMetrics, Method, Scheme, ServerRequestLabels};
///
/// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
/// let (http_request_method, url_scheme) = (Method::Put, Scheme::Http);
/// let labels = ServerRequestLabels { http_request_method, http_route: "/orders", url_scheme };
/// assert!(metrics.request_body_size_bytes.get(&labels).is_none());
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct ServerRequestLabels<'a> {
    /// The method.
    pub http_request_method: Method,
    /// The route that matched; empty where none did.
    pub http_route: &'a str,
    /// The scheme.
    pub url_scheme: Scheme,
}

/// The labels of requests that a server is working on.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{HttpServerMetrics, Method, Scheme, ServerActiveLabels};
///
/// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
/// let labels = ServerActiveLabels { http_request_method: Method::Get, url_scheme: Scheme::Http };
/// assert_eq!(metrics.active_requests.get_or_create(&labels).get(), 0);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct ServerActiveLabels {
    /// The method.
    pub http_request_method: Method,
    /// The scheme.
    pub url_scheme: Scheme,
}

/// The labels of requests that a client is done with.
///
/// An empty string and `None` are absent labels. [`the module's page`](super) has the values.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{ClientLabels, HttpClientMetrics, Method};
///
/// let metrics = HttpClientMetrics::new(&MetricsRegistry::new())?;
/// let labels = ClientLabels {
///     error_type: "service_error",
///     http_request_method: Method::Get,
///     http_response_status_class: None,
///     http_response_status_code: None,
///     rpc_response_status_code: "",
///     server_address: "shop.example",
///     server_port: Some(443),
///     url_template: "",
/// };
/// assert!(metrics.request_duration_seconds.get(&labels).is_none());
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct ClientLabels<'a> {
    /// What went wrong.
    pub error_type: &'a str,
    /// The method.
    pub http_request_method: Method,
    /// The status' class; none where there was no response.
    pub http_response_status_class: Option<StatusClass>,
    /// The status, where the layer is told to say it.
    pub http_response_status_code: Option<u16>,
    /// The status of gRPC, where the layer is told to look for it.
    pub rpc_response_status_code: &'a str,
    /// The host of the request's URI.
    pub server_address: &'a str,
    /// Its port, or that of its scheme.
    pub server_port: Option<u16>,
    /// The template of the path, where the layer is told how to find it.
    pub url_template: &'a str,
}

/// The labels of requests that a client waits for, and of the bodies that it sends.
///
/// # Examples
///
/// ```
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{ClientRequestLabels, HttpClientMetrics, Method};
///
/// let metrics = HttpClientMetrics::new(&MetricsRegistry::new())?;
/// let labels = ClientRequestLabels {
///     http_request_method: Method::Get,
///     server_address: "shop.example",
///     server_port: Some(443),
///     url_template: "",
/// };
/// assert_eq!(metrics.active_requests.get_or_create(&labels).get(), 0);
/// # Ok::<(), nilometer::MetricsError>(())
/// ```
#[derive(Debug, Clone, Copy, TypedLabels)]
#[label(crate = "nilometer_core")]
pub struct ClientRequestLabels<'a> {
    /// The method.
    pub http_request_method: Method,
    /// The host of the request's URI.
    pub server_address: &'a str,
    /// Its port, or that of its scheme.
    pub server_port: Option<u16>,
    /// The template of the path, where the layer is told how to find it.
    pub url_template: &'a str,
}

#[cfg(test)]
mod tests {
    use nilometer_core::label::ClosedLabelValue as _;

    use super::*;

    #[test]
    fn methods_of_the_standard_are_known_as_they_are_spelled_and_all_others_are_one() {
        for (index, value) in Method::VALUES.iter().enumerate().take(9) {
            let method = Method::of(&http::Method::from_bytes(value.as_bytes()).unwrap());
            assert_eq!(method.index(), index, "{value}");
            let lower = http::Method::from_bytes(value.to_lowercase().as_bytes()).unwrap();
            assert_eq!(Method::of(&lower), Method::Other);
        }
        for other in ["BREW", "_OTHER", "PROPFIND", "get"] {
            assert_eq!(Method::of(&http::Method::from_bytes(other.as_bytes()).unwrap()), Method::Other);
        }
    }

    #[test]
    fn every_status_has_a_class() {
        for (status, class) in
            [(100, "1xx"), (101, "1xx"), (204, "2xx"), (304, "3xx"), (499, "4xx"), (500, "5xx"), (999, "5xx")]
        {
            let of = StatusClass::of(http::StatusCode::from_u16(status).unwrap());
            assert_eq!(StatusClass::VALUES[of.index()], class, "{status}");
        }
    }
}

//! Where to push, and as whom.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HOST, TRANSFER_ENCODING, USER_AGENT};
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

#[cfg(feature = "tls")]
use super::PushTlsConfig;
use super::tls::Tls;
use super::{EndpointError, RetryPolicy};

/// What pushes call themselves.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("nilometer/", env!("CARGO_PKG_VERSION")));

/// Where to push, as whom, and how patiently.
///
/// Redirects are not followed, and proxies are not looked for in the environment.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_prometheus::push::PushEndpoint;
///
/// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9090/api/v1/write")?
///     .try_with_bearer_token("s3cr3t")?
///     .try_with_header("X-Scope-OrgID", "shop")?
///     .with_timeout(Duration::from_secs(5));
/// assert_eq!(endpoint.url(), "http://127.0.0.1:9090/api/v1/write");
/// assert!(!format!("{endpoint:?}").contains("s3cr3t"));
/// # Ok::<(), nilometer_prometheus::push::EndpointError>(())
/// ```
#[derive(Clone)]
pub struct PushEndpoint {
    uri: Uri,
    tls: Option<Tls>,
    headers: HeaderMap,
    timeout: Duration,
    connect_timeout: Duration,
    retries: RetryPolicy,
}

impl PushEndpoint {
    /// The endpoint at this URL: of remote write in full, of a Pushgateway without `/metrics/job/`.
    ///
    /// A request may take 10 seconds, 5 of them to connect, until that is set otherwise. An `https` URL needs the feature
    /// `tls`; the receiver has to have a certificate that the system trusts. This reads the system's roots, which may take
    /// tens of milliseconds.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Url`] for what is no `http` or `https` URL with a host, or has a user or a password in it, for which
    /// there is [`try_with_basic_auth`](Self::try_with_basic_auth). For an `https` URL, [`EndpointError::MissingFeature`]
    /// where the feature is off, and `EndpointError::Tls` where the system has no roots.
    pub fn try_new(url: &str) -> Result<PushEndpoint, EndpointError> {
        let (uri, is_https) = parse(url)?;
        let tls = is_https.then(|| Tls::try_default(url)).transpose()?;
        Ok(PushEndpoint::new(uri, tls))
    }

    /// The same at an `https` URL, with roots or a certificate of one's own.
    ///
    /// # Errors
    ///
    /// As [`try_new`](Self::try_new), and [`EndpointError::Url`] for an `http` URL too; [`EndpointError::Tls`] where a file
    /// is missing, or does not hold what it should.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer_prometheus::push::{PushEndpoint, PushTlsConfig};
    ///
    /// let tls = PushTlsConfig::new().with_roots("/nowhere/ca.crt");
    /// let error = PushEndpoint::try_new_with_tls("https://127.0.0.1:9090/api/v1/write", &tls).unwrap_err();
    /// assert_eq!(error.to_string(), "cannot read `/nowhere/ca.crt`");
    /// ```
    #[cfg(feature = "tls")]
    pub fn try_new_with_tls(url: &str, tls: &PushTlsConfig) -> Result<PushEndpoint, EndpointError> {
        let (uri, is_https) = parse(url)?;
        if !is_https {
            let reason = "with certificates, it starts with `https://`";
            return Err(EndpointError::Url { url: url.to_owned(), reason });
        }
        Ok(PushEndpoint::new(uri, Some(Tls::try_new(tls)?)))
    }

    fn new(uri: Uri, tls: Option<Tls>) -> PushEndpoint {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, AGENT);
        PushEndpoint {
            uri,
            tls,
            headers,
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            retries: RetryPolicy::default(),
        }
    }

    /// Sends a user's name and password with every request.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Credentials`] where the name has a `:`.
    ///
    /// # Specification
    ///
    /// RFC 7617, in UTF-8.
    pub fn try_with_basic_auth(self, user: &str, password: &str) -> Result<Self, EndpointError> {
        if user.contains(':') {
            return Err(EndpointError::Credentials);
        }
        self.authorize(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    }

    /// Sends a token with every request.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Credentials`] where the token is empty, or not visible ASCII.
    ///
    /// # Specification
    ///
    /// RFC 6750, section 2.1.
    pub fn try_with_bearer_token(self, token: &str) -> Result<Self, EndpointError> {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(EndpointError::Credentials);
        }
        self.authorize(&format!("Bearer {token}"))
    }

    fn authorize(mut self, text: &str) -> Result<Self, EndpointError> {
        let mut value = HeaderValue::try_from(text).map_err(|_| EndpointError::Credentials)?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Sends a header with every request, in place of an earlier one of that name.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Header`] for a name or a value that HTTP does not have, [`EndpointError::ReservedHeader`] for
    /// `Host`, `Transfer-Encoding`, `X-Prometheus-Remote-Write-Version`, and all that begin with `Content-`.
    pub fn try_with_header(mut self, name: &str, value: &str) -> Result<Self, EndpointError> {
        let invalid = || EndpointError::Header { name: name.to_owned() };
        let header = HeaderName::try_from(name).map_err(|_| invalid())?;
        let value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        let reserved =
            [HOST, TRANSFER_ENCODING, HeaderName::from_static("x-prometheus-remote-write-version")];
        if header.as_str().starts_with("content-") || reserved.contains(&header) {
            return Err(EndpointError::ReservedHeader { name: name.to_owned() });
        }
        self.headers.insert(header, value);
        Ok(self)
    }

    /// Sets how long a request may take, from the connection to the end of the answer.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how much of that it may take to connect, without the handshake of TLS.
    #[must_use]
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets when a request that failed is made again.
    #[must_use]
    pub fn with_retries(mut self, retries: RetryPolicy) -> Self {
        self.retries = retries;
        self
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.uri.to_string()
    }

    /// How long a request may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How long it may take to connect.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// When a request that failed is made again.
    #[must_use]
    pub fn retries(&self) -> &RetryPolicy {
        &self.retries
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(super) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The URL with more path behind it, which is made of what a URL may have.
    pub(super) fn below(&self, path: &str) -> Uri {
        let own = self.uri.path().trim_end_matches('/');
        let mut parts = self.uri.clone().into_parts();
        let whole = match self.uri.query() {
            Some(query) => format!("{own}{path}?{query}"),
            None => format!("{own}{path}"),
        };
        parts.path_and_query = PathAndQuery::try_from(whole).ok();
        Uri::from_parts(parts).unwrap_or_else(|_| self.uri.clone())
    }
}

/// A URL that can be pushed to, and whether that is by TLS.
fn parse(url: &str) -> Result<(Uri, bool), EndpointError> {
    let refused = |reason| EndpointError::Url { url: without_user(url), reason };
    let uri: Uri = url.parse().map_err(|_| refused("it is not a URL"))?;
    let is_https = uri.scheme() == Some(&Scheme::HTTPS);
    if !is_https && uri.scheme() != Some(&Scheme::HTTP) {
        return Err(refused("it starts with `http://` or `https://`"));
    }
    let authority = uri.authority().filter(|authority| !authority.host().is_empty());
    let authority = authority.ok_or_else(|| refused("it has a host"))?;
    if authority.as_str().contains('@') {
        return Err(refused("a user and a password have a setting of their own"));
    }
    Ok((uri, is_https))
}

/// A URL as it may be shown.
fn without_user(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}{}", &url[..scheme + 3], &url[at + 1..])
        }
        _ => url.to_owned(),
    }
}

impl fmt::Debug for PushEndpoint {
    /// Names the headers, without what is in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushEndpoint")
            .field("url", &self.url())
            .field("tls", &self.tls)
            .field("headers", &self.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_http_url_is_refused_without_showing_a_password() {
        for bad in [
            "",
            "no url",
            "127.0.0.1:9090",
            "/api/v1/write",
            "ftp://host/",
            "http://",
            "https://",
            "http:///a",
        ] {
            let error = PushEndpoint::try_new(bad).unwrap_err();
            assert!(matches!(&error, EndpointError::Url { url, .. } if url == bad), "{bad}: {error}");
        }
        for scheme in ["http", "https"] {
            let error = PushEndpoint::try_new(&format!("{scheme}://user:secret@host/")).unwrap_err();
            let expected =
                format!("invalid URL `{scheme}://host/`: a user and a password have a setting of their own");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn an_https_url_says_which_feature_it_needs() {
        let error = PushEndpoint::try_new("https://host/").unwrap_err();
        assert_eq!(error.to_string(), "`https://host/` needs the feature `tls`");
        assert!(
            matches!(&error, EndpointError::MissingFeature { url, feature: "tls" } if url == "https://host/")
        );
    }

    #[test]
    fn headers_that_a_push_sets_itself_are_refused_and_so_is_what_http_does_not_have() {
        let endpoint = PushEndpoint::try_new("http://host:1/").unwrap();
        for name in ["Content-Type", "content-encoding", "Host", "X-Prometheus-Remote-Write-Version"] {
            let error = endpoint.clone().try_with_header(name, "x").unwrap_err();
            assert!(matches!(&error, EndpointError::ReservedHeader { name: of } if of == name), "{error}");
        }
        for (name, value) in [("a b", "x"), ("", "x"), ("a", "x\ny")] {
            let error = endpoint.clone().try_with_header(name, value).unwrap_err();
            assert!(matches!(&error, EndpointError::Header { name: of } if of == name), "{error}");
        }
        for token in ["", "a b", "é", "a\n"] {
            assert!(endpoint.clone().try_with_bearer_token(token).is_err(), "{token:?}");
        }
        assert!(endpoint.clone().try_with_basic_auth("a:b", "c").is_err());
        // SPEC: RFC 7617, section 2, the example.
        let aladdin = endpoint.try_with_basic_auth("Aladdin", "open sesame").unwrap();
        assert_eq!(aladdin.headers()[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert!(!format!("{aladdin:?}").contains("QWxh"));
    }

    #[test]
    fn a_path_goes_below_that_of_the_url() {
        let below = |url: &str| PushEndpoint::try_new(url).unwrap().below("/metrics/job/a").to_string();
        assert_eq!(below("http://host:1"), "http://host:1/metrics/job/a");
        assert_eq!(below("http://host:1/"), "http://host:1/metrics/job/a");
        assert_eq!(below("http://host:1/push/?a=b"), "http://host:1/push/metrics/job/a?a=b");
    }
}

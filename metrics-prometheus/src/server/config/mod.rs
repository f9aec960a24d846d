//! Where to serve, and how much.

mod limits;

use std::time::Duration;

use http::uri::PathAndQuery;

use super::ServerError;
use super::auth::AuthConfig;
use super::tls::TlsConfig;

/// The path at which the server says that it is alive.
pub(super) const HEALTH_PATH: &str = "/health";

/// Where and within which limits a [`MetricsServer`](crate::MetricsServer) serves.
///
/// # Examples
///
/// ```
/// use nilometer_prometheus::ServerConfig;
///
/// let config = ServerConfig::default();
/// assert_eq!((config.host(), config.port(), config.path()), ("0.0.0.0", 9090, "/metrics"));
///
/// let config = ServerConfig::default().with_host("127.0.0.1").with_port(0).with_path("/internal/metrics");
/// assert_eq!((config.host(), config.port(), config.path()), ("127.0.0.1", 0, "/internal/metrics"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    host: String,
    port: u16,
    path: String,
    scrape_limit: usize,
    queue_timeout: Duration,
    shared_page_limit: usize,
    connection_limit: usize,
    request_limit: usize,
    stream_limit: u32,
    header_limit: u32,
    header_timeout: Duration,
    idle_timeout: Duration,
    response_timeout: Duration,
    stall_timeout: Duration,
    shutdown_timeout: Duration,
    compression: bool,
    created_lines: bool,
    own_metrics: bool,
    tls: Option<TlsConfig>,
    auth: Option<AuthConfig>,
}

impl Default for ServerConfig {
    /// Port 9090 of every address, path `/metrics`; 8 scrapes, for a place among which others wait for a second, pages of up to 384 KiB shared, 128 requests, 256 connections of 16 streams, 32 KiB a head;
    /// 10 seconds for a head, for a reader that takes nothing and for a shutdown, 2 minutes between requests and for a
    /// response; compression for those who accept it, no `_created` lines, the server's own metrics, no TLS, no
    /// authentication.
    fn default() -> Self {
        ServerConfig {
            host: "0.0.0.0".to_owned(),
            port: 9090,
            path: "/metrics".to_owned(),
            scrape_limit: 8,
            queue_timeout: Duration::from_secs(1),
            shared_page_limit: 384 * 1024,
            connection_limit: 256,
            request_limit: 128,
            stream_limit: 16,
            header_limit: 32 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(2),
            response_timeout: Duration::from_mins(2),
            stall_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(10),
            compression: true,
            created_lines: false,
            own_metrics: true,
            tls: None,
            auth: None,
        }
    }
}

impl ServerConfig {
    /// The default configuration.
    #[must_use]
    pub fn new() -> ServerConfig {
        ServerConfig::default()
    }

    /// Sets the host name or IP address to listen on; an IPv6 address stands without brackets.
    #[must_use]
    pub fn with_host(mut self, host: impl Into<String>) -> Self {
        self.host = host.into();
        self
    }

    /// Sets the port; 0 takes a free one, which [`BoundServer::local_addr`](crate::BoundServer::local_addr) tells.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the path of the page. Whether it can be one is checked when the server is bound.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets whether pages are compressed for clients that accept it: with gzip, or with zstd where the feature `zstd`
    /// is on. A scrape on the same machine is faster without.
    #[must_use]
    pub fn with_compression(mut self, compression: bool) -> Self {
        self.compression = compression;
        self
    }

    /// Sets whether pages of OpenMetrics text have a `_created` line for each series whose beginning is known.
    /// [`Exposition::with_created`](crate::Exposition::with_created) says why they have none by default.
    #[must_use]
    pub fn with_created_lines(mut self, created_lines: bool) -> Self {
        self.created_lines = created_lines;
        self
    }

    /// Sets whether the page ends with the server's own metrics, [`ServerStats`](crate::ServerStats), and with the gauge
    /// `nilometer_series`, which says by `family` how many series each family of the collector has (those aside that
    /// begin with `nilometer`): it does by default.
    ///
    /// A page has each family once: those that the collector shows by itself, because the stats of this server or of another
    /// one are registered with it, are left out.
    #[must_use]
    pub fn with_own_metrics(mut self, own_metrics: bool) -> Self {
        self.own_metrics = own_metrics;
        self
    }

    /// Sets the certificates; the server then speaks TLS alone.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: TlsConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets who may see the page; `/health` stays open. Without TLS, credentials can be read by all who see the
    /// network's traffic.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn with_auth(mut self, auth: AuthConfig) -> Self {
        self.auth = Some(auth);
        self
    }

    /// The host name or IP address to listen on.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to listen on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the page.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether pages are compressed for clients that accept it.
    #[must_use]
    pub fn compression(&self) -> bool {
        self.compression
    }

    /// Whether pages of OpenMetrics text have `_created` lines.
    #[must_use]
    pub fn created_lines(&self) -> bool {
        self.created_lines
    }

    /// Whether the page ends with the server's own metrics.
    #[must_use]
    pub fn own_metrics(&self) -> bool {
        self.own_metrics
    }

    pub(super) fn tls(&self) -> Option<&TlsConfig> {
        self.tls.as_ref()
    }

    pub(super) fn auth(&self) -> Option<&AuthConfig> {
        self.auth.as_ref()
    }

    /// The host and the port, as an error shows them.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The path, where a request can have it.
    ///
    /// SPEC: RFC 9112, section 3.2.1 (origin form), and RFC 3986, section 3.3: what is no visible ASCII never reaches
    /// a server unescaped.
    pub(super) fn checked_path(&self) -> Result<&str, ServerError> {
        let visible = self.path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#');
        // What a request's target is read as; it refuses some visible characters besides.
        let readable = PathAndQuery::try_from(self.path.as_str()).is_ok();
        if self.path.starts_with('/') && visible && readable && self.path != HEALTH_PATH {
            Ok(&self.path)
        } else {
            Err(ServerError::InvalidPath { path: self.path.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_request_can_have_is_refused() {
        for good in ["/", "/metrics", "/a/b-c_d.e", "/healthz", "/a%20b"] {
            assert_eq!(ServerConfig::new().with_path(good).checked_path().unwrap(), good);
        }
        for bad in ["", "metrics", "/health", "/a b", "/a?b", "/a#b", "/é", "/a\n", " /a", "/<a>", "/`"] {
            let error = ServerConfig::new().with_path(bad).checked_path().unwrap_err();
            assert!(matches!(error, ServerError::InvalidPath { path } if path == bad), "{bad:?}");
        }
    }

    #[test]
    fn an_ipv6_host_stands_in_brackets_in_errors() {
        assert_eq!(ServerConfig::new().with_host("::1").with_port(80).address(), "[::1]:80");
        assert_eq!(ServerConfig::new().address(), "0.0.0.0:9090");
    }
}

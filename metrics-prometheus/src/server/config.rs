//! Where to serve, and how much.

use std::time::Duration;

use http::uri::PathAndQuery;

use super::ServerError;

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
    connection_limit: usize,
    stall_timeout: Duration,
    shutdown_timeout: Duration,
    compression: bool,
    created_lines: bool,
}

impl Default for ServerConfig {
    /// Port 9090 of every address, path `/metrics`, 8 scrapes, 256 connections, 10 seconds for a stalled reader and
    /// for a shutdown, compression for those who accept it, no `_created` lines.
    fn default() -> Self {
        ServerConfig {
            host: "0.0.0.0".to_owned(),
            port: 9090,
            path: "/metrics".to_owned(),
            scrape_limit: 8,
            connection_limit: 256,
            stall_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(10),
            compression: true,
            created_lines: false,
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

    /// Sets how many scrapes may be collecting at a time, at least 1; the next one is answered with 503.
    #[must_use]
    pub fn with_scrape_limit(mut self, scrapes: usize) -> Self {
        self.scrape_limit = scrapes.max(1);
        self
    }

    /// Sets how many connections may be open at a time, at least 1; the next one waits to be accepted.
    #[must_use]
    pub fn with_connection_limit(mut self, connections: usize) -> Self {
        self.connection_limit = connections.max(1);
        self
    }

    /// Sets for how long a scrape waits for a reader that takes nothing, and a connection of the server for one that
    /// takes nothing of any response; the page is cut short then, and the connection closed.
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets for how long a shutdown waits for scrapes that are under way.
    #[must_use]
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
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

    /// How many scrapes may be collecting at a time.
    #[must_use]
    pub fn scrape_limit(&self) -> usize {
        self.scrape_limit
    }

    /// How many connections may be open at a time.
    #[must_use]
    pub fn connection_limit(&self) -> usize {
        self.connection_limit
    }

    /// For how long a scrape or a connection waits for a reader that takes nothing.
    #[must_use]
    pub fn stall_timeout(&self) -> Duration {
        self.stall_timeout
    }

    /// For how long a shutdown waits for scrapes that are under way.
    #[must_use]
    pub fn shutdown_timeout(&self) -> Duration {
        self.shutdown_timeout
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

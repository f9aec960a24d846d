//! How much, and for how long.

use std::time::Duration;

use super::ServerConfig;

/// What hyper needs to hold of a head.
const LEAST_HEADER_LIMIT: u32 = 8 * 1024;

/// The limits.
impl ServerConfig {
    /// Sets how many scrapes may be collecting at a time, at least 1; the next one waits for a place, in its turn, for
    /// [`with_queue_timeout`](Self::with_queue_timeout). The default is 8.
    ///
    /// A scrape whose page is held ([`with_shared_page_limit`](Self::with_shared_page_limit)) has its place until the page
    /// is complete; one of a longer page, until its reader has taken nearly all of it: so many slow readers of long pages
    /// keep the others out, each for the [stall](Self::with_stall_timeout) or
    /// [response timeout](Self::with_response_timeout).
    #[must_use]
    pub fn with_scrape_limit(mut self, scrapes: usize) -> Self {
        self.scrape_limit = scrapes.max(1);
        self
    }

    /// Sets for how long a scrape waits for a place among those that are collecting; it is answered with 503 and
    /// `Retry-After` then. The default is 1 second; with 0, it does not wait. One that
    /// [waits for another one's collection](crate::MetricsService#scrapes-that-arrive-together) looks for a place
    /// beside it after 100 ms, and waits for so much longer.
    #[must_use]
    pub fn with_queue_timeout(mut self, timeout: Duration) -> Self {
        self.queue_timeout = timeout;
        self
    }

    /// Sets up to which length, in bytes as they are sent, a page is held until it is complete, and then given to all
    /// scrapes that [wait for it](crate::MetricsService#scrapes-that-arrive-together); a longer page is streamed. 0 has each
    /// scrape collect by itself, and pages of more than 64 KiB streamed. The default is 384 KiB, some 5,000 series of text,
    /// and compressed some 50,000: as much as a scrape that is streamed takes as well. A page is held
    /// until its last reader has it, so that readers who take nothing hold as much as this times the requests in flight.
    #[must_use]
    pub fn with_shared_page_limit(mut self, bytes: usize) -> Self {
        self.shared_page_limit = bytes;
        self
    }

    /// Sets how many connections may be open at a time, at least 1; for the next one, the connection that has
    /// waited longest for a request is closed; where none waits for one, the next one waits itself. The default is 256.
    #[must_use]
    pub fn with_connection_limit(mut self, connections: usize) -> Self {
        self.connection_limit = connections.max(1);
        self
    }

    /// Sets how many requests for the page may be in flight at a time, at least 1, each until the end of its
    /// response, which may be long after its scrape; the next one is answered with 503 and `Retry-After`. The default is
    /// 128.
    #[must_use]
    pub fn with_request_limit(mut self, requests: usize) -> Self {
        self.request_limit = requests.max(1);
        self
    }

    /// Sets how many requests a connection of HTTP/2 may have in flight at a time, at least 1; its client holds the next
    /// one back. The default is 16.
    #[must_use]
    pub fn with_stream_limit(mut self, streams: u32) -> Self {
        self.stream_limit = streams.max(1);
        self
    }

    /// Sets how long the head of a request may be, in bytes, at least 8 KiB; a longer one is answered with 431. The default
    /// is 32 KiB. That much of a response waits in a connection as well.
    #[must_use]
    pub fn with_header_limit(mut self, bytes: u32) -> Self {
        self.header_limit = bytes.max(LEAST_HEADER_LIMIT);
        self
    }

    /// Sets how long a connection may take over its TLS handshake and its first request's head together, and over the head
    /// of each further request from its first byte on; it is closed then. The default is 10 seconds.
    ///
    /// Under HTTP/2, whose connections carry more than requests, it holds for the first head, and
    /// [`with_idle_timeout`](Self::with_idle_timeout) for the others.
    #[must_use]
    pub fn with_header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// Sets how long a connection may wait for its next request; it is closed then. The default is 2 minutes, longer than
    /// the interval at which it is scraped. It is closed earlier where others wait for its place.
    #[must_use]
    pub fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets how long a response may take from the head of its request to its last byte, however steadily its client reads;
    /// the connection is closed then. The default is 2 minutes.
    #[must_use]
    pub fn with_response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Sets for how long a scrape waits for a reader that takes nothing, and a connection of the server for one that
    /// takes nothing of any response; the page is cut short then, and the connection closed. The default is 10 seconds.
    ///
    /// What the system has taken to send counts, which is up to 256 KiB a connection of TCP: a reader that is slower than
    /// some tens of kilobytes a second may seem to take nothing for as long.
    #[must_use]
    pub fn with_stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// Sets for how long a shutdown waits for scrapes that are under way. The default is 10 seconds.
    #[must_use]
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// How many scrapes may be collecting at a time.
    #[must_use]
    pub fn scrape_limit(&self) -> usize {
        self.scrape_limit
    }

    /// For how long a scrape waits for a place.
    #[must_use]
    pub fn queue_timeout(&self) -> Duration {
        self.queue_timeout
    }

    /// Up to which length, in bytes, a page is held until it is complete.
    #[must_use]
    pub fn shared_page_limit(&self) -> usize {
        self.shared_page_limit
    }

    /// How many connections may be open at a time.
    #[must_use]
    pub fn connection_limit(&self) -> usize {
        self.connection_limit
    }

    /// How many requests for the page may be in flight at a time.
    #[must_use]
    pub fn request_limit(&self) -> usize {
        self.request_limit
    }

    /// How many requests a connection of HTTP/2 may have in flight at a time.
    #[must_use]
    pub fn stream_limit(&self) -> u32 {
        self.stream_limit
    }

    /// How long the head of a request may be, in bytes.
    #[must_use]
    pub fn header_limit(&self) -> u32 {
        self.header_limit
    }

    /// How long the head of a request may take.
    #[must_use]
    pub fn header_timeout(&self) -> Duration {
        self.header_timeout
    }

    /// How long a connection may wait for its next request.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.idle_timeout
    }

    /// How long a response may take.
    #[must_use]
    pub fn response_timeout(&self) -> Duration {
        self.response_timeout
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
}

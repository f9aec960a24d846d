//! What becomes of one scrape.

use std::time::Instant;

use http::{Response, StatusCode};
use http_body::Body as _;

use super::body::MetricsBody;
use super::{ScrapeStatus, ServerStats};
use crate::format::Format;

/// Follows a scrape from its request to the last piece of its page, and counts it once it is over; one that is dropped
/// before was abandoned.
///
/// It is with whoever answers: with the future first, then with the body.
#[derive(Default)]
pub(super) struct Account(Option<Open>);

struct Open {
    stats: ServerStats,
    format: Format,
    started: Instant,
    /// In bytes.
    sent: u64,
}

impl Account {
    /// Of a request that came in at `started`.
    pub(super) fn open(stats: &ServerStats, format: Format, started: Instant) -> Account {
        stats.scrapes_of(format).asked();
        Account(Some(Open { stats: stats.clone(), format, started, sent: 0 }))
    }

    /// Of a request that is no scrape, which counts nothing.
    pub(super) fn none() -> Account {
        Account::default()
    }

    /// So many bytes of the page were handed to the connection.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(open) = &mut self.0 {
            open.sent += bytes as u64;
        }
    }

    /// The scrape is over. The first that is said of one is what counts.
    pub(super) fn ended(&mut self, status: ScrapeStatus) {
        if let Some(open) = self.0.take() {
            open.stats.scrapes_of(open.format).ended(status, open.started.elapsed(), open.sent);
        }
    }

    /// Goes on with the response to the scrape.
    pub(super) fn follow(mut self, response: Response<MetricsBody>) -> Response<MetricsBody> {
        if response.status() == StatusCode::INTERNAL_SERVER_ERROR {
            self.ended(ScrapeStatus::Failed);
        } else if response.body().is_end_stream() {
            // Nobody asks for the pieces of an empty page.
            self.ended(ScrapeStatus::Complete);
        }
        response.map(|body| body.accounted(self))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.ended(ScrapeStatus::Abandoned);
    }
}

//! A page on its way out.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::ScrapeStatus;
use super::account::Account;
use super::scrape::Piece;

/// The body of a [`MetricsService`](crate::MetricsService)'s responses.
///
/// A long page is streamed while it is collected. When the collection breaks off, the
/// body ends with [`TruncatedPage`], or under HTTP/1.0 with an invalid line, so that the client never takes a part for
/// the whole. Dropping the body stops the collection.
pub struct MetricsBody {
    state: State,
    /// The request's place among those in flight.
    place: Option<OwnedSemaphorePermit>,
    account: Account,
    /// What of a piece is still to be sent.
    rest: Bytes,
    /// How much is sent at once, in bytes.
    at_once: usize,
}

enum State {
    Whole(Bytes),
    /// A page that others may read as well, and how many of its pieces have been sent.
    Shared {
        pieces: Arc<[Bytes]>,
        sent: usize,
    },
    /// Where the pieces come from, and what a page that breaks off ends with.
    Streamed {
        pieces: mpsc::Receiver<Piece>,
        breakage: &'static [u8],
    },
    /// The answer to a HEAD request whose page has an unknown size.
    Unsent,
    Ended,
}

/// What makes a page invalid: no line of the text format starts with an exclamation mark, and an open quote is not
/// closed by it.
const BROKEN_LINE: &[u8] = b"\n! the page broke off here\n";

/// Says that a page ends before its end: the collector failed or panicked, or the reader took nothing for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the page broke off before its end")]
pub struct TruncatedPage;

impl MetricsBody {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> MetricsBody {
        State::Whole(bytes.into()).into()
    }

    /// A page that is there.
    pub(super) fn shared(pieces: Arc<[Bytes]>) -> MetricsBody {
        State::Shared { pieces, sent: 0 }.into()
    }

    /// A page that is being collected. One that breaks off ends with an error, or, where it is not `framed` so that
    /// the client sees the error, with a line that no parser takes: a server may drop what it has not sent before an
    /// error.
    pub(super) fn streamed(pieces: mpsc::Receiver<Piece>, framed: bool) -> MetricsBody {
        let breakage: &[u8] = if framed { b"" } else { BROKEN_LINE };
        State::Streamed { pieces, breakage }.into()
    }

    pub(super) fn unsent() -> MetricsBody {
        State::Unsent.into()
    }

    /// Keeps the place of the request until the body is dropped.
    pub(super) fn holding(mut self, place: OwnedSemaphorePermit) -> MetricsBody {
        self.place = Some(place);
        self
    }

    /// Sends so many bytes at once and no more.
    pub(super) fn in_pieces_of(mut self, bytes: usize) -> MetricsBody {
        self.at_once = bytes;
        self
    }

    /// Tells what becomes of the page.
    pub(super) fn accounted(mut self, account: Account) -> MetricsBody {
        self.account = account;
        self
    }

    /// The page is given up, before its end if it is not there yet.
    pub(super) fn give_up(&mut self) {
        self.account.ended(ScrapeStatus::BrokenOff);
    }
}

impl MetricsBody {
    /// Gets the next piece as the rest, an empty one at the end; `false` where the page broke off.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let (piece, is_last) = match &mut self.state {
            State::Whole(bytes) => (std::mem::take(bytes), true),
            State::Shared { pieces, sent } => {
                let piece = pieces.get(*sent).cloned().unwrap_or_default();
                *sent += 1;
                (piece, *sent >= pieces.len())
            }
            State::Streamed { pieces, breakage } => match ready!(pieces.poll_recv(context)) {
                Some(Piece::More(bytes)) => (bytes, false),
                Some(Piece::Last(rest)) => (rest, true),
                None => {
                    self.account.ended(ScrapeStatus::BrokenOff);
                    let breakage = Bytes::from_static(breakage);
                    self.state = State::Ended;
                    let is_seen = !breakage.is_empty();
                    self.rest = breakage;
                    return Poll::Ready(is_seen);
                }
            },
            State::Unsent | State::Ended => (Bytes::new(), true),
        };
        self.rest = piece;
        if is_last {
            self.state = State::Ended;
        }
        Poll::Ready(true)
    }
}

/// How long a page is, in bytes.
pub(super) fn length(pieces: &[Bytes]) -> u64 {
    pieces.iter().map(|piece| piece.len() as u64).sum()
}

impl From<State> for MetricsBody {
    fn from(state: State) -> MetricsBody {
        MetricsBody { state, place: None, account: Account::none(), rest: Bytes::new(), at_once: usize::MAX }
    }
}

impl Body for MetricsBody {
    type Data = Bytes;
    type Error = TruncatedPage;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TruncatedPage>>> {
        let this = &mut *self;
        if this.rest.is_empty() && !ready!(this.poll_piece(context)) {
            return Poll::Ready(Some(Err(TruncatedPage)));
        }
        let bytes = this.rest.split_to(this.at_once.min(this.rest.len()));
        this.account.sent(bytes.len());
        if this.rest.is_empty() && matches!(this.state, State::Ended) {
            this.account.ended(ScrapeStatus::Complete);
        }
        Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        let is_over = match &self.state {
            State::Whole(bytes) => bytes.is_empty(),
            State::Shared { pieces, sent } => *sent == pieces.len(),
            State::Streamed { .. } | State::Unsent => false,
            State::Ended => true,
        };
        is_over && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        match &self.state {
            State::Whole(bytes) => SizeHint::with_exact(rest + bytes.len() as u64),
            State::Shared { pieces, sent } => SizeHint::with_exact(rest + length(&pieces[*sent..])),
            State::Streamed { .. } | State::Unsent => SizeHint::new(),
            State::Ended => SizeHint::with_exact(rest),
        }
    }
}

impl fmt::Debug for MetricsBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Whole(bytes) => return f.debug_tuple("MetricsBody").field(&bytes.len()).finish(),
            State::Shared { pieces, sent } => {
                return f.debug_tuple("MetricsBody").field(&length(&pieces[*sent..])).finish();
            }
            State::Streamed { .. } => "streamed",
            State::Unsent => "unsent",
            State::Ended => "ended",
        };
        f.debug_tuple("MetricsBody").field(&state).finish()
    }
}

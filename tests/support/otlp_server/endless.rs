//! A body that does not end.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Frame};
use prost::bytes::Bytes;

/// Goes on until nobody reads it.
#[derive(Debug, Default)]
pub(super) struct Endless {
    /// What it begins with.
    first: Option<Bytes>,
}

impl Endless {
    /// One that begins with these bytes.
    pub(super) fn after(first: Bytes) -> Endless {
        Endless { first: Some(first) }
    }
}

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // A field that is not known, of one byte, again and again: half of it would be a message.
        static PART: [u8; 16 << 10] = [0x50; 16 << 10];
        let part = self.first.take().unwrap_or_else(|| Bytes::from_static(&PART));
        Poll::Ready(Some(Ok(Frame::data(part))))
    }
}

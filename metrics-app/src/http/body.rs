//! Bodies that are counted as they go by.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::exchange::{About, Exchange, Failure, Side};

pin_project! {
    /// A request's body that counts the bytes that are read of it.
    ///
    /// What was read is observed once: at the body's end, or when it is dropped. It is as long as the inner body says, and
    /// gives what that gives.
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        reading: Option<Reading>,
    }
}

/// What was read of a body.
struct Reading {
    side: Arc<dyn Side>,
    about: About,
    bytes: u64,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.side.request_body(&self.about, self.bytes);
    }
}

impl<B: Body> RequestBody<B> {
    pub(super) fn new<S: Side>(inner: B, side: &Arc<S>, about: &About) -> RequestBody<B> {
        if inner.is_end_stream() {
            side.request_body(about, 0);
            return RequestBody { inner, reading: None };
        }
        // The annotation is where the type is erased.
        let side: Arc<dyn Side> = Arc::<S>::clone(side);
        RequestBody { inner, reading: Some(Reading { side, about: about.clone(), bytes: 0 }) }
    }
}

impl<B> RequestBody<B> {
    /// The inner body, if there is nothing to count.
    #[cfg(any(feature = "axum", feature = "tonic"))]
    pub(super) fn into_uncounted(self) -> Result<B, RequestBody<B>> {
        if self.reading.is_none() { Ok(self.inner) } else { Err(self) }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let polled = ready!(this.inner.as_mut().poll_frame(context));
        match &polled {
            Some(Ok(frame)) => {
                if let (Some(data), Some(reading)) = (frame.data_ref(), &mut *this.reading) {
                    reading.bytes = reading.bytes.saturating_add(data.remaining() as u64);
                }
                if this.inner.is_end_stream() {
                    this.reading.take();
                }
            }
            Some(Err(_)) | None => {
                this.reading.take();
            }
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// A response's body that counts the bytes that are taken of it, and the request as over when it ends or is dropped.
    ///
    /// It is as long as the inner body says, and gives what that gives.
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        exchange: Exchange,
    }
}

impl<B> ResponseBody<B> {
    pub(super) fn new(inner: B, exchange: Exchange) -> ResponseBody<B> {
        ResponseBody { inner, exchange }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let (exchange, mut inner) = (this.exchange, this.inner.as_mut());
        let polled = ready!(exchange.run(|| inner.as_mut().poll_frame(context)));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    exchange.data(data.remaining());
                } else if let Some(trailers) = frame.trailers_ref() {
                    exchange.trailers(trailers);
                }
                if inner.is_end_stream() {
                    exchange.end(None);
                }
            }
            Some(Err(_)) => exchange.end(Some(Failure::Body)),
            None => exchange.end(None),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        let is_over = self.inner.is_end_stream();
        if is_over {
            self.exchange.over();
        }
        is_over
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

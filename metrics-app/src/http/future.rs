//! The future of a response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::bodies::RequestBodies;
use super::body::{RequestBody, ResponseBody};
use super::exchange::{Exchange, Failure, Side};

pin_project! {
    /// The future of both layers' services.
    ///
    /// Dropped before it is ready, it counts its request as aborted.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        // None once it was ready.
        exchange: Option<Exchange>,
    }
}

impl<F> ResponseFuture<F> {
    /// Calls the service with a request that is measured from now on.
    pub(super) fn of<W, B, S>(
        service: &mut S,
        side: &Arc<impl Side>,
        request: Request<B>,
    ) -> ResponseFuture<F>
    where
        W: RequestBodies<B>,
        S: Service<Request<W::Body>, Future = F>,
        B: Body,
    {
        let (head, body) = request.into_parts();
        let about = side.about(&head);
        let body = W::wrap(RequestBody::new(body, side, &about));
        let mut exchange = Exchange::begin(Arc::clone(side) as Arc<dyn Side>, about);
        let inner = exchange.run(|| service.call(Request::from_parts(head, body)));
        ResponseFuture { inner, exchange: Some(exchange) }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Polled again, it stays pending, as a future may.
        let Some(exchange) = this.exchange else { return Poll::Pending };
        let response = match ready!(exchange.run(|| this.inner.poll(context))) {
            Ok(response) => response,
            Err(error) => {
                exchange.end(Some(Failure::Service));
                this.exchange.take();
                return Poll::Ready(Err(error));
            }
        };
        let (head, body) = response.into_parts();
        exchange.head(&head, &body);
        match this.exchange.take() {
            Some(exchange) => Poll::Ready(Ok(Response::from_parts(head, ResponseBody::new(body, exchange)))),
            None => Poll::Pending,
        }
    }
}

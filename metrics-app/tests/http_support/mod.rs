//! What the tests of the layers share.
#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use http::{Request, Response};
use nilometer::http::HttpServerMetrics;
use nilometer::{MetricsRegistry, PrometheusRenderer};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

/// For how long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A registry with a server's metrics.
pub(crate) fn server_metrics() -> (MetricsRegistry, HttpServerMetrics) {
    let registry = MetricsRegistry::new();
    let metrics = HttpServerMetrics::new(&registry).unwrap();
    (registry, metrics)
}

/// The lines of the page that do not depend on how long things took, without what all names begin with: counts, sums of
/// sizes, and what is active.
pub(crate) fn shown(registry: &MetricsRegistry) -> Vec<String> {
    let page = PrometheusRenderer::render_all(registry);
    let lines = page.lines().filter(|line| !line.starts_with('#') && !line.contains("_bucket"));
    let lines = lines.filter(|line| !line.starts_with("http_server_request_duration_seconds_sum"));
    let lines = lines.filter(|line| !line.starts_with("http_client_request_duration_seconds_sum"));
    lines.map(|line| line["http_server_".len()..].to_owned()).collect()
}

/// Those of one family.
pub(crate) fn shown_of(registry: &MetricsRegistry, family: &str) -> Vec<String> {
    shown(registry).into_iter().filter_map(|line| Some(line.strip_prefix(family)?.to_owned())).collect()
}

/// How many requests were recorded, over all series whose labels have this text.
pub(crate) fn count(metrics: &HttpServerMetrics, text: &str) -> u64 {
    let series = metrics.request_duration_seconds.series();
    let matching = series.filter(|series| series.labels().as_set().as_prometheus().contains(text));
    matching.map(|series| series.snapshot().count()).sum()
}

/// How many requests are active.
pub(crate) fn active(metrics: &HttpServerMetrics) -> i64 {
    metrics.active_requests.series().map(|series| series.get()).sum()
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{what} in vain");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The answer to a request, its body read to its end.
pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Response<Bytes> {
    let response = app.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    Response::from_parts(head, axum::body::to_bytes(body, usize::MAX).await.unwrap())
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// Serves an application until the test's runtime is gone.
pub(crate) async fn serve(app: Router) -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// A response's body that is what is put into the channel, and as long as it is not closed.
pub(crate) struct Channel<T>(pub(crate) tokio::sync::mpsc::UnboundedReceiver<T>);

impl<E> http_body::Body for Channel<Result<&'static [u8], E>> {
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, E>>> {
        let polled = self.0.poll_recv(context);
        polled.map(|data| data.map(|data| data.map(|data| http_body::Frame::data(Bytes::from_static(data)))))
    }
}

/// A body in chunks of which the length is not known beforehand.
pub(crate) fn chunks(chunks: &[&'static [u8]]) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    for chunk in chunks {
        sender.send(Ok::<_, std::convert::Infallible>(*chunk)).unwrap();
    }
    Body::new(Channel(receiver))
}

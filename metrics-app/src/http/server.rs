//! The layer of a server.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response, request};
use http_body::Body;
use nilometer_core::{InFlightGuard, UpDownCounter};
use tower_layer::Layer;
use tower_service::Service;

use super::bodies::{AnyBody, RequestBodies};
use super::body::ResponseBody;
use super::exchange::{About, End, Rules, Side};
use super::future::ResponseFuture;
use super::grpc::GrpcStatus;
use super::labels::{Method, Scheme, ServerActiveLabels, ServerLabels, ServerRequestLabels, StatusClass};
use super::metrics::HttpServerMetrics;
use super::route::{RouteSource, Unknown};
use super::target::Target;

/// A tower layer that measures the requests which a service answers.
///
/// [The module's page](super) says what is counted, and where in a stack the layer belongs.
///
/// # Concurrency
///
/// Requests are recorded by the threads that answer them, without locks.
///
/// # Examples
///
/// Around any service of HTTP, with a function that knows its routes:
///
/// ```
/// use http::request::Parts;
/// use nilometer::MetricsRegistry;
/// use nilometer::http::{HttpServerLayer, HttpServerMetrics, Route};
/// use tower::{Layer as _, ServiceExt as _};
///
/// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
/// let layer = HttpServerLayer::new(metrics.clone()).with_routes(|request: &Parts| match request.uri.path() {
///     "/" => Route::from("/"),
///     _ => Route::NONE,
/// });
/// let service = tower::service_fn(async |_: http::Request<_>| {
///     Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::empty()))
/// });
/// let service = layer.layer(service);
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let response = service.oneshot(http::Request::get("/").body(axum::body::Body::empty())?).await?;
/// let labels = metrics.request_duration_seconds.series().next().map(|series| series.labels().as_set().as_prometheus().to_owned());
/// assert_eq!(
///     labels.as_deref(),
///     Some(r#"{http_request_method="GET",http_response_status_class="2xx",http_route="/",url_scheme="http"}"#),
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a layer measures nothing until a service is in it"]
pub struct HttpServerLayer<W = AnyBody> {
    config: Config,
    bodies: PhantomData<fn() -> W>,
}

#[derive(Clone)]
struct Config {
    metrics: HttpServerMetrics,
    routes: Arc<dyn RouteSource>,
    scheme: Scheme,
    status_codes: bool,
    grpc: bool,
}

impl HttpServerLayer {
    /// A layer for any service, which knows of no routes.
    ///
    /// The inner service gets a [`RequestBody`](super::RequestBody): one that takes any body will do.
    pub fn new(metrics: HttpServerMetrics) -> HttpServerLayer {
        HttpServerLayer::with_config(metrics, Unknown)
    }
}

#[cfg(feature = "axum")]
impl HttpServerLayer<super::AxumBody> {
    /// A layer for [`axum::Router::layer`], whose routes are those of the router: axum's `MatchedPath`.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use axum::routing::get;
    /// use nilometer::MetricsRegistry;
    /// use nilometer::http::{HttpServerLayer, HttpServerMetrics};
    ///
    /// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
    /// let app: Router =
    ///     Router::new().route("/orders/{id}", get("an order")).layer(HttpServerLayer::axum(metrics));
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn axum(metrics: HttpServerMetrics) -> HttpServerLayer<super::AxumBody> {
        HttpServerLayer::with_config(metrics, super::route::Matched)
    }
}

#[cfg(feature = "tonic")]
impl HttpServerLayer {
    /// A layer for `tonic::transport::Server::layer`, which looks for the status of gRPC, and whose routes are the paths of
    /// these methods, as in `/greeter.Greeter/Greet`.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::MetricsRegistry;
    /// use nilometer::http::{HttpServerLayer, HttpServerMetrics};
    /// use tonic::transport::Server;
    ///
    /// let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
    /// let server = Server::builder().layer(HttpServerLayer::tonic(metrics, ["/greeter.Greeter/Greet"]));
    /// # Ok::<(), nilometer::MetricsError>(())
    /// ```
    pub fn tonic<P: Into<Arc<str>>>(
        metrics: HttpServerMetrics,
        methods: impl IntoIterator<Item = P>,
    ) -> HttpServerLayer {
        HttpServerLayer::with_config(metrics, super::Paths::new(methods)).with_grpc(true)
    }
}

impl<W> HttpServerLayer<W> {
    fn with_config(metrics: HttpServerMetrics, routes: impl RouteSource) -> HttpServerLayer<W> {
        let config = Config {
            metrics,
            routes: Arc::new(routes),
            scheme: Scheme::Http,
            status_codes: false,
            grpc: false,
        };
        HttpServerLayer { config, bodies: PhantomData }
    }

    /// Takes the routes from elsewhere: from a function of the request's head, most often.
    pub fn with_routes(mut self, routes: impl RouteSource) -> Self {
        self.config.routes = Arc::new(routes);
        self
    }

    /// Says under which scheme clients know the server; [`Scheme::Http`] by default.
    ///
    /// What a request claims is not looked at: behind a proxy that ends TLS it is wrong, and whoever asks can choose it.
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.config.scheme = scheme;
        self
    }

    /// Says whether responses are told apart by their status too, as `http_response_status_code`, which OpenTelemetry has;
    /// not by default.
    ///
    /// A service of ten routes that answers with six statuses has sixty series of each histogram then, each of which is
    /// a line for every bucket.
    pub fn with_status_codes(mut self, status_codes: bool) -> Self {
        self.config.status_codes = status_codes;
        self
    }

    /// Says whether the status of gRPC is looked for, in the head and in the trailers, and becomes the label
    /// `rpc_response_status_code`; not by default.
    pub fn with_grpc(mut self, grpc: bool) -> Self {
        self.config.grpc = grpc;
        self
    }
}

impl<W> Clone for HttpServerLayer<W> {
    fn clone(&self) -> Self {
        HttpServerLayer { config: self.config.clone(), bodies: PhantomData }
    }
}

impl<W> fmt::Debug for HttpServerLayer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServerLayer").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("scheme", &self.scheme)
            .field("status_codes", &self.status_codes)
            .field("grpc", &self.grpc)
            .finish_non_exhaustive()
    }
}

impl<S, W> Layer<S> for HttpServerLayer<W> {
    type Service = HttpServer<S, W>;

    fn layer(&self, inner: S) -> HttpServer<S, W> {
        HttpServer { inner, side: Arc::new(ServerSide(self.config.clone())), bodies: PhantomData }
    }
}

/// The service that [`HttpServerLayer`] makes of another.
pub struct HttpServer<S, W = AnyBody> {
    inner: S,
    side: Arc<ServerSide>,
    bodies: PhantomData<fn() -> W>,
}

impl<S: Clone, W> Clone for HttpServer<S, W> {
    fn clone(&self) -> Self {
        HttpServer { inner: self.inner.clone(), side: Arc::clone(&self.side), bodies: PhantomData }
    }
}

impl<S: fmt::Debug, W> fmt::Debug for HttpServer<S, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpServer").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S, W, B, R> Service<Request<B>> for HttpServer<S, W>
where
    W: RequestBodies<B>,
    S: Service<Request<W::Body>, Response = Response<R>>,
    B: Body,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture::of::<W, B, S>(&mut self.inner, &self.side, request)
    }
}

/// What the requests of one service have in common.
#[derive(Debug)]
struct ServerSide(Config);

impl ServerSide {
    fn error(end: &End) -> &'static str {
        if let Some(failure) = end.failure {
            return failure.name();
        }
        if let Some(status) = end.grpc.filter(|status| status.is_error_of_server()) {
            return status.name();
        }
        // SPEC: OpenTelemetry semantic conventions, "HTTP spans", "Status": of a server, 5xx alone are errors.
        let is_error =
            |&(status, _): &(http::StatusCode, u64)| StatusClass::of(status) == StatusClass::ServerError;
        if end.response.as_ref().is_some_and(is_error) { "5xx" } else { "" }
    }
}

impl Side for ServerSide {
    fn rules(&self) -> Rules {
        Rules { needs_whole_body: true, grpc: self.0.grpc }
    }

    fn about(&self, head: &request::Parts) -> About {
        About {
            method: Method::of(&head.method),
            route: self.0.routes.route(head),
            target: Target::default(),
        }
    }

    fn begin(&self, about: &About) -> InFlightGuard {
        let labels = ServerActiveLabels { http_request_method: about.method, url_scheme: self.0.scheme };
        self.0.metrics.active_requests.with(&labels, UpDownCounter::track_in_flight)
    }

    #[expect(clippy::cast_precision_loss, reason = "bodies are far below 2^52 bytes")]
    fn request_body(&self, about: &About, bytes: u64) {
        let labels = ServerRequestLabels {
            http_request_method: about.method,
            http_route: about.route.as_str(),
            url_scheme: self.0.scheme,
        };
        self.0.metrics.request_body_size_bytes.with(&labels, |size| size.observe(bytes as f64));
    }

    fn end(&self, about: &About, end: &End) {
        let Config { metrics, scheme, status_codes, .. } = &self.0;
        let status = end.response.map(|(status, _)| status);
        let labels = ServerLabels {
            error_type: ServerSide::error(end),
            http_request_method: about.method,
            http_response_status_class: status.map(StatusClass::of),
            http_response_status_code: status.filter(|_| *status_codes).map(|status| status.as_u16()),
            http_route: about.route.as_str(),
            rpc_response_status_code: end.grpc.map_or("", GrpcStatus::name),
            url_scheme: *scheme,
        };
        end.record(&metrics.request_duration_seconds, &metrics.response_body_size_bytes, &labels);
    }
}

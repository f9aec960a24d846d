//! Metrics of HTTP servers and clients, as tower layers: how many requests there are, how long they take, how they end,
//! and how large they are.
//!
//! | type | what |
//! |---|---|
//! | [`HttpServerLayer`], [`HttpServerMetrics`] | around a service that answers: axum, tonic, or any other of tower |
//! | [`HttpClientLayer`], [`HttpClientMetrics`] | around a client: hyper-util's, a channel of tonic, or any other of tower |
//!
//! # Quick start with axum
//!
//! With the features `tower` and `axum`. The page itself comes after the layer, and so is not measured:
//!
//! ```
//! # #[cfg(feature = "axum")]
//! # fn app() -> Result<axum::Router, nilometer::MetricsError> {
//! use axum::Router;
//! use axum::routing::get;
//! use nilometer::MetricsRegistry;
//! use nilometer::http::{HttpServerLayer, HttpServerMetrics};
//! use nilometer::prometheus::MetricsService;
//!
//! let registry = MetricsRegistry::new();
//! let metrics = HttpServerMetrics::new(&registry)?;
//! let app: Router = Router::new()
//!     .route("/orders/{id}", get("an order"))
//!     .layer(HttpServerLayer::axum(metrics))
//!     .route_service("/metrics", MetricsService::new(registry));
//! # Ok(app)
//! # }
//! ```
//!
//! `examples/axum_service.rs` is the whole of it.
//!
//! # Quick start with tonic
//!
//! With the feature `tonic`, which needs neither the other nor `protoc`. A server is told the paths of its methods, since
//! nothing that tonic generates lists them:
//!
//! ```
//! # #[cfg(feature = "tonic")]
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use nilometer::MetricsRegistry;
//! use nilometer::http::{HttpClientLayer, HttpClientMetrics, HttpServerLayer, HttpServerMetrics};
//! use tonic::transport::{Channel, Server};
//! use tower::Layer as _;
//!
//! let registry = MetricsRegistry::new();
//! let layer = HttpServerLayer::tonic(HttpServerMetrics::new(&registry)?, ["/greeter.Greeter/Greet"]);
//! let server = Server::builder().layer(layer); // .add_service(GreeterServer::new(..)).serve(..)
//!
//! let channel = Channel::from_static("http://localhost:50051").connect().await?;
//! let channel = HttpClientLayer::tonic(HttpClientMetrics::new(&registry)?).layer(channel);
//! // GreeterClient::new(channel)
//! # drop((server, channel));
//! # Ok(())
//! # }
//! ```
//!
//! `examples/tonic_service` is the whole of it.
//!
//! # The metrics
//!
//! | name | kind | of OpenTelemetry | labels |
//! |---|---|---|---|
//! | `http_server_request_duration_seconds` | histogram | `http.server.request.duration`, stable | all of a server's below |
//! | `http_server_active_requests` | up-down counter | `http.server.active_requests` | `http_request_method`, `url_scheme` |
//! | `http_server_request_body_size_bytes` | histogram | `http.server.request.body.size` | `http_request_method`, `http_route`, `url_scheme` |
//! | `http_server_response_body_size_bytes` | histogram | `http.server.response.body.size` | all of a server's below |
//! | `http_client_request_duration_seconds` | histogram | `http.client.request.duration`, stable | all of a client's below |
//! | `http_client_active_requests` | up-down counter | `http.client.active_requests` | `http_request_method`, `server_address`, `server_port`, `url_template` |
//! | `http_client_request_body_size_bytes` | histogram | `http.client.request.body.size` | the same |
//! | `http_client_response_body_size_bytes` | histogram | `http.client.response.body.size` | all of a client's below |
//!
//! | label | of | values |
//! |---|---|---|
//! | `http_request_method` | both | the methods of RFC 9110 and `PATCH`; `_OTHER` for all others |
//! | `http_response_status_class` | both | `1xx` to `5xx`; absent where there was no response |
//! | `http_response_status_code` | both | the status, if [asked for](HttpServerLayer::with_status_codes) |
//! | `error_type` | both | what went wrong; absent where nothing did |
//! | `rpc_response_status_code` | both | `OK`, `NOT_FOUND` and so on, if [asked for](HttpServerLayer::with_grpc), as `tonic` does |
//! | `http_route` | server | the route that matched; absent where none did |
//! | `url_scheme` | server | `http` or `https`, as the layer [is told](HttpServerLayer::with_scheme) |
//! | `server_address`, `server_port` | client | whom the request's URI names, unless [turned off](HttpClientLayer::with_servers) |
//! | `url_template` | client | the template of the path, if [there is one](HttpClientLayer::with_templates) |
//!
//! Names, units and buckets of durations are those of OpenTelemetry's semantic conventions, spelled as its specification
//! "Prometheus and OpenMetrics Compatibility" has it: dots become underscores, the unit `s` the suffix `_seconds`, `By`
//! becomes `_bytes`, and `{request}` nothing. OpenTelemetry advises no buckets for sizes; they are
//! [`buckets::SIZE_BYTES`](crate::buckets::SIZE_BYTES).
//!
//! These differ from the conventions:
//!
//! - The class of the status, not the status: a service of ten routes has tens of series for each histogram so, not
//!   hundreds, and rates and errors are asked for by class anyway. It has a name of its own, as `http.response.status_code`
//!   is a number. Who wants that has both.
//! - A request's body has been read, or not, before the response is known, so its size has no status and no error.
//! - `network_protocol_version`, which is recommended, would double the series; there is none.
//!
//! # How a request ends
//!
//! Each request is counted once in the duration's histogram, however it ends, so that its `_count` is how many requests
//! have come, less those that are active. `error_type` is the first of these that holds:
//!
//! | `error_type` | when | status |
//! |---|---|---|
//! | `panicked` | the service, or the response's body, panicked; unless something within the layer caught that | if there was a response |
//! | `aborted` | the future was dropped before there was a response, or a server's response before its body's end: the client went away, or a timeout around the layer was over | if there was a response |
//! | `service_error` | the service returned an error: a timeout within the layer, a client that found no connection | no |
//! | `body_error` | the response's body returned an error | yes |
//! | the name of a code | gRPC's status is an error: of a server `UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE` and `DATA_LOSS`, of a client all but `OK` | yes |
//! | `5xx` | the status says so | yes |
//! | `4xx` | of a client alone: to a server it is the client's mistake | yes |
//!
//! An application that does not care for the rest of a response's body drops it: to a client that is no error.
//!
//! # What is measured
//!
//! **The duration** is the time from the request's head to the end of the response's body, as it leaves the layer, or until
//! that is dropped. The conventions ask for the duration of the span, and for a server that is until the response is sent;
//! what ends with the head misses whoever streams, and cannot tell whether the client got it all. A stream of events lasts
//! for as long as it is open, so give such routes their own service without the layer if that disturbs. For a client, the
//! conventions leave open whether reading the body belongs to it; here it does.
//!
//! **Bodies** are counted frame by frame as they go by. What the head says about the length is not believed; a request's
//! body that the service does not read counts for as much as it has read. A response's body on the way to the client is
//! whole when its end was reached, when as much was taken as its length says, or when it is one that is never sent: of
//! `HEAD`, of 204, 304 and 101. Whether the client's machine has received it is not known.
//!
//! **An upgrade**, such as that to a websocket, is a request that ends with its head, of class `1xx`. What the connection
//! does then is not measured.
//!
//! **Active requests** are counted by a guard that whoever ends the request drops, by a panic too. Once the number is back
//! at zero, all that was active is in the other metrics, but for the body of a request that something keeps for longer: it
//! is counted when it is dropped.
//!
//! # Where the layer belongs
//!
//! With axum in [`Router::layer`](https://docs.rs/axum/0.8/axum/struct.Router.html#method.layer), which is called with
//! the route known, for all that stands before it, the fallback included: a router that is merged afterwards may bring a
//! fallback of its own, which is not measured, so add the page by `route_service`. Layers that are added after it are around it: what
//! they answer themselves, such as a rejected login or a timeout, is theirs, and a timeout shows as `aborted`; layers that
//! are added before it are measured with the service. With `nest_service`, axum knows the route of the nested router within
//! it alone, and so around it there is none.
//!
//! # Cardinality
//!
//! No text of a request becomes a label, the host that a client asks aside. Routes come from the program; requests that
//! match none share one value, the empty one, which is to say that the label is absent: the conventions want it so, no route
//! can have that name by chance, and in queries it is `http_route=""`. All else is a closed set. The limit of a family holds
//! for whatever a function of one's own returns as a route.
//!
//! # Costs
//!
//! A request takes no lock and, in the steady state, no allocation of the layer's own. It takes a clock twice, a reference
//! count or two, and looks up series twice by labels that borrow: that of its body's size, and together those of its duration
//! and of the response's size. On the machine of `benches/LEDGER.md`, that is 2,300 instructions and 0.3 µs, half of which
//! is what its clock takes (`instructions/http/measured` less `instructions/http/bare`, and `http/alone`); under load, where axum
//! itself takes 14 µs, it is 2 µs (`http/overhead`). With axum, a body that is wrapped is boxed by axum, once for each layer that does so; a request's body
//! that is empty is not wrapped.
//!
//! # Exemplars
//!
//! With the feature `otel`, and a registry that has `CurrentSpan` as its
//! [exemplar source](crate::RegistryConfig::with_exemplar_source), the buckets of durations and sizes lead to the spans of
//! requests. The span is the one that is current when the request comes to the layer, if it is sampled; it is made current
//! again for the moment of recording, which is when the body ends and long after the layer that made the span has returned.
//! So the layer belongs within the one that makes the span. The size of a request's body is recorded in whatever span reads
//! the body, most often that of the request or one within it. Until the body's end, the layer keeps a reference of the span's
//! context. Without `otel`, a source is asked on the thread that ends the request, in whatever it has set there.
//!
//! # Rate, errors, duration
//!
//! ```promql
//! # Requests per second by route; the rows without a route are those that matched none.
//! sum by (http_route) (rate(http_server_request_duration_seconds_count[5m]))
//!
//! # The part that failed: of the server's making, and clients that went away apart.
//! sum by (http_route) (rate(http_server_request_duration_seconds_count{error_type!="",error_type!="aborted"}[5m]))
//!   / sum by (http_route) (rate(http_server_request_duration_seconds_count[5m]))
//! sum by (http_route) (rate(http_server_request_duration_seconds_count{error_type="aborted"}[5m]))
//!
//! # 99 of 100 take no longer, in seconds, of those that were answered.
//! histogram_quantile(0.99, sum by (le, http_route)
//!   (rate(http_server_request_duration_seconds_bucket{error_type!="aborted"}[5m])))
//!
//! # How many are being answered, and bytes per second that go out.
//! sum(http_server_active_requests)
//! sum(rate(http_server_response_body_size_bytes_sum[5m]))
//! ```
//!
//! # What this module does not do
//!
//! - It makes no spans and reads no trace headers: `otel` has those.
//! - It knows of no connections, handshakes or pools, and counts no bytes of heads, chunks or frames.
//! - It measures what goes through the layer: compression outside of it happens after sizes are counted.
//! - Methods beyond the standard's cannot be added to the known ones.
//! - The status of gRPC-Web, which stands in the body, is not read.
//! - Requests that the server refuses before they come to the service, such as malformed ones, are not seen.
//!
//! # Specification
//!
//! OpenTelemetry semantic conventions 1.44.0, "HTTP metrics" and "HTTP spans", and "gRPC" for
//! `rpc.response.status_code`; OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility".

mod bodies;
mod body;
mod client;
mod exchange;
mod future;
mod grpc;
mod labels;
mod metrics;
mod route;
mod server;
#[cfg(feature = "otel")]
mod span;
#[cfg(not(feature = "otel"))]
#[path = "span_off.rs"]
mod span;
mod target;

#[cfg(feature = "axum")]
pub use self::bodies::AxumBody;
#[cfg(feature = "tonic")]
pub use self::bodies::TonicBody;
pub use self::bodies::{AnyBody, RequestBodies};
pub use self::body::{RequestBody, ResponseBody};
pub use self::client::{HttpClient, HttpClientLayer};
pub use self::future::ResponseFuture;
pub use self::labels::{
    ClientLabels, ClientRequestLabels, Method, Scheme, ServerActiveLabels, ServerLabels, ServerRequestLabels,
    StatusClass,
};
pub use self::metrics::{DURATION_SECONDS, HttpClientMetrics, HttpServerMetrics};
pub use self::route::{Paths, Route, RouteSource};
pub use self::server::{HttpServer, HttpServerLayer};

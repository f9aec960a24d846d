//! Metrics of HTTP servers and clients, as tower layers.

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

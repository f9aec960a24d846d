//! The application.

use std::error::Error;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::routing::get;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpServerLayer, HttpServerMetrics};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::Layer;

/// An application that is served until it is dropped.
pub(crate) struct App {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: HttpServerMetrics,
    /// Serves until it is dropped.
    _runtime: Runtime,
}

/// It hands over what it gets.
#[derive(Clone)]
struct Idle;

impl<S> Layer<S> for Idle {
    type Service = S;

    fn layer(&self, inner: S) -> S {
        inner
    }
}

fn router() -> Router {
    Router::new()
        .route("/orders/{id}", get("an order"))
        .route("/hang", get(async || pending::<&'static str>().await))
}

impl App {
    /// Without the layer.
    pub(crate) fn bare() -> Result<App, Box<dyn Error>> {
        App::serve("axum", router(), HttpServerMetrics::noop())
    }

    /// With a layer that does nothing.
    pub(crate) fn idle() -> Result<App, Box<dyn Error>> {
        App::serve("axum, idle layer", router().layer(Idle), HttpServerMetrics::noop())
    }

    /// With it.
    pub(crate) fn measured() -> Result<App, Box<dyn Error>> {
        let metrics = HttpServerMetrics::new(&MetricsRegistry::new())?;
        App::serve("axum with the layer", router().layer(HttpServerLayer::axum(metrics.clone())), metrics)
    }

    fn serve(name: &'static str, router: Router, metrics: HttpServerMetrics) -> Result<App, Box<dyn Error>> {
        let runtime = Builder::new_multi_thread().enable_all().thread_name(name).build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        runtime.spawn(async move { axum::serve(listener, router).await });
        Ok(App { name, address, metrics, _runtime: runtime })
    }
}

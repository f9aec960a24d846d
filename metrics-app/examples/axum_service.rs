//! An axum application with metrics of its requests, and the page with them beside its own routes.
//!
//! ```sh
//! cargo run -p nilometer --features axum,tower --example axum_service
//! curl http://127.0.0.1:9464/orders/7
//! curl http://127.0.0.1:9464/metrics
//! ```
//!
//! With `--requests N`, it serves on a port that is free, asks itself so often, through a client with metrics of its own,
//! shows what is on the page then, and ends.

use std::error::Error;
use std::io::{self, Write as _};
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::get;
use clap::Parser;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nilometer::MetricsRegistry;
use nilometer::http::{HttpClientLayer, HttpClientMetrics, HttpServerLayer, HttpServerMetrics};
use nilometer::prometheus::MetricsService;
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _};

#[derive(Parser)]
#[command(about = "An axum application with metrics of its requests")]
struct Args {
    /// Asks itself so often, shows the page, and ends.
    #[arg(long, value_name = "N")]
    requests: Option<u32>,
}

/// Orders have even numbers.
async fn order(Path(id): Path<u32>) -> Result<String, StatusCode> {
    if id % 2 == 0 { Ok(format!("order {id}\n")) } else { Err(StatusCode::NOT_FOUND) }
}

async fn place(body: Bytes) -> (StatusCode, String) {
    (StatusCode::CREATED, format!("an order of {} bytes\n", body.len()))
}

/// The application, whose page is not measured itself: it comes after the layer.
fn app(registry: &MetricsRegistry) -> Result<Router, nilometer::MetricsError> {
    let metrics = HttpServerMetrics::new(registry)?;
    Ok(Router::new()
        .route("/orders", get("every order\n").post(place))
        .route("/orders/{id}", get(order))
        .layer(HttpServerLayer::axum(metrics))
        .route_service("/metrics", MetricsService::new(registry.clone())))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let registry = MetricsRegistry::new();
    let app = app(&registry)?;

    let Some(requests) = args.requests else {
        let listener = TcpListener::bind(("127.0.0.1", 9464)).await?;
        writeln!(
            io::stdout(),
            "orders at http://127.0.0.1:9464/orders, the page at /metrics; Ctrl-C ends it"
        )?;
        let interrupted = async {
            // Where there is no such signal, it goes on.
            let _ = tokio::signal::ctrl_c().await;
        };
        return Ok(axum::serve(listener, app).with_graceful_shutdown(interrupted).await?);
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    let page = ask(&registry, address, requests).await?;
    write!(io::stdout(), "{page}")?;
    Ok(())
}

/// Asks for orders, of which every other one is there, and then for the page.
async fn ask(
    registry: &MetricsRegistry,
    address: SocketAddr,
    requests: u32,
) -> Result<String, Box<dyn Error>> {
    // The port is another one each time.
    let layer = HttpClientLayer::new(HttpClientMetrics::new(registry)?).with_servers(false);
    let client = layer.layer(Client::builder(TokioExecutor::new()).build_http());
    for id in 0..requests {
        let request = Request::get(format!("http://{address}/orders/{id}")).body(Full::<Bytes>::default())?;
        client.clone().oneshot(request).await?.into_body().collect().await?;
    }
    let request = Request::get(format!("http://{address}/metrics")).body(Full::default())?;
    let page = client.oneshot(request).await?.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(page.to_vec())?)
}

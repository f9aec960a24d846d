//! A gRPC server and its client, both with tonic, and both with metrics.
//!
//! ```sh
//! cargo run -p nilometer --features tonic --example tonic_service -- --requests 100
//! ```
//!
//! It serves on a port that is free, greets so many people over it, one in ten of whom has no name, then everybody three
//! times, and ends with the page of what both sides counted.

mod greeter;

use std::error::Error;
use std::io::{self, Write as _};

use clap::Parser;
use nilometer::http::{HttpClientLayer, HttpClientMetrics, HttpServerLayer, HttpServerMetrics};
use nilometer::{MetricsRegistry, PrometheusRenderer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tower::Layer as _;

use self::greeter::{Greeter, GreeterClient, METHODS};

#[derive(Parser)]
#[command(about = "A gRPC server and its client, with metrics of both")]
struct Args {
    /// How many people to greet.
    #[arg(long, value_name = "N", default_value_t = 20)]
    requests: u32,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let registry = MetricsRegistry::new();

    let metrics = HttpServerMetrics::new(&registry)?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server = Server::builder()
        .layer(HttpServerLayer::tonic(metrics, METHODS))
        .add_service(Greeter)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), async {
            let _ = stopped.await;
        });
    let server = tokio::spawn(server);

    let metrics = HttpClientMetrics::new(&registry)?;
    let channel = Channel::from_shared(format!("http://{address}"))?.connect().await?;
    // The port is another one each time.
    let layer = HttpClientLayer::tonic(metrics).with_servers(false);
    let mut client = GreeterClient::new(layer.layer(channel));

    let (mut greeted, mut refused) = (0, 0);
    for turn in 0..args.requests {
        let name = if turn % 10 == 9 { String::new() } else { format!("guest {turn}") };
        match client.greet(&name).await {
            Ok(_) => greeted += 1,
            Err(_) => refused += 1,
        }
    }
    let mut stream = client.repeat("everybody").await?;
    while stream.message().await?.is_some() {
        greeted += 1;
    }
    // The client's connection ends, and then the server.
    drop(client);
    let _ = stop.send(());
    server.await??;

    let mut out = io::stdout();
    write!(out, "{}", PrometheusRenderer::render_all(&registry))?;
    writeln!(out, "# {greeted} greeted, {refused} refused")?;
    Ok(())
}

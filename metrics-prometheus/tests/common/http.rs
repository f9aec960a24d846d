//! Servers, and requests written by hand.

use std::net::SocketAddr;

use nilometer_core::collect::Collector;
use nilometer_prometheus::{BoundServer, MetricsServer, MetricsService, ServerConfig, ServerError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Of a page that has what its collector shows and nothing else.
pub(crate) fn bare() -> ServerConfig {
    ServerConfig::new().with_own_metrics(false)
}

/// The same on a free port.
pub(crate) fn local() -> ServerConfig {
    bare().with_host("127.0.0.1").with_port(0)
}

/// A service whose page has what its collector shows and nothing else.
pub(crate) fn serving<C: Collector + 'static>(collector: C) -> MetricsService<C> {
    MetricsService::try_new(collector, &bare()).unwrap()
}

pub(crate) async fn bind<C: Collector + 'static>(collector: C, config: ServerConfig) -> BoundServer<C> {
    MetricsServer::new(collector, config).bind().await.unwrap()
}

/// A server that runs until its sender says so.
pub(crate) async fn start<C: Collector + 'static>(
    collector: C,
    config: ServerConfig,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<Result<(), ServerError>>) {
    let server = bind(collector, config).await;
    let (stop, stopped) = oneshot::channel();
    let address = server.local_addr();
    let running = tokio::spawn(server.serve_until(async {
        let _ = stopped.await;
    }));
    (address, stop, running)
}

pub(crate) async fn send(address: SocketAddr, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Sends a request and returns the head and the body of all that comes back until the connection closes.
pub(crate) async fn ask(address: SocketAddr, method: &str, path: &str) -> (String, String) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    read(send(address, &request).await).await
}

pub(crate) async fn read(mut stream: TcpStream) -> (String, String) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

//! The page inside another server: any that takes a tower service, here hyper with a layer of tower's.
//!
//! ```text
//! cargo run -p nilometer-prometheus --example tower_service
//! curl http://127.0.0.1:9464/metrics
//! ```

use std::error::Error;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use nilometer_core::collect::{
    CollectError, Collector, Descriptor, GaugePoint, LabelSet, MetricType, SeriesLabels, Visitor,
};
use nilometer_prometheus::MetricsService;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

/// In place of an application's registry.
struct Uptime;

impl Collector for Uptime {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        visitor.family(&Descriptor::try_new("up", "Whether it runs.", MetricType::Gauge)?)?;
        Ok(visitor.point(SeriesLabels::of(&LabelSet::empty()), GaugePoint::new(1.0).into())?)
    }
}

/// Serves connections one after the other.
async fn serve(listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let service = ServiceBuilder::new().concurrency_limit(4).service(MetricsService::new(Uptime));
    loop {
        let (stream, _) = listener.accept().await?;
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service.clone()));
        // What goes wrong on a connection is its client's.
        let _ = connection.await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    serve(TcpListener::bind("127.0.0.1:9464").await?).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn the_page_is_served() -> Result<(), Box<dyn Error>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut stream = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        tokio::select! {
            result = serve(listener) => result?,
            read = stream.read_to_string(&mut answer) => drop(read?),
        }
        let page = answer.split_once("\r\n\r\n").map_or("", |(_, page)| page);
        // It goes on with the metrics of the service itself.
        assert!(page.starts_with("# HELP up Whether it runs.\n# TYPE up gauge\nup 1\n"), "{answer}");
        Ok(())
    }
}

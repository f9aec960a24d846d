//! A service that sends its metrics to a Prometheus by remote write, in the background, and says at its end that it ends.
//!
//! ```sh
//! echo 'global: {}' >/tmp/prometheus.yml
//! prometheus --config.file=/tmp/prometheus.yml --storage.tsdb.path=/tmp/prometheus --web.enable-remote-write-receiver &
//! cargo run -p nilometer --features push --example remote_write -- http://127.0.0.1:9090/api/v1/write
//! ```
//!
//! It works whether or not the Prometheus is there: where none is, what was not delivered is counted, and the end of it all is
//! an error that says what kept it.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use nilometer::prometheus::push::{PushEndpoint, PushMetrics, RemoteWrite, RemoteWriteConfig};
use nilometer::{Counter, Histogram, LabelSet, Metrics, MetricsRegistry, PrometheusRenderer, buckets};

/// Metrics of a service that answers requests.
#[derive(Metrics)]
#[metrics(prefix = "shop")]
struct ShopMetrics {
    /// Orders taken.
    orders_total: Counter,
    /// Time to take an order.
    #[metric(buckets = buckets::LATENCY_SECONDS)]
    order_duration_seconds: Histogram,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:9090/api/v1/write".to_owned());
    let (registry, counts) = (MetricsRegistry::new(), PushMetrics::new());
    let metrics = ShopMetrics::register(&registry)?;

    let config = RemoteWriteConfig::new(PushEndpoint::try_new(&url)?)
        .with_interval(Duration::from_secs(1))
        .with_labels(LabelSet::try_from_pairs(&[("job", "shop"), ("instance", "example")])?)
        .with_metrics(counts.clone());
    let pusher = RemoteWrite::new(registry, config).start()?;

    for _ in 0..300 {
        let timer = metrics.order_duration_seconds.start_timer();
        tokio::time::sleep(Duration::from_millis(10)).await;
        timer.stop();
        metrics.orders_total.inc();
    }

    let ended = pusher.shutdown(Duration::from_secs(5)).await;
    let mut out = io::stdout();
    write!(out, "{}", PrometheusRenderer::render_all(&counts))?;
    writeln!(out, "{} points at the end, of which Prometheus knows that it is the end", ended?.points())?;
    Ok(())
}

//! A job that ends before it could be scraped, and leaves its metrics at a Pushgateway. Nothing in it is async.
//!
//! ```sh
//! prometheus-pushgateway &
//! cargo run -p nilometer --features push --example pushgateway -- http://127.0.0.1:9091
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::thread;
use std::time::{Duration, SystemTime};

use nilometer::prometheus::push::{GroupingKey, PushEndpoint, Pushgateway, PushgatewayConfig};
use nilometer::{Counter, Gauge, Metrics, MetricsRegistry};

/// What is known of a backup when it is done.
#[derive(Metrics)]
#[metrics(prefix = "backup")]
struct BackupMetrics {
    /// Files that were copied.
    files_total: Counter,
    /// How long it took.
    duration_seconds: Gauge,
    /// When it was done.
    last_success_timestamp_seconds: Gauge,
}

fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:9091".to_owned());
    let group = GroupingKey::try_new("backup")?.try_with_label("path", "/var/lib")?;
    let config = PushgatewayConfig::new(PushEndpoint::try_new(&url)?, group);

    let registry = MetricsRegistry::new();
    let metrics = BackupMetrics::register(&registry)?;
    let start = SystemTime::now();
    for _ in 0..20 {
        thread::sleep(Duration::from_millis(5));
        metrics.files_total.inc();
    }
    metrics.duration_seconds.set(start.elapsed()?.as_secs_f64());
    metrics.last_success_timestamp_seconds.set(SystemTime::UNIX_EPOCH.elapsed()?.as_secs_f64());

    let report = Pushgateway::new(registry, config).push_blocking()?;
    writeln!(io::stdout(), "{} series, {} bytes, pushed to {url}", report.points(), report.bytes())?;
    Ok(())
}

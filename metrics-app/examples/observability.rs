//! A kitchen that cooks until it is told to stop, observed by one call.
//!
//! ```sh
//! cargo run -p nilometer --example observability -- --config metrics-app/examples/observability.toml
//! curl http://127.0.0.1:9464/metrics
//! ```
//!
//! It ends with Ctrl-C, or by itself with `--seconds 10`. The environment goes before the file: try
//! `NILOMETER_PROMETHEUS_PORT=9465`, and `NILOMETER_PROMETHEUS_PROT=9465`. With the features `otel` and `tokio` there is more
//! to see; the former sends to where `OTEL_EXPORTER_OTLP_ENDPOINT` says, and a page tells what became of it:
//!
//! ```sh
//! export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318
//! cargo run -p nilometer --features otel,tokio --example observability
//! curl -s http://127.0.0.1:9464/metrics | grep nilometer_otlp
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use nilometer::{
    Counter, Histogram, Metrics, MetricsError, MetricsRegistry, Observability, ObservabilityConfig,
    UpDownCounter, build_info,
};

/// How long the last values and the last scrapes are waited for.
const DEADLINE: Duration = Duration::from_secs(3);

/// Cooks, and shows how it goes.
#[derive(Debug, Parser)]
struct Args {
    /// A file of the configuration
    #[arg(long)]
    config: Option<PathBuf>,
    /// Ends after so many seconds, and not with Ctrl-C alone
    #[arg(long)]
    seconds: Option<u64>,
}

/// What the kitchen measures.
#[derive(Debug, Clone, Metrics)]
#[metrics(prefix = "kitchen")]
struct KitchenMetrics {
    /// Dishes that were served.
    dishes_total: Counter,
    /// Dishes on the stove.
    cooking: UpDownCounter,
    /// How long a dish takes.
    #[metric(buckets = [0.005, 0.01, 0.02, 0.05])]
    dish_duration_seconds: Histogram,
}

/// The program's own words first, then the file's, then the environment's.
fn config(args: &Args) -> Result<ObservabilityConfig, Box<dyn Error>> {
    let mut config = ObservabilityConfig::new("kitchen")
        .with_build_info(build_info!())
        .with_prometheus_address("127.0.0.1", 9464);
    if let Some(path) = &args.config {
        config = config.with_file(path)?;
    }
    Ok(config.with_env()?)
}

/// Cooks one dish after the other, until this is dropped.
async fn cook(registry: &MetricsRegistry) -> Result<(), MetricsError> {
    let metrics = KitchenMetrics::register(registry)?;
    for dish in 0_u64.. {
        metrics.cooking.inc();
        let timer = metrics.dish_duration_seconds.start_timer();
        tokio::time::sleep(Duration::from_millis(3 + dish * 7 % 23)).await;
        timer.stop();
        metrics.cooking.dec();
        metrics.dishes_total.inc();
    }
    Ok(())
}

/// Ready when it is time to go home.
async fn closing_time(seconds: Option<u64>) {
    let end = seconds.map_or(Duration::MAX, Duration::from_secs);
    tokio::select! {
        // Where signals cannot be listened for, the time is all there is.
        Ok(()) = tokio::signal::ctrl_c() => {}
        () = tokio::time::sleep(end) => {}
    }
}

async fn run(config: ObservabilityConfig, end: impl Future<Output = ()>) -> Result<(), Box<dyn Error>> {
    let observability = Observability::init(config)?;
    for ignored in observability.ignored_variables() {
        writeln!(io::stderr(), "{} is ignored: {}", ignored.name(), ignored.reason())?;
    }
    if let Some(address) = observability.local_addr() {
        writeln!(io::stderr(), "listening on {address}")?;
    }
    tokio::select! {
        result = cook(observability.registry()) => result?,
        () = end => {}
    }
    if let Err(error) = observability.shutdown(DEADLINE).await {
        // The kitchen has closed all the same.
        writeln!(io::stderr(), "{error}")?;
    }
    Ok(())
}

/// An error and what is behind it, on one line.
fn explained(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    line
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let result = match config(&args) {
        Ok(config) => run(config, closing_time(args.seconds)).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody to tell where standard error is closed.
            let _ = writeln!(io::stderr(), "{}", explained(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use nilometer::ConfigOrigin;

    use super::*;

    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/observability.toml");

    #[test]
    fn the_file_goes_before_the_program() {
        let args = Args { config: Some(FILE.into()), seconds: None };
        let config = config(&args).unwrap();
        assert_eq!(config.get("registry.labels").as_deref(), Some("region=eu"));
        assert!(matches!(config.origin("prometheus.port"), Some(ConfigOrigin::File { line: 17, .. })));
        assert_eq!(config.get("service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
        config.check().unwrap();
    }

    #[tokio::test]
    async fn it_cooks_and_ends_when_it_is_told_to() {
        let config = ObservabilityConfig::new("kitchen").with_prometheus_address("127.0.0.1", 0);
        run(config, tokio::time::sleep(Duration::from_millis(50))).await.unwrap();
    }
}

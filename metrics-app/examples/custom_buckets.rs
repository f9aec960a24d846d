//! Buckets of one's own: a histogram is as good as its bounds fit what it measures.
//!
//! ```sh
//! cargo run -p nilometer --example custom_buckets
//! ```

use std::error::Error;
use std::io::{self, Write};

use nilometer::{Histogram, Metrics, MetricsRegistry, PrometheusRenderer, buckets};

/// Written out: close together around the 300 ms that were promised, so that the share below it is exact.
const PROMISED_SECONDS: [f64; 6] = [0.1, 0.2, 0.25, 0.3, 0.4, 1.0];

/// Linear: quarters of a cache.
const FILL_RATIO: [f64; 4] = buckets::linear(0.25, 0.25);

/// Exponential: from 1 KiB to 1 MiB, each four times the one before.
const BODY_BYTES: [f64; 6] = buckets::exponential(1024.0, 4.0);

/// Bounds in constants are checked when this is compiled: out of order, they are an error on the attribute.
#[derive(Debug, Metrics)]
#[metrics(prefix = "proxy")]
struct ProxyMetrics {
    /// Time to answer.
    #[metric(buckets = PROMISED_SECONDS)]
    answer_seconds: Histogram,
    /// How full the cache was at each lookup.
    #[metric(buckets = FILL_RATIO)]
    cache_fill_ratio: Histogram,
    /// Size of the bodies passed on.
    #[metric(buckets = BODY_BYTES)]
    body_bytes: Histogram,
}

fn main() -> Result<(), Box<dyn Error>> {
    let registry = MetricsRegistry::new();
    let metrics = ProxyMetrics::register(&registry)?;

    for (seconds, fill, bytes) in
        [(0.12, 0.2, 900.0), (0.28, 0.4, 5_000.0), (0.31, 0.6, 70_000.0), (2.5, 0.9, 4e6)]
    {
        metrics.answer_seconds.observe(seconds);
        metrics.cache_fill_ratio.observe(fill);
        metrics.body_bytes.observe(bytes);
    }

    // Bounds that come from a configuration are checked when they are registered, and the error names the wrong one.
    let mut out = io::stdout().lock();
    let from_configuration = [5.0, 1.0];
    if let Err(error) = registry.register_histogram("retries", "Tries per request.", &from_configuration) {
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        writeln!(out, "# {error}: {cause}\n")?;
    }

    out.write_all(PrometheusRenderer::render_all(&registry).as_bytes())?;

    let answers = metrics.answer_seconds.snapshot();
    let in_time = answers.buckets().find(|(bound, _)| *bound >= 0.3).map_or(0, |(_, count)| count);
    writeln!(out, "\n# {in_time} of {} answers within 300 ms", answers.count())?;
    Ok(())
}

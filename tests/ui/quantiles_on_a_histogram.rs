use nilometer_core::{MetricsRegistry, Histogram};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time that jobs wait.
    #[metric(buckets = [1.0], quantiles = [0.5])]
    wait_seconds: Histogram,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

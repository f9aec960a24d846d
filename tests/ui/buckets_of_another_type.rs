use nilometer_core::{Histogram, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time spent waiting.
    #[metric(buckets = 10)]
    wait: Histogram,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

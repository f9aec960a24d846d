use nilometer_core::{HistogramFamily, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time spent waiting.
    wait: Option<HistogramFamily>,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

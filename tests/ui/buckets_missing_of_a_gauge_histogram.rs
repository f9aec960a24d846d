use nilometer_core::{GaugeHistogram, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time spent waiting.
    wait: GaugeHistogram,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{GaugeFamily, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that wait.
    #[metric(buckets = nilometer_core::buckets::LATENCY_MS)]
    length: GaugeFamily,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

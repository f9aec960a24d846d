use nilometer_core::{CounterFamily, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core", utf8)]
struct Queue {
    /// Jobs, by queue.
    #[metric(labels = ["queue.name", "nilometer.overflow"])]
    jobs: CounterFamily,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core", prefix = "queue_")]
struct Queue {
    /// Jobs that wait.
    length: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that wait.
    length: Missing,
    /// Jobs that came.
    jobs: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

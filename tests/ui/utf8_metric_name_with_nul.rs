use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core", utf8)]
struct Queue {
    /// Jobs.
    #[metric(name = "queue\0jobs")]
    jobs: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

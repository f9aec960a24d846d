use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core", utf8 = true)]
struct Queue {
    /// Jobs.
    jobs: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

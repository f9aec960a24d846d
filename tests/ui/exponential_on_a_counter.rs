use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// What was taken.
    #[metric(exponential)]
    taken_total: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

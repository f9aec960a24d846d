use nilometer_core::{Histogram, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// How long it is.
    #[metric(exponential = 3)]
    length: Histogram,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

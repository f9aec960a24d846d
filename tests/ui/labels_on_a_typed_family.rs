use nilometer_core::{Counter, Family, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that wait.
    #[metric(labels = ["kind"])]
    length: Family<(), Counter>,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

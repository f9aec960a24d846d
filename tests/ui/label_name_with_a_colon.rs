use nilometer_core::{CounterFamily, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that wait.
    #[metric(labels = ["a:b"])]
    length: CounterFamily,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

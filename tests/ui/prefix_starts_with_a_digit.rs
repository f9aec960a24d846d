use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core", prefix = "9lives")]
struct Queue {
    /// Jobs that wait.
    length: Counter,
    /// Jobs that came.
    jobs_total: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{Counter, CounterFamily, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    length: Counter,
    /// Jobs that came.
    jobs: Counter,
    #[metric(nam = "jobs", flat)]
    again: Counter,
    /// Jobs that went.
    #[metric(name = "jobs", labels = ["a", "a"])]
    done: CounterFamily,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that came.
    jobs_total: Counter,
    /// Jobs that went.
    #[metric(name = "jobs_total")]
    done: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

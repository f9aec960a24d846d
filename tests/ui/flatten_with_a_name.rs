use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Inner {
    /// Jobs that wait.
    length: Counter,
}

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    #[metric(flatten, name = "inner")]
    inner: Inner,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue<'a> {
    /// Jobs that wait.
    length: &'a Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

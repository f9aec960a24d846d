use nilometer_core::{MetricsRegistry, Gauge};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time that jobs wait.
    #[metric(relative_error = 0.01)]
    wait_seconds: Gauge,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

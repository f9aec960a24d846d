use nilometer_core::{MetricsRegistry, Summary};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time that jobs wait.
    #[metric(quantiles = [0.9, 0.5])]
    wait_seconds: Summary,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

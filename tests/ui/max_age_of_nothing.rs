use std::time::Duration;

use nilometer_core::{MetricsRegistry, Summary};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time that jobs wait.
    #[metric(max_age = Duration::ZERO)]
    wait_seconds: Summary,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

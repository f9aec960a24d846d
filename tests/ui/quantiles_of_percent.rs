use nilometer_core::{MetricsRegistry, SummaryFamily};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Time that jobs wait.
    #[metric(quantiles = &[50.0, 90.0])]
    wait_seconds: SummaryFamily,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{ExponentialConfig, Histogram, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// How long it is.
    #[metric(exponential = ExponentialConfig::new().with_scale(9))]
    length: Histogram,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{LongTaskTimer, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs.
    #[metric(buckets = [1.0, 2.0])]
    jobs: LongTaskTimer,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

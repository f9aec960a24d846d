use nilometer_core::{GaugeHistogram, MetricsRegistry, buckets};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Sizes of what waits.
    #[metric(buckets = buckets::linear::<255>(1.0, 1.0))]
    waiting: GaugeHistogram,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::{MetricsRegistry, MinGauge};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// The shortest that it was.
    #[metric(window = 30)]
    length_min: MinGauge,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use std::time::Duration;

use nilometer_core::{MaxGauge, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// The longest that it was.
    #[metric(window = Duration::from_secs(0))]
    length_max: MaxGauge,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

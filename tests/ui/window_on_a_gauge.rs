use std::time::Duration;

use nilometer_core::{GaugeFamily, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that wait.
    #[metric(window = Duration::from_secs(30))]
    length: GaugeFamily,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

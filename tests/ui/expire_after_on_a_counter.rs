use std::time::Duration;

use nilometer_core::{Counter, MetricsRegistry};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that were done.
    #[metric(expire_after = Duration::from_secs(60))]
    done_total: Counter,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

use nilometer_core::MetricsRegistry;
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue;

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

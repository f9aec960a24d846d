use nilometer_core::MetricsRegistry;
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
enum Queue {
    Empty,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

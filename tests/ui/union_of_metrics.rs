use nilometer_core::MetricsRegistry;
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
union Queue {
    length: u64,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

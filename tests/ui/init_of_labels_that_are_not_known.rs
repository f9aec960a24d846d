use nilometer_core::{Counter, Family, MetricsRegistry};
use nilometer_macros::{Metrics, TypedLabels};

#[derive(TypedLabels)]
#[label(crate = "nilometer_core")]
struct Job<'a> {
    kind: &'a str,
}

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// Jobs that were done.
    #[metric(init)]
    done_total: Family<Job<'static>, Counter>,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
}

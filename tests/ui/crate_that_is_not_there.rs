use nilometer_core::Counter;
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nowhere")]
struct Queue {
    /// Jobs that wait.
    length: Counter,
    /// Jobs that came.
    #[metric(name = "jobs")]
    jobs_total: Counter,
}

fn main() {}

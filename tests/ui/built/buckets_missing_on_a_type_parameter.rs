use nilometer_core::Histogram;
use nilometer_core::declare::{Metrics as _, Scope};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue<T> {
    /// Time spent waiting.
    wait: T,
}

fn main() {
    let _: fn(&mut Scope) = Queue::<Histogram>::declare;
}

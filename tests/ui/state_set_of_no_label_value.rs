use nilometer_core::{MetricsRegistry, StateSet};
use nilometer_macros::Metrics;

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct Queue {
    /// What it does.
    state: StateSet<State>,
}

enum State {
    Open,
    Closed,
}

fn main() {
    let _ = Queue::register(&MetricsRegistry::new());
    let _ = [State::Open, State::Closed];
}

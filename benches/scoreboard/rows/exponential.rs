//! One histogram with exponential buckets, through a handle.

use std::sync::Arc;

use fast_telemetry::Distribution;
use nilometer_core::{ExponentialConfig, Histogram, LabelSet};

use super::histogram::{place, values};
use crate::contest::Contestant;
use crate::rows::shards;

pub(super) fn contestants() -> Vec<Contestant> {
    let mut all = vec![nilometer(), fast_telemetry()];
    all.extend(super::counter::baselines());
    all
}

fn nilometer() -> Contestant {
    let histogram = Histogram::try_exponential(
        "bench_seconds",
        "A histogram.",
        LabelSet::empty(),
        ExponentialConfig::new(),
    );
    let histogram = histogram.expect("the defaults are right");
    let held = histogram.clone();
    let values = values().map(|value| value as f64 / 1000.0);
    Contestant::ours(move |turn| histogram.observe(values[place(turn)]))
        .counting(move || held.snapshot().count())
}

/// It takes whole numbers alone, and its buckets are powers of two.
fn fast_telemetry() -> Contestant {
    let distribution = Arc::new(Distribution::new(shards()));
    let held = Arc::clone(&distribution);
    let values = values();
    Contestant::rival("fast-telemetry", move |turn| distribution.record(values[place(turn)]))
        .counting(move || held.count())
}

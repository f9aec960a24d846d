//! Two labels whose values are all known, as enums, and a count on the series.

use std::sync::Arc;

use fast_telemetry::{LabelEnum, LabeledCounter};
use nilometer_core::{Counter, MetricsRegistry};

use crate::contest::Contestant;
use crate::rows::shards;

/// Nilometer's labels.
mod ours {
    use nilometer_macros::{LabelValue, TypedLabels};

    #[derive(Clone, Copy, LabelValue)]
    #[label(crate = "nilometer_core")]
    pub(super) enum Method {
        Get,
        Post,
        Put,
        Delete,
    }

    #[derive(Clone, Copy, LabelValue)]
    #[label(crate = "nilometer_core")]
    pub(super) enum Outcome {
        Ok,
        Failed,
    }

    #[derive(TypedLabels)]
    #[label(crate = "nilometer_core")]
    pub(super) struct Labels {
        pub(super) method: Method,
        pub(super) outcome: Outcome,
    }
}

/// The same for `measured`.
mod theirs {
    use measured::{FixedCardinalityLabel, LabelGroup};

    #[derive(Clone, Copy, FixedCardinalityLabel)]
    pub(super) enum Method {
        Get,
        Post,
        Put,
        Delete,
    }

    #[derive(Clone, Copy, FixedCardinalityLabel)]
    pub(super) enum Outcome {
        Ok,
        Failed,
    }

    #[derive(LabelGroup)]
    #[label(set = LabelsSet)]
    pub(super) struct Labels {
        pub(super) method: Method,
        pub(super) outcome: Outcome,
    }
}

/// The one enum that `fast-telemetry` takes.
#[derive(Debug, Clone, Copy)]
struct Single(usize);

impl LabelEnum for Single {
    const CARDINALITY: usize = 4;
    const LABEL_NAME: &'static str = "method";

    fn as_index(self) -> usize {
        self.0
    }

    fn from_index(index: usize) -> Self {
        Single(index)
    }

    fn variant_name(self) -> &'static str {
        ["get", "post", "put", "delete"][self.0]
    }
}

fn pick<T: Copy, const N: usize>(values: &[T; N], turn: u64) -> T {
    values[turn as usize % N]
}

pub(super) fn contestants() -> Vec<Contestant> {
    let mut all = vec![nilometer(), measured(), fast_telemetry()];
    all.extend(super::counter::baselines());
    all
}

fn nilometer() -> Contestant {
    use ours::{Labels, Method, Outcome};

    const METHODS: [Method; 4] = [Method::Get, Method::Post, Method::Put, Method::Delete];
    const OUTCOMES: [Outcome; 2] = [Outcome::Ok, Outcome::Failed];
    let registry = MetricsRegistry::new();
    let family = registry.family::<Counter>("bench_total", "A counter.").typed::<Labels>().register();
    let family = family.expect("the name is free");
    let held = family.clone();
    let increment = move |turn| {
        let labels = Labels { method: pick(&METHODS, turn), outcome: pick(&OUTCOMES, turn / 4) };
        family.with(&labels, Counter::inc);
    };
    Contestant::ours(increment).counting(move || held.series().map(|counter| counter.get()).sum())
}

fn measured() -> Contestant {
    use theirs::{Labels, LabelsSet, Method, Outcome};

    const METHODS: [Method; 4] = [Method::Get, Method::Post, Method::Put, Method::Delete];
    const OUTCOMES: [Outcome; 2] = [Outcome::Ok, Outcome::Failed];
    let family = Arc::new(measured::CounterVec::<LabelsSet>::dense());
    let held = Arc::clone(&family);
    let increment = move |turn| {
        family.inc(Labels { method: pick(&METHODS, turn), outcome: pick(&OUTCOMES, turn / 4) });
    };
    Contestant::rival("measured", increment).counting(move || super::measured_total(&*held))
}

fn fast_telemetry() -> Contestant {
    let family = Arc::new(LabeledCounter::<Single>::new(shards()));
    let held = Arc::clone(&family);
    let increment = move |turn: u64| family.inc(Single(turn as usize % Single::CARDINALITY));
    Contestant::rival("fast-telemetry", increment).counting(move || held.sum_all().unsigned_abs() as u64)
}

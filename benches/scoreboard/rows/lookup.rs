//! A series among a thousand, found by three labels that are borrowed strings, and counted on.

use std::collections::HashMap;
use std::sync::Arc;

use fast_telemetry::DynamicCounter;
use fastmetrics::metrics::counter::Counter as FastCounter;
use fastmetrics::metrics::family::Family as FastFamily;
use metrics::{Key, Label, Recorder as _};
use nilometer_core::{Counter, CounterFamily, MetricsRegistry, RegistryConfig};
use opentelemetry::KeyValue;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family as ClientFamily;

use super::counter::METADATA;
use crate::contest::{Contestant, page_total};
use crate::labels::{Interned, InternedSet, Labels, NAMES};
use crate::otel::OpenTelemetry;
use crate::rows::shards;

/// In which order a call names the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the family declares them.
    Declared,
    /// In another one.
    Any,
}

/// Label sets, and those of each turn.
#[derive(Clone, Copy)]
pub(super) struct Turns {
    all: &'static [Labels],
    /// All of them, and some of them again up to a power of two: a division takes as long as half a lookup.
    in_turn: &'static [Labels],
}

impl Turns {
    pub(super) fn new(series: usize) -> Turns {
        let all = Labels::many(series);
        let in_turn: Vec<Labels> = all.iter().cycle().take(series.next_power_of_two()).cloned().collect();
        Turns { all, in_turn: in_turn.leak() }
    }

    pub(super) fn of(self, turn: u64) -> &'static Labels {
        &self.in_turn[turn as usize & (self.in_turn.len() - 1)]
    }
}

pub(super) fn contestants(series: usize, order: Order) -> Vec<Contestant> {
    let turns = Turns::new(series);
    let mut all = vec![nilometer(turns, order)];
    all.push(if order == Order::Declared { prometheus(turns) } else { prometheus_named(turns) });
    all.extend([fastmetrics(turns), prometheus_client(turns), measured(turns), fast_telemetry(turns)]);
    // It refuses to tell more than 2,000 series apart, and a limit of its own needs an experimental feature.
    if series < 2000 {
        all.push(opentelemetry(turns));
    }
    all.push(metrics(turns));
    all
}

/// What grows with the number of series, measured for nilometer and for the rival that is best at it.
pub(super) fn growing(series: usize) -> Vec<Contestant> {
    let turns = Turns::new(series);
    vec![nilometer(turns, Order::Declared), fastmetrics(turns), prometheus(turns)]
}

fn nilometer(turns: Turns, order: Order) -> Contestant {
    let limit = turns.all.len() + 1;
    let config = RegistryConfig::new().with_series_limit(limit).with_registry_limit(limit);
    let registry = MetricsRegistry::with_config(config);
    let family = registry.family::<Counter>("bench_total", "A counter.").with_labels(&NAMES).register();
    let family = family.expect("the name is free");
    for labels in turns.all {
        let _ = family.get_or_create(&labels.pairs());
    }
    let held: CounterFamily = family.clone();
    let total = move || held.series().map(|counter| counter.get()).sum();
    let contestant = match order {
        Order::Declared => Contestant::ours(move |turn| family.with(&turns.of(turn).pairs(), Counter::inc)),
        Order::Any => Contestant::ours(move |turn| {
            let [method, path, status] = turns.of(turn).pairs();
            family.with(&[status, method, path], Counter::inc);
        }),
    };
    contestant.counting(total)
}

fn prometheus_family(turns: Turns) -> (prometheus::IntCounterVec, impl Fn() -> u64) {
    let options = prometheus::Opts::new("bench_total", "A counter.");
    let family = prometheus::IntCounterVec::new(options, &NAMES).expect("the names are names");
    for labels in turns.all {
        let _ = family.with_label_values(&labels.values());
    }
    let held = family.clone();
    let total = move || turns.all.iter().map(|labels| held.with_label_values(&labels.values()).get()).sum();
    (family, total)
}

fn prometheus(turns: Turns) -> Contestant {
    let (family, total) = prometheus_family(turns);
    let increment = move |turn| family.with_label_values(&turns.of(turn).values()).inc();
    Contestant::rival("prometheus", increment).counting(total)
}

fn prometheus_named(turns: Turns) -> Contestant {
    let (family, total) = prometheus_family(turns);
    let increment = move |turn| family.with(&HashMap::from(turns.of(turn).pairs())).inc();
    Contestant::rival("prometheus", increment).counting(total)
}

fn fastmetrics(turns: Turns) -> Contestant {
    let family = FastFamily::<Labels, FastCounter>::default();
    for labels in turns.all {
        family.with_or_new(labels, |_| ());
    }
    let held = family.clone();
    let of = move |labels| held.with(labels, |counter: &FastCounter| counter.total()).unwrap_or(0);
    Contestant::rival("fastmetrics", move |turn| family.with_or_new(turns.of(turn), FastCounter::inc))
        .counting(move || turns.all.iter().map(&of).sum())
}

fn prometheus_client(turns: Turns) -> Contestant {
    let family = ClientFamily::<Labels, ClientCounter>::default();
    for labels in turns.all {
        let _ = family.get_or_create(labels);
    }
    let held = family.clone();
    let increment = move |turn| {
        family.get_or_create(turns.of(turn)).inc();
    };
    Contestant::rival("prometheus-client", increment)
        .counting(move || turns.all.iter().map(|labels| held.get_or_create(labels).get()).sum())
}

fn measured(turns: Turns) -> Contestant {
    let family = Arc::new(measured::CounterVec::<InternedSet>::default());
    for labels in turns.all {
        let _ = family.with_labels(labels.interned());
    }
    let held = Arc::clone(&family);
    let increment = move |turn| {
        let Labels { method, path, status } = turns.of(turn);
        family.inc(Interned { method, path, status });
    };
    Contestant::rival("measured", increment).counting(move || super::measured_total(&*held))
}

fn fast_telemetry(turns: Turns) -> Contestant {
    let family = Arc::new(DynamicCounter::with_max_series(shards(), turns.all.len() + 1));
    let held = Arc::clone(&family);
    Contestant::rival("fast-telemetry", move |turn| family.inc(&turns.of(turn).pairs()))
        .counting(move || held.sum_all().unsigned_abs() as u64)
}

fn opentelemetry(turns: Turns) -> Contestant {
    let opentelemetry = OpenTelemetry::new();
    let counter = opentelemetry.meter().u64_counter("bench_total").build();
    let increment = move |turn| {
        counter.add(1, &turns.of(turn).pairs().map(|(name, value)| KeyValue::new(name, value)));
    };
    Contestant::rival("opentelemetry", increment).counting(move || opentelemetry.total())
}

fn metrics(turns: Turns) -> Contestant {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let increment = move |turn| {
        let labels = turns.of(turn).pairs().map(|(name, value)| Label::from_static_parts(name, value));
        let key = Key::from_parts("bench_total", labels.to_vec());
        recorder.register_counter(&key, &METADATA).increment(1);
    };
    Contestant::rival("metrics", increment).counting(move || page_total(&handle.render(), "bench_total"))
}

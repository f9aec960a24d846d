//! What the derives take where a struct says `utf8`.

#![deny(warnings, missing_docs, unused_qualifications, unreachable_pub, rust_2018_idioms)]

use nilometer_core::{Counter, CounterFamily, Family, Gauge, MetricsRegistry};
use nilometer_macros::{Metrics, TypedLabels};

#[derive(Metrics)]
#[metrics(crate = "nilometer_core", prefix = "http.server", utf8)]
struct ServerMetrics<M: nilometer_core::Metric> {
    /// Requests, by method.
    #[metric(name = "requests total", labels = ["http.method", "http.route", "código", "имя"])]
    requests: CounterFamily,
    /// Requests, by typed labels.
    #[metric(name = "typed.requests{}\"\\\n\u{1}")]
    typed: Family<RequestLabels<'static>, Counter>,
    /// A field's own name.
    größe: Gauge,
    #[metric(flatten, prefix = "pool.size")]
    pool: PoolMetrics,
    /// A metric of the caller's choice.
    #[metric(name = "of.choice")]
    of_choice: M,
}

#[derive(Metrics)]
#[metrics(crate = "nilometer_core")]
struct PoolMetrics {
    /// Connections.
    connections: Gauge,
}

#[derive(TypedLabels)]
#[label(crate = "nilometer_core", utf8, rename_all = "kebab-case")]
struct RequestLabels<'a> {
    #[label(name = "http.method")]
    method: &'a str,
    status_code: u16,
}

fn main() {
    let metrics = ServerMetrics::<Counter>::register(&MetricsRegistry::new()).unwrap();
    metrics.requests.get_or_create(&[
        ("http.method", "GET"),
        ("http.route", "/"),
        ("código", "1"),
        ("имя", "2"),
    ]).inc();
    metrics.typed.get_or_create(&RequestLabels { method: "GET", status_code: 200 }).inc();
    metrics.größe.set(1.0);
    metrics.pool.connections.set(1.0);
    metrics.of_choice.inc();
}

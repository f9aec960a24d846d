//! What tests push, to where, and what they ask of it.

use std::time::Duration;

use nilometer_core::MetricsRegistry;
use nilometer_prometheus::push::{PushEndpoint, PushMetrics, RetryPolicy};

use crate::receiver::Receiver;
use crate::scrape;

/// Delays that no test has to wait for.
#[must_use]
pub fn quickly() -> RetryPolicy {
    RetryPolicy::new().with_delays(Duration::from_millis(1), Duration::from_millis(20))
}

/// The endpoint of a receiver.
#[must_use]
pub fn endpoint(receiver: &Receiver) -> PushEndpoint {
    endpoint_at(&receiver.address().to_string())
}

/// The endpoint at an address.
///
/// # Panics
///
/// Where it is none.
#[must_use]
#[expect(clippy::panic, reason = "a test whose address is wrong has failed")]
pub fn endpoint_at(address: &str) -> PushEndpoint {
    let endpoint = PushEndpoint::try_new(&format!("http://{address}"));
    endpoint.unwrap_or_else(|error| panic!("{error}")).with_retries(quickly())
}

/// One counter, `jobs_total`, of 5.
///
/// # Panics
///
/// Never, unless it cannot be registered.
#[must_use]
#[expect(clippy::panic, reason = "a test whose metric is refused has failed")]
pub fn registry() -> MetricsRegistry {
    let registry = MetricsRegistry::new();
    let jobs = registry.register_counter("jobs_total", "Jobs.");
    jobs.unwrap_or_else(|error| panic!("{error}")).default().inc_by(5);
    registry
}

/// A value of remote write's in [`PushMetrics`].
///
/// # Panics
///
/// Where there is none.
#[must_use]
#[expect(clippy::panic, reason = "a test that misses its value has failed")]
pub fn value(metrics: &PushMetrics, name: &str, labels: &[(&str, &str)]) -> f64 {
    let labels: Vec<_> = labels.iter().copied().chain([("push", "remote_write")]).collect();
    scrape(metrics).value(name, &labels).unwrap_or_else(|| panic!("no {name}{labels:?}"))
}

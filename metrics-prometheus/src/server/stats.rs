//! What a server has done.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};

/// The statuses that a [`MetricsService`](crate::MetricsService) answers with.
const STATUSES: [StatusCode; 7] = [
    StatusCode::OK,
    StatusCode::BAD_REQUEST,
    StatusCode::UNAUTHORIZED,
    StatusCode::NOT_FOUND,
    StatusCode::METHOD_NOT_ALLOWED,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::SERVICE_UNAVAILABLE,
];

/// What a server has answered and refused since it began; clones are of the same numbers.
///
/// It is a [`Collector`], which shows
///
/// - `nilometer_server_responses_total` by `status`,
/// - `nilometer_server_connections_total`, those accepted,
/// - `nilometer_server_connections_closed_total` by `reason`: `timeout`, `displaced` (another one waited for its place),
///   `handshake` (of TLS, which failed),
/// - `nilometer_server_certificate_reloads_total` by `result`: `ok`, `failed`.
///
/// [`ServerConfig::with_own_metrics`](crate::ServerConfig::with_own_metrics) puts them on the server's own page.
///
/// # Concurrency
///
/// Each number is read by itself: two that are read one after the other may have a request between them.
///
/// # Examples
///
/// ```
/// # use nilometer_core::collect::*;
/// # struct Nothing;
/// # impl Collector for Nothing {
/// #     fn collect(&self, _: &mut dyn Visitor) -> Result<(), CollectError> { Ok(()) }
/// # }
/// # let registry = Nothing;
/// use nilometer_prometheus::MetricsService;
///
/// let stats = MetricsService::new(registry).stats();
/// assert_eq!(stats.responses(401), 0);
/// ```
#[derive(Clone, Default)]
pub struct ServerStats(Arc<Numbers>);

#[derive(Default)]
struct Numbers {
    responses: [AtomicU64; STATUSES.len()],
    connections: AtomicU64,
    closed: [AtomicU64; REASONS.len()],
    reloads: [AtomicU64; RESULTS.len()],
}

/// Why the server closed a connection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Closed {
    Timeout,
    Displaced,
    Handshake,
}

/// In the order of [`Closed`].
const REASONS: [&str; 3] = ["timeout", "displaced", "handshake"];

/// What came of a reload.
const RESULTS: [&str; 2] = ["ok", "failed"];

impl ServerStats {
    /// How many responses had this status; 0 for one that the server never answers with. 401 are wrong credentials, 503
    /// are scrapes beyond the limits.
    #[must_use]
    pub fn responses(&self, status: u16) -> u64 {
        position(status).map_or(0, |index| read(&self.0.responses[index]))
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        read(&self.0.connections)
    }

    /// How many connections were closed since they took too long.
    #[must_use]
    pub fn timed_out(&self) -> u64 {
        self.closed_for(Closed::Timeout)
    }

    /// How many connections were closed since another one waited for their place.
    #[must_use]
    pub fn displaced(&self) -> u64 {
        self.closed_for(Closed::Displaced)
    }

    /// How many connections came to no TLS session: the client speaks none, or has no certificate that it needs.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.closed_for(Closed::Handshake)
    }

    /// How often changed certificates were taken.
    #[must_use]
    pub fn certificate_reloads(&self) -> u64 {
        read(&self.0.reloads[0])
    }

    /// How often changed certificates could not be taken, and those before stayed.
    #[must_use]
    pub fn failed_certificate_reloads(&self) -> u64 {
        read(&self.0.reloads[1])
    }

    fn closed_for(&self, reason: Closed) -> u64 {
        read(&self.0.closed[reason as usize])
    }

    pub(super) fn answered(&self, status: StatusCode) {
        if let Some(index) = position(status.as_u16()) {
            add(&self.0.responses[index]);
        }
    }

    pub(super) fn accepted(&self) {
        add(&self.0.connections);
    }

    pub(super) fn closed(&self, reason: Closed) {
        add(&self.0.closed[reason as usize]);
    }

    #[cfg(feature = "tls")]
    pub(super) fn reloaded(&self, ok: bool) {
        add(&self.0.reloads[usize::from(!ok)]);
    }
}

fn position(status: u16) -> Option<usize> {
    STATUSES.iter().position(|known| known.as_u16() == status)
}

fn add(number: &AtomicU64) {
    // ORDERING: Relaxed; the number says nothing about other memory.
    number.fetch_add(1, Ordering::Relaxed);
}

fn read(number: &AtomicU64) -> u64 {
    // ORDERING: Relaxed, as in `add`.
    number.load(Ordering::Relaxed)
}

impl Collector for ServerStats {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let statuses = STATUSES.map(|status| status.as_str().to_owned());
        family(visitor, "nilometer_server_responses_total", "Responses of the metrics server.", |show| {
            statuses
                .iter()
                .zip(&self.0.responses)
                .try_for_each(|(status, number)| show(&[("status", status)], number))
        })?;
        family(
            visitor,
            "nilometer_server_connections_total",
            "Connections that the metrics server has accepted.",
            |show| show(&[], &self.0.connections),
        )?;
        family(
            visitor,
            "nilometer_server_connections_closed_total",
            "Connections that the metrics server has closed.",
            |show| {
                REASONS
                    .iter()
                    .zip(&self.0.closed)
                    .try_for_each(|(reason, number)| show(&[("reason", reason)], number))
            },
        )?;
        family(
            visitor,
            "nilometer_server_certificate_reloads_total",
            "Changed certificates of the metrics server.",
            |show| {
                RESULTS
                    .iter()
                    .zip(&self.0.reloads)
                    .try_for_each(|(result, number)| show(&[("result", result)], number))
            },
        )
    }
}

/// Shows one series.
type Show<'a> = dyn FnMut(&[(&str, &str)], &AtomicU64) -> Result<(), CollectError> + 'a;

fn family(
    visitor: &mut dyn Visitor,
    name: &str,
    help: &str,
    series: impl FnOnce(&mut Show<'_>) -> Result<(), CollectError>,
) -> Result<(), CollectError> {
    visitor.family(&Descriptor::try_new(name, help, MetricType::Counter)?)?;
    series(&mut |pairs, number| {
        let labels = LabelSet::from_pairs(pairs);
        Ok(visitor.point(SeriesLabels::of(&labels), CounterPoint::new(read(number)).into())?)
    })
}

impl fmt::Debug for ServerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStats").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

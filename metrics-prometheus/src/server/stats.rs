//! What a server has done.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use http::StatusCode;
use nilometer_core::collect::{
    CollectError, Collector, CounterPoint, Descriptor, LabelSet, MetricType, SeriesLabels, Visitor,
};

use super::scrapes::{FormatScrapes, ScrapeStatus, Scrapes};
use crate::format::Format;

/// What the names of all these families begin with.
pub(super) const PREFIX: &str = "nilometer_server_";

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
/// | family | kind | labels | what |
/// |---|---|---|---|
/// | `nilometer_server_responses_total` | counter | `status` | responses of every sort, by the number of their status |
/// | `nilometer_server_connections_total` | counter | | connections that were accepted |
/// | `nilometer_server_connections_closed_total` | counter | `reason` | connections that the server closed: `timeout`, `displaced` (another one waited for its place), `handshake` (of TLS, which failed) |
/// | `nilometer_server_certificate_reloads_total` | counter | `result` | changed certificates: `ok`, `failed` |
/// | `nilometer_server_scrapes_total` | counter | `format`, `status` | scrapes, by how they ended: [`ScrapeStatus`] |
/// | `nilometer_server_scrape_duration_seconds` | histogram | `format` | the time from the arrival of a request to when the last piece of the page was handed to the connection, in seconds |
/// | `nilometer_server_scrape_size_bytes` | histogram | `format` | the length of a page as it was sent, compressed where it was, in bytes, without head and framing |
///
/// The formats are `text`, `text-1.0.0`, `openmetrics` and `protobuf`. A scrape is a GET of the page that is let in, or
/// turned away for want of room: a HEAD, `/health`, and what is answered with 400, 401, 404 or 405 are responses alone. The
/// two histograms are of complete scrapes: what broke off says nothing about how long a page takes, or how long it is.
///
/// A format is shown from its first scrape on, and on that one's page already, with zeros: so its counters begin at zero
/// for whoever scrapes, and the formats that nobody asks for take no room.
///
/// The server's own page ends with these, unless
/// [`ServerConfig::with_own_metrics`](crate::ServerConfig::with_own_metrics) says otherwise. The page is made before its own
/// scrape is over, which is why the first page has no scrape.
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
/// use nilometer_prometheus::{Format, MetricsService, ScrapeStatus};
///
/// let stats = MetricsService::new(registry).stats();
/// assert_eq!(stats.responses(401), 0);
/// assert_eq!(stats.scrapes(ScrapeStatus::BrokenOff), 0);
/// assert_eq!(stats.scrapes_in(Format::Protobuf, ScrapeStatus::Complete), 0);
/// ```
#[derive(Clone, Default)]
pub struct ServerStats(Arc<Numbers>);

struct Numbers {
    /// When all of them were zero.
    created: SystemTime,
    scrapes: Scrapes,
    responses: [AtomicU64; STATUSES.len()],
    connections: AtomicU64,
    closed: [AtomicU64; REASONS.len()],
    reloads: [AtomicU64; RESULTS.len()],
}

impl Default for Numbers {
    fn default() -> Self {
        Numbers {
            created: SystemTime::now(),
            scrapes: Scrapes::default(),
            responses: Default::default(),
            connections: AtomicU64::default(),
            closed: Default::default(),
            reloads: Default::default(),
        }
    }
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

    /// How many scrapes, in any format, ended so.
    #[must_use]
    pub fn scrapes(&self, status: ScrapeStatus) -> u64 {
        self.0.scrapes.with_status(status)
    }

    /// How many scrapes in this format ended so.
    #[must_use]
    pub fn scrapes_in(&self, format: Format, status: ScrapeStatus) -> u64 {
        self.scrapes_of(format).with_status(status)
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

    pub(super) fn scrapes_of(&self, format: Format) -> &FormatScrapes {
        self.0.scrapes.of(format)
    }

    pub(super) fn answered(&self, status: StatusCode) {
        if let Some(index) = position(status.as_u16()) {
            add(&self.0.responses[index], 1);
        }
    }

    pub(super) fn accepted(&self) {
        add(&self.0.connections, 1);
    }

    pub(super) fn closed(&self, reason: Closed) {
        add(&self.0.closed[reason as usize], 1);
    }

    #[cfg(feature = "tls")]
    pub(super) fn reloaded(&self, ok: bool) {
        add(&self.0.reloads[usize::from(!ok)], 1);
    }
}

fn position(status: u16) -> Option<usize> {
    STATUSES.iter().position(|known| known.as_u16() == status)
}

pub(super) fn add(number: &AtomicU64, more: u64) {
    // ORDERING: Relaxed; the number says nothing about other memory.
    number.fetch_add(more, Ordering::Relaxed);
}

pub(super) fn read(number: &AtomicU64) -> u64 {
    // ORDERING: Relaxed, as in `add`.
    number.load(Ordering::Relaxed)
}

/// The families but those of scrapes, made once: their labels are the same for every server.
static FAMILIES: LazyLock<Families> = LazyLock::new(Families::new);

struct Families {
    responses: Counters,
    connections: Counters,
    closed: Counters,
    reloads: Counters,
}

/// A family of counters, and the labels of each.
struct Counters(Descriptor, Vec<LabelSet>);

impl Families {
    fn new() -> Families {
        let with = |label: &'static str| move |value: &str| LabelSet::from_pairs(&[(label, value)]);
        let counter = |name, help| descriptor(name, help, MetricType::Counter);
        Families {
            responses: Counters(
                counter("nilometer_server_responses_total", "Responses of the metrics server."),
                STATUSES.iter().map(StatusCode::as_str).map(with("status")).collect(),
            ),
            connections: Counters(
                counter(
                    "nilometer_server_connections_total",
                    "Connections that the metrics server has accepted.",
                ),
                vec![LabelSet::empty()],
            ),
            closed: Counters(
                counter(
                    "nilometer_server_connections_closed_total",
                    "Connections that the metrics server has closed.",
                ),
                REASONS.map(with("reason")).to_vec(),
            ),
            reloads: Counters(
                counter(
                    "nilometer_server_certificate_reloads_total",
                    "Attempts to take changed certificates.",
                ),
                RESULTS.map(with("result")).to_vec(),
            ),
        }
    }
}

/// Describes a family of the server's.
pub(super) fn descriptor(name: &'static str, help: &'static str, kind: MetricType) -> Descriptor {
    Descriptor::try_new(name, help, kind).expect("the names of a server's families are valid")
}

impl Counters {
    fn show(
        &self,
        numbers: &[AtomicU64],
        created: SystemTime,
        visitor: &mut dyn Visitor,
    ) -> Result<(), CollectError> {
        let Counters(descriptor, labels) = self;
        visitor.family(descriptor)?;
        for (labels, number) in labels.iter().zip(numbers) {
            let point = CounterPoint::new(read(number)).with_created(created);
            visitor.point(SeriesLabels::of(labels), point.into())?;
        }
        Ok(())
    }
}

impl Collector for ServerStats {
    fn collect(&self, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let (families, numbers) = (&*FAMILIES, &*self.0);
        let connections = std::slice::from_ref(&numbers.connections);
        families.responses.show(&numbers.responses, numbers.created, visitor)?;
        families.connections.show(connections, numbers.created, visitor)?;
        families.closed.show(&numbers.closed, numbers.created, visitor)?;
        families.reloads.show(&numbers.reloads, numbers.created, visitor)?;
        numbers.scrapes.collect(numbers.created, visitor)
    }
}

impl fmt::Debug for ServerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerStats").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

//! How scrapes ended, by format.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use nilometer_core::collect::{
    CollectError, CounterPoint, Descriptor, HistogramPoint, LabelSet, MetricType, SeriesLabels, Unit, Visitor,
};

use super::stats::{add, descriptor, read};
use crate::format::Format;

/// How a scrape ended. `HTTP 200` says how it began.
///
/// # Examples
///
/// ```
/// use nilometer_prometheus::ScrapeStatus;
///
/// assert_eq!(ScrapeStatus::BrokenOff.as_str(), "broken_off");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScrapeStatus {
    /// All of the page was handed to the connection.
    Complete,
    /// The collector failed or panicked before the page had begun: 500.
    Failed,
    /// There were too many scrapes or requests: 503.
    Busy,
    /// The page ended before its end: the collector failed or panicked, or the server closed the connection, of a reader
    /// that was too slow or took nothing, or since the page was not there in time.
    BrokenOff,
    /// Whoever asked went away before the end of the page, or a shutdown did not wait for it.
    Abandoned,
}

impl ScrapeStatus {
    /// All of them, in their order.
    const ALL: [ScrapeStatus; 5] = [
        ScrapeStatus::Complete,
        ScrapeStatus::Failed,
        ScrapeStatus::Busy,
        ScrapeStatus::BrokenOff,
        ScrapeStatus::Abandoned,
    ];

    /// The value of the label `status` in `nilometer_server_scrapes_total`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ScrapeStatus::Complete => "complete",
            ScrapeStatus::Failed => "failed",
            ScrapeStatus::Busy => "busy",
            ScrapeStatus::BrokenOff => "broken_off",
            ScrapeStatus::Abandoned => "abandoned",
        }
    }
}

/// Every format, in the order of its number, with the value of its label.
const FORMATS: [(Format, &str); 4] = [
    (Format::Text, "text"),
    (Format::Text1, "text-1.0.0"),
    (Format::OpenMetrics, "openmetrics"),
    (Format::Protobuf, "protobuf"),
];

/// Upper bounds of durations, in seconds. Prometheus waits for 10 unless it is told otherwise.
const DURATIONS: [f64; 9] = [0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// Upper bounds of sizes, in bytes: 1 KiB, and four times as much each.
const SIZES: [f64; 9] =
    [1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0];

/// The families, made once: their labels are the same for every server.
static FAMILIES: LazyLock<Families> = LazyLock::new(Families::new);

struct Families {
    scrapes: Descriptor,
    durations: Descriptor,
    sizes: Descriptor,
    labels: [FormatLabels; FORMATS.len()],
}

struct FormatLabels {
    format: LabelSet,
    /// In the order of [`ScrapeStatus`].
    statuses: [LabelSet; ScrapeStatus::ALL.len()],
}

impl Families {
    fn new() -> Families {
        let histogram = MetricType::Histogram;
        Families {
            scrapes: descriptor(
                "nilometer_server_scrapes_total",
                "Scrapes, by how they ended.",
                MetricType::Counter,
            ),
            durations: descriptor(
                "nilometer_server_scrape_duration_seconds",
                "Time from the request to the end of the page, of complete scrapes.",
                histogram,
            )
            .with_unit(Unit::SECONDS),
            sizes: descriptor(
                "nilometer_server_scrape_size_bytes",
                "Bytes that were sent of a page, of complete scrapes.",
                histogram,
            )
            .with_unit(Unit::BYTES),
            labels: FORMATS.map(|(_, format)| FormatLabels {
                format: LabelSet::from_pairs(&[("format", format)]),
                statuses: ScrapeStatus::ALL
                    .map(|status| LabelSet::from_pairs(&[("format", format), ("status", status.as_str())])),
            }),
        }
    }
}

/// The scrapes of each format.
#[derive(Default)]
pub(super) struct Scrapes([FormatScrapes; FORMATS.len()]);

/// The scrapes of one format.
#[derive(Default)]
pub(super) struct FormatScrapes {
    is_asked_for: AtomicBool,
    ended: [AtomicU64; ScrapeStatus::ALL.len()],
    /// In nanoseconds.
    durations: Distribution<{ DURATIONS.len() + 1 }>,
    /// In bytes.
    sizes: Distribution<{ SIZES.len() + 1 }>,
}

/// Numbers by the bucket that they fall into, and their sum.
struct Distribution<const BUCKETS: usize> {
    counts: [AtomicU64; BUCKETS],
    sum: AtomicU64,
}

impl<const BUCKETS: usize> Default for Distribution<BUCKETS> {
    fn default() -> Self {
        Distribution { counts: [const { AtomicU64::new(0) }; BUCKETS], sum: AtomicU64::new(0) }
    }
}

impl<const BUCKETS: usize> Distribution<BUCKETS> {
    fn observe(&self, bounds: &[f64], value: f64, number: u64) {
        add(&self.counts[bounds.partition_point(|&bound| bound < value)], 1);
        add(&self.sum, number);
    }

    fn show(
        &self,
        labels: &LabelSet,
        bounds: &[f64],
        scale: f64,
        created: SystemTime,
        visitor: &mut dyn Visitor,
    ) -> Result<(), CollectError> {
        let counts = self.counts.each_ref().map(read);
        let point = HistogramPoint::try_new(bounds, &counts, float(read(&self.sum)) / scale)?;
        Ok(visitor.point(SeriesLabels::of(labels), point.with_created(created).into())?)
    }
}

impl FormatScrapes {
    /// A scrape has begun: from now on, the page shows this format.
    pub(super) fn asked(&self) {
        // ORDERING: Relaxed, here and where it is read; it says nothing about other memory.
        if !self.is_asked_for.load(Ordering::Relaxed) {
            self.is_asked_for.store(true, Ordering::Relaxed);
        }
    }

    /// A scrape is over.
    pub(super) fn ended(&self, status: ScrapeStatus, took: Duration, sent: u64) {
        if status == ScrapeStatus::Complete {
            let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            self.durations.observe(&DURATIONS, took.as_secs_f64(), nanoseconds);
            self.sizes.observe(&SIZES, float(sent), sent);
        }
        add(&self.ended[status as usize], 1);
    }

    pub(super) fn with_status(&self, status: ScrapeStatus) -> u64 {
        read(&self.ended[status as usize])
    }
}

impl Scrapes {
    pub(super) fn of(&self, format: Format) -> &FormatScrapes {
        &self.0[format as usize]
    }

    pub(super) fn with_status(&self, status: ScrapeStatus) -> u64 {
        self.0.iter().map(|format| format.with_status(status)).sum()
    }

    /// Shows the formats that were asked for.
    pub(super) fn collect(&self, created: SystemTime, visitor: &mut dyn Visitor) -> Result<(), CollectError> {
        let families = &*FAMILIES;
        let asked = || {
            let all = families.labels.iter().zip(&self.0);
            all.filter(|(_, scrapes)| scrapes.is_asked_for.load(Ordering::Relaxed))
        };
        if asked().next().is_none() {
            return Ok(());
        }
        visitor.family(&families.scrapes)?;
        for (labels, scrapes) in asked() {
            for (labels, number) in labels.statuses.iter().zip(&scrapes.ended) {
                let point = CounterPoint::new(read(number)).with_created(created);
                visitor.point(SeriesLabels::of(labels), point.into())?;
            }
        }
        visitor.family(&families.durations)?;
        for (labels, scrapes) in asked() {
            scrapes.durations.show(&labels.format, &DURATIONS, 1e9, created, visitor)?;
        }
        visitor.family(&families.sizes)?;
        for (labels, scrapes) in asked() {
            scrapes.sizes.show(&labels.format, &SIZES, 1.0, created, visitor)?;
        }
        Ok(())
    }
}

/// The nearest float.
#[expect(clippy::cast_precision_loss, reason = "sums are floats, exact up to 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_statuses_are_in_the_order_of_their_numbers() {
        for (index, (format, _)) in FORMATS.into_iter().enumerate() {
            assert_eq!(format as usize, index);
        }
        for (index, status) in ScrapeStatus::ALL.into_iter().enumerate() {
            assert_eq!(status as usize, index);
        }
    }
}

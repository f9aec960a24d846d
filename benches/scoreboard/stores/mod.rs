//! Many series of everybody, and the page that shows them.

mod fast_telemetry;
mod fastmetrics;
mod measured;
mod metrics;
mod nilometer;
mod prometheus;
mod prometheus_client;

use std::fs::File;
use std::io::{self, BufWriter, Write};

use crate::contest::page_total;
use crate::labels::Labels;

/// The names of the three families, and their help.
const COUNTER: (&str, &str) = ("bench_total", "A counter.");
const HISTOGRAM: (&str, &str) = ("bench_seconds", "A histogram.");
const GAUGE: (&str, &str) = ("bench_ratio", "A gauge.");

/// What every histogram observes, in thousandths and in seconds.
const OBSERVED: [u64; 3] = [3, 70, 20_000];
const OBSERVED_SECONDS: [f64; 3] = [0.003, 0.07, 20.0];

/// A family of each kind, whose series come to be when they are first recorded on.
pub(crate) trait Store: Send + Sync {
    /// Counts one on a counter.
    fn count(&self, labels: &Labels);

    /// Observes [`OBSERVED`] on a histogram.
    fn observe(&self, labels: &Labels);

    /// Sets a gauge to 1.
    fn set(&self, labels: &Labels);

    /// Does what has to be done now and then.
    fn settle(&self) {}

    /// Writes all series to a fresh string.
    fn page(&self) -> String;

    /// Writes all series to `sink` in pieces; false when there is no way to do that.
    fn stream(&self, sink: &mut Sink) -> io::Result<bool>;

    /// Writes all series as OpenMetrics text, for those who have it.
    fn open_metrics(&self) -> Option<Vec<u8>> {
        None
    }

    /// Writes all series as Prometheus' protobuf, for those who have it.
    fn protobuf(&self) -> Option<Vec<u8>> {
        None
    }

    /// Writes to `output` what a client gets that takes gzip; false when pages are not served.
    fn gzip(&self, _output: &mut dyn Write) -> io::Result<bool> {
        Ok(false)
    }
}

/// Makes a store for so many series of each kind, past the limit that it has by itself.
pub(crate) type Make = fn(usize) -> Box<dyn Store>;

/// Everybody, nilometer first.
pub(crate) const EVERYBODY: [(&str, Make); 7] = [
    ("nilometer", nilometer::make),
    ("fastmetrics", fastmetrics::make),
    ("fast-telemetry", fast_telemetry::make),
    ("prometheus-client", prometheus_client::make),
    ("measured", measured::make),
    ("prometheus", prometheus::make),
    ("metrics", metrics::make),
];

/// A kind of metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Histogram,
    Gauge,
}

impl Kind {
    pub(crate) const ALL: [Kind; 3] = [Kind::Counter, Kind::Histogram, Kind::Gauge];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
            Kind::Gauge => "gauge",
        }
    }

    /// Records once on each of the series.
    pub(crate) fn record(self, store: &dyn Store, series: &[Labels]) {
        for labels in series {
            match self {
                Kind::Counter => store.count(labels),
                Kind::Histogram => store.observe(labels),
                Kind::Gauge => store.set(labels),
            }
        }
    }

    /// Refuses a store whose page does not show that each of `series` series was recorded on `times` times.
    pub(crate) fn check(self, page: &str, series: usize, times: usize) -> Result<(), String> {
        let (shown, expected) = match self {
            Kind::Counter => (page_total(page, COUNTER.0), series * times),
            Kind::Histogram => (page_total(page, "bench_seconds_count"), series * times * OBSERVED.len()),
            Kind::Gauge => (page_total(page, GAUGE.0), series),
        };
        if shown == expected as u64 {
            return Ok(());
        }
        Err(format!("the page shows {shown} on {series} series of kind {}, not {expected}", self.name()))
    }
}

/// Where a page goes that is written in pieces: to the system, which forgets it.
pub(crate) struct Sink {
    device: File,
    pub(crate) written: usize,
}

impl Sink {
    pub(crate) fn open() -> io::Result<Sink> {
        Ok(Sink { device: File::options().write(true).open("/dev/null")?, written: 0 })
    }

    /// The same with a buffer, for those who write piecemeal: as long as nilometer's pieces.
    fn buffered(&mut self) -> Buffered<'_> {
        Buffered(BufWriter::with_capacity(64 * 1024, self))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.device.write(bytes)?;
        self.written += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A buffered sink, for writers of bytes and of text.
struct Buffered<'a>(BufWriter<&'a mut Sink>);

impl std::fmt::Write for Buffered<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write_all(text.as_bytes()).map_err(|_| std::fmt::Error)
    }
}

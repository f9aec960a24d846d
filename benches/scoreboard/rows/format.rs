//! The same page in other formats, and compressed.

use std::error::Error;
use std::hint::black_box;
use std::io::{self, Read as _, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use prost::Message;

use super::Board;
use super::page::{COUNTERS, Filled, HISTOGRAMS};
use crate::contest::Contestant;
use crate::labels::{Labels, NAMES};
use crate::report::Row;
use crate::stores::{EVERYBODY, Kind, Sink, Store};

/// Writes the page in one format, where a store has it.
type Render = fn(&dyn Store) -> Option<Vec<u8>>;

/// Refuses a page that does not show what was recorded.
type Check = fn(&[u8]) -> Result<(), Box<dyn Error>>;

/// What is read of Prometheus' messages.
///
/// SPEC: Prometheus client model 0.6.2, `io/prometheus/client/metrics.proto`.
mod message {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct MetricFamily {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, repeated, tag = "4")]
        pub(super) metrics: Vec<Metric>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Metric {
        #[prost(message, repeated, tag = "1")]
        pub(super) labels: Vec<LabelPair>,
        #[prost(message, optional, tag = "3")]
        pub(super) counter: Option<Counter>,
        #[prost(message, optional, tag = "7")]
        pub(super) histogram: Option<Histogram>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct LabelPair {
        #[prost(string, tag = "1")]
        pub(super) name: String,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Counter {
        #[prost(double, tag = "1")]
        pub(super) value: f64,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Histogram {
        #[prost(uint64, tag = "1")]
        pub(super) count: u64,
        #[prost(message, repeated, tag = "3")]
        pub(super) buckets: Vec<Bucket>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Bucket {
        #[prost(uint64, tag = "1")]
        pub(super) cumulative_count: u64,
    }
}

/// How many samples of each kind a page has, and what they add up to.
#[derive(Debug, Default, PartialEq)]
struct Shown {
    counters: usize,
    total: f64,
    histograms: usize,
    observations: u64,
}

/// Checks OpenMetrics text: the sums, and that it is complete.
fn check_text(page: &[u8]) -> Result<(), Box<dyn Error>> {
    let page = std::str::from_utf8(page)?;
    Kind::Counter.check(page, COUNTERS, 1)?;
    Kind::Histogram.check(page, HISTOGRAMS, 1)?;
    if page.ends_with("# EOF\n") { Ok(()) } else { Err("the page has no end".into()) }
}

/// Checks protobuf: that each series is there, with its labels and all its buckets, and the sums.
fn check_protobuf(mut page: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut shown = Shown::default();
    while !page.is_empty() {
        let family = message::MetricFamily::decode_length_delimited(&mut page)?;
        for metric in family.metrics.iter().filter(|_| family.name.starts_with("bench_")) {
            if metric.labels.iter().map(|label| &*label.name).ne(NAMES) {
                return Err(
                    format!("a series of `{}` has the labels {:?}", family.name, metric.labels).into()
                );
            }
            if let Some(counter) = &metric.counter {
                shown.counters += 1;
                shown.total += counter.value;
            }
            if let Some(histogram) = &metric.histogram {
                shown.histograms += 1;
                shown.observations += histogram.count;
                let last = histogram.buckets.last().map(|bucket| bucket.cumulative_count);
                if last != Some(histogram.count) || histogram.buckets.len() != super::BOUNDS.len() + 1 {
                    return Err(format!("a histogram has the buckets {:?}", histogram.buckets).into());
                }
            }
        }
    }
    let expected = Shown {
        counters: COUNTERS,
        total: COUNTERS as f64,
        histograms: HISTOGRAMS,
        observations: 3 * HISTOGRAMS as u64,
    };
    if shown == expected { Ok(()) } else { Err(format!("the page shows {shown:?}").into()) }
}

/// The page, written first and compressed then by `zlib-rs` at its fastest level.
fn page_and_gzip(store: &dyn Store, output: &mut dyn Write) -> io::Result<()> {
    let mut encoder = GzEncoder::new(output, Compression::new(1));
    encoder.write_all(store.page().as_bytes())?;
    encoder.finish().map(drop)
}

fn gunzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut page)?;
    Ok(page)
}

impl Board {
    /// All rows about other formats, of the page of `encode/text_page`.
    pub(super) fn formats(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let formats: [(&str, Render, Check); 2] = [
            ("encode/open_metrics", |store| store.open_metrics(), check_text),
            ("encode/protobuf", |store| store.protobuf(), check_protobuf),
        ];
        let gzip = "encode/gzip_page";
        if !self.wants(gzip) && !formats.iter().any(|(id, ..)| self.wants(id)) {
            return Ok(());
        }
        let labels = Labels::many(COUNTERS);
        let mut filled: Vec<_> = EVERYBODY.iter().map(|make| Filled::new(*make, COUNTERS)).collect();
        filled.retain(|filled| filled.store.protobuf().is_some());
        for filled in &filled {
            filled.record(labels, &labels[..HISTOGRAMS]);
        }
        for (id, write, check) in formats {
            if self.wants(id) {
                let contestants = filled.iter().map(|filled| {
                    let page = write(&*filled.store).unwrap_or_default();
                    check(&page).map_err(|error| format!("`{}` in `{id}`: {error}", filled.name))?;
                    Ok(filled.contestant(move |store| drop(black_box(write(store)))))
                });
                self.long(rows, id, "ms", 1e6, &contestants.collect::<Result<Vec<_>, String>>()?)?;
            }
        }
        if self.wants(gzip) {
            let contestants = filled.iter().find_map(|filled| filled.compressing().transpose());
            self.long(rows, gzip, "ms", 1e6, &contestants.ok_or("nobody serves gzip")??)?;
        }
        Ok(())
    }
}

impl Filled {
    /// Serves a compressed page, and makes the same one in two steps; `None` for who does not serve it.
    fn compressing(&self) -> Result<Option<[Contestant; 2]>, Box<dyn Error>> {
        let (mut served, mut made) = (Vec::new(), Vec::new());
        if !self.store.gzip(&mut served)? {
            return Ok(None);
        }
        page_and_gzip(&*self.store, &mut made)?;
        if gunzip(&served)? != gunzip(&made)? {
            return Err(format!("`{}` serves another page than it writes", self.name).into());
        }
        let store = Arc::clone(&self.store);
        Ok(Some([
            self.contestant(|store| {
                let served = Sink::open().and_then(|mut sink| store.gzip(&mut sink));
                assert!(served.is_ok(), "writing to /dev/null does not fail");
            }),
            Contestant::rival("page+zlib-rs", move |_| {
                let made = Sink::open().and_then(|mut sink| page_and_gzip(&*store, &mut sink));
                assert!(made.is_ok(), "writing to /dev/null does not fail");
            }),
        ]))
    }
}

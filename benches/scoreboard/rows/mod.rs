//! The rows, in the order in which they are printed.

mod closed;
mod counter;
mod histogram;
mod lookup;
mod store;

use std::error::Error;
use std::time::Duration;

use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;

use self::lookup::Order;
use self::store::{Build, Page};
use crate::contest::{Contestant, page_total};
use crate::labels::Labels;
use crate::measure::{Plan, measure};
use crate::memory::kept_by;
use crate::report::Row;

/// How many counters are on the page, and how many histograms.
const COUNTERS: usize = 100_000;
const HISTOGRAMS: usize = 10_000;

/// How much time a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Full,
    Quick,
}

impl Effort {
    /// The plan of a row whose operation takes nanoseconds.
    fn plan(self, threads: usize) -> Plan {
        match self {
            Effort::Full => {
                Plan { threads, rounds: 21, slice: Duration::from_millis(10), attempts: 4, spare: 21 }
            }
            Effort::Quick => {
                Plan { threads, rounds: 9, slice: Duration::from_millis(5), attempts: 2, spare: 4 }
            }
        }
    }

    /// The plan of a row whose operation alone takes longer than a slice.
    fn long_plan(self) -> Plan {
        let (rounds, attempts, spare) = match self {
            Effort::Full => (15, 2, 5),
            Effort::Quick => (3, 1, 0),
        };
        Plan { threads: 1, rounds, slice: Duration::from_millis(10), attempts, spare }
    }

    /// How many series the rows about growth go through.
    fn sizes(self) -> &'static [usize] {
        match self {
            Effort::Full => &[1_000, 10_000, 100_000, 1_000_000],
            Effort::Quick => &[1_000, 10_000, 100_000],
        }
    }
}

/// Which rows are asked for, and how much effort goes into each.
pub(crate) struct Board {
    pub(crate) pattern: Option<String>,
    pub(crate) effort: Effort,
    pub(crate) rows: Vec<Row>,
}

impl Board {
    fn wants(&self, id: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| id.contains(pattern.as_str()))
    }

    /// Measures a row in nanoseconds per operation, for one thread and for two.
    fn timed(
        &mut self,
        id: &str,
        threads: &[usize],
        contestants: impl Fn() -> Vec<Contestant>,
    ) -> Result<(), Box<dyn Error>> {
        for &threads in threads {
            let id = format!("{id}/threads={threads}");
            if self.wants(&id) {
                let contestants = contestants();
                let measured = measure(&contestants, self.effort.plan(threads))?;
                self.rows.push(Row::of(&id, "ns", 1.0, &contestants, &measured));
            }
        }
        Ok(())
    }

    /// Measures everything that is asked for.
    pub(crate) fn measure(&mut self) -> Result<(), Box<dyn Error>> {
        self.timed("counter/inc", &[1, 2], counter::contestants)?;
        self.timed("histogram/observe", &[1, 2], histogram::contestants)?;
        self.timed("lookup/declared", &[1, 2], || lookup::contestants(1000, Order::Declared))?;
        self.timed("lookup/any_order", &[1, 2], || lookup::contestants(1000, Order::Any))?;
        self.timed("enums/inc", &[1, 2], closed::contestants)?;
        self.page()?;
        self.bytes("bytes/counter", COUNTERS, |build, labels| build(labels, &[]));
        self.bytes("bytes/histogram", HISTOGRAMS, |build, labels| build(&[], labels));
        for &series in self.effort.sizes() {
            self.timed(&format!("lookup/series={series}"), &[1], || lookup::growing(series))?;
        }
        for &series in self.effort.sizes() {
            self.growth(series)?;
        }
        Ok(())
    }

    /// A page of many series of both kinds.
    fn page(&mut self) -> Result<(), Box<dyn Error>> {
        let id = "encode/text_page";
        if self.wants(id) {
            let labels = Labels::many(COUNTERS);
            let contestants = store::contestants(&store::RIVALS, labels, &labels[..HISTOGRAMS])?;
            let measured = measure(&contestants, self.effort.long_plan())?;
            self.rows.push(Row::of(id, "ms", 1e6, &contestants, &measured));
        }
        Ok(())
    }

    /// A page of counters alone, per series.
    fn growth(&mut self, series: usize) -> Result<(), Box<dyn Error>> {
        let id = format!("encode/series={series}");
        if self.wants(&id) {
            let contestants = store::contestants(&store::RIVALS[..3], Labels::many(series), &[])?;
            let measured = measure(&contestants, self.effort.long_plan())?;
            self.rows.push(Row::of(&id, "ns", series as f64, &contestants, &measured));
        }
        Ok(())
    }

    /// The memory that a store of series holds, per series.
    fn bytes(&mut self, id: &str, series: usize, build: impl Fn(Build, &[Labels]) -> Page) {
        if self.wants(id) {
            let labels = Labels::many(series);
            let per_series = |of| kept_by(|| build(of, labels)).0 as f64 / series as f64;
            let rivals = store::RIVALS.iter().map(|&(name, of)| (name, per_series(of))).collect();
            self.rows.push(Row::counted(id, "bytes", per_series(store::OURS), rivals));
        }
    }
}

/// How many shards a rival gets that lets one choose: enough for the threads that are measured.
fn shards() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).max(2)
}

/// The page that `measured` writes of a family.
fn measured_page(family: &impl MetricFamilyEncoding<BufferedTextEncoder>) -> String {
    let mut encoder = BufferedTextEncoder::new();
    let written = family.collect_family_into(MetricName::from_str("bench"), &mut encoder);
    let bytes = written.map(|()| encoder.finish()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn measured_total(family: &impl MetricFamilyEncoding<BufferedTextEncoder>) -> u64 {
    page_total(&measured_page(family), "bench")
}

fn measured_histogram_count(family: &impl MetricFamilyEncoding<BufferedTextEncoder>) -> u64 {
    page_total(&measured_page(family), "bench_count")
}

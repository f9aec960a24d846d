//! The rows, in the order in which they are printed.

mod bytes;
mod closed;
mod counter;
mod exponential;
mod facade;
mod format;
mod histogram;
mod lookup;
mod otlp;
mod page;

use std::error::Error;
use std::thread;
use std::time::Duration;

use measured::metric::MetricFamilyEncoding;
use measured::metric::name::MetricName;
use measured::text::BufferedTextEncoder;

pub(crate) use self::bytes::{CHILD, report_child};
pub(crate) use self::counter::METADATA;
pub(crate) use self::histogram::{BOUNDS, WHOLE_BOUNDS};

use self::lookup::Order;
use crate::contest::{Contestant, page_total};
use crate::measure::{Plan, measure};
use crate::report::Row;

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
            Effort::Full => Plan {
                threads,
                anew: false,
                rounds: 21,
                slice: Duration::from_millis(10),
                attempts: 4,
                spare: 21,
            },
            Effort::Quick => Plan {
                threads,
                anew: false,
                rounds: 11,
                slice: Duration::from_millis(5),
                attempts: 2,
                spare: 0,
            },
        }
    }

    /// The plan of a row whose operation alone may take longer than a slice.
    fn long_plan(self) -> Plan {
        let (rounds, attempts, spare) = match self {
            Effort::Full => (15, 1, 3),
            Effort::Quick => (4, 1, 0),
        };
        Plan { threads: 1, anew: false, rounds, slice: Duration::from_millis(10), attempts, spare }
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
#[derive(Debug)]
pub(crate) struct Board {
    pub(crate) pattern: Option<String>,
    pub(crate) effort: Effort,
}

impl Board {
    fn wants(&self, id: &str) -> bool {
        self.pattern.as_ref().is_none_or(|pattern| id.contains(pattern.as_str()))
    }

    /// Measures everything that is asked for.
    pub(crate) fn measure(&self) -> Result<Vec<Row>, Box<dyn Error>> {
        let mut rows = Vec::new();
        self.timed(&mut rows, "counter/inc", &[1, 2], counter::contestants)?;
        self.anew(&mut rows, "counter/inc_anew", counter::contestants)?;
        self.timed(&mut rows, "histogram/observe", &[1, 2], histogram::contestants)?;
        self.timed(&mut rows, "exponential/observe", &[1, 2], exponential::contestants)?;
        self.timed(&mut rows, "lookup/declared", &[1, 2], || lookup::contestants(1000, Order::Declared))?;
        self.timed(&mut rows, "lookup/any_order", &[1, 2], || lookup::contestants(1000, Order::Any))?;
        self.timed(&mut rows, "enums/inc", &[1, 2], closed::contestants)?;
        self.timed(&mut rows, "facade/plain", &[1, 2], facade::plain)?;
        self.timed(&mut rows, "facade/labelled", &[1, 2], facade::labelled)?;
        for &series in self.effort.sizes() {
            let id = format!("lookup/series={series}");
            self.timed(&mut rows, &id, &[1], || lookup::growing(series))?;
        }
        self.pages(&mut rows)?;
        self.formats(&mut rows)?;
        self.otlp(&mut rows)?;
        self.bytes(&mut rows)?;
        Ok(rows)
    }

    /// Measures a row whose operation is so short that it matters what is worked out before the loop: here nothing is.
    fn anew(
        &self,
        rows: &mut Vec<Row>,
        id: &str,
        contestants: impl Fn() -> Vec<Contestant>,
    ) -> Result<(), Box<dyn Error>> {
        let id = format!("{id}/threads=1");
        if self.wants(&id) {
            let contestants = contestants();
            let measured = measure(&contestants, Plan { anew: true, ..self.effort.plan(1) })?;
            rows.push(Row::of(&id, "ns", 1.0, &contestants, &measured.figures, measured.disturbed));
        }
        Ok(())
    }

    /// Measures a row in nanoseconds per operation, with so many threads that do it at once.
    fn timed(
        &self,
        rows: &mut Vec<Row>,
        id: &str,
        threads: &[usize],
        contestants: impl Fn() -> Vec<Contestant>,
    ) -> Result<(), Box<dyn Error>> {
        for &threads in threads {
            let id = format!("{id}/threads={threads}");
            if self.wants(&id) && threads <= processors() {
                let contestants = contestants();
                let measured = measure(&contestants, self.effort.plan(threads))?;
                rows.push(Row::of(&id, "ns", 1.0, &contestants, &measured.figures, measured.disturbed));
            }
        }
        Ok(())
    }
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// How many shards a rival gets that lets one choose: enough for the threads that are measured.
pub(crate) fn shards() -> usize {
    processors().max(2)
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

//! Pages: how long it takes to write them, as they grow, and as more threads hold cells.

use std::error::Error;
use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::thread;

use super::{Board, Effort};
use crate::contest::Contestant;
use crate::labels::Labels;
use crate::measure::{Measured, measure};
use crate::report::Row;
use crate::stores::{EVERYBODY, Kind, Make, Sink, Store};

/// How many counters are on the page, and how many histograms.
pub(super) const COUNTERS: usize = 100_000;
pub(super) const HISTOGRAMS: usize = 10_000;

/// How many of everybody are measured where one could not wait for all: nilometer and those that come close.
const CLOSE: usize = 4;

/// How a page is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Whole,
    Pieces,
}

/// Runs `work` on so many threads, and `then` while all of them are still there.
pub(super) fn held_by<R>(threads: usize, work: impl Fn() + Sync, then: impl FnOnce() -> R) -> R {
    let (done, end) = (Barrier::new(threads + 1), Barrier::new(threads + 1));
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                work();
                done.wait();
                end.wait();
            });
        }
        done.wait();
        let result = then();
        end.wait();
        result
    })
}

/// A contestant's store, filled by the threads that hold its cells.
pub(super) struct Filled {
    pub(super) name: &'static str,
    pub(super) store: Arc<dyn Store>,
}

impl Filled {
    pub(super) fn new((name, make): (&'static str, Make), limit: usize) -> Filled {
        Filled { name, store: make(limit).into() }
    }

    pub(super) fn record(&self, counters: &[Labels], histograms: &[Labels]) {
        Kind::Counter.record(&*self.store, counters);
        Kind::Histogram.record(&*self.store, histograms);
        self.store.settle();
    }

    pub(super) fn contestant(&self, operation: impl Fn(&dyn Store) + Send + Sync + 'static) -> Contestant {
        let store = Arc::clone(&self.store);
        let operation = move |_| operation(&*store);
        if self.name == "nilometer" {
            Contestant::ours(operation)
        } else {
            Contestant::rival(self.name, operation)
        }
    }

    /// Writes the page, having checked that everything is on it.
    fn writing(&self, counters: usize, histograms: usize, times: usize) -> Result<Contestant, String> {
        let page = self.store.page();
        Kind::Counter.check(&page, counters, times).map_err(|error| format!("`{}`: {error}", self.name))?;
        Kind::Histogram
            .check(&page, histograms, times)
            .map_err(|error| format!("`{}`: {error}", self.name))?;
        Ok(self.contestant(|store| drop(black_box(store.page()))))
    }

    /// Writes the page in pieces, where that can be done, having checked that all of it is written.
    fn streaming(&self) -> Result<Option<Contestant>, Box<dyn Error>> {
        let mut sink = Sink::open()?;
        if !self.store.stream(&mut sink)? {
            return Ok(None);
        }
        if sink.written != self.store.page().len() {
            return Err(format!("`{}` streams {} bytes, not its page", self.name, sink.written).into());
        }
        Ok(Some(self.contestant(|store| {
            let written = Sink::open().and_then(|mut sink| store.stream(&mut sink));
            assert!(written.is_ok(), "writing to /dev/null does not fail");
        })))
    }
}

impl Board {
    /// All rows about pages.
    pub(super) fn pages(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        self.whole(rows)?;
        self.growth(rows, Form::Whole)?;
        self.growth(rows, Form::Pieces)?;
        for threads in [1, 8, 64] {
            self.collecting(rows, threads)?;
        }
        Ok(())
    }

    /// A page of many series of both kinds, whole and in pieces.
    fn whole(&self, rows: &mut Vec<Row>) -> Result<(), Box<dyn Error>> {
        let (id, streaming_id) = ("encode/text_page", "encode/text_stream");
        if !self.wants(id) && !self.wants(streaming_id) {
            return Ok(());
        }
        let labels = Labels::many(COUNTERS);
        let everybody = if self.effort == Effort::Quick { &EVERYBODY[..CLOSE] } else { &EVERYBODY[..] };
        let filled: Vec<_> = everybody.iter().map(|make| Filled::new(*make, COUNTERS)).collect();
        for filled in &filled {
            filled.record(labels, &labels[..HISTOGRAMS]);
        }
        if self.wants(id) {
            let writing = filled.iter().map(|filled| filled.writing(COUNTERS, HISTOGRAMS, 1));
            self.long(rows, id, "ms", 1e6, &writing.collect::<Result<Vec<_>, _>>()?)?;
        }
        if self.wants(streaming_id) {
            let streaming = filled.iter().filter_map(|filled| filled.streaming().transpose());
            self.long(rows, streaming_id, "ms", 1e6, &streaming.collect::<Result<Vec<_>, _>>()?)?;
        }
        Ok(())
    }

    /// Pages of ever more counters in the same rounds, per series; and how much longer a series takes on the largest
    /// page than on the smallest. The memory of a whole page that is large is the system's to clear, which
    /// `copy_of_page` shows: in pieces, it is the encoder that is measured.
    fn growth(&self, rows: &mut Vec<Row>, form: Form) -> Result<(), Box<dyn Error>> {
        let sizes = self.effort.sizes();
        let prefix = match form {
            Form::Whole => "encode",
            Form::Pieces => "stream",
        };
        let ids: Vec<String> = sizes.iter().map(|series| format!("{prefix}/series={series}")).collect();
        let id = format!("{prefix}/growth");
        if !self.wants(&id) && !ids.iter().any(|id| self.wants(id)) {
            return Ok(());
        }
        let mut contestants = Vec::new();
        for &series in sizes {
            for make in &EVERYBODY[..CLOSE] {
                let filled = Filled::new(*make, series);
                filled.record(Labels::many(series), &[]);
                let writing = filled.writing(series, 0, 1)?;
                contestants.extend(match form {
                    Form::Whole => Some(writing),
                    Form::Pieces => filled.streaming()?,
                });
                if form == Form::Whole && filled.name == "nilometer" {
                    let page = filled.store.page();
                    // What the system takes for a page's memory, which it clears, and for putting the bytes there.
                    contestants
                        .push(Contestant::baseline("copy_of_page", move |_| drop(black_box(page.clone()))));
                }
            }
        }
        let Measured { mut figures, disturbed } = measure(&contestants, self.effort.long_plan())?;
        let each = contestants.len() / sizes.len();
        let contestants = &contestants[..each];
        for ((figures, &series), id) in figures.chunks_mut(each).zip(sizes).zip(ids) {
            for figure in figures.iter_mut().flatten() {
                *figure /= series as f64;
            }
            rows.push(Row::of(&id, "ns", 1.0, contestants, figures, disturbed));
        }
        let (smallest, largest) = (&figures[..each], &figures[figures.len() - each..]);
        let times = smallest.iter().zip(largest).map(|(smallest, largest)| {
            smallest.iter().zip(largest).map(|(smallest, largest)| largest / smallest).collect()
        });
        rows.push(Row::of(&id, "times", 1.0, contestants, &times.collect::<Vec<_>>(), disturbed));
        Ok(())
    }

    /// A page of a tenth of the series, all of which as many threads hold.
    fn collecting(&self, rows: &mut Vec<Row>, threads: usize) -> Result<(), Box<dyn Error>> {
        let id = format!("collect/holders={threads}");
        if !self.wants(&id) {
            return Ok(());
        }
        let (counters, histograms) = (COUNTERS / 10, HISTOGRAMS / 10);
        let labels = Labels::many(counters);
        let filled: Vec<_> = EVERYBODY[..CLOSE].iter().map(|make| Filled::new(*make, counters)).collect();
        let record = || filled.iter().for_each(|filled| filled.record(labels, &labels[..histograms]));
        held_by(threads, record, || {
            let writing = filled.iter().map(|filled| filled.writing(counters, histograms, threads));
            self.long(rows, &id, "ms", 1e6, &writing.collect::<Result<Vec<_>, _>>()?)
        })
    }

    pub(super) fn long(
        &self,
        rows: &mut Vec<Row>,
        id: &str,
        unit: &str,
        scale: f64,
        contestants: &[Contestant],
    ) -> Result<(), Box<dyn Error>> {
        let measured = measure(contestants, self.effort.long_plan())?;
        rows.push(Row::of(id, unit, scale, contestants, &measured.figures, measured.disturbed));
        Ok(())
    }
}

//! The event loop: reads, checks, places, counts.

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Instant;

use csv::ByteRecord;
use nilometer::Counter;
use nilometer::label::ClosedLabelValue;

use crate::flight::{DropReason, Flight, RowError};
use crate::input::{Input, Next};
use crate::metrics::StreamMetrics;
use crate::pace::Pace;
use crate::progress::Progress;
use crate::source::SourceError;
use crate::state::{Airports, MeanDelay};
use crate::window::{ClosedWindow, Placement, Windows};

/// How many malformed rows are told of one by one; the rest is in the counts.
const ROWS_TOLD: u64 = 5;

/// Flights that an airport needs for its mean delay to mean something.
const FLIGHTS_FOR_A_MEAN: u64 = 50;

/// Turns rows into counted flights.
#[derive(Debug)]
pub(crate) struct Processor {
    metrics: StreamMetrics,
    windows: Windows,
    airports: Airports,
    /// By the index of the reason; all exist from the start, so that a scrape shows zeros.
    dropped: Vec<Counter>,
    malformed: Counter,
    read_errors: Counter,
}

/// What there is to tell at the end, beside the counts.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) busiest: Option<ClosedWindow>,
    pub(crate) most_delayed: Option<MeanDelay>,
    /// Why the input could not be read to its end.
    pub(crate) failure: Option<SourceError>,
}

/// Lengths of event time, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Horizon {
    pub(crate) window: i64,
    pub(crate) lateness: i64,
    pub(crate) keep: i64,
}

impl Processor {
    pub(crate) fn new(metrics: &StreamMetrics, horizon: Horizon) -> Processor {
        let processor = &metrics.processor;
        let reason = |value: &&str| processor.events_dropped_total.get_or_create(&[("reason", value)]);
        Processor {
            windows: Windows::new(horizon.window, horizon.lateness, metrics.window.clone()),
            airports: Airports::new(horizon.keep, metrics.state.clone(), metrics.flight.clone()),
            dropped: DropReason::VALUES.iter().map(reason).collect(),
            malformed: processor.errors_total.get_or_create(&[("kind", "malformed")]),
            read_errors: processor.errors_total.get_or_create(&[("kind", "read")]),
            metrics: metrics.clone(),
        }
    }

    /// Works through `input` at `pace`, until its end or until the sender of `stop` is gone.
    ///
    /// # Errors
    ///
    /// The header is unfit. What goes wrong after it is counted, and is in the report.
    pub(crate) fn run(
        mut self,
        input: &mut impl Input,
        pace: &mut Pace,
        stop: &Receiver<()>,
        progress: &Progress,
    ) -> Result<Report, SourceError> {
        let header = input.header()?;
        let mut record = ByteRecord::new();
        let failure = loop {
            match input.next(&mut record) {
                Ok(Next::Row) => {}
                Ok(Next::Idle) if is_stopped(stop) => break None,
                Ok(Next::Idle) => continue,
                Ok(Next::End) => break None,
                Err(error) => {
                    self.read_errors.inc();
                    break Some(error);
                }
            }
            let wait = pace.wait(Instant::now());
            if !matches!(stop.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
                break None;
            }
            if let Err(error) = input.process(|| self.process(&record, &header)) {
                self.tell(&record, &error, progress);
            }
            progress.advance(input.position(), self.metrics.processor.events_received_total.get());
        };
        self.windows.finish();
        input.finish();
        Ok(Report {
            busiest: self.windows.busiest(),
            most_delayed: self.airports.most_delayed(FLIGHTS_FOR_A_MEAN),
            failure,
        })
    }

    /// Takes one row from received to processed or dropped.
    ///
    /// # Errors
    ///
    /// The row is malformed, and has been counted as such.
    fn process(&mut self, record: &ByteRecord, header: &ByteRecord) -> Result<(), RowError> {
        let metrics = &self.metrics.processor;
        metrics.events_received_total.inc();
        let _in_flight = metrics.events_in_flight.track_in_flight();
        let _timer = metrics.processing_duration_ms.start_timer();

        let flight = Flight::parse(record, header).inspect_err(|error| {
            self.malformed.inc();
            self.dropped[error.reason().index()].inc();
        })?;
        match self.windows.place(flight.scheduled) {
            Placement::Missed => {
                self.dropped[DropReason::Late.index()].inc();
                return Ok(());
            }
            Placement::Late | Placement::InOrder { closed: 0 } => {}
            Placement::InOrder { .. } => self.airports.evict_idle(flight.scheduled),
        }
        self.airports.record(&flight);
        metrics.events_processed_total.inc();
        Ok(())
    }

    fn tell(&self, record: &ByteRecord, error: &RowError, progress: &Progress) {
        let line = record.position().map_or(0, csv::Position::line);
        match self.malformed.get() {
            ..=ROWS_TOLD => progress.note(format_args!("line {line}: {error}")),
            more if more == ROWS_TOLD + 1 => progress.note("more malformed rows: counted, not listed"),
            _ => {}
        }
    }
}

fn is_stopped(stop: &Receiver<()>) -> bool {
    stop.try_recv() == Err(TryRecvError::Disconnected)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use nilometer::MetricsRegistry;

    use super::*;
    use crate::metrics::AirportLabels;
    use crate::source::Source;

    const HOUR: Horizon = Horizon { window: 3600, lateness: 900, keep: 72 * 3600 };

    fn run(source: &mut Source) -> (StreamMetrics, Report) {
        let metrics = StreamMetrics::new(&MetricsRegistry::new()).unwrap();
        let (_running, stop) = mpsc::channel();
        let report = Processor::new(&metrics, HOUR)
            .run(source, &mut Pace::new(0), &stop, &Progress::silent())
            .unwrap();
        (metrics, report)
    }

    fn run_text(rows: &str) -> (StreamMetrics, Report) {
        let text = format!("scheduled,origin,destination,distance_miles,delay_minutes\n{rows}");
        run(&mut Source::new("the test".to_owned(), None, std::io::Cursor::new(text.into_bytes())))
    }

    fn dropped(metrics: &StreamMetrics, reason: &str) -> u64 {
        metrics.processor.events_dropped_total.get_or_create(&[("reason", reason)]).get()
    }

    fn dropped_in_all(metrics: &StreamMetrics) -> u64 {
        DropReason::VALUES.iter().map(|reason| dropped(metrics, reason)).sum()
    }

    #[test]
    fn the_bundled_file_is_processed_whole() {
        let (metrics, report) = run(&mut Source::open(None).unwrap());
        assert_eq!(metrics.processor.events_received_total.get(), 20_000);
        assert_eq!(metrics.processor.events_processed_total.get(), 20_000);
        assert_eq!(metrics.processor.processing_duration_ms.snapshot().count(), 20_000);
        assert_eq!(dropped_in_all(&metrics), 0);
        assert_eq!(metrics.window.opened_total.get(), metrics.window.closed_total.get());
        assert_eq!(metrics.state.hits_total.get() + metrics.state.misses_total.get(), 20_000);
        let atl = AirportLabels { airport: "ATL" };
        assert_eq!(metrics.flight.events_total.get_or_create(&atl).get(), 846);
        assert_eq!(metrics.flight.delay_seconds.get_or_create(&atl).snapshot().count(), 846);
        assert!(report.busiest.is_some() && report.most_delayed.is_some() && report.failure.is_none());
    }

    #[test]
    fn every_event_is_processed_or_dropped_for_a_reason() {
        let (metrics, _) = run_text(
            "2001-01-01T00:10,ATL,ORD,600,5\n\
             2001-01-01T00:61,ATL,ORD,600,5\n\
             2001-01-01T00:20,atl,ORD,600,5\n\
             2001-01-01T00:20,ATL,ORD,600\n\
             2001-01-01T00:20,ATL,ORD,600,5,6\n\
             2001-01-01T00:20,ATL,ORD,far,5\n\
             2001-01-01T05:00,ATL,ORD,600,5\n\
             2001-01-01T00:30,ATL,ORD,600,5\n\
             2001-01-01T04:50,ATL,ORD,600,5\n",
        );
        let processor = &metrics.processor;
        assert_eq!(processor.events_received_total.get(), 9);
        assert_eq!(processor.events_processed_total.get(), 3);
        for reason in ["bad_time", "bad_airport", "missing_field", "extra_field", "bad_number", "late"] {
            assert_eq!(dropped(&metrics, reason), 1, "{reason}");
        }
        assert_eq!(dropped(&metrics, "not_utf8"), 0);
        assert_eq!(processor.errors_total.get_or_create(&[("kind", "malformed")]).get(), 5);
        assert_eq!(
            (metrics.window.late_events_total.get(), metrics.window.missed_events_total.get()),
            (1, 1)
        );
        assert_eq!(processor.events_in_flight.get().to_string(), "0");
    }

    #[test]
    fn a_shuffled_input_loses_to_lateness_and_to_nothing_else() {
        let mut reader = Source::open(None).unwrap();
        let mut record = ByteRecord::new();
        let mut rows = Vec::new();
        while reader.read(&mut record).unwrap() {
            let fields: Vec<&str> = record.iter().map(|field| std::str::from_utf8(field).unwrap()).collect();
            rows.push(fields.join(",") + "\n");
        }
        // 7919 is prime to 20,000: a permutation, and the same one in each run.
        let shuffled: String =
            (0..rows.len()).map(|index| rows[index * 7919 % rows.len()].as_str()).collect();
        let (metrics, _) = run_text(&shuffled);
        let late = dropped(&metrics, "late");
        assert!(late > 10_000, "{late}");
        assert_eq!(dropped_in_all(&metrics), late);
        assert_eq!(metrics.window.missed_events_total.get(), late);
        assert_eq!(metrics.processor.events_processed_total.get() + late, 20_000);
        assert_eq!(metrics.window.event_lateness_seconds.snapshot().count(), 20_000);
    }

    #[test]
    fn bytes_of_any_kind_are_counted_and_never_a_panic() {
        let mut text = b"scheduled,origin,destination,distance_miles,delay_minutes\n".to_vec();
        text.extend(
            b"2001-01-01T00:10,\xff\xff\xff,ORD,600,5\n\0\n\"unclosed,,\n\n2001-01-01T00:10,ATL,ORD,6,5\n",
        );
        let (metrics, _) = run(&mut Source::new("the test".to_owned(), None, std::io::Cursor::new(text)));
        let processor = &metrics.processor;
        assert_eq!(dropped(&metrics, "not_utf8"), 1);
        assert_eq!(processor.events_received_total.get(), dropped_in_all(&metrics));
    }

    #[test]
    fn an_input_that_breaks_off_keeps_what_it_gave() {
        let text =
            "scheduled,origin,destination,distance_miles,delay_minutes\n2001-01-01T00:10,ATL,ORD,6,5\n";
        let input = std::io::Read::chain(text.as_bytes(), Broken);
        let (metrics, report) = run(&mut Source::new("the test".to_owned(), None, input));
        assert_eq!(report.failure.unwrap().to_string(), "cannot read the test");
        assert_eq!(metrics.processor.errors_total.get_or_create(&[("kind", "read")]).get(), 1);
        assert_eq!(metrics.processor.events_processed_total.get(), 1);
        assert_eq!(metrics.window.closed_total.get(), 1);
    }

    #[test]
    fn a_row_that_does_not_end_breaks_the_input_off() {
        let text =
            b"scheduled,origin,destination,distance_miles,delay_minutes\n2001-01-01T00:10,ATL,ORD,6,5\n";
        for endless in ["2001-01-01T00:20,\"ATL,ORD,6,5\n", "2001-01-01T00:20,ATL,ORD,6,55555"] {
            let row = std::io::Read::chain(endless.as_bytes(), std::io::repeat(b'5'));
            let input = std::io::Read::chain(&text[..], row);
            let (metrics, report) = run(&mut Source::new("the test".to_owned(), None, input));
            let SourceError::Read { source, .. } = report.failure.unwrap() else { panic!("it was read") };
            assert_eq!(source.kind(), std::io::ErrorKind::InvalidData);
            assert_eq!(metrics.processor.errors_total.get_or_create(&[("kind", "read")]).get(), 1);
            assert_eq!(metrics.processor.events_processed_total.get(), 1);
        }
    }

    #[test]
    fn a_header_that_does_not_end_is_an_error() {
        let mut source = Source::new("the test".to_owned(), None, std::io::repeat(0));
        assert_eq!(source.header().unwrap_err().to_string(), "cannot read the test");
    }

    /// An input of which every read fails.
    struct Broken;

    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the line went dead"))
        }
    }

    #[test]
    fn a_dropped_sender_stops_the_loop() {
        let metrics = StreamMetrics::new(&MetricsRegistry::new()).unwrap();
        let (running, stop) = mpsc::channel();
        drop(running);
        let mut source = Source::open(None).unwrap();
        Processor::new(&metrics, HOUR)
            .run(&mut source, &mut Pace::new(1), &stop, &Progress::silent())
            .unwrap();
        assert_eq!(metrics.processor.events_received_total.get(), 0);
    }
}

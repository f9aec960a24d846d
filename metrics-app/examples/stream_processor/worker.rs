//! The thread of the event loop.

use std::sync::mpsc;
use std::time::Duration;
use std::{io, thread};

use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::input::Input;
use crate::pace::Pace;
use crate::processor::{Processor, Report};
use crate::progress::Progress;
use crate::source::SourceError;

/// How long a loop that was told to stop is waited for: its input may block for ever.
const PATIENCE: Duration = Duration::from_millis(500);

/// An event loop that runs.
#[derive(Debug)]
pub(crate) struct Worker {
    report: oneshot::Receiver<Result<Report, SourceError>>,
    /// The loop stops when this is dropped.
    running: Option<mpsc::Sender<()>>,
}

/// Says why there is no report.
#[derive(Debug, Error)]
pub(crate) enum WorkerError {
    #[error("cannot start the thread of the event loop")]
    Spawn(#[source] io::Error),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("the event loop broke down")]
    Gone,
}

impl Worker {
    pub(crate) fn start(
        processor: Processor,
        mut input: impl Input,
        mut pace: Pace,
        progress: Progress,
    ) -> Result<Worker, WorkerError> {
        let (running, stop) = mpsc::channel();
        let (sender, report) = oneshot::channel();
        let body = move || {
            let result = processor.run(&mut input, &mut pace, &stop, &progress);
            // Nobody receives it when patience had run out.
            let _ = sender.send(result);
            input.linger(&stop);
        };
        thread::Builder::new().name("event loop".to_owned()).spawn(body).map_err(WorkerError::Spawn)?;
        Ok(Worker { report, running: Some(running) })
    }

    /// Waits for the loop to end by itself.
    pub(crate) async fn report(&mut self) -> Result<Option<Report>, WorkerError> {
        Ok(Some((&mut self.report).await.map_err(|_| WorkerError::Gone)??))
    }

    /// Tells the loop to stop, and returns its report unless it is blocked.
    pub(crate) async fn stop(mut self) -> Result<Option<Report>, WorkerError> {
        self.running = None;
        match timeout(PATIENCE, self.report()).await {
            Ok(report) => report,
            Err(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use nilometer::MetricsRegistry;

    use super::*;
    use crate::metrics::StreamMetrics;
    use crate::processor::Horizon;
    use crate::source::Source;

    fn start(source: Source, rate: u32) -> Worker {
        let metrics = StreamMetrics::new(&MetricsRegistry::new()).unwrap();
        let processor = Processor::new(&metrics, Horizon { window: 3600, lateness: 900, keep: 3600 });
        Worker::start(processor, source, Pace::new(rate), Progress::silent()).unwrap()
    }

    #[tokio::test]
    async fn a_loop_reports_at_the_end_of_its_input() {
        let mut worker = start(Source::open(None).unwrap(), 0);
        assert!(worker.report().await.unwrap().unwrap().failure.is_none());
    }

    #[tokio::test]
    async fn a_loop_that_waits_for_its_next_event_stops_when_told() {
        let worker = start(Source::open(None).unwrap(), 1);
        assert!(worker.stop().await.unwrap().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_is_blocked_on_its_input_holds_nobody_up() {
        let (_open, closed) = mpsc::channel::<()>();
        let worker = start(Source::new("the test".to_owned(), None, Blocked(closed)), 0);
        assert!(worker.stop().await.unwrap().is_none());
    }

    /// An input that gives nothing and does not end before its sender does.
    struct Blocked(mpsc::Receiver<()>);

    impl Read for Blocked {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(0)
        }
    }

    #[tokio::test]
    async fn an_unfit_header_is_the_error() {
        let mut worker = start(Source::new("the test".to_owned(), None, &b"a,b\n"[..]), 0);
        let error = worker.report().await.unwrap_err();
        assert_eq!(error.to_string(), "the test has no column `scheduled` in its first line");
    }
}

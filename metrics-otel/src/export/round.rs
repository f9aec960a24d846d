//! One collection, and what became of all that it showed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{ExportError, ExportReport};

/// Locks what no panic leaves half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Follows the requests of one collection until each was delivered or given up.
#[derive(Debug)]
pub(super) struct Round {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug)]
struct State {
    /// The requests that are on their way, and the collection.
    open: usize,
    report: ExportReport,
    error: Option<ExportError>,
}

impl Round {
    /// A round whose collection is under way.
    pub(super) fn new() -> Round {
        let state = State { open: 1, report: ExportReport::default(), error: None };
        Round { state: Mutex::new(state), ended: Notify::new() }
    }

    /// A request is on its way.
    pub(super) fn begin(&self) {
        lock(&self.state).open += 1;
    }

    /// A request, or the collection, has come to its end: with this part of the report, or with an error, the first of
    /// which is that of the round.
    pub(super) fn end(&self, result: Result<ExportReport, ExportError>) {
        let mut state = lock(&self.state);
        state.open -= 1;
        match result {
            Ok(part) => state.report.add(part),
            Err(error) => {
                state.error.get_or_insert(error);
            }
        }
        if state.open == 0 {
            self.ended.notify_waiters();
        }
    }

    /// Whether all has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        lock(&self.state).open == 0
    }

    /// Waits for the end of all.
    pub(super) async fn ended(&self) {
        loop {
            // Made before the look, so that an end in between wakes it.
            let ended = self.ended.notified();
            if self.has_ended() {
                return;
            }
            ended.await;
        }
    }

    /// What came of it, once, after its end.
    pub(super) fn result(&self) -> Result<ExportReport, ExportError> {
        let mut state = lock(&self.state);
        state.error.take().map_or(Ok(state.report), Err)
    }
}

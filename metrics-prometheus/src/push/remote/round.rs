//! One collection, and what became of all that it showed.

use std::sync::Mutex;

use tokio::sync::Notify;

use crate::push::reply::lock;
use crate::push::{PushError, PushReport};

/// Follows the batches of one collection until each was delivered or given up.
#[derive(Debug)]
pub(super) struct Round {
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug)]
struct State {
    /// The batches that are on their way, and the collection.
    open: usize,
    report: PushReport,
    error: Option<PushError>,
}

impl Round {
    /// A round whose collection is under way.
    pub(super) fn new() -> Round {
        let state = State { open: 1, report: PushReport::default(), error: None };
        Round { state: Mutex::new(state), ended: Notify::new() }
    }

    /// A batch is on its way.
    pub(super) fn begin(&self) {
        lock(&self.state).open += 1;
    }

    /// A batch, or the collection, has come to its end: with this part of the report, or with an error, the first of which
    /// is that of the round.
    pub(super) fn end(&self, result: Result<PushReport, PushError>) {
        let mut state = lock(&self.state);
        state.open -= 1;
        match result {
            Ok(part) => {
                state.report.points += part.points;
                state.report.skipped += part.skipped;
                state.report.requests += part.requests;
                state.report.bytes += part.bytes;
            }
            Err(error) => {
                state.error.get_or_insert(error);
            }
        }
        if state.open == 0 {
            self.ended.notify_one();
        }
    }

    /// Waits for the end of all: for one who waits.
    pub(super) async fn ended(&self) -> Result<PushReport, PushError> {
        loop {
            {
                let mut state = lock(&self.state);
                if state.open == 0 {
                    return state.error.take().map_or(Ok(state.report), Err);
                }
            }
            // A notification that came in between is kept for whoever waits next.
            self.ended.notified().await;
        }
    }
}

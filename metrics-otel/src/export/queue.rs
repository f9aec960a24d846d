//! What waits to be sent.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use nilometer_core::collect::Stopped;
use tokio::sync::Notify;

use super::round::{Round, lock};
use super::stats::{Loss, Stats};
use super::{ExportError, ExportReport};
use crate::ExportRequest;

/// Requests in the order of their times, between the collections that make them and the one who sends them.
///
/// While the receiver is well, a collection waits for room, as a scrape waits for a slow reader. While it is in trouble,
/// the requests of older collections make room for those of newer ones; the one that is being sent is never taken away.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Wakes collections that wait for room.
    room: Condvar,
    /// Wakes the one who sends.
    filled: Notify,
    limit: usize,
    stats: Arc<Stats>,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    bytes: usize,
    is_in_trouble: bool,
    is_closed: bool,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) request: ExportRequest,
    /// When it is not worth sending any more.
    pub(super) until: Instant,
    round: Arc<Round>,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.request.body().len()
    }
}

impl Queue {
    /// A queue of at most so many bytes, with the request that is being sent; one more has room in any case.
    pub(super) fn new(limit: usize, stats: Arc<Stats>) -> Queue {
        Queue { state: Mutex::default(), room: Condvar::new(), filled: Notify::new(), limit, stats }
    }

    /// Adds a request, and blocks until there is room for it.
    pub(super) fn push(
        &self,
        request: ExportRequest,
        until: Instant,
        round: &Arc<Round>,
    ) -> Result<(), Stopped> {
        let bytes = request.body().len();
        let mut dropped = Vec::new();
        let mut state = lock(&self.state);
        while !state.is_closed && state.entries.len() > 1 && state.bytes + bytes > self.limit {
            let is_older = state.entries.get(1).is_some_and(|entry| !Arc::ptr_eq(&entry.round, round));
            if state.is_in_trouble && is_older {
                dropped.extend(self.take(&mut state, 1));
            } else {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if state.is_closed {
            return Err(Stopped);
        }
        self.stats.queued(request.points(), bytes);
        round.begin();
        state.bytes += bytes;
        state.entries.push_back(Entry { request, until, round: Arc::clone(round) });
        drop(state);
        self.filled.notify_one();
        self.lose(dropped);
        Ok(())
    }

    fn take(&self, state: &mut State, place: usize) -> Option<Entry> {
        let entry = state.entries.remove(place)?;
        state.bytes -= entry.bytes();
        self.stats.unqueued(entry.request.points(), entry.bytes());
        Some(entry)
    }

    /// Says of requests that were dropped for lack of room that they were.
    fn lose(&self, dropped: Vec<Entry>) {
        let points: u64 = dropped.iter().map(|entry| entry.request.points()).sum();
        if points > 0 {
            self.stats.lost(Loss::QueueFull, points);
            tracing::warn!(
                exporter = self.stats.name(),
                points,
                "the queue is full, its oldest points are dropped"
            );
        }
        for Entry { request, round, .. } in dropped {
            round.end(Err(ExportError::QueueFull { points: request.points() }));
        }
    }

    /// The oldest request, once there is one. It stays where it is.
    pub(super) async fn first(&self) -> Entry {
        loop {
            if let Some(entry) = lock(&self.state).entries.front() {
                return entry.clone();
            }
            self.filled.notified().await;
        }
    }

    /// Removes the oldest request, which was delivered or given up.
    pub(super) fn remove_first(&self, result: Result<ExportReport, ExportError>) {
        let mut state = lock(&self.state);
        let first = self.take(&mut state, 0);
        state.is_in_trouble = false;
        drop(state);
        self.room.notify_all();
        // A request that is dropped here counts as one that never arrived; the one who sent it has acknowledged it, or
        // holds it no more.
        if let Some(Entry { request, round, .. }) = first {
            drop(request);
            round.end(result);
        }
    }

    /// The receiver is in trouble, until the oldest request is removed.
    pub(super) fn trouble(&self) {
        lock(&self.state).is_in_trouble = true;
        self.room.notify_all();
    }

    /// Drops all that waits; nothing comes in any more.
    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        let mut dropped = Vec::new();
        while let Some(entry) = self.take(&mut state, 0) {
            dropped.push(entry);
        }
        drop(state);
        self.room.notify_all();
        let points: u64 = dropped.iter().map(|entry| entry.request.points()).sum();
        if points > 0 {
            self.stats.lost(Loss::Stopped, points);
            tracing::warn!(exporter = self.stats.name(), points, "the exporter ends, its queue is dropped");
        }
        for entry in dropped {
            entry.round.end(Err(ExportError::Stopped));
        }
    }
}

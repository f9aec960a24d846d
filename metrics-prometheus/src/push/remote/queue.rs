//! What waits to be sent.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use nilometer_core::collect::Stopped;
use tokio::sync::Notify;

use super::batch::Batch;
use super::round::Round;
use crate::push::metrics::{Loss, Stats};
use crate::push::reply::lock;
use crate::push::{PushError, PushReport};

/// Batches in the order of their times, between the collections that make them and the one who sends them.
///
/// While the receiver is well, a collection waits for room, as a scrape waits for a slow reader. While it is in trouble,
/// the oldest batches make room for newer ones; the one that is being sent is never taken away.
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
    pub(super) batch: Arc<Batch>,
    round: Arc<Round>,
    bytes: usize,
}

impl Queue {
    /// A queue of at most so many bytes besides the batch that is being sent.
    pub(super) fn new(limit: usize, stats: Arc<Stats>) -> Queue {
        Queue {
            state: Mutex::new(State::default()),
            room: Condvar::new(),
            filled: Notify::new(),
            limit,
            stats,
        }
    }

    /// Adds a batch, and blocks until there is room for it.
    pub(super) fn push(&self, batch: Batch, round: &Arc<Round>) -> Result<(), Stopped> {
        let bytes = batch.memory();
        let mut dropped = Vec::new();
        let mut state = lock(&self.state);
        while !state.is_closed && state.entries.len() > 1 && state.bytes + bytes > self.limit {
            if state.is_in_trouble {
                dropped.extend(self.take(&mut state, 1));
            } else {
                state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        if state.is_closed {
            return Err(Stopped);
        }
        self.stats.queued(batch.points, bytes);
        round.begin();
        state.bytes += bytes;
        state.entries.push_back(Entry { batch: Arc::new(batch), round: Arc::clone(round), bytes });
        drop(state);
        self.filled.notify_one();
        self.lose(dropped);
        Ok(())
    }

    fn take(&self, state: &mut State, place: usize) -> Option<Entry> {
        let entry = state.entries.remove(place)?;
        state.bytes -= entry.bytes;
        self.stats.unqueued(entry.batch.points, entry.bytes);
        Some(entry)
    }

    /// Says of batches that were dropped for lack of room that they were.
    fn lose(&self, dropped: Vec<Entry>) {
        let points: u64 = dropped.iter().map(|entry| entry.batch.points).sum();
        if points > 0 {
            self.stats.lost(Loss::QueueFull, points);
            tracing::warn!(
                push = self.stats.name(),
                points,
                "the queue is full, its oldest points are dropped"
            );
        }
        for Entry { batch, round, .. } in dropped {
            round.end(Err(PushError::QueueFull { points: batch.points }));
        }
    }

    /// The oldest batch, once there is one. It stays where it is.
    pub(super) async fn first(&self) -> Entry {
        loop {
            if let Some(entry) = lock(&self.state).entries.front() {
                return entry.clone();
            }
            self.filled.notified().await;
        }
    }

    /// Removes the oldest batch, which was delivered or given up.
    pub(super) fn remove_first(&self, result: Result<PushReport, PushError>) {
        let mut state = lock(&self.state);
        let first = self.take(&mut state, 0);
        state.is_in_trouble = false;
        drop(state);
        self.room.notify_all();
        if let Some(entry) = first {
            entry.round.end(result);
        }
    }

    /// The receiver is in trouble, until the oldest batch is removed.
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
        let points: u64 = dropped.iter().map(|entry| entry.batch.points).sum();
        if points > 0 {
            self.stats.lost(Loss::Stopped, points);
            tracing::warn!(
                push = self.stats.name(),
                points,
                "the background task ends, its queue is dropped"
            );
        }
        for entry in dropped {
            entry.round.end(Err(PushError::Stopped));
        }
    }
}

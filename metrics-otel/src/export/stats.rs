//! What one exporter counts.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::ExportError;
use super::round::lock;

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    Partial,
    Refused,
    Failed,
    Unreachable,
    TimedOut,
}

pub(super) const OUTCOMES: [&str; 6] =
    ["success", "partial", "refused", "failed", "unreachable", "timed_out"];

impl Outcome {
    fn of(error: &ExportError) -> Outcome {
        match error {
            ExportError::TimedOut { .. } => Outcome::TimedOut,
            ExportError::Status { .. } if error.is_transient() => Outcome::Failed,
            ExportError::Status { .. } => Outcome::Refused,
            _ => Outcome::Unreachable,
        }
    }
}

/// What came of a collection.
#[derive(Debug, Clone, Copy)]
pub(super) enum Collection {
    Complete,
    Failed,
    /// There was none, because the one before was not done.
    Skipped,
}

pub(super) const COLLECTIONS: [&str; 3] = ["complete", "failed", "skipped"];

/// Why points were not delivered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Loss {
    /// The receiver took the request without them.
    Rejected,
    /// The receiver did not take the request, and would not take it later.
    Refused,
    /// They could not be delivered in time.
    Expired,
    QueueFull,
    /// The exporter ended.
    Stopped,
    /// OTLP has no place for them.
    LeftOut,
    /// A request has no room for one of them.
    TooLarge,
}

pub(super) const LOSSES: [&str; 7] =
    ["rejected", "refused", "expired", "queue_full", "stopped", "left_out", "too_large"];

impl Loss {
    pub(super) fn of(error: &ExportError) -> Loss {
        match error {
            ExportError::Status { is_transient: false, .. } => Loss::Refused,
            _ => Loss::Expired,
        }
    }
}

/// The upper bounds of an attempt's duration, in seconds.
pub(super) const BOUNDS: [f64; 8] = [0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

/// The counts of one exporter.
#[derive(Debug, Clone)]
pub(super) struct Totals {
    pub(super) created: SystemTime,
    pub(super) requests: [u64; OUTCOMES.len()],
    pub(super) collections: [u64; COLLECTIONS.len()],
    pub(super) losses: [u64; LOSSES.len()],
    pub(super) retries: u64,
    pub(super) points: u64,
    pub(super) bytes: u64,
    pub(super) queued_points: u64,
    pub(super) queued_bytes: u64,
    pub(super) last_success: Option<SystemTime>,
    pub(super) durations: [u64; BOUNDS.len() + 1],
    pub(super) duration_sum: f64,
}

/// Where an exporter counts.
#[derive(Debug)]
pub(super) struct Stats {
    name: String,
    totals: Mutex<Totals>,
}

impl Stats {
    pub(super) fn new(name: &str) -> Stats {
        let totals = Totals {
            created: SystemTime::now(),
            requests: Default::default(),
            collections: Default::default(),
            losses: Default::default(),
            retries: 0,
            points: 0,
            bytes: 0,
            queued_points: 0,
            queued_bytes: 0,
            last_success: None,
            durations: Default::default(),
            duration_sum: 0.0,
        };
        Stats { name: name.to_owned(), totals: Mutex::new(totals) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn totals(&self) -> Totals {
        lock(&self.totals).clone()
    }

    /// Counts an attempt: where it succeeded, its body's length, and whether that was in part.
    pub(super) fn request(&self, took: Duration, result: Result<(usize, bool), &ExportError>) {
        let mut totals = lock(&self.totals);
        let outcome = match result {
            Ok((_, false)) => Outcome::Success,
            Ok((_, true)) => Outcome::Partial,
            Err(error) => Outcome::of(error),
        };
        totals.requests[outcome as usize] += 1;
        let seconds = took.as_secs_f64();
        totals.durations[BOUNDS.partition_point(|&bound| bound < seconds)] += 1;
        totals.duration_sum += seconds;
        if let Ok((length, _)) = result {
            totals.bytes += length as u64;
            totals.last_success = Some(SystemTime::now());
        }
    }

    pub(super) fn retry(&self) {
        lock(&self.totals).retries += 1;
    }

    pub(super) fn delivered(&self, points: u64) {
        lock(&self.totals).points += points;
    }

    pub(super) fn lost(&self, loss: Loss, points: u64) {
        lock(&self.totals).losses[loss as usize] += points;
    }

    pub(super) fn collection(&self, collection: Collection) {
        lock(&self.totals).collections[collection as usize] += 1;
    }

    /// Something came into the queue.
    pub(super) fn queued(&self, points: u64, bytes: usize) {
        let mut totals = lock(&self.totals);
        totals.queued_points += points;
        totals.queued_bytes += bytes as u64;
    }

    /// Something left the queue.
    pub(super) fn unqueued(&self, points: u64, bytes: usize) {
        let mut totals = lock(&self.totals);
        totals.queued_points -= points;
        totals.queued_bytes -= bytes as u64;
    }
}

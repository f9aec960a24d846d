//! What was ignored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// How often a propagator ignored something since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PropagationStats {
    malformed_trace_parents: u64,
    malformed_trace_states: u64,
    malformed_baggage: u64,
    oversized_baggage: u64,
    invalid_utf8: u64,
}

impl PropagationStats {
    /// Carriers whose `traceparent` was malformed or there more than once.
    #[must_use]
    pub fn malformed_trace_parents(self) -> u64 {
        self.malformed_trace_parents
    }

    /// Carriers whose `tracestate` was malformed or too large; the `traceparent` beside it was used.
    #[must_use]
    pub fn malformed_trace_states(self) -> u64 {
        self.malformed_trace_states
    }

    /// Members of baggage that were malformed; the members beside them were used.
    #[must_use]
    pub fn malformed_baggage(self) -> u64 {
        self.malformed_baggage
    }

    /// Carriers whose baggage had more than 8192 bytes or 64 members and was ignored, and members of a context's own
    /// that were left out because the baggage would have been as large.
    #[must_use]
    pub fn oversized_baggage(self) -> u64 {
        self.oversized_baggage
    }

    /// Fields that were not UTF-8.
    #[must_use]
    pub fn invalid_utf8(self) -> u64 {
        self.invalid_utf8
    }

    /// All of them together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.malformed_trace_parents
            + self.malformed_trace_states
            + self.malformed_baggage
            + self.oversized_baggage
            + self.invalid_utf8
    }
}

/// The counters behind them.
#[derive(Debug)]
pub(super) struct Counters {
    /// Since when they count.
    pub(super) created: SystemTime,
    pub(super) malformed_trace_parents: Count,
    pub(super) malformed_trace_states: Count,
    pub(super) malformed_baggage: Count,
    pub(super) oversized_baggage: Count,
    pub(super) invalid_utf8: Count,
}

impl Default for Counters {
    fn default() -> Counters {
        Counters {
            created: SystemTime::now(),
            malformed_trace_parents: Count::default(),
            malformed_trace_states: Count::default(),
            malformed_baggage: Count::default(),
            oversized_baggage: Count::default(),
            invalid_utf8: Count::default(),
        }
    }
}

impl Counters {
    pub(super) fn stats(&self) -> PropagationStats {
        PropagationStats {
            malformed_trace_parents: self.malformed_trace_parents.get(),
            malformed_trace_states: self.malformed_trace_states.get(),
            malformed_baggage: self.malformed_baggage.get(),
            oversized_baggage: self.oversized_baggage.get(),
            invalid_utf8: self.invalid_utf8.get(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn inc(&self) {
        // ORDERING: each count stands for itself.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        // ORDERING: as in `inc`.
        self.0.load(Ordering::Relaxed)
    }
}

//! What an export has brought about.

/// What was delivered of one collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportReport {
    pub(super) points: u64,
    pub(super) rejected: u64,
    pub(super) requests: u64,
    pub(super) left_out: u64,
}

impl ExportReport {
    /// How many points the receiver took.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// How many points it said that it did not take of requests that it otherwise took.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected
    }

    /// How many requests it took, in whole or in part.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How many points OTLP has no place for, or no request room for.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub(super) fn add(&mut self, part: ExportReport) {
        self.points += part.points;
        self.rejected += part.rejected;
        self.requests += part.requests;
        self.left_out += part.left_out;
    }
}

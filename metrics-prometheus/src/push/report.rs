//! What a push has brought about.

/// What a push has delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PushReport {
    pub(super) points: u64,
    pub(super) skipped: u64,
    pub(super) requests: u64,
    pub(super) bytes: u64,
}

impl PushReport {
    /// How many points, each with the values of one series, the receiver took, those of the pusher itself among them.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.points
    }

    /// How many points were left out, because they do not belong to a family of their kind.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// How many requests the receiver took.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// How long the bodies of those requests were together, in bytes, compressed where they were.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

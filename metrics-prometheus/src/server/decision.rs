//! Whether a request is let in.

use std::pin::Pin;

/// A check of credentials that takes its time.
pub(super) type Deciding = Pin<Box<dyn Future<Output = Decision> + Send>>;

/// What comes of a check of credentials.
pub(super) enum Checked {
    #[cfg_attr(not(feature = "auth"), expect(dead_code, reason = "nothing is checked without it"))]
    Now(Decision),
    #[cfg_attr(not(feature = "auth"), expect(dead_code, reason = "nothing is checked without it"))]
    Later(Deciding),
}

/// Whether a request is let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "auth"), expect(dead_code, reason = "nothing is decided without it"))]
pub(super) enum Decision {
    Allowed,
    Refused,
    /// Too many checks wait already.
    Busy,
}

impl Decision {
    #[cfg(feature = "auth")]
    pub(super) fn of(right: bool) -> Decision {
        if right { Decision::Allowed } else { Decision::Refused }
    }
}

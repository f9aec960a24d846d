//! Which of several states something is in.

/// A state set at one collection: each state by its name, and whether it is on.
///
/// # Examples
///
/// ```
/// use nilometer_core::collect::StateSetPoint;
///
/// let point = StateSetPoint::new(&[("starting", false), ("running", true)]);
/// assert_eq!(point.states().len(), 2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateSetPoint<'a> {
    states: &'a [(&'a str, bool)],
}

impl<'a> StateSetPoint<'a> {
    /// A point with these states, whose names differ.
    #[must_use]
    pub fn new(states: &'a [(&'a str, bool)]) -> StateSetPoint<'a> {
        StateSetPoint { states }
    }

    /// All states, those that are off too.
    #[must_use]
    pub fn states(&self) -> &'a [(&'a str, bool)] {
        self.states
    }
}

//! An observation that stands for others.

use std::time::SystemTime;

use crate::label::LabelSet;

/// An observation, or an increment, that a point names as an example: its value, when it was made, and labels that
/// lead to more about it, such as the id of a trace.
///
/// # Examples
///
/// ```
/// use std::time::SystemTime;
///
/// use nilometer_core::collect::{CounterPoint, Exemplar, LabelSet};
///
/// let labels = LabelSet::from_pairs(&[("trace_id", "0af7651916cd43dd8448eb211c80319c")]);
/// let exemplar = Exemplar::new(&labels, 1.0, SystemTime::now());
/// let point = CounterPoint::new(7_u64).with_exemplar(exemplar);
/// assert_eq!(point.exemplar(), Some(exemplar));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a> {
    labels: &'a LabelSet,
    value: f64,
    time: SystemTime,
}

impl<'a> Exemplar<'a> {
    /// An exemplar with these labels. How long they may be is the format's affair: an encoder leaves out an exemplar
    /// that its format has no room for.
    #[must_use]
    pub fn new(labels: &'a LabelSet, value: f64, time: SystemTime) -> Exemplar<'a> {
        Exemplar { labels, value, time }
    }

    /// The labels.
    #[must_use]
    pub fn labels(&self) -> &'a LabelSet {
        self.labels
    }

    /// What was observed, or by how much a counter was incremented.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// When it was observed.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.time
    }
}

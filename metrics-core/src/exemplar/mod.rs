//! Observations that stand for others: who names them, and where they are kept until a collection shows them.
//!
//! - `source`: [`ExemplarSource`], which names observations as they are made.
//! - `store`: what a family keeps of them.
//! - `read`: what a collection reads.
//! - here: [`ExemplarError`], and what labels an exemplar may have.
//!
//! # How often a source is asked
//!
//! Recording reads no clock. A family that has a source counts epochs; a collection begins a new one when the interval
//! has passed, and each thread may take one exemplar for each bucket in each epoch. What it has taken is in cells of its
//! own, beside those that it counts in. So a source is asked as often as somebody looks, at most, and not at all where
//! nobody does.
//!
//! # Nothing waits
//!
//! What is kept stands behind a lock that recording only tries: where another thread has it, the exemplar is dropped and
//! counted, and the observation was counted before.

mod read;
mod source;
mod store;

use thiserror::Error;

pub(crate) use self::read::Exemplars;
pub use self::source::ExemplarSource;
pub(crate) use self::source::Sampling;
pub(crate) use self::store::Store;
use crate::label::{LabelError, LabelSet};

/// The most characters that the names and the values of an exemplar's labels may have together.
///
/// SPEC: OpenMetrics 1.0.0, "Exemplars": 128 UTF-8 code points.
pub const MAX_EXEMPLAR_LENGTH: usize = 128;

/// Says why an exemplar was dropped; the observation that it names was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ExemplarError {
    /// The labels break a rule.
    #[error("invalid exemplar labels")]
    Labels(#[from] LabelError),
    /// Names and values are longer than [`MAX_EXEMPLAR_LENGTH`] together.
    #[error("an exemplar's labels have {length} characters where {MAX_EXEMPLAR_LENGTH} are allowed")]
    TooLong {
        /// How many characters there are.
        length: usize,
    },
    /// Another thread was keeping an exemplar of the family, or a collection was reading them.
    #[error("the family's exemplars were in use")]
    Contended,
}

/// The labels of an exemplar, checked.
fn checked(labels: &[(&str, &str)]) -> Result<LabelSet, ExemplarError> {
    let length = labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if length > MAX_EXEMPLAR_LENGTH {
        return Err(ExemplarError::TooLong { length });
    }
    Ok(LabelSet::try_from_pairs(labels)?)
}

//! Label names, label values, and the sets that identify series.
//!
//! - `set`: [`LabelSet`] and [`Labels`], what a series is known by.
//! - `query`: pairs as a caller gives them, put in order for a lookup without an allocation.
//! - `limit`: [`LabelLimits`] and [`LabelError`], what a set may hold.
//! - `intern`: the one copy of each set that is in use.
//! - `typed`: [`TypedLabels`], [`LabelValue`] and [`ClosedLabelValue`], labels as Rust types.
//! - `closed`: what the derive asks of their fields.

#[doc(hidden)]
pub mod closed;
mod intern;
mod limit;
mod query;
mod set;
mod typed;

pub(crate) use intern::intern;
pub use limit::{LabelError, LabelLimits, MAX_LABELS, MAX_VALUE_LENGTH};
pub(crate) use limit::{REASONS, Reason};
pub(crate) use query::Query;
pub use set::{LabelSet, Labels, Pairs};
pub(crate) use set::{overflow_set, rejected_sets};
pub use typed::{ClosedLabelValue, LabelValue, TypedLabels, ValueBuffer};

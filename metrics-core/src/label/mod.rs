//! Label names, label values, and the sets that identify series.
//!
//! - `set`: [`LabelSet`] and [`Labels`], what a series is known by.
//! - `record`: where the text of a set is kept.
//! - `query`: pairs as a caller gives them, put in order without an allocation.
//! - `few`: a few pairs, which the compiler puts in order.
//! - `hash`: the hash of a set, keyed per process.
//! - `names`: the names that a family's labels have, which shorten its lookups.
//! - `forms`: what names become where they are escaped.
//! - `limit`: [`LabelLimits`] and [`LabelError`], what a set may hold.
//! - `intern`: the one copy of each set that is in use.
//! - `typed`: [`TypedLabels`], [`LabelValue`] and [`ClosedLabelValue`], labels as Rust types.
//! - `closed`: what the derive asks of their fields.

#[doc(hidden)]
pub mod closed;
mod few;
pub(crate) mod forms;
mod hash;
mod intern;
mod limit;
mod names;
mod query;
mod record;
mod set;
mod typed;

pub(crate) use few::Few;
pub(crate) use intern::intern;
pub use limit::{LabelError, LabelLimits, MAX_LABELS, MAX_VALUE_LENGTH};
pub(crate) use limit::{REASONS, Reason};
pub(crate) use names::{Arranged, Names};
pub(crate) use query::{Probe, Query, Room};
pub use set::{LabelSet, Labels, Pairs};
pub(crate) use set::{overflow_set, rejected_sets};
pub use typed::{ClosedLabelValue, LabelValue, TypedLabels, ValueBuffer};

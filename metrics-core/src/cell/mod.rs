//! What handles record into.
//!
//! A cell is a number, its slot. Every thread owns a copy of the cells that it records into, in pages, and is the only
//! one to write them, with a plain addition; a reader sums all copies. `docs/cells.md` argues it through.
//!
//! - `page`, `record`, `store`: where the copies are, and how threads hand them on.
//! - `local`: which of them the calling thread owns.
//! - `slots`: which cells are given out, and to whom next. `late`: those of a static.
//! - `total`: a count, in one cell. `fraction`: a total of fractions, in one. `updown`: a count that also goes down, in
//!   two. `distribution`: buckets and a sum. `exponential`: the same where the buckets are powers. `presence`: those of
//!   what came, and those of what has left.
//! - `sketch`: buckets of one relative width, whose cells are made where something falls.
//! - `turn`: what a thread does once in a while.
//! - `value`: what is set rather than added to. `extreme`: the largest of what was observed lately. `tasks`: when those
//!   began that are running.
//! - `bounds`: which bucket a value belongs to.
//! - `values`: what a collection has copied out.

mod bounds;
pub(crate) mod distribution;
pub(crate) mod exponential;
pub(crate) mod extreme;
pub(crate) mod fraction;
mod late;
mod local;
mod memory;
#[cfg(all(test, nilometer_loom))]
mod models;
mod page;
pub(crate) mod presence;
mod record;
pub(crate) mod sketch;
mod slots;
mod store;
pub(crate) mod tasks;
pub(crate) mod total;
pub(crate) mod turn;
pub(crate) mod updown;
pub(crate) mod value;
mod values;

pub(crate) use bounds::Bounds;
pub(crate) use extreme::Extreme;
pub(crate) use late::LateRun;
pub(crate) use local::Near;
pub(crate) use sketch::Sketch;
pub(crate) use slots::Run;
pub(crate) use tasks::Tasks;
pub(crate) use value::{Room, Value};
pub(crate) use values::Values;

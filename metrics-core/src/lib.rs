//! The core of nilometer. (Being assembled.)
pub mod buckets;
pub mod collect;
mod descriptor;
pub mod label;
pub mod name;
mod unit;
pub use descriptor::{Descriptor, MetricType};
pub use label::{LabelSet, Labels};
pub use unit::Unit;

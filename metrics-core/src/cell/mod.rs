//! Where values live.
//!
//! - `shard`: which copy of a cell a thread writes.
//! - `total`: a total of whole numbers.
//! - `value`: a value that is set.
//! - `distribution`: the buckets and the sum of a histogram.
//!
//! A total is spread over several padded copies, so that threads which record at once seldom write to one cache line.
//! A reader adds the copies up in one fixed order. Each copy only grows, and one thread sees one atomic's values in
//! the order in which they were written, so what a reader reads never goes down; for floating-point sums too, since
//! rounded addition is monotone in each of its operands.

mod distribution;
mod shard;
mod total;
mod value;

pub(crate) use distribution::Distribution;
pub(crate) use total::Total;
pub(crate) use value::Value;

//! What a client is given of what it accepts: `accept` finds the format, `coding` the compression, and `header` reads
//! what both are asked in.

mod accept;
mod coding;
mod header;

pub(crate) use coding::negotiate_coding;

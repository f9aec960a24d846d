//! When memory that lookups read without a lock can be freed.
//!
//! - `domain`: the threads that look up, each with a record that says whether it is inside a lookup.
//! - `garbage`: what was taken out of a table, until no lookup can still see it.
//! - `local`: which record is the calling thread's.
//!
//! # The protocol
//!
//! A lookup, on a record of its own:
//!
//! 1. adds 1 to the record's `turn`, which makes it odd: inside;
//! 2. `fence(SeqCst)`;
//! 3. reads the table, from its root;
//! 4. writes the address of what it found to one of the record's `held`, if it goes on using it;
//! 5. adds 1 to `turn` (Release): outside;
//! 6. and when it is done with what it holds, clears that `held` (Release).
//!
//! Whoever removes something:
//!
//! 1. unlinks it;
//! 2. `fence(SeqCst)`;
//! 3. reads every record's `turn` (Acquire), and remembers those that are odd;
//! 4. once each of those has been read (Acquire) to have moved, reads every record's `held` (Acquire);
//! 5. frees what none of them names, and keeps the rest for another look.
//!
//! The two fences stand in one order. If the lookup's is first, the remover reads the odd `turn`, or one after it. If
//! the remover's is first, the lookup reads a table from which the thing is gone. So a lookup that can see the thing is
//! one whose end the remover waits for: reading any later `turn` makes all that the lookup read, and the address that it
//! holds, happen before. The lookup's first store is a Release too, since the remover may read it instead of the store
//! that ended the lookup before.
//!
//! Nobody waits: what cannot be freed yet is looked at again by later removals, by collections, and when its owner is
//! dropped, after which there are no lookups. A lookup runs nobody else's code, so it keeps garbage for as long as its
//! thread may be kept from running in the middle of it; what a caller does with the thing that was found, for however
//! long, keeps that thing alone.

mod domain;
mod garbage;
mod local;
#[cfg(all(test, nilometer_loom))]
mod models;

pub(crate) use domain::{Domain, Guard, Held};
pub(crate) use garbage::{Garbage, Retired};
#[cfg(all(test, not(nilometer_loom)))]
pub(crate) use local::without_record;
pub(crate) use local::{domain, enter};

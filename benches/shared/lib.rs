//! What the benchmarks share.
//!
//! | module of the source | what it holds |
//! |---|---|
//! | `threads` | [`bench()`]: the same operation on several threads at once |
//! | `opaque` | [`opaque()`]: a reference of which the compiler knows nothing |
//! | `random` | [`Random`]: the same numbers in every run |
//! | `machine` | [`machine`]: what figures were measured on |
//! | `ledger` | [`ledger_rows`]: figures as rows of `LEDGER.md` |

mod ledger;
mod machine;
mod opaque;
mod random;
mod threads;

pub use self::ledger::ledger_rows;
pub use self::machine::machine;
pub use self::opaque::opaque;
pub use self::random::Random;
pub use self::threads::bench;

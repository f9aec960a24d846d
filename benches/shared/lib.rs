//! What the benchmarks share.
//!
//! | module of the source | what it holds |
//! |---|---|
//! | `threads` | [`bench()`]: the same operation on several threads at once |
//! | `opaque` | [`opaque()`]: a reference of which the compiler knows nothing |
//! | `request` | [`ask`]: a request to a service that does nothing, [`Answer`], and [`server_layer`] around it |
//! | `random` | [`Random`]: the same numbers in every run |
//! | `machine` | [`machine`]: what figures were measured on |
//! | `ledger` | [`ledger_rows`]: figures as rows of `LEDGER.md` |

mod ledger;
mod machine;
mod opaque;
mod random;
mod request;
mod threads;

pub use self::ledger::ledger_rows;
pub use self::machine::machine;
pub use self::opaque::opaque;
pub use self::random::Random;
pub use self::request::{Answer, ask, server_layer};
pub use self::threads::bench;

/// Runs the code of the guides, which no other package could: it needs the rivals.
#[cfg(all(doctest, feature = "rivals"))]
mod guides {
    #[doc = include_str!("../../metrics-app/src/guide/from_prometheus.md")]
    mod from_prometheus {}
    #[doc = include_str!("../../metrics-app/src/guide/from_prometheus_client.md")]
    mod from_prometheus_client {}
    #[doc = include_str!("../../metrics-app/src/guide/from_metrics.md")]
    mod from_metrics {}
    #[doc = include_str!("../../metrics-app/src/guide/comparison.md")]
    mod comparison {}
}

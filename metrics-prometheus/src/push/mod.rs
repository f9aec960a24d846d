//! Pushes: to a Pushgateway, and by remote write. The feature `push` turns them on.
//!
//! A scrape is what Prometheus does best: it knows whether a process is there at all. Pushes are for what does not live
//! long enough to be scraped ([`Pushgateway`]), and for what cannot be reached by a scraper ([`RemoteWrite`]).
//!
//! | | [`Pushgateway`] | [`RemoteWrite`] |
//! |---|---|---|
//! | what receives it | a Pushgateway, which Prometheus scrapes | Prometheus and what else takes remote write 2.0 or 1.0 |
//! | a push is | all metrics of a group, in one page of the text format 0.0.4 | samples with a time, in requests of bounded size |
//! | while the receiver is away | nothing is kept: the next push has the totals | samples wait in a queue of bounded size |
//! | exemplars, exponential histograms, created timestamps | no | yes |
//!
//! Both push once, or at every interval in the background ([`Pusher`]), for code that is async and for code that is not.
//! All of it runs on threads of its own: there may or may not be a tokio runtime, of any kind, and it may be blocked. An
//! endpoint that cannot be reached stops nobody: an application that starts before its receiver pushes when that is
//! there. What goes wrong is counted in [`PushMetrics`], and logged through `tracing` with the subscriber of whoever
//! started the push: a warning when a receiver begins to fail and when points are dropped, a note when it recovers.
//! What is pushed in the background has those counts too, so that the receiver itself sees after an outage that it was one;
//! a single push has what its collector shows and nothing else.
//!
//! # What this module does not do
//!
//! - No HTTP/2, and TLS with the feature `tls` alone ([`PushEndpoint::try_new`]). Certificates are read when an endpoint is
//!   made, and not again.
//! - No staleness markers by single pushes, which have no memory: a series that is gone goes stale when the receiver has not
//!   seen it for its look-back time, 5 minutes by default. [In the background](RemoteWriteConfig::with_staleness_markers)
//!   it ends at once.
//! - Nothing is kept on disk.
//!
//! # Files
//!
//! - `endpoint`, `retry`: where to push, and when again. `tls`: whom to trust. `client`: one request, and the same again.
//! - `thread`, `reply`: threads that push, and how others wait for them. `background`: the task at every interval.
//! - `gateway`: the Pushgateway. `remote`: remote write.
//! - `metrics`, `report`, `error`: what came of it.

mod background;
mod client;
mod endpoint;
mod error;
mod gateway;
mod metrics;
mod remote;
mod reply;
mod report;
mod retry;
mod thread;
#[cfg_attr(not(feature = "tls"), path = "tls_off.rs")]
mod tls;

pub use background::Pusher;
pub use endpoint::PushEndpoint;
pub use error::{EndpointError, GroupingError, PushError};
pub use gateway::{GroupingKey, PushMode, Pushgateway, PushgatewayConfig};
pub use metrics::PushMetrics;
pub use remote::{NativeHistograms, RemoteWrite, RemoteWriteConfig, RemoteWriteVersion};
pub use report::PushReport;
pub use retry::RetryPolicy;
#[cfg(feature = "tls")]
pub use tls::PushTlsConfig;

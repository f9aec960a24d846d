//! The scrape endpoint.
//!
//! - `config`: [`ServerConfig`], with its limits in a file of their own.
//! - `error`: [`ServerError`].
//! - `bound`: [`MetricsServer`] and [`BoundServer`]; `listen`, `unix`: where connections come from; `thread`: a server on
//!   a thread of its own.
//! - `places`: so many connections at a time; `connection`: one of them; `activity`: what it waits for, and how long;
//!   `stall`: a reader that takes nothing; `tls`: certificates.
//! - `service`: [`MetricsService`], what answers a request, on this server or inside another one; `future`: its answer on
//!   the way; `router`, `respond`: the same for axum and for any server; `answer`: what all of them say besides the page.
//! - `auth`: who is let in, which `decision` tells the service; `filter`: which families a request asks for.
//! - `scrape`: the collection behind an answer, on a thread of its own; `sharing`: one collection for all who ask at the
//!   same time; `body`: [`MetricsBody`], the page on its way
//!   out.
//! - `stats`: [`ServerStats`], what a server has done; `scrapes`: the part of it about scrapes, which `account` follows one
//!   by one.

mod account;
mod activity;
mod answer;
#[cfg_attr(not(feature = "auth"), path = "auth_off.rs")]
mod auth;
mod body;
mod bound;
mod config;
mod connection;
mod decision;
mod error;
mod filter;
mod future;
mod listen;
mod places;
mod respond;
#[cfg(feature = "axum")]
mod router;
mod scrape;
mod scrapes;
mod service;
mod sharing;
mod stall;
mod stats;
mod thread;
#[cfg_attr(not(feature = "tls"), path = "tls_off.rs")]
mod tls;
#[cfg(unix)]
mod unix;

#[cfg(feature = "auth")]
pub use auth::{AuthConfig, AuthError};
pub use body::{MetricsBody, TruncatedPage};
pub use bound::{BoundServer, MetricsServer};
pub use config::ServerConfig;
pub use error::ServerError;
pub use future::MetricsFuture;
pub use respond::respond;
pub use scrapes::ScrapeStatus;
pub use service::MetricsService;
pub use stats::ServerStats;
pub use thread::ServerThread;
#[cfg(feature = "tls")]
pub use tls::TlsConfig;
#[cfg(unix)]
pub use unix::UnixSocket;

//! The scrape endpoint.
//!
//! - `config`: [`ServerConfig`].
//! - `error`: [`ServerError`].
//! - `bound`: [`MetricsServer`] and [`BoundServer`], sockets and connections.
//! - `stall`: a connection whose reader takes nothing.
//! - `service`: [`MetricsService`], what answers a request, on this server or inside another one.
//! - `scrape`: the collection behind one answer, on a thread of its own.
//! - `body`: [`MetricsBody`], the page on its way out.

mod body;
mod bound;
mod config;
mod error;
mod scrape;
mod service;
mod stall;

pub use body::{MetricsBody, TruncatedPage};
pub use bound::{BoundServer, MetricsServer};
pub use config::ServerConfig;
pub use error::ServerError;
pub use service::{MetricsFuture, MetricsService};

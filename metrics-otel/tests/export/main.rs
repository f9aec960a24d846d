//! The exporter of metrics: its configuration, its life, and what it does without a receiver.
#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of what clippy takes for one")]

mod config;
mod life;
#[cfg(feature = "metrics-http")]
mod logs;
#[cfg(feature = "metrics-http")]
mod odd;
#[cfg(feature = "metrics-http")]
mod receiver;

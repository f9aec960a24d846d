//! Metrics of a tokio runtime.

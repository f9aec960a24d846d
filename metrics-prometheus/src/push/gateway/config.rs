//! What is pushed to a Pushgateway, and how often.

use std::time::Duration;

use super::GroupingKey;
use crate::push::{PushEndpoint, PushMetrics};

/// What a push does with what the group has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushMode {
    /// All metrics of the group are replaced, those too that are not in the push (`PUT`).
    #[default]
    Replace,
    /// Metrics of the same name are replaced, and others stay (`POST`).
    Add,
}

/// How a [`Pushgateway`](super::Pushgateway) is pushed to.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer_prometheus::push::{GroupingKey, PushEndpoint, PushMode, PushgatewayConfig};
///
/// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9091")?;
/// let config = PushgatewayConfig::new(endpoint, GroupingKey::try_new("backup")?)
///     .with_mode(PushMode::Add)
///     .with_interval(Duration::from_secs(60));
/// assert_eq!(config.group().job(), "backup");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PushgatewayConfig {
    endpoint: PushEndpoint,
    group: GroupingKey,
    mode: PushMode,
    interval: Duration,
    max_page: usize,
    delete_at_shutdown: bool,
    name: String,
    metrics: PushMetrics,
    own_metrics: bool,
}

impl PushgatewayConfig {
    /// Replaces this group at every push, every 15 seconds in the background, with pages of up to 64 MiB, and lets it be
    /// at a shutdown.
    #[must_use]
    pub fn new(endpoint: PushEndpoint, group: GroupingKey) -> PushgatewayConfig {
        PushgatewayConfig {
            endpoint,
            group,
            mode: PushMode::Replace,
            interval: Duration::from_secs(15),
            max_page: 64 << 20,
            delete_at_shutdown: false,
            name: "pushgateway".to_owned(),
            metrics: PushMetrics::new(),
            own_metrics: true,
        }
    }

    /// Sets what a push does with what the group has already.
    #[must_use]
    pub fn with_mode(mut self, mode: PushMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets how often the background task pushes, at least a millisecond.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Sets how long a page may be, in bytes: it is held in memory while it is pushed.
    #[must_use]
    pub fn with_max_page(mut self, bytes: usize) -> Self {
        self.max_page = bytes;
        self
    }

    /// Sets whether the background task deletes the group when it is shut down. What should still be scraped afterwards,
    /// such as when a job succeeded, would be gone.
    #[must_use]
    pub fn with_delete_at_shutdown(mut self, delete: bool) -> Self {
        self.delete_at_shutdown = delete;
        self
    }

    /// Sets what the pushes are called in [`PushMetrics`] and in logs: `pushgateway` otherwise.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets where the pushes are counted.
    #[must_use]
    pub fn with_metrics(mut self, metrics: PushMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets whether what the background task pushes has this pusher's own metrics too, [`PushMetrics`] of its name: it does by
    /// default, so that a receiver sees after an outage that it was one. Those that the collector shows by itself are left
    /// out. A single push has what its collector shows and nothing else: there is not much to tell before it.
    #[must_use]
    pub fn with_own_metrics(mut self, own_metrics: bool) -> Self {
        self.own_metrics = own_metrics;
        self
    }

    /// Where to push.
    #[must_use]
    pub fn endpoint(&self) -> &PushEndpoint {
        &self.endpoint
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &GroupingKey {
        &self.group
    }

    /// What a push does with what the group has already.
    #[must_use]
    pub fn mode(&self) -> PushMode {
        self.mode
    }

    /// How often the background task pushes.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How long a page may be, in bytes.
    #[must_use]
    pub fn max_page(&self) -> usize {
        self.max_page
    }

    /// Whether the background task deletes the group when it is shut down.
    #[must_use]
    pub fn delete_at_shutdown(&self) -> bool {
        self.delete_at_shutdown
    }

    /// What the pushes are called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the pushes are counted.
    #[must_use]
    pub fn metrics(&self) -> &PushMetrics {
        &self.metrics
    }

    /// Whether what the background task pushes has the pusher's own metrics too.
    #[must_use]
    pub fn own_metrics(&self) -> bool {
        self.own_metrics
    }
}

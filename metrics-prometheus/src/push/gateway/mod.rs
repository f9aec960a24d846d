//! Pushes to a Pushgateway.
//!
//! - `group`: [`GroupingKey`]. `config`: [`PushgatewayConfig`]. `page`: what is pushed. `work`: who pushes it.

mod config;
mod group;
mod page;
mod work;

use std::fmt;
use std::sync::Arc;

use nilometer_core::collect::Collector;

pub use self::config::{PushMode, PushgatewayConfig};
pub use self::group::GroupingKey;
use self::work::GatewayWork;
use super::reply::{Reply, Waited};
use super::{PushError, PushReport, Pusher, thread};

/// Pushes what a collector shows to a [Pushgateway](https://github.com/prometheus/pushgateway), as a page of the text
/// format 0.0.4, UTF-8 names escaped with underscores.
///
/// Gateways keep what was pushed until it is deleted, across restarts of who pushed it: it is for jobs that end before
/// they could be scraped. A Pushgateway refuses a page whose families have another kind than those of the same name in
/// other groups.
///
/// # Concurrency
///
/// All methods may be called from any thread. A push runs on a thread of its own; where its future is dropped, it ends.
///
/// # Examples
///
/// A job that tells when it was done, for code that is not async:
///
/// ```no_run
/// use nilometer_core::MetricsRegistry;
/// use nilometer_prometheus::push::{GroupingKey, PushEndpoint, Pushgateway, PushgatewayConfig};
///
/// let registry = MetricsRegistry::new();
/// let done = registry.register_gauge("backup_last_success_timestamp_seconds", "When a backup was made last.")?;
/// done.default().set(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs_f64());
///
/// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9091")?;
/// let config = PushgatewayConfig::new(endpoint, GroupingKey::try_new("backup")?);
/// Pushgateway::new(registry, config).push_blocking()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pushgateway<C> {
    collector: Arc<C>,
    config: PushgatewayConfig,
}

impl<C: Collector + 'static> Pushgateway<C> {
    /// A group of a Pushgateway to which all is pushed that `collector` shows: a registry, a family, an `Arc` of either.
    #[must_use]
    pub fn new(collector: C, config: PushgatewayConfig) -> Pushgateway<C> {
        // On the page from now on.
        config.metrics().stats(config.name());
        Pushgateway { collector: Arc::new(collector), config }
    }

    /// Pushes once, in the configured mode.
    ///
    /// # Errors
    ///
    /// [`PushError`]: what kept the last attempt from succeeding.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use nilometer_core::MetricsRegistry;
    /// # use nilometer_prometheus::push::{PushError, Pushgateway};
    /// async fn at_the_end_of_a_job(gateway: &Pushgateway<MetricsRegistry>) -> Result<(), PushError> {
    ///     let report = gateway.push().await?;
    ///     println!("{} series, {} bytes", report.points(), report.bytes());
    ///     Ok(())
    /// }
    /// ```
    pub async fn push(&self) -> Result<PushReport, PushError> {
        self.pushing().await.unwrap_or(Err(PushError::Stopped))
    }

    /// As [`push`](Self::push), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn push_blocking(&self) -> Result<PushReport, PushError> {
        block(self.pushing())
    }

    /// Deletes the group.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use nilometer_core::MetricsRegistry;
    /// # use nilometer_prometheus::push::{PushError, Pushgateway};
    /// async fn no_longer_scheduled(gateway: &Pushgateway<MetricsRegistry>) -> Result<(), PushError> {
    ///     gateway.delete().await
    /// }
    /// ```
    pub async fn delete(&self) -> Result<(), PushError> {
        self.deleting().await.unwrap_or(Err(PushError::Stopped))
    }

    /// As [`delete`](Self::delete), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn delete_blocking(&self) -> Result<(), PushError> {
        block(self.deleting())
    }

    /// Pushes now and at every interval, until the [`Pusher`] is shut down or dropped.
    ///
    /// # Errors
    ///
    /// [`PushError::Thread`] where the system gives no thread. A gateway that cannot be reached is no error: it is tried
    /// again at the next interval.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use nilometer_core::MetricsRegistry;
    /// # use nilometer_prometheus::push::{PushError, Pushgateway};
    /// # use std::time::Duration;
    /// async fn work_through(gateway: Pushgateway<MetricsRegistry>) -> Result<(), PushError> {
    ///     let pusher = gateway.start()?;
    ///     // A job that takes its time.
    ///     pusher.shutdown(Duration::from_secs(5)).await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn start(self) -> Result<Pusher, PushError> {
        let (interval, metrics) = (self.config.interval(), self.config.metrics().clone());
        Pusher::start(move || GatewayWork::new(self.collector, self.config), interval, metrics)
    }

    fn pushing(&self) -> Reply<Result<PushReport, PushError>> {
        let (collector, config) = (Arc::clone(&self.collector), self.config.clone().with_own_metrics(false));
        thread::once(move || async move { GatewayWork::new(collector, config).push().await })
    }

    fn deleting(&self) -> Reply<Result<(), PushError>> {
        let (collector, config) = (Arc::clone(&self.collector), self.config.clone());
        thread::once(move || async move { GatewayWork::new(collector, config).delete().await })
    }
}

/// Waits for what has limits of its own.
pub(super) fn block<T>(reply: Reply<Result<T, PushError>>) -> Result<T, PushError> {
    match reply.wait(None) {
        Waited::Given(result) => result,
        Waited::NotYet | Waited::Never => Err(PushError::Stopped),
    }
}

impl<C> fmt::Debug for Pushgateway<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushgateway").field("config", &self.config).finish_non_exhaustive()
    }
}

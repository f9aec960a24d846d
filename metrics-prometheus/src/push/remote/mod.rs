//! Remote write.
//!
//! - `config`: [`RemoteWriteConfig`].
//! - `builder`: what a collector shows, as `batch`es, and the ends of what it shows no more, which are `known`; each text
//!   of that is `kept` once. `encode`, `field`: batches as requests of either version.
//! - `queue`: what waits to be sent. `round`: what became of a collection. `sender`: who sends. `work`: all together.

mod batch;
mod builder;
mod config;
mod encode;
mod field;
mod kept;
mod known;
mod queue;
mod round;
mod sender;
mod work;

use std::fmt;
use std::sync::Arc;

use nilometer_core::collect::Collector;

pub use self::config::{NativeHistograms, RemoteWriteConfig, RemoteWriteVersion};
use self::work::{RemoteWork, Shared};
use super::client::Patience;
use super::gateway::block;
use super::reply::Reply;
use super::{PushError, PushReport, Pusher, thread};

/// Sends what a collector shows by Prometheus' remote write, 2.0 or 1.0, to Prometheus (with
/// `--web.enable-remote-write-receiver`, at `/api/v1/write`) or another receiver.
///
/// | kind | series | metadata |
/// |---|---|---|
/// | counter | one, with its exemplar and its created timestamp | counter |
/// | gauge, up-down counter | one | gauge |
/// | histogram | `_bucket` with exemplars, `_sum`, `_count`; a native one where it has exponential buckets | histogram |
/// | gauge histogram | the same, without created timestamps | gauge histogram |
/// | summary | one per quantile, `_sum`, `_count` | summary |
/// | info | one of 1 | info |
/// | state set | one per state, 1 or 0 | state set |
///
/// All series of a collection have one time, that of its beginning in milliseconds, which is later than that of the
/// collection before. Requests are sent one after another, in the order of their times. A request that gets no answer, 429
/// or 5xx is sent again; any other is given up, and counted. A request that the receiver took although nobody
/// heard of it is sent twice, which changes nothing.
///
/// An exemplar is sent once, with the first collection after its time. In the background, a series that was in the last
/// collection and is not in this one is [marked as ended](RemoteWriteConfig::with_staleness_markers) at this one's time.
///
/// # Concurrency
///
/// All methods may be called from any thread. A push runs on a thread of its own; where its future is dropped, it ends.
/// Collections wait while the receiver is slow, and so does what the collector holds meanwhile.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
///
/// use nilometer_core::{LabelSet, MetricsRegistry};
/// use nilometer_prometheus::push::{PushEndpoint, PushError, RemoteWrite, RemoteWriteConfig};
///
/// async fn application(registry: MetricsRegistry) -> Result<(), Box<dyn std::error::Error>> {
///     let endpoint = PushEndpoint::try_new("http://127.0.0.1:9090/api/v1/write")?;
///     let labels = LabelSet::try_from_pairs(&[("job", "shop"), ("instance", "eu-1")])?;
///     let config = RemoteWriteConfig::new(endpoint).with_labels(labels);
///     let pusher = RemoteWrite::new(registry, config).start()?;
///     // The application runs.
///     pusher.shutdown(Duration::from_secs(5)).await?;
///     Ok(())
/// }
/// ```
///
/// # Specification
///
/// "Prometheus Remote-Write 2.0" (2.0-rc.4) and "Prometheus Remote-Write 1.0".
pub struct RemoteWrite<C> {
    collector: Arc<C>,
    config: RemoteWriteConfig,
    shared: Arc<Shared>,
}

impl<C: Collector + 'static> RemoteWrite<C> {
    /// A receiver to which all is sent that `collector` shows: a registry, a family, an `Arc` of either.
    #[must_use]
    pub fn new(collector: C, config: RemoteWriteConfig) -> RemoteWrite<C> {
        // On the page from now on.
        config.metrics().stats(config.name());
        let shared = Arc::new(Shared::new(&config));
        RemoteWrite { collector: Arc::new(collector), config, shared }
    }

    /// Collects and sends once. Which version the receiver knows is remembered.
    ///
    /// # Errors
    ///
    /// [`PushError`]: what kept the first request from being delivered that was not, or the collection from its end.
    /// Others may have been delivered.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use nilometer_core::MetricsRegistry;
    /// # use nilometer_prometheus::push::{PushError, RemoteWrite};
    /// async fn at_the_end_of_a_job(writer: &RemoteWrite<MetricsRegistry>) -> Result<(), PushError> {
    ///     let report = writer.push().await?;
    ///     println!("{} points in {} requests", report.points(), report.requests());
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
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use nilometer_core::MetricsRegistry;
    /// use nilometer_prometheus::push::{PushEndpoint, RemoteWrite, RemoteWriteConfig};
    ///
    /// let endpoint = PushEndpoint::try_new("http://127.0.0.1:9090/api/v1/write")?;
    /// let report = RemoteWrite::new(MetricsRegistry::new(), RemoteWriteConfig::new(endpoint)).push_blocking()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn push_blocking(&self) -> Result<PushReport, PushError> {
        block(self.pushing())
    }

    /// Collects now and at every interval, and sends what was collected, until the [`Pusher`] is shut down or dropped.
    ///
    /// # Errors
    ///
    /// [`PushError::Thread`] where the system gives no thread. A receiver that cannot be reached is no error: what was
    /// collected waits for it, up to [`RemoteWriteConfig::queue_limit`].
    pub fn start(self) -> Result<Pusher, PushError> {
        let (interval, metrics) = (self.config.interval(), self.config.metrics().clone());
        let make = move || RemoteWork::new(self.collector, self.config, self.shared, Patience::Endless);
        Pusher::start(make, interval, metrics)
    }

    fn pushing(&self) -> Reply<Result<PushReport, PushError>> {
        let (collector, config) = (Arc::clone(&self.collector), self.config.clone().with_own_metrics(false));
        let shared = Arc::clone(&self.shared);
        thread::once(move || async move {
            RemoteWork::new(collector, config, shared, Patience::Attempts).push().await
        })
    }
}

impl<C> fmt::Debug for RemoteWrite<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteWrite").field("config", &self.config).finish_non_exhaustive()
    }
}

//! What is running.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use nilometer_core::MetricsRegistry;
use nilometer_core::set_global;

use super::answer::{answer, wait};
use super::error::PartError;
use super::otlp::Otlp;
use super::page::Page;
use super::plan::Plan;
use super::{IgnoredOtelVariable, ObservabilityConfig, ObservabilityError, ObservabilityFlushError, part};

/// What of a deadline is kept for the page, at most: a scrape that is under way takes far less.
const FOR_PAGE: Duration = Duration::from_secs(1);

/// Everything that [`init`](Observability::init) started: a registry, and what shows and sends what it holds.
///
/// It is kept for as long as the program runs. Dropping it sends the last values and the last spans, and ends everything,
/// within `shutdown.timeout`, which is 5 seconds by default; [`shutdown`](Self::shutdown) does so with a deadline of its
/// own, and says what came of it. The registry and its handles can be used afterwards; nobody sees what they count.
///
/// # The end
///
/// Metrics and spans are sent for the last time side by side: the deadline is one for both, and not the sum of two. The page
/// goes last: until then a scrape finds the last values, and what became of the last export. It keeps a quarter of the
/// deadline for scrapes that are under way, a second at most; so what is sent has the rest.
///
/// # Concurrency
///
/// All methods may be called from any thread, inside of a runtime or not, and of any kind. Everything works on threads of its
/// own, and never needs that of the caller: those that block do so for their deadline at most, also on the only thread
/// of a runtime. What records is not touched by any of it.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use nilometer::{Observability, ObservabilityConfig};
///
/// let config = ObservabilityConfig::new("checkout").with_prometheus(false);
/// let observability = Observability::init(config)?;
/// let orders = observability.registry().register_counter("orders_total", "Orders.")?;
/// orders.default().inc();
/// observability.shutdown_blocking(Duration::from_secs(5))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "everything ends when this is dropped"]
pub struct Observability {
    registry: MetricsRegistry,
    page: Page,
    otlp: Otlp,
    ignored: Vec<IgnoredOtelVariable>,
    timeout: Duration,
    has_ended: bool,
}

impl Observability {
    /// Starts all that the configuration asks for: a registry, with metrics of the process, of the tokio runtime and of the
    /// build; the page, on a thread of its own; and what sends metrics and traces over OTLP.
    ///
    /// A receiver that is not there is no error: what it did not take is counted in `nilometer_otlp_requests_total` and
    /// `nilometer_otel_spans_failed_total` on the page, and cumulative values come with the next export.
    ///
    /// # Errors
    ///
    /// [`ObservabilityError::Config`] for what [`check`](ObservabilityConfig::check) refuses, and for `https` without the
    /// feature `tls` and zstd without `zstd`; [`ObservabilityError::Bind`] when the address is in use; and the others as
    /// they say. It is all or nothing: what was started before has ended, and nothing is global.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "prometheus")] {
    /// use nilometer::{Observability, ObservabilityConfig, ObservabilityError};
    ///
    /// let config = ObservabilityConfig::new("checkout").with_prometheus_address("127.0.0.1", 0);
    /// let observability = Observability::init(config.clone())?;
    ///
    /// let taken = observability.local_addr().unwrap();
    /// let config = config.with_prometheus_address("127.0.0.1", taken.port());
    /// let error = Observability::init(config).unwrap_err();
    /// assert!(matches!(error, ObservabilityError::Bind { key: "prometheus.port", .. }));
    /// # }
    /// # Ok::<(), nilometer::ObservabilityError>(())
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "a configuration is given away")]
    #[track_caller]
    pub fn init(config: ObservabilityConfig) -> Result<Observability, ObservabilityError> {
        let Plan { registry, page, otlp, timeout } = Plan::of(&config)?;
        let registry = MetricsRegistry::with_config(registry);
        part::register(&config, &registry)?;
        // What is most likely to fail comes first. Nothing is sent before all that can fail has succeeded but the global
        // registry, which cannot be taken back.
        let mut page = page.start(&registry, &config)?;
        let otlp = match otlp.start(&registry, &config) {
            Ok(otlp) => otlp,
            Err(error) => {
                // That it could not be started is the news.
                let _ = page.stop(timeout);
                return Err(error);
            }
        };
        let ignored = config.ignored.clone();
        let mut started = Observability { registry, page, otlp, ignored, timeout, has_ended: false };
        if config.is_global {
            if let Err(error) = set_global(&started.registry) {
                let _ = started.end(Duration::ZERO);
                return Err(error.into());
            }
            started.otlp.install_global();
        }
        Ok(started)
    }

    /// Where metrics are registered: what is on the page, and what is sent.
    #[must_use]
    pub fn registry(&self) -> &MetricsRegistry {
        &self.registry
    }

    /// The address of the page, with the port that the system chose where 0 was configured; none where there is no page.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.page.local_addr()
    }

    /// Whether metrics are sent over OTLP.
    #[must_use]
    pub fn sends_metrics(&self) -> bool {
        self.otlp.sends_metrics()
    }

    /// Whether spans are.
    #[must_use]
    pub fn sends_traces(&self) -> bool {
        self.otlp.sends_traces()
    }

    /// The variables of OpenTelemetry that were malformed, and so say nothing. The page names them too:
    /// `nilometer_otel_ignored_variable_info{variable="OTEL_METRIC_EXPORT_INTERVAL"}`.
    #[must_use]
    pub fn ignored_variables(&self) -> &[IgnoredOtelVariable] {
        &self.ignored
    }

    /// Sends all that was recorded, and waits until it is delivered: metrics and spans at once, at most until the deadline.
    /// Where neither is sent, there is nothing to wait for.
    ///
    /// # Errors
    ///
    /// What is not known to have been delivered, by parts.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use nilometer::Observability;
    ///
    /// async fn at_the_end_of_a_job(observability: &Observability) {
    ///     if let Err(error) = observability.flush(Duration::from_secs(5)).await {
    ///         eprintln!("{error}");
    ///     }
    /// }
    /// ```
    pub async fn flush(&self, timeout: Duration) -> Result<(), ObservabilityFlushError> {
        ObservabilityFlushError::of(self.otlp.flush(timeout).await)
    }

    /// As [`flush`](Self::flush), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), ObservabilityFlushError> {
        wait(self.flush(timeout))
    }

    /// Sends the last values and the last spans, and ends everything, [in this order](Self#the-end), at most until the
    /// deadline. Where this future is dropped before, it goes on until then.
    ///
    /// # Errors
    ///
    /// What is not known to have been delivered, and scrapes that were cut, by parts. All of them have ended.
    pub async fn shutdown(self, timeout: Duration) -> Result<(), ObservabilityFlushError> {
        let (speaker, answer) = answer();
        // Stopping the page blocks, and the caller's thread may be the one of a runtime.
        let ending = thread::Builder::new().name("nilometer-end".to_owned()).spawn(move || {
            speaker.say(self.shutdown_blocking(timeout));
        });
        match ending {
            Ok(_) => answer.await.unwrap_or_else(|| {
                let panicked = io::Error::other("it panicked");
                ObservabilityFlushError::of(vec![PartError::Thread(panicked)])
            }),
            // It was dropped with the closure, and has ended so.
            Err(error) => ObservabilityFlushError::of(vec![PartError::Thread(error)]),
        }
    }

    /// As [`shutdown`](Self::shutdown), for code that is not async.
    ///
    /// # Errors
    ///
    /// As [`shutdown`](Self::shutdown).
    pub fn shutdown_blocking(mut self, timeout: Duration) -> Result<(), ObservabilityFlushError> {
        ObservabilityFlushError::of(self.end(timeout))
    }

    fn end(&mut self, timeout: Duration) -> Vec<PartError> {
        self.has_ended = true;
        let start = Instant::now();
        let for_page = if self.page.is_served() { (timeout / 4).min(FOR_PAGE) } else { Duration::ZERO };
        let mut failures = self.otlp.stop(timeout.saturating_sub(for_page));
        failures.extend(self.page.stop(timeout.saturating_sub(start.elapsed())).err());
        failures
    }
}

/// With the feature `otel`.
#[cfg(feature = "otel")]
impl Observability {
    /// A tracer of this name, that of the library or the module that it traces. Where no spans are sent, it records none;
    /// what arrived from elsewhere still goes through.
    ///
    /// # Examples
    ///
    /// ```
    /// use nilometer::{Observability, ObservabilityConfig};
    /// use opentelemetry::trace::Tracer;
    ///
    /// let config = ObservabilityConfig::new("checkout").with_prometheus(false);
    /// let observability = Observability::init(config)?;
    /// let answer = observability.tracer("orders").in_span("place", |_| 42);
    /// assert_eq!(answer, 42);
    /// # Ok::<(), nilometer::ObservabilityError>(())
    /// ```
    #[must_use]
    pub fn tracer(&self, name: impl Into<std::borrow::Cow<'static, str>>) -> crate::otel::trace::SdkTracer {
        self.otlp.provider.tracer(name)
    }

    /// What all tracers come from.
    #[must_use]
    pub fn tracer_provider(&self) -> &crate::otel::OtelProvider {
        &self.otlp.provider
    }

    /// What puts context into messages, and takes it out; what it ignores is on the page where spans are sent.
    #[must_use]
    pub fn propagator(&self) -> &crate::otel::propagation::Propagator {
        &self.otlp.propagator
    }
}

impl Drop for Observability {
    fn drop(&mut self) {
        if !self.has_ended {
            // Nobody is left to be told; what sends has logged it.
            drop(self.end(self.timeout));
        }
    }
}

impl fmt::Debug for Observability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observability")
            .field("local_addr", &self.local_addr())
            .field("sends_metrics", &self.sends_metrics())
            .field("sends_traces", &self.sends_traces())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
